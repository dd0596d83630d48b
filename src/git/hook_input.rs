//! Parses the input of git hooks: one line for each ref that a push updates.
//!
//! The lines come from git itself. Anything unexpected means that the hook runs in a situation it was
//! not written for, so one malformed line refuses all of them.

use std::fmt;

use crate::change::{Oid, Text};

/// One line of the input of `pre-receive` and `post-receive`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefUpdate {
    /// What the ref holds before the push; all zeroes if it is created. A claim of the client.
    pub old: Oid,
    /// What the ref holds after the push; all zeroes if it is deleted.
    pub new: Oid,
    /// The full name of the ref.
    pub name: Text,
}

/// One line of the input of `pre-push`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedRef {
    /// What the user named on their side; `(delete)` for a deletion.
    pub local_name: Text,
    /// The object that is pushed; all zeroes for a deletion.
    pub local_id: Oid,
    /// The full name of the ref on the other side.
    pub remote_name: Text,
    /// What that ref holds now, as far as this side knows; all zeroes if it does not exist.
    pub remote_id: Oid,
}

/// A line that is not as git writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MalformedHookLine {
    /// The number of the line, counted from 1.
    pub line: usize,
    /// What is wrong, in words that follow "line 1 of the hook's input ".
    pub reason: &'static str,
}

impl fmt::Display for MalformedHookLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} of the hook's input {}", self.line, self.reason)
    }
}

impl std::error::Error for MalformedHookLine {}

/// No push may name more refs than this.
const MAX_HOOK_LINES: usize = 10_000;

/// Reads the input of `pre-receive`: lines of `OLD SP NEW SP NAME LF`. None at all means that
/// nothing is updated.
///
/// # Errors
///
/// Names the first line that is not exactly of that form, that has ids of another length than the
/// lines before, or that is one too many (there may be 10,000).
pub fn parse_pre_receive(input: &[u8]) -> Result<Vec<RefUpdate>, MalformedHookLine> {
    let mut ids = ObjectIdParser::default();
    parse_lines(input, |line| parse_update(line, &mut ids))
}

fn parse_update(line: &[u8], ids: &mut ObjectIdParser) -> Result<RefUpdate, &'static str> {
    let (old, rest) = split_first_word(line)?;
    let (new, name) = split_first_word(rest)?;
    Ok(RefUpdate { old: ids.parse_id(old)?, new: ids.parse_id(new)?, name: parse_ref_name(name)? })
}

/// Reads the input of `pre-push`: lines of `LOCAL-NAME SP ID SP REMOTE-NAME SP ID LF`. None at all
/// means that nothing is pushed.
///
/// # Errors
///
/// As [`parse_pre_receive`].
pub fn parse_pre_push(input: &[u8]) -> Result<Vec<PushedRef>, MalformedHookLine> {
    let mut ids = ObjectIdParser::default();
    parse_lines(input, |line| parse_pushed_ref(line, &mut ids))
}

fn parse_pushed_ref(line: &[u8], ids: &mut ObjectIdParser) -> Result<PushedRef, &'static str> {
    // What the user typed comes first and may hold spaces, as in `HEAD@{1 day ago}`.
    let (rest, remote) = split_last_word(line)?;
    let (rest, remote_name) = split_last_word(rest)?;
    let (local_name, local) = split_last_word(rest)?;
    if local_name.is_empty() {
        return Err("names nothing on this side");
    }
    Ok(PushedRef {
        local_name: Text::from(local_name),
        local_id: ids.parse_id(local)?,
        remote_name: parse_ref_name(remote_name)?,
        remote_id: ids.parse_id(remote)?,
    })
}

fn parse_lines<T>(
    input: &[u8],
    mut parse: impl FnMut(&[u8]) -> Result<T, &'static str>,
) -> Result<Vec<T>, MalformedHookLine> {
    let mut parsed = Vec::new();
    let mut rest = input;
    while !rest.is_empty() {
        let line = parsed.len() + 1;
        if line > MAX_HOOK_LINES {
            return Err(MalformedHookLine { line, reason: "is one too many" });
        }
        match take_line(&mut rest).and_then(&mut parse) {
            Ok(value) => parsed.push(value),
            Err(reason) => return Err(MalformedHookLine { line, reason }),
        }
    }
    Ok(parsed)
}

/// Takes the first line off `rest`, without its line feed.
fn take_line<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], &'static str> {
    let end = memchr::memchr(b'\n', rest).ok_or("does not end with a newline")?;
    let line = rest.get(..end).unwrap_or_default();
    *rest = rest.get(end + 1..).unwrap_or_default();
    if line.iter().any(u8::is_ascii_control) {
        return Err("contains a control character");
    }
    Ok(line)
}

/// Reads ids, all of which have to be of one length.
#[derive(Default)]
struct ObjectIdParser {
    digit_count: Option<usize>,
}

impl ObjectIdParser {
    fn parse_id(&mut self, digits: &[u8]) -> Result<Oid, &'static str> {
        if *self.digit_count.get_or_insert(digits.len()) != digits.len() {
            return Err("has object ids of different lengths");
        }
        // Ids are compared as bytes elsewhere, so the upper case that hexadecimal digits may have is refused.
        if digits.iter().any(u8::is_ascii_uppercase) {
            return Err("has a malformed object id");
        }
        std::str::from_utf8(digits).ok().and_then(Oid::from_hex).ok_or("has a malformed object id")
    }
}

fn parse_ref_name(name: &[u8]) -> Result<Text, &'static str> {
    if name.is_empty() || name.contains(&b' ') {
        return Err("has a malformed ref name");
    }
    Ok(Text::from(name))
}

fn split_first_word(line: &[u8]) -> Result<(&[u8], &[u8]), &'static str> {
    split_around(line, memchr::memchr(b' ', line))
}

fn split_last_word(line: &[u8]) -> Result<(&[u8], &[u8]), &'static str> {
    split_around(line, memchr::memrchr(b' ', line))
}

/// Splits a line at the space at `place`, which is in neither part.
fn split_around(line: &[u8], place: Option<usize>) -> Result<(&[u8], &[u8]), &'static str> {
    let place = place.ok_or("has too few parts")?;
    let (before, after) = line.split_at_checked(place).ok_or("has too few parts")?;
    Ok((before, after.get(1..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "1111111111111111111111111111111111111111";
    const Z: &str = "0000000000000000000000000000000000000000";

    #[test]
    fn lines_as_git_writes_them_are_read() {
        assert_eq!(parse_pre_receive(b""), Ok(vec![]));
        let input = format!("{Z} {A} refs/heads/main\n{A} {Z} refs/tags/v\u{e9}\n");
        let updates = parse_pre_receive(input.as_bytes()).unwrap();
        assert_eq!(updates.len(), 2);
        assert!(updates[0].old.is_null() && updates[1].new.is_null());
        assert_eq!(updates[1].name, Text::from("refs/tags/v\u{e9}"));
        let wide = "2".repeat(64);
        assert!(parse_pre_receive(format!("{wide} {wide} refs/heads/main\n").as_bytes()).is_ok());
    }

    #[test]
    fn anything_else_is_refused_with_its_line() {
        let good = format!("{Z} {A} refs/heads/main\n");
        let wide = "2".repeat(64);
        for bad in [
            format!("{Z} {A} refs/heads/main"),
            format!("{Z} {A}\n"),
            format!("{Z} {A} \n"),
            format!("{Z}  {A} refs/heads/main\n"),
            format!(" {Z} {A} refs/heads/main\n"),
            format!("{Z} {A} refs/heads/main \n"),
            format!("{Z} {A} refs/heads/ma in\n"),
            format!("{Z} {A} refs/heads/main\r\n"),
            format!("{Z} {A} refs/heads/ma\0in\n"),
            format!("{Z}\t{A} refs/heads/main\n"),
            format!("{Z} {} refs/heads/main\n", A.replace('1', "A")),
            format!("{Z} {} refs/heads/main\n", "1".repeat(39)),
            format!("{wide} {wide} refs/heads/main\n"),
            "\n".to_owned(),
        ] {
            let input = format!("{good}{bad}");
            let error = parse_pre_receive(input.as_bytes()).unwrap_err();
            assert_eq!(error.line, 2, "{bad:?}: {error}");
        }
        assert_eq!(
            parse_pre_receive(good.repeat(MAX_HOOK_LINES + 1).as_bytes()).unwrap_err().line,
            MAX_HOOK_LINES + 1
        );
        assert!(parse_pre_receive(good.repeat(MAX_HOOK_LINES).as_bytes()).is_ok());
    }

    #[test]
    fn a_developer_may_push_an_expression() {
        let input = format!("HEAD@{{1 day ago}} {A} refs/heads/main {Z}\n(delete) {Z} refs/heads/old {A}\n");
        let pushed = parse_pre_push(input.as_bytes()).unwrap();
        assert_eq!(pushed[0].local_name, Text::from("HEAD@{1 day ago}"));
        assert_eq!(pushed[1].remote_name, Text::from("refs/heads/old"));
        assert!(parse_pre_push(format!("x {A} refs/heads/main\n").as_bytes()).is_err());
        assert!(parse_pre_push(format!(" {A} refs/heads/main {Z}\n").as_bytes()).is_err());
    }
}
