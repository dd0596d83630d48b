//! Commit objects, read strictly.
//!
//! Readers of damaged commits disagree: one takes the first author, one the last, one stops at a
//! NUL. A commit that they could read differently is refused here, and so is what `git fsck` refuses
//! in the headers, with one exception: an empty name is accepted, because it grants nothing.

use std::fmt;

use gix::ObjectId;
use gix::hash::Kind;

use crate::change::message::encoding::MessageEncoding;
use crate::change::text::trim_git_space;
use crate::change::{Commit, CommitMessage, Fact, FactKind, Missing, Oid, Person, Text};
use crate::git::signature::ObjectFormat;

/// A commit that cannot be read, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableCommit {
    /// The id by which the commit was asked for.
    pub id: Oid,
    /// What is wrong with the commit, in words that follow "it cannot be read: ".
    pub reason: String,
}

impl fmt::Display for UnreadableCommit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "commit {} cannot be read: {}", self.id, self.reason)
    }
}

impl std::error::Error for UnreadableCommit {}

/// The parts of a commit object, as slices of it.
#[derive(Debug)]
pub(crate) struct CommitParts<'a> {
    pub(crate) tree: ObjectId,
    pub(crate) parents: Vec<ObjectId>,
    author: CommitIdentity<'a>,
    committer: CommitIdentity<'a>,
    encoding: MessageEncoding,
    message: &'a [u8],
}

#[derive(Debug)]
struct CommitIdentity<'a> {
    name: &'a [u8],
    email: &'a [u8],
    seconds: i64,
}

impl CommitIdentity<'_> {
    fn to_person(&self, encoding: MessageEncoding) -> Person {
        Person {
            name: Text::from(&*encoding.decode_text(trim_git_space(self.name))),
            email: Text::from(&*encoding.decode_text(self.email)),
        }
    }
}

impl CommitParts<'_> {
    /// Returns when it was committed, in seconds since 1970 UTC, as it claims.
    pub(crate) fn committed_at(&self) -> i64 {
        self.committer.seconds
    }

    /// Returns the message as it is stored, in whatever encoding.
    pub(crate) fn stored_message(&self) -> &[u8] {
        self.message
    }

    /// Returns true if the message is in UTF-8, as git takes it.
    pub(crate) fn is_in_utf8(&self) -> bool {
        self.encoding.is_utf8()
    }

    /// Returns the message, read.
    pub(crate) fn read_message(&self) -> CommitMessage {
        CommitMessage::new(Text::from(&*self.encoding.decode_text(self.message)))
    }

    /// Returns the commit, with nothing looked up about it yet.
    pub(crate) fn to_commit(&self, id: Oid) -> Commit {
        Commit {
            id: Some(id),
            parents: self.parents.iter().filter_map(|parent| Oid::from_bytes(parent.as_slice())).collect(),
            author: self.author.to_person(self.encoding),
            authored_at: self.author.seconds,
            committer: self.committer.to_person(self.encoding),
            committed_at: self.committer.seconds,
            message: self.read_message(),
            paths: unrequested_fact(FactKind::Paths),
            lines: unrequested_fact(FactKind::Lines),
            evil_merge_paths: unrequested_fact(FactKind::EvilMerges),
            signature: unrequested_fact(FactKind::Signatures),
        }
    }
}

/// Returns the gap that stands for a fact that was not asked for.
///
/// A predicate that reads a fact which it did not declare as needed must not pass by accident, so
/// the gap is one that denies at every stage that enforces.
pub(crate) fn unrequested_fact<T>(need: FactKind) -> Fact<T> {
    Err(Missing::Unavailable(need, "it was not asked for".to_owned()))
}

/// The error of a commit that changes more than is compared.
#[derive(Debug)]
pub(crate) struct TooManyEntries(pub(crate) String);

impl fmt::Display for TooManyEntries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TooManyEntries {}

/// Converts an error into the gap that it leaves.
pub(crate) fn unavailable_fact(need: FactKind, error: &anyhow::Error) -> Missing {
    if error.chain().any(|cause| cause.is::<TooManyEntries>()) {
        return Missing::TooLarge(need, format!("{error:#}"));
    }
    Missing::Unavailable(need, format!("{error:#}"))
}

/// Reads a commit object that is in no repository, as tests and fuzz targets have it.
///
/// # Errors
///
/// Says what is wrong with it, in words that follow "it cannot be read: ".
pub fn parse_commit(raw: &[u8], format: ObjectFormat) -> Result<Commit, &'static str> {
    let kind = format.hash_kind();
    let commit = parse_commit_parts(raw, kind)?
        .to_commit(Oid::from_bytes(kind.null().as_slice()).ok_or("it has no id")?);
    Ok(Commit { id: None, ..commit })
}

/// Reads the bytes of a commit object strictly, without a copy of them.
pub(crate) fn parse_commit_parts(raw: &[u8], format: Kind) -> Result<CommitParts<'_>, &'static str> {
    let mut lines = CommitHeaderCursor { rest: raw };
    let tree = lines.take_header("tree").ok_or("it does not begin with a `tree` line")?;
    let tree = parse_object_id(tree, format).ok_or("its `tree` line does not hold an object id")?;
    let mut parents = Vec::new();
    while let Some(parent) = lines.take_header("parent") {
        parents.push(parse_object_id(parent, format).ok_or("a `parent` line does not hold an object id")?);
    }
    let author = lines.take_header("author").ok_or("the `author` line is not where it has to be")?;
    let author = parse_identity(author).ok_or("its `author` line is malformed")?;
    let committer = lines.take_header("committer").ok_or("the `committer` line is not where it has to be")?;
    let committer = parse_identity(committer).ok_or("its `committer` line is malformed")?;
    let (encoding, message) = read_other_headers(lines.rest)?;
    if memchr::memchr(0, raw).is_some() {
        return Err("it contains a NUL byte");
    }
    Ok(CommitParts { tree, parents, author, committer, encoding, message })
}

/// Passes over the headers after the committer, and returns the encoding and the message.
fn read_other_headers(mut rest: &[u8]) -> Result<(MessageEncoding, &[u8]), &'static str> {
    let mut encoding = MessageEncoding::default();
    let mut may_continue = false;
    let mut encoding_seen = false;
    while !rest.is_empty() {
        let (line, after) = split_line(rest).ok_or("its headers end in the middle of a line")?;
        rest = after;
        if line.is_empty() {
            return Ok((encoding, rest));
        }
        let space = memchr::memchr(b' ', line).ok_or("a header has no value")?;
        match line.get(..space).unwrap_or_default() {
            b"" if may_continue => continue,
            b"" => return Err("a header begins with a space"),
            b"tree" | b"parent" | b"author" | b"committer" => {
                return Err("it has a second `tree`, `parent`, `author` or `committer` line");
            }
            b"encoding" if encoding_seen => return Err("it declares its encoding twice"),
            b"encoding" => {
                encoding_seen = true;
                let name = line.get(space + 1..).unwrap_or_default();
                encoding = MessageEncoding::find_by_name(name)
                    .ok_or("its `encoding` line names an encoding that is unknown or does not keep ASCII")?;
            }
            _ => {}
        }
        may_continue = true;
    }
    Ok((encoding, rest))
}

struct CommitHeaderCursor<'a> {
    rest: &'a [u8],
}

impl<'a> CommitHeaderCursor<'a> {
    /// Returns the value of the next header if it is called `name`.
    fn take_header(&mut self, name: &str) -> Option<&'a [u8]> {
        let (line, after) = split_line(self.rest)?;
        let value = line.strip_prefix(name.as_bytes())?.strip_prefix(b" ")?;
        self.rest = after;
        Some(value)
    }
}

/// What a walk needs to know about a commit.
pub(crate) struct CommitWalkData {
    pub(crate) parents: Vec<ObjectId>,
    /// The id of the root tree.
    pub(crate) tree: ObjectId,
    /// The committer's date, in seconds since 1970 UTC. A claim: it orders, and decides nothing.
    pub(crate) date: i64,
    /// Greater than that of every ancestor; [`CommitWalkData::NO_GENERATION`] outside of the commit-graph.
    pub(crate) generation: u32,
}

impl CommitWalkData {
    /// The generation of commits that are not in the commit-graph. None of those in it can reach
    /// one of these, so it is the greatest.
    pub(crate) const NO_GENERATION: u32 = u32::MAX;
}

/// Reads what a walk needs to know about a commit.
///
/// The date only orders the walk, so one that cannot be read counts as 0; [`parse_commit_parts`] refuses
/// it.
pub(crate) fn parse_walk_data(raw: &[u8], format: Kind) -> Result<CommitWalkData, &'static str> {
    let mut lines = CommitHeaderCursor { rest: raw };
    let tree = lines.take_header("tree").ok_or("its `tree` line is malformed")?;
    let tree = parse_object_id(tree, format).ok_or("its `tree` line is malformed")?;
    let mut parents = Vec::new();
    while let Some(parent) = lines.take_header("parent") {
        parents.push(parse_object_id(parent, format).ok_or("a `parent` line does not hold an object id")?);
    }
    let mut date = 0;
    if lines.take_header("author").is_some()
        && let Some(committer) = lines.take_header("committer")
        && let Some(identity) = parse_identity(committer)
    {
        date = identity.seconds;
    }
    Ok(CommitWalkData { parents, tree, date, generation: CommitWalkData::NO_GENERATION })
}

/// Returns whether bytes begin with all headers that a walk reads, the last one in full.
pub(crate) fn has_walk_headers(raw: &[u8]) -> bool {
    let mut lines = CommitHeaderCursor { rest: raw };
    let has_tree = lines.take_header("tree").is_some();
    while lines.take_header("parent").is_some() {}
    has_tree && lines.take_header("author").is_some() && lines.take_header("committer").is_some()
}

fn parse_object_id(digits: &[u8], format: Kind) -> Option<ObjectId> {
    if digits.len() != format.len_in_hex() || !digits.iter().all(is_lower_hex) {
        return None;
    }
    ObjectId::from_hex(digits).ok()
}

fn is_lower_hex(byte: &u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(byte)
}

/// Returns who made a tag object, as far as it says so; tags of old did not.
///
/// # Errors
///
/// Says what is wrong with it, in words that follow "it cannot be read: ".
pub(crate) fn parse_tagger(raw: &[u8]) -> Result<Option<Person>, &'static str> {
    let end = memchr::memmem::find(raw, b"\n\n").unwrap_or(raw.len());
    let mut tagger = None;
    for line in raw.get(..end).unwrap_or_default().split(|byte| *byte == b'\n') {
        let Some(value) = line.strip_prefix(b"tagger ") else { continue };
        if tagger.is_some() {
            return Err("it has a second `tagger` line");
        }
        let identity = parse_identity(value).ok_or("its `tagger` line is malformed")?;
        tagger = Some(identity.to_person(MessageEncoding::default()));
    }
    Ok(tagger)
}

/// Reads `NAME <EMAIL> SECONDS ZONE`, the value of an `author` or `committer` line.
fn parse_identity(value: &[u8]) -> Option<CommitIdentity<'_>> {
    let open = memchr::memchr2(b'<', b'>', value)?;
    let (name, rest) = (value.get(..open)?, value.get(open..)?.strip_prefix(b"<")?);
    if !name.is_empty() && !name.ends_with(b" ") {
        return None;
    }
    let close = memchr::memchr2(b'<', b'>', rest)?;
    let (email, rest) = (rest.get(..close)?, rest.get(close..)?.strip_prefix(b"> ")?);
    let space = memchr::memchr(b' ', rest)?;
    let (seconds, zone) = (rest.get(..space)?, rest.get(space + 1..)?);
    if seconds.is_empty() || !seconds.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // Zones of odd lengths exist in old histories; nothing is decided by them.
    let (b'+' | b'-', zone) = zone.split_first()? else { return None };
    if zone.is_empty() || !zone.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let seconds = std::str::from_utf8(seconds).ok()?.parse().ok()?;
    Some(CommitIdentity { name, email, seconds })
}

fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b'\n', bytes)?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n";
    const AUTHOR: &str = "author A U Thor <a@x.example> 1700000000 +0100\n";
    const COMMITTER: &str = "committer C <c@x.example> 1700000001 -0030\n";

    fn read(text: &str) -> Result<Commit, &'static str> {
        let id = Oid::from_bytes(&[1; 20]).unwrap();
        parse_commit_parts(text.as_bytes(), Kind::Sha1).map(|parts| parts.to_commit(id))
    }

    #[test]
    fn a_plain_commit_is_read() {
        let commit = read(&format!("{TREE}{AUTHOR}{COMMITTER}gpgsig a\n b\n\nsubject\n\nbody\n")).unwrap();
        assert_eq!(commit.author.name, Text::from("A U Thor"));
        assert_eq!(commit.author.email, Text::from("a@x.example"));
        assert_eq!((commit.authored_at, commit.committed_at), (1_700_000_000, 1_700_000_001));
        assert_eq!(commit.message.raw(), &Text::from("subject\n\nbody\n"));
        assert!(commit.paths.is_err());
        assert!(read(&format!("{TREE}{AUTHOR}{COMMITTER}")).is_ok());
        assert!(read(&format!("{TREE}author <a@x> 0 +0000\n{COMMITTER}\n")).is_ok());
    }

    #[test]
    fn what_readers_could_read_differently_is_refused() {
        for text in [
            String::new(),
            format!("{AUTHOR}{COMMITTER}\n"),
            format!("{TREE}{AUTHOR}{AUTHOR}{COMMITTER}\n"),
            format!("{TREE}{AUTHOR}\n"),
            format!("{TREE}{AUTHOR}{COMMITTER}{AUTHOR}\n"),
            format!("{TREE}{AUTHOR}{COMMITTER}parent 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n\n"),
            format!("{TREE}parent 4b825dc\n{AUTHOR}{COMMITTER}\n"),
            format!("{}\n{AUTHOR}{COMMITTER}\n", TREE.to_uppercase()),
            format!("{TREE}author A <a@x> -1 +0000\n{COMMITTER}\n"),
            format!("{TREE}author A <a@x> 99999999999999999999 +0000\n{COMMITTER}\n"),
            format!("{TREE}author A <a@x>1 +0000\n{COMMITTER}\n"),
            format!("{TREE}author A<a@x> 1 +0000\n{COMMITTER}\n"),
            format!("{TREE}author A <a@x> <b@x> 1 +0000\n{COMMITTER}\n"),
            format!("{TREE}author A <a@x> 1\n{COMMITTER}\n"),
            format!("{TREE}author A\0B <a@x> 1 +0000\n{COMMITTER}\n"),
            format!("{TREE}{AUTHOR}{COMMITTER}\nsubject\0Reviewed-by: x\n"),
            format!("{TREE}{AUTHOR}{COMMITTER} continued\n\n"),
            format!("{TREE}{AUTHOR}{COMMITTER}gpgsig\n\n"),
            format!("{TREE}{AUTHOR}{COMMITTER}encoding UTF-8\nencoding UTF-8\n\n"),
            format!("{TREE}{AUTHOR}{COMMITTER}encoding UTF-16LE\n\n"),
            format!("{TREE}{AUTHOR}{COMMITTER}encoding \n\n"),
            format!("{TREE}{AUTHOR}{COMMITTER}gpgsig a"),
        ] {
            assert!(read(&text).is_err(), "{text:?}");
        }
    }
}
