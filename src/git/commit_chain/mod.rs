//! A chain of commits under one ref, each with a few small files: written at its end, and read from the
//! end back.

mod new_pack;
mod signer;
pub(crate) mod writer;

use anyhow::{Result, bail};
use jiff::Timestamp;

use crate::change::Oid;
use crate::git::objects::commit::parse_walk_data;
use crate::git::objects::reader::to_oid;
use crate::git::repository::Repository;

/// The author and committer of every link.
const CHAIN_WRITER: &str = "changegate <changegate@localhost>";

/// The mode of the files of a chain, as a tree stores it.
const PLAIN_FILE_MODE: u16 = 0o100_644;

/// The headers that hold the signature of a commit, by the kind of ids.
const SIGNATURE_HEADERS: [&[u8]; 2] = [b"gpgsig", b"gpgsig-sha256"];

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

    /// Returns the commits of a chain that come after `known`, oldest first; `None` if the chain does not lead there.
    pub(crate) fn list_chain_after(&self, tip: Oid, known: Oid) -> Option<Vec<Oid>> {
        let mut commits = Vec::new();
        let mut next = tip;
        while next != known {
            commits.push(next);
            next = self.read_parents(next).ok()?.first().map(|parent| to_oid(parent))?;
        }
        commits.reverse();
        Some(commits)
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

/// Returns true for the lines of a signature as `ssh-keygen -Y sign` writes it, and so for no other words. Whether it is
/// a valid one, a list of signers tells.
fn is_armoured_signature(lines: &[&[u8]]) -> bool {
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
    match lines {
        [b"-----BEGIN SSH SIGNATURE-----", content @ .., b"-----END SSH SIGNATURE-----"] => {
            !content.is_empty() && content.iter().all(|line| !line.is_empty() && line.iter().all(is_base64))
        }
        _ => false,
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
        let mut signature_lines: Vec<&[u8]> = Vec::new();
        for line in head.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let (name, value) = match line.iter().position(|byte| *byte == b' ') {
                Some(end) => (line.get(..end).unwrap_or_default(), line.get(end + 1..).unwrap_or_default()),
                None => (line, &b""[..]),
            };
            // A signature goes on after a space.
            if !name.is_empty() {
                names.push(name);
            }
            if name.is_empty() || SIGNATURE_HEADERS.contains(&name) {
                signature_lines.push(value);
            }
        }
        names.retain(|name| *name != b"parent");
        let [b"tree", b"author", b"committer", signature @ ..] = names.as_slice() else { return false };
        match signature {
            [] => signature_lines.is_empty(),
            [name] => SIGNATURE_HEADERS.contains(name) && is_armoured_signature(&signature_lines),
            _ => false,
        }
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
