//! A chain of commits under one ref, each with a few small files: written at its end, and read from the
//! end back.
//!
//! The only module that writes to a repository. Objects go to the main store, never to a quarantine,
//! as loose files. When the disk has them the ref moves, over all links that were written, if it still
//! holds what was read before. A write that is interrupted leaves unreferenced objects and an unchanged
//! chain.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use gix::bstr::ByteSlice;
use gix::lock::acquire::Fail;
use gix::objs::Write as _;
use gix::refs::transaction::{Change, LogChange, PreviousValue, RefEdit, RefLog};
use gix::refs::{FullName, Target};
use jiff::Timestamp;

use crate::change::Oid;
use crate::git::objects::commit::parse_walk_data;
use crate::git::objects::reader::to_oid;
use crate::git::repository::Repository;

/// The author and committer of every link.
const CHAIN_WRITER: &str = "changegate <changegate@localhost>";

/// How many files are synced to the disk at once.
const MAX_PARALLEL_SYNCS: usize = 16;

/// How long to wait for another writer of the ref.
pub(crate) const REF_LOCK_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(3);

/// A link of a chain that is to be written.
#[derive(Clone, Debug)]
pub(crate) struct ChainLink<'a> {
    /// The files by their names, which have no `/` and are sorted.
    pub(crate) files: &'a [(&'a str, &'a [u8])],
    /// The message of the commit.
    pub(crate) message: &'a str,
    /// The time at which the link is written.
    pub(crate) written_at: Timestamp,
    /// The key that signs the commit, as `ssh-keygen -Y sign -f` takes it.
    pub(crate) signing_key: Option<&'a str>,
}

/// A link that was written, and which no ref leads to yet.
#[derive(Clone, Debug)]
pub(crate) struct WrittenChainLink {
    /// The id of the commit.
    pub(crate) commit: Oid,
    /// The paths of the loose objects, which are still to be synced.
    object_files: Vec<PathBuf>,
}

/// The mode of the files of a chain, as a tree stores it.
const PLAIN_FILE_MODE: u16 = 0o100_644;

/// A link that was read from the repository.
#[derive(Clone, Debug)]
pub(crate) struct StoredChainLink {
    /// The bytes of the commit object.
    pub(crate) raw_commit: Vec<u8>,
    /// The names of the files, and the ids of their contents.
    pub(crate) files: Vec<(Vec<u8>, Oid)>,
    /// True if each entry of the tree is a regular file that is not executable.
    pub(crate) has_plain_files: bool,
}

impl Repository {
    /// Writes a link that follows `tip`, without moving the ref.
    ///
    /// # Errors
    ///
    /// Fails if something cannot be written.
    pub(crate) fn write_chain_link(
        &self,
        tip: Option<Oid>,
        link: &ChainLink<'_>,
    ) -> Result<WrittenChainLink> {
        self.write_link_objects(tip, link).context("cannot write to the object store")
    }

    /// Moves the ref `name` from `tip` to the last of the links that were written after it, when the
    /// disk has all of them.
    ///
    /// # Errors
    ///
    /// Fails, with the chain as it was, if the ref holds something else by now or cannot be moved.
    pub(crate) fn advance_chain_ref(
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
        self.edit_ref(edit, at).with_context(|| format!("cannot move {name}"))
    }

    /// Changes one ref while its lock is held.
    fn edit_ref(&self, edit: RefEdit, at: Timestamp) -> Result<()> {
        let wait = Fail::AfterDurationWithBackoff(REF_LOCK_TIMEOUT);
        let prepared = self.ref_store.transaction().prepare([edit], wait, wait)?;
        let writer = format!("{CHAIN_WRITER} {} +0000", at.as_second());
        let writer = gix::actor::SignatureRef::from_bytes(writer.as_bytes())
            .context("cannot write the writer's name")?;
        prepared.commit(writer)?;
        Ok(())
    }

    /// Removes the ref `name`, which only the gate removes or moves, and which holds `id`.
    ///
    /// A loose ref is removed without a lock: the lock of a process that was killed would stay for ever. A
    /// ref that git has packed meanwhile is removed under git's locks.
    ///
    /// # Errors
    ///
    /// Fails, with the ref as it was, if it cannot be removed.
    pub(crate) fn delete_ref(&self, name: &[u8], id: Oid, at: Timestamp) -> Result<()> {
        let shown = name.escape_ascii();
        if let Ok(name) = std::str::from_utf8(name)
            && FullName::try_from(name).is_ok()
        {
            match std::fs::remove_file(self.shared.layout.common_dir.join(name)) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                removed => return removed.with_context(|| format!("cannot remove {shown}")),
            }
        }
        let full = FullName::try_from(name.as_bstr())
            .with_context(|| format!("`{shown}` is not the name of a ref"))?;
        let expected = PreviousValue::MustExistAndMatch(Target::Object(self.to_object_id(id)?));
        let change = Change::Delete { expected, log: RefLog::AndReference };
        let edit = RefEdit { change, name: full, deref: false };
        self.edit_ref(edit, at).with_context(|| format!("cannot remove {shown}"))
    }

    fn write_link_objects(&self, tip: Option<Oid>, link: &ChainLink<'_>) -> Result<WrittenChainLink> {
        let format = self.shared.layout.object_format;
        let store = gix::odb::loose::Store::at(self.shared.layout.common_dir.join("objects"), format);
        let mut objects = Vec::new();
        let mut write = |kind, content: &[u8]| -> Result<gix::ObjectId> {
            let id = write_loose_object(&store, kind, content)?;
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
            // A header of several lines continues after a space.
            let folded = signature.trim_end().replace('\n', "\n ");
            let header = if format == gix::hash::Kind::Sha1 { "gpgsig" } else { "gpgsig-sha256" };
            raw = format!("{head}{header} {folded}\n\n{}", link.message);
        }
        let commit = to_oid(&write(gix::objs::Kind::Commit, raw.as_bytes())?);
        Ok(WrittenChainLink { commit, object_files: objects })
    }

    /// Returns the commits of a chain, newest first, as far as they can be read, each with its number
    /// of parents; and the error that ends the walk, if one does.
    pub fn walk_chain(&self, tip: Option<Oid>) -> (Vec<(Oid, usize)>, Option<anyhow::Error>) {
        let mut commits = Vec::new();
        let mut next = tip;
        while let Some(id) = next {
            let parents = match self.read_parents(id) {
                Ok(parents) => parents,
                Err(error) => return (commits, Some(error)),
            };
            commits.push((id, parents.len()));
            next = parents.first().map(|parent| to_oid(parent));
        }
        (commits, None)
    }

    fn read_parents(&self, commit: Oid) -> Result<Vec<gix::ObjectId>> {
        let id = self.to_object_id(commit)?;
        let (data, _) = self.borrow_reader().read_walk_data(&id)?;
        Ok(data.parents)
    }

    /// Reads a link: the bytes of its commit, and the names and ids of its files.
    ///
    /// # Errors
    ///
    /// Fails if the commit or its tree cannot be read.
    pub(crate) fn read_chain_link(&self, commit: Oid) -> Result<StoredChainLink> {
        let id = self.to_object_id(commit)?;
        let mut reader = self.borrow_reader();
        let raw = reader.read_raw_commit(&id)?.to_vec();
        let format = self.shared.layout.object_format;
        let tree = match parse_walk_data(&raw, format) {
            Ok(data) => data.tree,
            Err(reason) => bail!("{commit}: {reason}"),
        };
        let Some((gix::objs::Kind::Tree, tree)) = reader.read_object(&tree)? else {
            bail!("the tree of {commit} is missing");
        };
        let mut files = Vec::new();
        let mut has_plain_files = true;
        for entry in gix::objs::TreeRefIter::from_bytes(tree, format) {
            match entry {
                Ok(entry) => {
                    has_plain_files &= entry.mode.value() == PLAIN_FILE_MODE;
                    files.push((entry.filename.to_vec(), to_oid(entry.oid)));
                }
                Err(error) => bail!("the tree of {commit} cannot be read: {error}"),
            }
        }
        Ok(StoredChainLink { raw_commit: raw, files, has_plain_files })
    }

    /// Returns the id of the root tree of a commit.
    ///
    /// # Errors
    ///
    /// Fails if the commit cannot be read.
    pub(crate) fn find_root_tree(&self, commit: Oid) -> Result<Oid> {
        let commit = self.to_object_id(commit)?;
        Ok(to_oid(&self.borrow_reader().find_root_tree(&commit)?))
    }

    /// Reads a file of at most `limit` bytes by the id of its content.
    ///
    /// # Errors
    ///
    /// Fails if the content is longer, is not that of a file, or does not exist.
    pub(crate) fn read_blob(&self, id: Oid, limit: u64) -> Result<Vec<u8>> {
        let id = self.to_object_id(id)?;
        match self.borrow_reader().read_blob(&id, limit)? {
            Ok(bytes) => Ok(bytes.to_vec()),
            Err(size) => bail!("it has {size} bytes, and at most {limit} are read"),
        }
    }
}

impl StoredChainLink {
    /// Returns the message of the commit.
    pub(crate) fn message(&self) -> &[u8] {
        match memchr::memmem::find(&self.raw_commit, b"\n\n") {
            Some(end) => self.raw_commit.get(end + 2..).unwrap_or_default(),
            None => &[],
        }
    }

    /// Returns true if the commit is by the writer of chains, with the time `at`.
    pub(crate) fn is_written_at(&self, at: Timestamp) -> bool {
        let at = at.as_second();
        let wanted = format!("\nauthor {CHAIN_WRITER} {at} +0000\ncommitter {CHAIN_WRITER} {at} +0000\n");
        let end = self.raw_commit.len().saturating_sub(self.message().len());
        let head = self.raw_commit.get(..end).unwrap_or_default();
        memchr::memmem::find(head, wanted.as_bytes()).is_some()
    }

    /// Returns true if the commit has the headers that a link has, in their order, and no other: an
    /// `encoding`, for one, would have git show another message.
    pub(crate) fn has_only_chain_headers(&self) -> bool {
        let end = self.raw_commit.len().saturating_sub(self.message().len() + 1);
        let head = self.raw_commit.get(..end).unwrap_or_default();
        let mut names: Vec<&[u8]> = Vec::new();
        for line in head.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            // A signature goes on after a space.
            if line.first() != Some(&b' ') {
                names.push(line.split(|byte| *byte == b' ').next().unwrap_or_default());
            }
        }
        names.retain(|name| *name != b"parent");
        let [b"tree", b"author", b"committer", signature @ ..] = names.as_slice() else { return false };
        matches!(signature, [] | [b"gpgsig" | b"gpgsig-sha256"])
    }

    /// Returns the id of the content of the file `name`.
    pub(crate) fn find_file_id(&self, name: &str) -> Option<Oid> {
        for (known, id) in &self.files {
            if known == name.as_bytes() {
                return Some(*id);
            }
        }
        None
    }
}

/// Writes a loose object, on a thread of its own.
///
/// Compressing takes large pieces of memory for a moment. Where what is kept of each link lies between them, an
/// allocator cannot use them again, and thousands of links would take hundreds of megabytes. Nothing that stays
/// is allocated on this thread.
fn write_loose_object(
    store: &gix::odb::loose::Store,
    kind: gix::objs::Kind,
    content: &[u8],
) -> Result<gix::ObjectId> {
    let written = std::thread::scope(|scope| scope.spawn(|| store.write_buf(kind, content)).join());
    match written {
        Ok(written) => Ok(written?),
        Err(_) => bail!("a thread has panicked"),
    }
}

/// Syncs files to the disk, and returns when it has all of them.
///
/// Several are synced at once, since that takes file systems hardly more time than one.
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
    // It may stop before it reads; then its error message matters, not the broken pipe.
    let written = match child.stdin.take() {
        Some(mut stdin) => stdin.write_all(payload),
        None => Ok(()),
    };
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("ssh-keygen cannot sign with {key}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    written.context("cannot write to ssh-keygen")?;
    String::from_utf8(output.stdout).context("ssh-keygen wrote a signature that is not text")
}
