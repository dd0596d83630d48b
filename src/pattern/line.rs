//! Regular expressions that are searched within a line.

use std::fmt;
use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};

use crate::pattern::fit::can_match_in_line;
use crate::pattern::value::{MAX_COMPILED_BYTES, ValuePattern, parse_regex};

/// A regular expression that is searched within one line of bytes; its classes are ASCII.
///
/// Unlike a [`ValuePattern`] it need not match the whole line; `^` and `$` are the ends of the line. Searching takes
/// time linear in the line. It is compiled when it is first used.
#[derive(Clone)]
pub struct LinePattern {
    written: String,
    compiled: OnceLock<Option<Regex>>,
}

impl LinePattern {
    /// Parses a regular expression, without compiling it.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the syntax, in one line; a pattern that is in every line is a mistake.
    pub fn new(written: &str) -> Result<Self, String> {
        ValuePattern::new(written)?;
        let parsed = parse_regex(written)?;
        let properties = parsed.properties();
        if properties.minimum_len() == Some(0) && properties.look_set().is_empty() {
            return Err("this is in every line; expected a pattern such as `0\\.0\\.0\\.0/0`".into());
        }
        Ok(LinePattern { written: written.into(), compiled: OnceLock::new() })
    }

    /// Returns false if no line can have a part that matches.
    pub(crate) fn can_be_in_line(&self) -> bool {
        parse_regex(&self.written).map_or(true, |parsed| can_match_in_line(&parsed))
    }

    /// Returns true if a part of the line matches.
    pub(crate) fn is_in_line(&self, line: &[u8]) -> bool {
        let compiled = self.compiled.get_or_init(|| {
            let printed = parse_regex(&self.written).ok()?.to_string();
            RegexBuilder::new(&printed).size_limit(MAX_COMPILED_BYTES).build().ok()
        });
        // What cannot be compiled was refused when it was read.
        compiled.as_ref().is_none_or(|compiled| compiled.is_match(line))
    }
}

impl fmt::Debug for LinePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.written)
    }
}

impl fmt::Display for LinePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl PartialEq for LinePattern {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_line_is_enough() {
        for (pattern, line, is_in) in [
            ("0\\.0\\.0\\.0/0", &b"allow 0.0.0.0/0;"[..], true),
            ("^permissions: *write-all$", b"permissions: write-all", true),
            ("^permissions: *write-all$", b"  permissions: write-all", false),
            ("(?i)todo", b"// TODO", true),
            ("^$", b"", true),
            ("^$", b"x", false),
            ("a", b"\xff\xfea\x00", true),
            ("\\xff", b"\xff", true),
            (".", b"\xff", true),
        ] {
            assert_eq!(LinePattern::new(pattern).unwrap().is_in_line(line), is_in, "{pattern}");
        }
        for (pattern, can_be) in [
            ("a$b", false),
            ("[a&&b]", false),
            ("x\\ny", false),
            ("^$", true),
            ("a$", true),
            ("x^a", false),
            ("\\ba", true),
            ("\\x1b", true),
        ] {
            assert_eq!(LinePattern::new(pattern).unwrap().can_be_in_line(), can_be, "{pattern}");
        }
        for pattern in ["", "a*", "(", "a?|b", "(a{1000}){1000}"] {
            assert!(LinePattern::new(pattern).is_err(), "{pattern}");
        }
    }
}
