//! Writes objects as one pack with its index (git's `gitformat-pack`, version 2 of both), none of them a delta.
//!
//! Until a ref leads to its objects, a pack has a `.keep` file beside it, as those have that git receives: a
//! `git repack` that runs meanwhile would remove it.

use std::fs;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use gix::hash::Kind as ObjectFormat;
use gix::objs::Kind;
use gix::zlib::stream::deflate::{Compress, FlushCompress};
use gix::zlib::{Compression, Status};
use tempfile::NamedTempFile;

/// What a `.keep` file of the gate says, by which it is told from those of others.
const KEEP_REASON: &str = "changegate\n";

/// The first offset that does not fit into the table of an index, which has another for those.
const OFFSET_LIMIT: u64 = 1 << 31;

/// An object that is to be written.
pub(super) struct NewObject {
    pub(super) id: gix::ObjectId,
    pub(super) kind: Kind,
    pub(super) content: Vec<u8>,
}

/// A pack that is complete and has no name yet that anything reads.
pub(super) struct PackDraft {
    file: NamedTempFile,
    index: NamedTempFile,
    checksum: gix::ObjectId,
}

/// A pack that can be read, and that `git repack` does not remove before it is released.
pub(super) struct PublishedPack {
    keep_file: PathBuf,
}

/// What an index says of one object.
struct IndexEntry {
    id: gix::ObjectId,
    crc: u32,
    offset: u32,
}

impl PackDraft {
    /// Writes a pack of these objects, each of another id, into a folder.
    pub(super) fn write_objects(
        folder: &Path,
        objects: &[NewObject],
        format: ObjectFormat,
    ) -> Result<PackDraft> {
        fs::create_dir_all(folder)?;
        // `git gc` removes files of such names when they are old.
        let file = create_file(folder, "tmp_pack_")?;
        let mut out = gix::hash::io::Write::new(BufWriter::new(file), format);
        let count = u32::try_from(objects.len()).context("too many objects for a pack")?;
        out.write_all(b"PACK\0\0\0\x02")?;
        out.write_all(&count.to_be_bytes())?;
        let mut offset: u64 = 12;
        let mut index = Vec::new();
        let mut deflater = EntryDeflater::new();
        for object in objects {
            let entry = deflater.write_entry(object.kind, &object.content)?;
            out.write_all(entry)?;
            ensure!(offset < OFFSET_LIMIT, "too much for one pack");
            index.push(IndexEntry { id: object.id, crc: crc32fast::hash(entry), offset: offset as u32 });
            offset = offset.saturating_add(entry.len() as u64);
        }
        let checksum = out.hash.try_finalize()?;
        out.inner.write_all(checksum.as_bytes())?;
        let file = out.inner.into_inner()?;
        let index = write_index(folder, index, &checksum, format)?;
        Ok(PackDraft { file, index, checksum })
    }

    /// Syncs the pack to the disk and gives it its name. The name is on the disk once the folder is synced.
    pub(super) fn publish(self, folder: &Path) -> Result<PublishedPack> {
        let (pack, index) = (self.file.as_file(), self.index.as_file());
        // Syncing both at once takes hardly longer than one.
        let (pack, index) = std::thread::scope(|scope| {
            let index = scope.spawn(|| index.sync_all());
            (pack.sync_all(), index.join())
        });
        pack?;
        index.map_err(|_| io::Error::other("a thread has panicked"))??;
        let name = folder.join(format!("pack-{}", self.checksum));
        let keep_file = name.with_extension("keep");
        let mut keep = create_file(folder, "tmp_keep_")?;
        keep.write_all(KEEP_REASON.as_bytes())?;
        keep.persist(&keep_file)?;
        self.file.persist(name.with_extension("pack"))?;
        // A pack is looked for by its index, so that comes last.
        self.index.persist(name.with_extension("idx"))?;
        Ok(PublishedPack { keep_file })
    }
}

impl PublishedPack {
    /// Lets git remove the pack when it packs all objects anew.
    pub(super) fn release(self) {
        // A file that stays is removed by a later run.
        let _ = fs::remove_file(self.keep_file);
    }
}

/// Removes the `.keep` files that a writer left when it was killed. No writer may be at work.
pub(super) fn remove_stale_keep_files(folder: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "keep")
            && fs::read(&path).is_ok_and(|reason| reason == KEEP_REASON.as_bytes())
        {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Creates a file that only reading is allowed of once it is closed, as git does.
fn create_file(folder: &Path, prefix: &str) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o444));
    }
    builder.tempfile_in(folder)
}

fn write_index(
    folder: &Path,
    mut entries: Vec<IndexEntry>,
    pack: &gix::oid,
    format: ObjectFormat,
) -> Result<NamedTempFile> {
    entries.sort_unstable_by_key(|entry| entry.id);
    let file = create_file(folder, "tmp_idx_")?;
    let mut out = gix::hash::io::Write::new(BufWriter::new(file), format);
    out.write_all(b"\xfftOc\0\0\0\x02")?;
    // For each first byte of an id, how many begin with it or a lower one.
    for byte in 0..=u8::MAX {
        let count = entries.partition_point(|entry| entry.id.first_byte() <= byte);
        out.write_all(&u32::try_from(count)?.to_be_bytes())?;
    }
    for entry in &entries {
        out.write_all(entry.id.as_bytes())?;
    }
    for entry in &entries {
        out.write_all(&entry.crc.to_be_bytes())?;
    }
    for entry in &entries {
        out.write_all(&entry.offset.to_be_bytes())?;
    }
    out.write_all(pack.as_bytes())?;
    let checksum = out.hash.try_finalize()?;
    out.inner.write_all(checksum.as_bytes())?;
    Ok(out.inner.into_inner()?)
}

/// Makes the entries of a pack, with the memory of one.
struct EntryDeflater {
    compressor: Compress,
    entry: Vec<u8>,
    piece: Vec<u8>,
}

impl EntryDeflater {
    fn new() -> EntryDeflater {
        let compressor = Compress::new(Compression::BEST_SPEED);
        EntryDeflater { compressor, entry: Vec::new(), piece: vec![0; 32 << 10] }
    }

    /// Returns the bytes of an object in a pack.
    fn write_entry(&mut self, kind: Kind, content: &[u8]) -> Result<&[u8]> {
        self.entry.clear();
        self.push_header(kind, content.len());
        self.compressor.reset();
        let mut rest = content;
        loop {
            let (taken, written) = (self.compressor.total_in(), self.compressor.total_out());
            let status = self.compressor.compress(rest, &mut self.piece, FlushCompress::Finish)?;
            let taken = usize::try_from(self.compressor.total_in() - taken)?;
            let written = usize::try_from(self.compressor.total_out() - written)?;
            rest = rest.get(taken..).unwrap_or_default();
            self.entry.extend_from_slice(self.piece.get(..written).unwrap_or_default());
            if status == Status::StreamEnd {
                return Ok(&self.entry);
            }
            if taken == 0 && written == 0 {
                bail!("an object cannot be compressed");
            }
        }
    }

    /// Appends the kind and the size: four bits of it in the first byte, and seven in each that follows.
    fn push_header(&mut self, kind: Kind, size: usize) {
        let kind = match kind {
            Kind::Commit => 1,
            Kind::Tree => 2,
            Kind::Blob => 3,
            Kind::Tag => 4,
        };
        let mut byte = kind << 4 | (size & 0x0f) as u8;
        let mut rest = size >> 4;
        while rest > 0 {
            self.entry.push(byte | 0x80);
            byte = (rest & 0x7f) as u8;
            rest >>= 7;
        }
        self.entry.push(byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// Returns bytes that cannot be compressed.
    fn random_bytes(length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        getrandom::fill(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn git_makes_the_same_index_of_the_same_pack() {
        for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
            let folder = tempfile::tempdir().unwrap();
            let mut objects = Vec::new();
            // A size takes four bits of the first byte, and seven of each that follows.
            for length in [0, 1, 15, 16, 2047, 2048, 40_000, (1 << 18) - 1, 1 << 18, 3 << 20] {
                for content in [vec![b'a'; length], random_bytes(length)] {
                    let id = gix::objs::compute_hash(format, Kind::Blob, &content).unwrap();
                    if length > 0 || objects.is_empty() {
                        objects.push(NewObject { id, kind: Kind::Blob, content });
                    }
                }
            }
            let draft = PackDraft::write_objects(folder.path(), &objects, format).unwrap();
            let checksum = draft.checksum;
            draft.publish(folder.path()).unwrap().release();
            let files = fs::read_dir(folder.path()).unwrap().count();
            assert_eq!(files, 2, "something beside pack and index");
            let pack = folder.path().join(format!("pack-{checksum}.pack"));
            let theirs = folder.path().join("theirs.idx");
            let made = Command::new("git")
                .args(["index-pack", "--strict", "--index-version=2"])
                .arg(format!("--object-format={format}"))
                .arg("-o")
                .args([&theirs, &pack])
                .output()
                .unwrap();
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
            let ours = fs::read(pack.with_extension("idx")).unwrap();
            assert!(ours == fs::read(theirs).unwrap(), "{format}");
        }
    }

    #[test]
    fn only_keep_files_of_the_gate_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        for (name, reason) in
            [("pack-1.keep", KEEP_REASON), ("pack-2.keep", ""), ("pack-3.keep", "receive-pack 7 on host")]
        {
            fs::write(folder.path().join(name), reason).unwrap();
        }
        remove_stale_keep_files(folder.path()).unwrap();
        let left = |name: &str| folder.path().join(name).exists();
        assert!(!left("pack-1.keep") && left("pack-2.keep") && left("pack-3.keep"));
        remove_stale_keep_files(&folder.path().join("nothing")).unwrap();
    }
}
