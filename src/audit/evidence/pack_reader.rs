//! Reads a pack into a repository of its own, from which both readers read it again.
//!
//! A pack comes from outside: whatever it holds, it is read within bounds, and what is wrong is named.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::audit::evidence::pack_check::PackCheck;
use crate::audit::evidence::pack_index::{
    CHAIN_FILE, EvidenceIndex, INDEX_FILE, OBJECTS_FOLDER, PACK_SCHEMA, PackedRecord,
};
use crate::change::Oid;
use crate::git::Repository;
use crate::git::evidence_objects::ObjectKind;
use crate::git::evidence_objects::pack_repository::PackRepository;
use crate::ledger::record::strict_json::parse_strict_json;
use crate::verdict::format_count;

/// The longest file of a pack that is read.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// A pack that has been read.
pub(super) struct ReadPack {
    pub(super) folder: PathBuf,
    pub(super) index: EvidenceIndex,
    /// The objects of the pack, as libgit2 reads them.
    pub(super) objects: PackRepository,
    /// The same objects, as the gate reads them.
    pub(super) repository: Repository,
    /// The commits of the ledger, oldest first.
    pub(super) chain: Vec<Oid>,
    /// Removes the repository at the end.
    _scratch: tempfile::TempDir,
}

/// Reads the file of a pack at a path with `/` between its parts.
///
/// # Errors
///
/// Fails if it is missing, is no regular file, or is too long.
pub(super) fn read_pack_file(folder: &Path, path: &str) -> Result<Vec<u8>> {
    let is_safe = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains('\\');
    if !path.split('/').all(is_safe) {
        bail!("`{path}` is no path in a pack");
    }
    let full = folder.join(path);
    let describe = || format!("cannot read {path}");
    if !fs::symlink_metadata(&full).with_context(describe)?.is_file() {
        bail!("{path} is not a file");
    }
    let file = File::open(&full).with_context(describe)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).with_context(describe)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_FILE_BYTES) {
        bail!("{path} is longer than {MAX_FILE_BYTES} bytes");
    }
    Ok(bytes)
}

impl ReadPack {
    /// Reads the index of a pack and puts its objects into a repository; what is wrong with objects goes into `check`.
    ///
    /// # Errors
    ///
    /// Fails if the folder is no pack that this version knows, or the disk fails.
    pub(super) fn open_pack(folder: &Path, check: &mut PackCheck) -> Result<ReadPack> {
        let bytes = read_pack_file(folder, INDEX_FILE)?;
        let index = parse_strict_json(&bytes).and_then(serde_json::from_value::<EvidenceIndex>);
        let index = index.with_context(|| format!("{INDEX_FILE} cannot be understood"))?;
        if index.schema != PACK_SCHEMA {
            bail!("{INDEX_FILE} is not of the schema {PACK_SCHEMA}, which is the one that is known here");
        }
        let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
        let objects = PackRepository::create_in(scratch.path())?;
        let mut added: Vec<(Oid, ObjectKind)> = Vec::new();
        for kind in ObjectKind::ALL {
            for name in list_object_names(folder, kind, check)? {
                let path = format!("{OBJECTS_FOLDER}/{}/{name}", kind.name());
                match read_pack_file(folder, &path) {
                    Ok(bytes) => add_named_object(&objects, kind, &bytes, (&name, &path), check, &mut added)?,
                    Err(error) => check.add_problem(format!("{error:#}")),
                }
            }
        }
        let mut chain = Vec::new();
        if index.ledger.is_some() {
            let bytes = read_pack_file(folder, CHAIN_FILE)?;
            for (name, raw) in split_chain(&bytes, check) {
                let id = Oid::from_hex(&name);
                add_named_object(&objects, ObjectKind::Commit, raw, (&name, CHAIN_FILE), check, &mut added)?;
                chain.extend(id);
            }
        }
        for record in index.ledger.iter().flat_map(|ledger| &ledger.records) {
            for name in &record.files {
                match read_pack_file(folder, &PackedRecord::locate_file(record.number, name)) {
                    // Its id is compared with the tree of the record later.
                    Ok(bytes) => drop(objects.add_object(ObjectKind::Blob, &bytes)?),
                    Err(error) => check.add_problem(format!("{error:#}")),
                }
            }
        }
        let repository = objects.open_for_reading()?;
        // Nothing beside the pack is asked, so that it proves what it says by itself.
        let mut bases: BTreeMap<String, BTreeSet<Oid>> = BTreeMap::new();
        for base in &index.bases {
            bases.entry(base.name.clone()).or_default().insert(base.commit);
        }
        repository.set_packed_files(bases);
        for (id, kind) in &added {
            let first = repository.read_stored_object(*id).ok().flatten();
            let second = objects.read_second(*id);
            if first.is_none() || first != second || first.is_some_and(|object| object.kind != *kind) {
                check.add_problem(format!("both readers do not read the same {} {id}", kind.name()));
            }
        }
        check.says =
            format!("{} with the right ids, by both readers", format_count(added.len(), "Git object"));
        Ok(ReadPack { folder: folder.to_path_buf(), index, objects, repository, chain, _scratch: scratch })
    }

    /// Returns true if this version of changegate wrote the pack, by its index: it makes the same pages again.
    pub(super) fn is_of_this_version(&self) -> bool {
        self.index.tool == concat!("changegate ", env!("CARGO_PKG_VERSION"))
    }

    /// Reads a file of a record.
    pub(super) fn read_record_file(&self, number: u64, name: &str) -> Result<Vec<u8>> {
        read_pack_file(&self.folder, &PackedRecord::locate_file(number, name))
    }
}

/// Returns the names in the folder of a kind of objects; none if there is no such folder.
fn list_object_names(folder: &Path, kind: ObjectKind, check: &mut PackCheck) -> Result<BTreeSet<String>> {
    let folder = folder.join(OBJECTS_FOLDER).join(kind.name());
    let describe = || format!("cannot read {}", folder.display());
    let mut names = BTreeSet::new();
    if !folder.is_dir() {
        return Ok(names);
    }
    for entry in fs::read_dir(&folder).with_context(describe)? {
        match entry.with_context(describe)?.file_name().into_string() {
            Ok(name) => drop(names.insert(name)),
            Err(_) => check.add_problem(format!("{} holds a name that is no id", kind.name())),
        }
    }
    Ok(names)
}

/// Adds an object whose name has to be its id, by both readers.
fn add_named_object(
    objects: &PackRepository,
    kind: ObjectKind,
    bytes: &[u8],
    (name, place): (&str, &str),
    check: &mut PackCheck,
    added: &mut Vec<(Oid, ObjectKind)>,
) -> Result<()> {
    let (first, second) = objects.add_object(kind, bytes)?;
    if first != second || Oid::from_hex(name) != Some(first) {
        check.add_problem(format!("{place} does not hold the {} that it is named by", kind.name()));
    } else {
        added.push((first, kind));
    }
    Ok(())
}

/// Returns the commits of a chain, as `git cat-file --batch` prints them.
fn split_chain<'a>(bytes: &'a [u8], check: &mut PackCheck) -> Vec<(String, &'a [u8])> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let Some((name, raw, after)) = split_batch_entry(rest) else {
            check.add_problem(format!("{CHAIN_FILE} is cut off or is no list of commits"));
            break;
        };
        found.push((name, raw));
        rest = after;
    }
    found
}

fn split_batch_entry(bytes: &[u8]) -> Option<(String, &[u8], &[u8])> {
    let end = memchr::memchr(b'\n', bytes.get(..200.min(bytes.len()))?)?;
    let head = std::str::from_utf8(bytes.get(..end)?).ok()?;
    let (name, length) = head.split_once(" commit ")?;
    let length: usize = length.parse().ok()?;
    let body = bytes.get(end + 1..)?;
    let raw = body.get(..length)?;
    let after = body.get(length..)?.strip_prefix(b"\n")?;
    Some((name.to_owned(), raw, after))
}
