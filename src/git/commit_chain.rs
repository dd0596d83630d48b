//! A chain of commits under one ref, each with a few small files: written at its end, read from there
//! back.
//!
//! The only place that writes to a repository. Objects go to the main store, never to a quarantine,
//! as loose files; when the disk has them the ref moves, over as many links as were written, if and
//! only if it still holds what was read before. A write that is cut short leaves objects that nothing
//! names, and the chain as it was.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};
use gix::bstr::ByteSlice;
use gix::lock::acquire::Fail;
use gix::objs::Write as _;
use gix::refs::transaction::{Change, LogChange, PreviousValue, RefEdit, RefLog};
use gix::refs::{FullName, Target};
use jiff::Timestamp;

use crate::change::Oid;
use crate::git::objects::reader::to_oid;
use crate::git::repository::Repository;

/// Who a link of a chain is written by, in the commit.
const CHAIN_WRITER: &str = "changegate <changegate@localhost>";

/// How many files are brought to the disk at once.
const MAX_PARALLEL_SYNCS: usize = 16;

/// How long another writer of the ref is waited for.
const REF_LOCK_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(3);

/// What one link of a chain holds.
#[derive(Clone, Debug)]
pub struct ChainLink<'a> {
    /// The files, by names without `/`, in the order of their names.
    pub files: &'a [(&'a str, &'a [u8])],
    /// The message.
    pub message: &'a str,
    /// When it is written.
    pub written_at: Timestamp,
    /// The key to sign it with, as `ssh-keygen -Y sign -f` takes it.
    pub signing_key: Option<&'a str>,
}

/// A link that was written.
#[derive(Clone, Debug)]
pub struct WrittenChainLink {
    /// Its commit.
    pub commit: Oid,
    /// The files of its objects.
    object_files: Vec<PathBuf>,
}

/// A link as it was read.
#[derive(Clone, Debug)]
pub struct StoredChainLink {
    /// The commit object.
    pub raw_commit: Vec<u8>,
    /// The names of its files, and the ids of what they hold.
    pub files: Vec<(Vec<u8>, Oid)>,
}

impl Repository {
    /// Writes a link that follows `tip`, and returns its commit; no ref knows of it yet.
    ///
    /// # Errors
    ///
    /// Fails if something cannot be written.
    pub fn write_chain_link(&self, tip: Option<Oid>, link: &ChainLink<'_>) -> Result<WrittenChainLink> {
        self.write_link_objects(tip, link).context("cannot write to the object store")
    }

    /// Moves the ref `name` from `tip` to the last of the links that were written after it, once the
    /// disk has all of them.
    ///
    /// # Errors
    ///
    /// Fails, with the chain as it was, if the ref holds something else by now or cannot be moved.
    pub fn advance_chain_ref(
        &self,
        name: &str,
        tip: Option<Oid>,
        links: &[WrittenChainLink],
        at: Timestamp,
    ) -> Result<()> {
        let Some(last) = links.last() else { return Ok(()) };
        sync_files(links.iter().flat_map(|link| &link.object_files))
            .context("cannot write to the object store")?;
        let full = FullName::try_from(name.as_bytes().as_bstr())
            .with_context(|| format!("`{name}` is not the name of a ref"))?;
        let expected = match tip {
            Some(tip) => PreviousValue::MustExistAndMatch(Target::Object(self.to_object_id(tip)?)),
            None => PreviousValue::MustNotExist,
        };
        let log = LogChange { message: "changegate".into(), ..LogChange::default() };
        let change = Change::Update { log, expected, new: Target::Object(self.to_object_id(last.commit)?) };
        let edit = RefEdit { change, name: full, deref: false };
        let patience = Fail::AfterDurationWithBackoff(REF_LOCK_TIMEOUT);
        let prepared = self.ref_store.transaction().prepare([edit], patience, patience);
        let prepared = prepared.with_context(|| format!("cannot move {name}"))?;
        let signature = format!("{CHAIN_WRITER} {} +0000", at.as_second());
        let signature = gix::actor::SignatureRef::from_bytes(signature.as_bytes())
            .context("cannot write the writer's name")?;
        prepared.commit(signature).with_context(|| format!("cannot move {name}"))?;
        Ok(())
    }

    /// Removes the ref `name`, which nobody but the gate removes or moves, and which holds `id`.
    ///
    /// While it is a file of its own, that file goes, without a lock: one that is left by a process that
    /// was killed would stay for ever. A ref that git has packed by now takes git's locks.
    ///
    /// # Errors
    ///
    /// Fails, with the ref as it was, if it cannot be removed.
    pub fn delete_ref(&self, name: &[u8], id: Oid, at: Timestamp) -> Result<()> {
        let shown = name.escape_ascii();
        if let Ok(name) = std::str::from_utf8(name)
            && FullName::try_from(name).is_ok()
        {
            match std::fs::remove_file(self.shared.layout.common_dir.join(name)) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                removed => return removed.with_context(|| format!("cannot remove {shown}")),
            }
        }
        let full =
            FullName::try_from(name.as_bstr()).with_context(|| format!("`{shown}` is no ref's name"))?;
        let expected = PreviousValue::MustExistAndMatch(Target::Object(self.to_object_id(id)?));
        let change = Change::Delete { expected, log: RefLog::AndReference };
        let edit = RefEdit { change, name: full, deref: false };
        let patience = Fail::AfterDurationWithBackoff(REF_LOCK_TIMEOUT);
        let prepared = self.ref_store.transaction().prepare([edit], patience, patience);
        let prepared = prepared.with_context(|| format!("cannot remove {shown}"))?;
        let signature = format!("{CHAIN_WRITER} {} +0000", at.as_second());
        let signature = gix::actor::SignatureRef::from_bytes(signature.as_bytes())
            .context("cannot write the writer's name")?;
        prepared.commit(signature).with_context(|| format!("cannot remove {shown}"))?;
        Ok(())
    }

    fn write_link_objects(&self, tip: Option<Oid>, link: &ChainLink<'_>) -> Result<WrittenChainLink> {
        let format = self.shared.layout.object_format;
        let store = gix::odb::loose::Store::at(self.shared.layout.common_dir.join("objects"), format);
        let mut objects = Vec::new();
        let mut write = |kind, content: &[u8]| -> Result<gix::ObjectId> {
            let id = store.write_buf(kind, content)?;
            objects.push(store.object_path(&id));
            Ok(id)
        };
        let mut tree = Vec::new();
        for (name, content) in link.files {
            let id = write(gix::objs::Kind::Blob, content)?;
            tree.extend_from_slice(format!("100644 {name}\0").as_bytes());
            tree.extend_from_slice(id.as_bytes());
        }
        let tree = write(gix::objs::Kind::Tree, &tree)?;
        let mut head = format!("tree {tree}\n");
        if let Some(tip) = tip {
            head.push_str(&format!("parent {tip}\n"));
        }
        let at = link.written_at.as_second();
        head.push_str(&format!("author {CHAIN_WRITER} {at} +0000\ncommitter {CHAIN_WRITER} {at} +0000\n"));
        let mut raw = format!("{head}\n{}", link.message);
        if let Some(key) = link.signing_key {
            let signature = sign_payload(raw.as_bytes(), key)?;
            // A header with line ends goes on after a space.
            let folded = signature.trim_end().replace('\n', "\n ");
            let header = if format == gix::hash::Kind::Sha1 { "gpgsig" } else { "gpgsig-sha256" };
            raw = format!("{head}{header} {folded}\n\n{}", link.message);
        }
        let commit = to_oid(&write(gix::objs::Kind::Commit, raw.as_bytes())?);
        Ok(WrittenChainLink { commit, object_files: objects })
    }

    /// Returns the commits of a chain, newest first, as far as they can be read; each with its number
    /// of parents. What comes last, if anything, is why the rest cannot be walked.
    pub fn walk_chain(&self, tip: Option<Oid>) -> (Vec<(Oid, usize)>, Option<anyhow::Error>) {
        let mut commits = Vec::new();
        let mut next = tip;
        while let Some(id) = next {
            let links = self.to_object_id(id).and_then(|id| Ok(self.borrow_reader().read_walk_data(&id)?.0));
            let links = match links {
                Ok(links) => links,
                Err(error) => return (commits, Some(error)),
            };
            commits.push((id, links.parents.len()));
            next = links.parents.first().map(|parent| to_oid(parent));
        }
        (commits, None)
    }

    /// Reads a link: its commit whole, and which files it holds.
    ///
    /// # Errors
    ///
    /// Fails if the commit or its tree cannot be read.
    pub fn read_chain_link(&self, commit: Oid) -> Result<StoredChainLink> {
        let id = self.to_object_id(commit)?;
        let mut reader = self.borrow_reader();
        let raw = reader.read_raw_commit(&id)?.to_vec();
        let format = self.shared.layout.object_format;
        let (tree, _, _) = crate::git::objects::commit::parse_walk_data(&raw, format)
            .map_err(|why| anyhow!("{commit}: {why}"))?;
        let files = match reader.read_object(&tree)? {
            Some((gix::objs::Kind::Tree, tree)) => {
                let entries = gix::objs::TreeRefIter::from_bytes(tree, format);
                let file =
                    |entry: gix::objs::tree::EntryRef<'_>| (entry.filename.to_vec(), to_oid(entry.oid));
                let read: std::result::Result<Vec<_>, _> = entries.map(|entry| entry.map(file)).collect();
                read.map_err(|error| anyhow!("the tree of {commit} cannot be read: {error}"))?
            }
            _ => bail!("the tree of {commit} is not there"),
        };
        Ok(StoredChainLink { raw_commit: raw, files })
    }

    /// Returns the tree of a commit.
    ///
    /// # Errors
    ///
    /// Fails if the commit cannot be read.
    pub fn find_root_tree(&self, commit: Oid) -> Result<Oid> {
        let commit = self.to_object_id(commit)?;
        Ok(to_oid(&self.borrow_reader().find_root_tree(&commit)?))
    }

    /// Reads a file of at most `limit` bytes by the id of its content.
    ///
    /// # Errors
    ///
    /// Fails if it is longer, is no file or is not there.
    pub fn read_blob(&self, id: Oid, limit: u64) -> Result<Vec<u8>> {
        let id = self.to_object_id(id)?;
        match self.borrow_reader().read_blob(&id, limit)? {
            Ok(bytes) => Ok(bytes.to_vec()),
            Err(size) => bail!("it has {size} bytes, and at most {limit} are read"),
        }
    }
}

impl StoredChainLink {
    /// Returns the message of the commit.
    pub fn message(&self) -> &[u8] {
        let end = memchr::memmem::find(&self.raw_commit, b"\n\n");
        end.and_then(|end| self.raw_commit.get(end + 2..)).unwrap_or_default()
    }

    /// Returns whether the commit is by the writer of chains, of the time `at`.
    pub fn is_written_at(&self, at: Timestamp) -> bool {
        let at = at.as_second();
        let wanted = format!("\nauthor {CHAIN_WRITER} {at} +0000\ncommitter {CHAIN_WRITER} {at} +0000\n");
        let end = self.raw_commit.len().saturating_sub(self.message().len());
        let head = self.raw_commit.get(..end).unwrap_or_default();
        memchr::memmem::find(head, wanted.as_bytes()).is_some()
    }

    /// Returns the content's id of the file `name`.
    pub fn find_file_id(&self, name: &str) -> Option<Oid> {
        self.files.iter().find(|(known, _)| known == name.as_bytes()).map(|(_, id)| *id)
    }
}

/// Returns once the disk has these files.
///
/// All are asked for at once, since file systems take many in hardly more time than one.
fn sync_files<'a>(files: impl Iterator<Item = &'a PathBuf>) -> std::io::Result<()> {
    let files: Vec<&PathBuf> = files.collect();
    for some in files.chunks(MAX_PARALLEL_SYNCS) {
        std::thread::scope(|scope| {
            let synced: Vec<_> =
                some.iter().map(|file| scope.spawn(move || File::open(file)?.sync_data())).collect();
            let panicked = |_| std::io::Error::other("a thread has panicked");
            synced.into_iter().try_for_each(|one| one.join().map_err(panicked)?)
        })?;
    }
    Ok(())
}

/// Signs bytes as git does with `gpg.format=ssh`: in the namespace `git`, by ssh-keygen.
fn sign_payload(payload: &[u8], key: &str) -> Result<String> {
    let mut child = Command::new("ssh-keygen")
        .args(["-Y", "sign", "-n", "git", "-f", key])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start ssh-keygen")?;
    // It may have given up before it reads; then what it says of that matters, and not the broken pipe.
    let written = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(payload));
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("ssh-keygen cannot sign with {key}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    written.context("cannot hand ssh-keygen what it signs")?;
    String::from_utf8(output.stdout).context("ssh-keygen wrote a signature that is not text")
}
