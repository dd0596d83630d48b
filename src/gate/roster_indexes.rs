//! Indexes of long rosters, kept beside the gate's own files so that a hook need not read a roster of many people.
//!
//! The file of an index is made from the roster alone and can be removed at any time. It counts for the one content whose id
//! it names, and only if this version of the program has made it and no byte of it is damaged; otherwise the roster is read,
//! and the file is made again where that can be written. An account that can write to this folder can write to the hooks
//! and refs of the repository as well, so the checksum is there for accidents.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::change::Oid;
use crate::change::text::encode_hex;
use crate::gate::policy_content::StoredRoster;
use crate::git::Repository;
use crate::people::roster_index::RosterIndex;
use crate::policy::{KeptRosterIndex, MIN_INDEXED_BYTES, PolicyDigests, RosterIndexes};

/// The name of the gate's folder in a repository.
pub(crate) const GATE_FOLDER: &str = "changegate";

/// What the file of an index begins with: another version of the program makes its own. The number goes up with each change of
/// the format, and of how a roster is read.
const INDEX_MARK: &[u8] = concat!("changegate people 1, ", env!("CARGO_PKG_VERSION"), "\n").as_bytes();

/// The start of the names of these files.
const NAME_START: &str = "people-";

/// How many indexes are kept: branches can have rosters of their own.
const MAX_INDEXES: usize = 4;

/// How many policies have their digests in one index.
const MAX_DIGESTS: usize = 8;

/// How many hexadecimal digits SHA-256 has.
const DIGEST_DIGITS: usize = 64;

/// The digest of the parts of a policy, and the digests of the policy.
type KnownDigests = (String, PolicyDigests);

/// The indexes of the rosters that a commit can name.
pub(crate) struct StoredRosterIndexes<'repository> {
    repository: &'repository Repository,
    commit: Oid,
    /// The roster whose index was found or is kept.
    found: Option<StoredRoster>,
    /// The digests that are known with it, the newest first.
    digests: Vec<KnownDigests>,
    /// The bytes of the index, if it is to be written.
    unwritten: Option<Vec<u8>>,
}

impl<'repository> StoredRosterIndexes<'repository> {
    /// Starts to look for the index of a roster of `commit`.
    pub(crate) fn new(repository: &'repository Repository, commit: Oid) -> Self {
        StoredRosterIndexes { repository, commit, found: None, digests: Vec::new(), unwritten: None }
    }

    /// Writes what is new. Where that is not possible, the roster is read again the next time. Returns the roster whose
    /// index was found or is kept.
    pub(crate) fn end_reading(self) -> Option<StoredRoster> {
        let found = self.found?;
        if let Some(index) = self.unwritten {
            let head = encode_head(&found, &self.digests);
            let _ = store_index(&locate_index(self.repository.common_dir(), found.id), &head, &index);
        }
        Some(found)
    }

    /// Returns the roster at a path, if it is long.
    fn find_roster(&self, path: &str) -> Option<(Oid, u64)> {
        let found = self.repository.find_file_at(self.commit, path).ok()??;
        (found.1 >= MIN_INDEXED_BYTES as u64).then_some(found)
    }

    fn build_stored(&self, path: &str, id: Oid, digest: &str) -> StoredRoster {
        let source = self.repository.share_objects();
        StoredRoster { path: path.to_owned(), id, digest: digest.to_owned(), source }
    }
}

impl RosterIndexes for StoredRosterIndexes<'_> {
    fn find_index(&mut self, path: &str) -> Option<KeptRosterIndex> {
        let (id, _) = self.find_roster(path)?;
        let file = fs::read(locate_index(self.repository.common_dir(), id)).ok()?;
        let StoredIndex { digest, digests, start } = read_head(&file, id)?;
        let index = RosterIndex::open_index(file, start)?;
        self.found = Some(self.build_stored(path, id, &digest));
        self.digests = digests;
        Some(KeptRosterIndex { index, digest })
    }

    fn keep_index(&mut self, path: &str, digest: &str, encode: &dyn Fn() -> Option<Vec<u8>>) -> bool {
        let Some((id, _)) = self.find_roster(path) else { return false };
        let Some(index) = encode() else { return false };
        // What was found and could not be used by this policy, can be by another one.
        self.found = Some(self.build_stored(path, id, digest));
        self.unwritten = Some(index);
        true
    }

    fn find_digests(&mut self, parts: &str) -> Option<PolicyDigests> {
        self.digests.iter().find(|(known, _)| known == parts).map(|(_, digests)| digests.clone())
    }

    fn keep_digests(&mut self, parts: &str, digests: &PolicyDigests) {
        let Some(found) = &self.found else { return };
        self.digests.retain(|(known, _)| known != parts);
        self.digests.insert(0, (parts.to_owned(), digests.clone()));
        self.digests.truncate(MAX_DIGESTS);
        if self.unwritten.is_none() {
            let file = fs::read(locate_index(self.repository.common_dir(), found.id)).ok();
            self.unwritten = file.and_then(|mut file| {
                let start = read_head(&file, found.id)?.start;
                Some(file.split_off(start))
            });
        }
    }
}

/// What the file of an index holds before the index.
struct StoredIndex {
    /// SHA-256 over the roster, in hexadecimal.
    digest: String,
    digests: Vec<KnownDigests>,
    /// Where the index begins.
    start: usize,
}

fn locate_index(common_dir: &Path, id: Oid) -> PathBuf {
    let digits = encode_hex(id.as_bytes().get(..8).unwrap_or_default());
    common_dir.join(GATE_FOLDER).join(format!("{NAME_START}{digits}"))
}

/// Writes what comes before an index, without the mark and the checksum.
fn encode_head(roster: &StoredRoster, digests: &[KnownDigests]) -> Vec<u8> {
    let mut head = format!("{}\n{}\n{}\n", roster.id, roster.digest, digests.len());
    for (parts, (with_keys, without_keys)) in digests {
        head += &format!("{parts}\n{with_keys}\n{without_keys}\n");
    }
    head.into_bytes()
}

/// Reads what comes before the index of the content `id`; `None` if the file is damaged, or another one.
fn read_head(file: &[u8], id: Oid) -> Option<StoredIndex> {
    let (checksum, content) = file.strip_prefix(INDEX_MARK)?.split_first_chunk::<4>()?;
    if crc32fast::hash(content) != u32::from_le_bytes(*checksum) {
        return None;
    }
    let mut rest = content;
    let mut take_line = || {
        let (line, after) = rest.split_at_checked(memchr::memchr(b'\n', rest)?)?;
        rest = after.get(1..)?;
        std::str::from_utf8(line).ok().map(str::to_owned)
    };
    if take_line()? != id.to_string() {
        return None;
    }
    let digest = take_line()?;
    let mut digests = Vec::new();
    for _ in 0..take_line()?.parse::<usize>().ok()? {
        digests.push((take_line()?, (take_line()?, take_line()?)));
    }
    let is_whole = digests.iter().all(|(parts, (with_keys, without_keys))| {
        [parts, with_keys, without_keys].into_iter().all(|digest| digest.len() == DIGEST_DIGITS)
    });
    let start = file.len().checked_sub(rest.len())?;
    is_whole.then_some(StoredIndex { digest, digests, start })
}

/// Writes an index whole or not at all, and removes those that were not written for the longest time.
fn store_index(path: &Path, head: &[u8], index: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)?;
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(head);
    checksum.update(index);
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        // Each account that pushes to a shared repository reads it; the umask of the server decides.
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.prefix(".new-").tempfile_in(folder)?;
    file.write_all(INDEX_MARK)?;
    file.write_all(&checksum.finalize().to_le_bytes())?;
    file.write_all(head)?;
    file.write_all(index)?;
    file.persist(path)?;
    let mut known = Vec::new();
    for entry in fs::read_dir(folder)?.flatten() {
        if entry.file_name().to_string_lossy().starts_with(NAME_START) {
            known.push((entry.metadata()?.modified()?, entry.path()));
        }
    }
    known.sort_unstable();
    for (_, old) in known.iter().rev().skip(MAX_INDEXES) {
        fs::remove_file(old)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored_file(id: Oid) -> Vec<u8> {
        let digest = "d".repeat(DIGEST_DIGITS);
        let head = format!("{id}\n{digest}\n1\n{digest}\n{digest}\n{digest}\n");
        let content = [head.as_bytes(), b"index"].concat();
        [INDEX_MARK, &crc32fast::hash(&content).to_le_bytes(), &content].concat()
    }

    #[test]
    fn a_file_counts_for_its_own_roster_and_without_damage() {
        let id = Oid::from_bytes(&[7; 20]).unwrap();
        let file = stored_file(id);
        let read = read_head(&file, id).unwrap();
        assert_eq!((read.digests.len(), &file[read.start..]), (1, b"index".as_slice()));
        assert!(read_head(&file, Oid::from_bytes(&[8; 20]).unwrap()).is_none());
        for place in 0..file.len() {
            let mut damaged = file.clone();
            damaged[place] ^= 1;
            assert!(read_head(&damaged, id).is_none(), "{place}");
            assert!(read_head(&file[..place], id).is_none(), "{place}");
        }
    }

    #[test]
    fn few_files_are_kept_and_each_is_written_whole() {
        let folder = tempfile::tempdir().unwrap();
        for number in 1..=8 {
            let path = locate_index(folder.path(), Oid::from_bytes(&[number; 20]).unwrap());
            store_index(&path, b"head", b"index").unwrap();
            assert!(path.exists(), "the newest is kept");
        }
        let kept = fs::read_dir(folder.path().join(GATE_FOLDER)).unwrap().count();
        assert_eq!(kept, MAX_INDEXES);
    }
}
