//! Splits a commit object into what was signed and the signature over it.
//!
//! The split is git's own (`parse_buffer_signed_by_header` in its `commit.c`): a verifier that splits
//! elsewhere verifies other bytes than git does. Git is lenient with headers that it drops from the
//! payload; this is not. What is dropped is not signed, so only the two headers that git itself writes
//! are dropped. Nothing is verified here.

use std::fmt;

use gix::hash::Kind;

/// The hash by which a repository names its objects, which decides where a signature is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectFormat {
    /// Ids of 20 bytes; commits carry `gpgsig`.
    Sha1,
    /// Ids of 32 bytes; commits carry `gpgsig-sha256`.
    Sha256,
}

/// What was signed of a commit, and the signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedPayload {
    /// The bytes that were signed: the commit object without its signature headers.
    pub payload: Vec<u8>,
    /// The signature as it was written, in its armor.
    pub armor: Vec<u8>,
}

/// Why a commit object cannot be split, or could be split in two ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MalformedSignedCommit {
    /// The object does not begin as a commit does.
    NotACommit,
    /// One of the signature headers is there more than once.
    SeveralSignatures,
    /// A header begins with `gpgsig` and is neither of the two that git knows.
    UnknownSignatureHeader,
    /// The signature is longer than 16 KiB.
    TooLong,
}

/// The longest signature that is verified, in bytes; RSA with 4096 bits takes about 1 KiB.
pub(crate) const MAX_ARMOR_BYTES: usize = 16 * 1024;

impl fmt::Display for MalformedSignedCommit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MalformedSignedCommit::NotACommit => f.write_str("the object does not begin as a commit does"),
            MalformedSignedCommit::SeveralSignatures => f.write_str("the commit has more than one signature"),
            MalformedSignedCommit::UnknownSignatureHeader => {
                f.write_str("the commit has a header that begins with `gpgsig` and that git does not write")
            }
            MalformedSignedCommit::TooLong => {
                write!(f, "the signature is longer than {MAX_ARMOR_BYTES} bytes")
            }
        }
    }
}

/// Splits `raw_commit`, a commit object without its `commit SIZE` prefix.
///
/// Returns `None` if it has no signature for its `format`. A signature for the other format is
/// dropped from the payload, as git does, and is otherwise ignored. Text in the message is never a
/// signature.
///
/// # Errors
///
/// Refuses a commit that git reads in a way that can be abused: see [`MalformedSignedCommit`].
pub fn split_signature(
    raw_commit: &[u8],
    format: ObjectFormat,
) -> Result<Option<SignedPayload>, MalformedSignedCommit> {
    if !raw_commit.starts_with(b"tree ") {
        return Err(MalformedSignedCommit::NotACommit);
    }
    let mut payload = Vec::with_capacity(raw_commit.len());
    let mut ours = None;
    let mut other = None;
    // A line that begins with a space continues the header before it.
    let mut within = SignatureHeader::Covered;
    let mut rest = raw_commit;
    while !rest.is_empty() && !rest.starts_with(b"\n") {
        let line;
        (line, rest) = split_after_line(rest);
        if let Some(continued) = line.strip_prefix(b" ") {
            match within {
                SignatureHeader::Covered => payload.extend_from_slice(line),
                SignatureHeader::Ours => append_armor(&mut ours, continued)?,
                SignatureHeader::OtherFormat => append_armor(&mut other, continued)?,
            }
            continue;
        }
        within = SignatureHeader::classify_line(line, format)?;
        let (found, value) = match within {
            SignatureHeader::Covered => {
                payload.extend_from_slice(line);
                continue;
            }
            SignatureHeader::Ours => (&mut ours, line.strip_prefix(format.signature_header().as_bytes())),
            SignatureHeader::OtherFormat => {
                (&mut other, line.strip_prefix(format.other_format().signature_header().as_bytes()))
            }
        };
        if found.is_some() {
            return Err(MalformedSignedCommit::SeveralSignatures);
        }
        append_armor(found, value.unwrap_or_default())?;
    }
    payload.extend_from_slice(rest);
    Ok(ours.map(|armor| SignedPayload { payload, armor }))
}

/// Returns the address of the committer in a commit object, as it was written.
pub(crate) fn find_committer_address(payload: &[u8]) -> Option<&[u8]> {
    let mut rest = payload;
    while !rest.is_empty() && !rest.starts_with(b"\n") {
        let line;
        (line, rest) = split_after_line(rest);
        let Some(person) = line.strip_prefix(b"committer ") else { continue };
        let end = memchr::memrchr(b'>', person)?;
        let start = memchr::memrchr(b'<', person.get(..end)?)?;
        return person.get(start + 1..end);
    }
    None
}

impl ObjectFormat {
    /// Converts the library's name of a hash into ours.
    pub(crate) fn from_hash_kind(kind: Kind) -> ObjectFormat {
        match kind {
            Kind::Sha256 => ObjectFormat::Sha256,
            _ => ObjectFormat::Sha1,
        }
    }

    /// Returns the library's name of the hash.
    pub(crate) fn hash_kind(self) -> Kind {
        match self {
            ObjectFormat::Sha1 => Kind::Sha1,
            ObjectFormat::Sha256 => Kind::Sha256,
        }
    }

    /// Returns the name of the header, with the space that ends it.
    fn signature_header(self) -> &'static str {
        match self {
            ObjectFormat::Sha1 => "gpgsig ",
            ObjectFormat::Sha256 => "gpgsig-sha256 ",
        }
    }

    fn other_format(self) -> Self {
        match self {
            ObjectFormat::Sha1 => ObjectFormat::Sha256,
            ObjectFormat::Sha256 => ObjectFormat::Sha1,
        }
    }
}

/// The part of a commit that a header line belongs to.
#[derive(Clone, Copy)]
enum SignatureHeader {
    Covered,
    Ours,
    OtherFormat,
}

impl SignatureHeader {
    fn classify_line(line: &[u8], format: ObjectFormat) -> Result<Self, MalformedSignedCommit> {
        if !line.starts_with(b"gpgsig") {
            Ok(SignatureHeader::Covered)
        } else if line.starts_with(format.signature_header().as_bytes()) {
            Ok(SignatureHeader::Ours)
        } else if line.starts_with(format.other_format().signature_header().as_bytes()) {
            Ok(SignatureHeader::OtherFormat)
        } else {
            Err(MalformedSignedCommit::UnknownSignatureHeader)
        }
    }
}

fn append_armor(armor: &mut Option<Vec<u8>>, text: &[u8]) -> Result<(), MalformedSignedCommit> {
    let armor = armor.get_or_insert_default();
    armor.extend_from_slice(text);
    if armor.len() > MAX_ARMOR_BYTES { Err(MalformedSignedCommit::TooLong) } else { Ok(()) }
}

/// Splits after the first line feed, which stays with the line.
fn split_after_line(text: &[u8]) -> (&[u8], &[u8]) {
    let end = match memchr::memchr(b'\n', text) {
        Some(place) => place + 1,
        None => text.len(),
    };
    text.split_at_checked(end).unwrap_or((text, &[]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "tree 1\nauthor A <a@x> 0 +0000\ncommitter B <b@x> 0 +0000\n";

    fn cut(extra: &str, message: &str) -> Result<Option<(String, String)>, MalformedSignedCommit> {
        let raw = format!("{HEAD}{extra}\n{message}");
        split_signature(raw.as_bytes(), ObjectFormat::Sha1).map(|signed| {
            signed.map(|signed| {
                (String::from_utf8(signed.payload).unwrap(), String::from_utf8(signed.armor).unwrap())
            })
        })
    }

    #[test]
    fn the_header_is_taken_out_and_its_lines_are_joined() {
        let (payload, armor) = cut("gpgsig a\n b\n \n c\nencoding x\n", "m\n").unwrap().unwrap();
        assert_eq!(payload, format!("{HEAD}encoding x\n\nm\n"));
        assert_eq!(armor, "a\nb\n\nc\n");
    }

    #[test]
    fn text_in_the_message_and_in_other_headers_is_no_signature() {
        assert_eq!(cut("", "gpgsig a\n b\n"), Ok(None));
        assert_eq!(cut("mergetag object 1\n gpgsig a\n", "m\n"), Ok(None));
        let (payload, armor) =
            cut("mergetag object 1\n gpgsig a\ngpgsig b\n", "gpgsig c\n").unwrap().unwrap();
        assert_eq!(payload, format!("{HEAD}mergetag object 1\n gpgsig a\n\ngpgsig c\n"));
        assert_eq!(armor, "b\n");
    }

    #[test]
    fn a_signature_for_the_other_format_is_neither_signed_nor_ours() {
        let extra = "gpgsig a\n b\ngpgsig-sha256 c\n d\n";
        let (payload, armor) = cut(extra, "m\n").unwrap().unwrap();
        assert_eq!((payload, armor), (format!("{HEAD}\nm\n"), "a\nb\n".to_owned()));
        let raw = format!("{HEAD}{extra}\nm\n");
        let signed = split_signature(raw.as_bytes(), ObjectFormat::Sha256).unwrap().unwrap();
        assert_eq!(signed.armor, b"c\nd\n");
        assert_eq!(cut("gpgsig-sha256 c\n", "m\n"), Ok(None));
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        assert_eq!(cut("gpgsig a\ngpgsig b\n", ""), Err(MalformedSignedCommit::SeveralSignatures));
        assert_eq!(
            cut("gpgsig-sha256 a\ngpgsig b\ngpgsig-sha256 c\n", ""),
            Err(MalformedSignedCommit::SeveralSignatures)
        );
        for name in ["gpgsig", "gpgsigs a", "gpgsig-sha512 a", "gpgsig\ta"] {
            assert_eq!(
                cut(&format!("{name}\n"), ""),
                Err(MalformedSignedCommit::UnknownSignatureHeader),
                "{name}"
            );
        }
        let long = format!("gpgsig {}\n", "a".repeat(MAX_ARMOR_BYTES));
        assert_eq!(cut(&long, ""), Err(MalformedSignedCommit::TooLong));
        assert_eq!(
            split_signature(b"object 1\ntype commit\n", ObjectFormat::Sha1),
            Err(MalformedSignedCommit::NotACommit)
        );
    }

    #[test]
    fn the_committer_is_read_from_the_headers_alone() {
        assert_eq!(find_committer_address(HEAD.as_bytes()), Some(&b"b@x"[..]));
        assert_eq!(find_committer_address(b"tree 1\n\ncommitter B <b@x> 0 +0000\n"), None);
        assert_eq!(find_committer_address(b"tree 1\ncommitter B b@x> 0\n"), None);
    }
}
