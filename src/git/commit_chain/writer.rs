//! Appends links to a chain of commits, and moves and removes the refs of the gate.
//!
//! The only module that writes to a repository, with its neighbours. Objects go to the main store, never to a
//! quarantine: as loose files where they are few, and else as a pack, which takes one file and one sync for
//! thousands of them. When the disk has them the ref moves, over all links that were added, if it still holds
//! what was read before. A write that is interrupted leaves unreferenced objects and an unchanged chain.

use std::collections::HashSet;
use std::fs::File;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use gix::bstr::ByteSlice;
use gix::lock::acquire::Fail;
use gix::objs::{Kind, Write as _};
use gix::refs::transaction::{Change, LogChange, PreviousValue, RefEdit, RefLog};
use gix::refs::{FullName, Target};
use jiff::Timestamp;

use crate::change::Oid;
use crate::git::commit_chain::CHAIN_WRITER;
use crate::git::commit_chain::new_pack::{NewObject, PackDraft, PublishedPack, remove_stale_keep_files};
use crate::git::commit_chain::signer::ChainSigner;
use crate::git::objects::reader::to_oid;
use crate::git::repository::Repository;

/// How many files are synced to the disk at once.
const MAX_PARALLEL_SYNCS: usize = 16;

/// How many links are written as loose objects. A server has one pack for each larger number of links that came
/// at once, and git looks into every pack.
const MAX_LOOSE_LINKS: usize = 16;

/// How many bytes of objects are held in memory before they are written to a pack.
const MAX_HELD_BYTES: usize = 8 << 20;

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
}

/// Adds links to the end of a chain. They are part of it once [`ChainWriter::advance_ref`] has moved its ref.
pub(crate) struct ChainWriter<'a> {
    repository: &'a Repository,
    signer: Option<ChainSigner<'a>>,
    /// The commit that the ref holds.
    tip: Option<Oid>,
    /// The last link that was added after it.
    newest: Option<Oid>,
    added_links: usize,
    /// The objects that are not on the disk yet.
    held: Vec<NewObject>,
    held_bytes: usize,
    /// The ids of all objects of the added links: a pack has an object once.
    ids: HashSet<gix::ObjectId>,
    drafts: Vec<PackDraft>,
    /// True from the first write to the disk until the ref has moved. If it stays true, a write has failed, and it
    /// is not known which objects are there.
    is_unsettled: bool,
}

impl<'a> ChainWriter<'a> {
    /// Starts at `tip`, which the ref of the chain holds. `signing_key` signs the commits, as
    /// `ssh-keygen -Y sign -f` takes it.
    pub(crate) fn new(repository: &'a Repository, tip: Option<Oid>, signing_key: Option<&'a str>) -> Self {
        ChainWriter {
            repository,
            signer: signing_key.map(ChainSigner::new),
            tip,
            newest: None,
            added_links: 0,
            held: Vec::new(),
            held_bytes: 0,
            ids: HashSet::new(),
            drafts: Vec::new(),
            is_unsettled: false,
        }
    }

    /// Returns whether the ref holds every link that was added.
    pub(crate) fn is_settled(&self) -> bool {
        self.newest.is_none()
    }

    /// Adds a link after the last one.
    ///
    /// # Errors
    ///
    /// Fails if the link cannot be signed, or if there is no room on the disk for what is held.
    pub(crate) fn add_link(&mut self, link: &ChainLink<'_>) -> Result<()> {
        let mut tree = Vec::new();
        for (name, content) in link.files {
            let id = self.hold_object(Kind::Blob, content.to_vec())?;
            tree.extend_from_slice(format!("100644 {name}\0").as_bytes());
            tree.extend_from_slice(id.as_bytes());
        }
        let tree = self.hold_object(Kind::Tree, tree)?;
        let mut head = format!("tree {tree}\n");
        if let Some(parent) = self.newest.or(self.tip) {
            head.push_str(&format!("parent {parent}\n"));
        }
        let at = link.written_at.as_second();
        head.push_str(&format!("author {CHAIN_WRITER} {at} +0000\ncommitter {CHAIN_WRITER} {at} +0000\n"));
        let mut raw = format!("{head}\n{}", link.message);
        if let Some(signer) = &self.signer {
            let signature = signer.sign_payload(raw.as_bytes())?;
            // A header of several lines continues after a space.
            let folded = signature.trim_end().replace('\n', "\n ");
            let header = if self.format() == gix::hash::Kind::Sha1 { "gpgsig" } else { "gpgsig-sha256" };
            raw = format!("{head}{header} {folded}\n\n{}", link.message);
        }
        let commit = self.hold_object(Kind::Commit, raw.into_bytes())?;
        self.newest = Some(to_oid(&commit));
        self.added_links += 1;
        if self.held_bytes >= MAX_HELD_BYTES {
            self.write_draft().context("cannot write to the object store")?;
        }
        Ok(())
    }

    /// Moves the ref `name` to the last of the added links, when the disk has all of them.
    ///
    /// # Errors
    ///
    /// Fails, with the chain as it was, if the ref holds something else by now or cannot be moved. After that,
    /// nothing can be added with this writer.
    pub(crate) fn advance_ref(&mut self, name: &str, at: Timestamp) -> Result<()> {
        let Some(newest) = self.newest else { return Ok(()) };
        ensure!(!self.is_unsettled, "nothing is written after a write that has failed");
        self.is_unsettled = true;
        let packs = self.write_objects().context("cannot write to the object store")?;
        let full = FullName::try_from(name.as_bytes().as_bstr())
            .with_context(|| format!("`{name}` is not the name of a ref"))?;
        let expected = match self.tip {
            Some(tip) => PreviousValue::MustExistAndMatch(Target::Object(self.repository.to_object_id(tip)?)),
            None => PreviousValue::MustNotExist,
        };
        let log = LogChange { message: "changegate".into(), ..LogChange::default() };
        let change =
            Change::Update { log, expected, new: Target::Object(self.repository.to_object_id(newest)?) };
        let edit = RefEdit { change, name: full, deref: false };
        self.repository.edit_ref(edit, at).with_context(|| format!("cannot move {name}"))?;
        for pack in packs {
            pack.release();
        }
        self.tip = Some(newest);
        self.newest = None;
        self.added_links = 0;
        self.ids.clear();
        self.is_unsettled = false;
        Ok(())
    }

    /// Writes the added links to the disk, without moving a ref: to see whether that is possible.
    ///
    /// # Errors
    ///
    /// Fails if something cannot be written.
    pub(crate) fn write_unreferenced(&mut self) -> Result<()> {
        for pack in self.write_objects().context("cannot write to the object store")? {
            pack.release();
        }
        Ok(())
    }

    fn format(&self) -> gix::hash::Kind {
        self.repository.shared.layout.object_format
    }

    fn objects_folder(&self) -> PathBuf {
        self.repository.shared.layout.common_dir.join("objects")
    }

    /// Holds an object until it is written, and returns its id.
    fn hold_object(&mut self, kind: Kind, content: Vec<u8>) -> Result<gix::ObjectId> {
        let id = gix::objs::compute_hash(self.format(), kind, &content)?;
        if self.ids.insert(id) {
            self.held_bytes = self.held_bytes.saturating_add(content.len());
            self.held.push(NewObject { id, kind, content });
        }
        Ok(id)
    }

    /// Writes what is held as a pack that nothing reads yet.
    fn write_draft(&mut self) -> Result<()> {
        let folder = self.objects_folder().join("pack");
        self.drafts.push(PackDraft::write_objects(&folder, &self.held, self.format())?);
        self.held.clear();
        self.held_bytes = 0;
        Ok(())
    }

    /// Writes all objects and returns once the disk has them, with the packs that they are in.
    fn write_objects(&mut self) -> Result<Vec<PublishedPack>> {
        if self.drafts.is_empty() && self.added_links <= MAX_LOOSE_LINKS {
            self.write_loose_objects()?;
            return Ok(Vec::new());
        }
        if !self.held.is_empty() {
            self.write_draft()?;
        }
        let folder = self.objects_folder().join("pack");
        let mut packs = Vec::new();
        for draft in self.drafts.drain(..) {
            packs.push(draft.publish(&folder)?);
        }
        // The names have to be on the disk too.
        File::open(&folder)?.sync_all()?;
        Ok(packs)
    }

    fn write_loose_objects(&mut self) -> Result<()> {
        let store = gix::odb::loose::Store::at(self.objects_folder(), self.format());
        let mut files = Vec::new();
        for object in &self.held {
            store.write_buf(object.kind, &object.content)?;
            files.push(store.object_path(&object.id));
        }
        sync_files(&files)?;
        self.held.clear();
        self.held_bytes = 0;
        Ok(())
    }
}

impl Repository {
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

    /// Removes the files by which a writer of links kept git from removing its packs, and that it left when
    /// it was killed. No writer may be at work.
    ///
    /// # Errors
    ///
    /// Fails if the packs cannot be listed or a file cannot be removed.
    pub(crate) fn remove_stale_keep_files(&self) -> Result<()> {
        let folder = self.shared.layout.common_dir.join("objects").join("pack");
        remove_stale_keep_files(&folder).with_context(|| format!("cannot tidy up {}", folder.display()))
    }
}

/// Syncs files to the disk, and returns when it has all of them.
///
/// Several are synced at once, since that takes file systems hardly more time than one.
fn sync_files(files: &[PathBuf]) -> std::io::Result<()> {
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
