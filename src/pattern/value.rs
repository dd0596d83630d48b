//! Regular expressions over whole values, with bounds for the pattern and for the value.

use std::fmt;
use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::hir::literal::Extractor;
use regex_syntax::hir::{Class, Hir, HirKind, Look};

use crate::pattern::fit::can_match_value;

/// How many bytes a regular expression may have.
const MAX_EXPRESSION_BYTES: usize = 1024;

/// How many bytes the compiled form of a regular expression may take.
pub(super) const MAX_COMPILED_BYTES: usize = 1 << 20;

/// How many steps a regular expression may have once its repetitions are written out. A pattern within it
/// compiles within [`MAX_COMPILED_BYTES`].
const MAX_PATTERN_STEPS: u64 = 10_000;

/// How many bytes a value may have that a regular expression is matched with. Matching takes time in
/// proportion to the value and to the pattern, and a pusher chooses the value.
pub(crate) const MAX_MATCHED_BYTES: usize = 4096;

/// The regular expressions of the shipped packs, each with its example. `tests/generated.rs` checks that they
/// are those of the packs, so that a hook, which reads a pack at every start, need not check them.
pub const SHIPPED_PATTERNS: [(&str, &str); 8] = [
    ("[A-Z][A-Z0-9_]*-[0-9]+|([A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+)?#[0-9]+|https://[!-~]+", "PAY-412"),
    ("STD-[A-Z0-9-]+", "STD-DEPS-PATCH"),
    ("[A-Z][A-Z0-9_]*-[0-9]+|#[0-9]+|https://[!-~]+", "INC-2031"),
    ("CVE-[0-9]{4}-[0-9]{4,}", "CVE-2026-12345"),
    ("[A-Z][A-Z0-9_]*-[0-9]+|([A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+)?#[0-9]+|https://[!-~]+", "SEC-78"),
    ("[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2}))?", "2026-12-31"),
    ("[0-9a-fA-F]{12,64}|ledger:[0-9]{1,19}", "4e5f60718293"),
    ("(sha256:)?[0-9a-f]{64}", "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"),
];

/// How deep groups may nest in a regular expression.
const MAX_GROUP_DEPTH: u32 = 50;

/// A regular expression that must match the whole of a value; its classes are ASCII.
///
/// The syntax is that of the `regex` crate: no look-around and no back-references, so matching takes
/// time linear in the value. The syntax is checked when the pattern is read; compiling, which takes
/// longer, waits until the pattern is first used.
#[derive(Clone)]
pub struct ValuePattern {
    written: String,
    compiled: OnceLock<Option<Regex>>,
}

impl ValuePattern {
    /// Parses a regular expression for values, without compiling it.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the syntax, in one line.
    pub fn new(written: &str) -> Result<Self, String> {
        if written.len() > MAX_EXPRESSION_BYTES {
            return Err(format!("a pattern has at most {MAX_EXPRESSION_BYTES} bytes"));
        }
        let pattern = ValuePattern { written: written.into(), compiled: OnceLock::new() };
        if SHIPPED_PATTERNS.iter().any(|(shipped, _)| *shipped == written) {
            return Ok(pattern);
        }
        match parse_regex(written) {
            Ok(parsed) if count_steps(&parsed) > MAX_PATTERN_STEPS => {
                Err("this pattern is too large once its repetitions are written out".into())
            }
            Ok(_) => Ok(pattern),
            Err(why) => Err(why),
        }
    }

    /// Returns true if a shipped pack has this pattern with this example, so that it is known to match.
    pub(crate) fn has_shipped_example(&self, example: &str) -> bool {
        SHIPPED_PATTERNS.contains(&(self.written.as_str(), example))
    }

    /// Returns whether the whole of `value` matches, or `None` if it is longer than 4,096 bytes.
    pub(crate) fn matches_value(&self, value: &[u8]) -> Option<bool> {
        if value.len() > MAX_MATCHED_BYTES {
            return None;
        }
        Some(self.compiled_regex()?.is_match(value))
    }

    /// Returns false if no value can match: it is one line, without control characters.
    pub(crate) fn can_match_value(&self) -> bool {
        parse_regex(&self.written).map_or(true, |parsed| can_match_value(&parsed))
    }

    /// Returns how many characters every value has at least that matches.
    pub(crate) fn min_characters(&self) -> u64 {
        parse_regex(&self.written).map_or(0, |parsed| count_min_quarters(&parsed).div_ceil(4))
    }

    /// Returns false if no value that matches has a letter or a digit.
    pub(crate) fn can_match_letters(&self) -> bool {
        parse_regex(&self.written).map_or(true, |parsed| can_hold_letters(&parsed))
    }

    /// Returns texts of which every value that matches begins with one; `None` if there are too many to tell.
    pub(crate) fn list_starts(&self) -> Option<Vec<Vec<u8>>> {
        let parsed = parse_regex(&self.written).ok()?;
        let mut starts = Vec::new();
        for literal in Extractor::new().extract(&parsed).literals()? {
            starts.push(literal.as_bytes().to_vec());
        }
        Some(starts)
    }

    fn compiled_regex(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| self.compile_anchored()).as_ref()
    }

    /// Compiles the pattern between `\A` and `\z`; `None` if it is too large.
    ///
    /// The anchors are put around the parsed form, which is then printed again. Around the text as it
    /// was written they could be taken for a part of it: `(?x)a # note` would hide the second one.
    fn compile_anchored(&self) -> Option<Regex> {
        let parsed = parse_regex(&self.written).ok()?;
        let anchored = [Hir::look(Look::Start), parsed, Hir::look(Look::End)];
        let printed = Hir::concat(anchored.into()).to_string();
        RegexBuilder::new(&printed).size_limit(MAX_COMPILED_BYTES).build().ok()
    }
}

pub(super) fn parse_regex(written: &str) -> Result<Hir, String> {
    let mut parser = regex_syntax::ParserBuilder::new();
    parser.utf8(false).unicode(false).nest_limit(MAX_GROUP_DEPTH);
    parser.build().parse(written).map_err(|error| {
        let what = match error {
            regex_syntax::Error::Parse(error) => error.kind().to_string(),
            regex_syntax::Error::Translate(error) => error.kind().to_string(),
            _ => "this cannot be read".into(),
        };
        format!("{what}; expected a regular expression such as `[A-Z]+-[0-9]+`")
    })
}

/// Returns true unless no match has a letter or a digit; a byte beyond ASCII may be a part of one.
fn can_hold_letters(pattern: &Hir) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || !byte.is_ascii();
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(_) => false,
        HirKind::Literal(literal) => literal.0.iter().any(|byte| is_part(*byte)),
        HirKind::Class(Class::Bytes(class)) => {
            class.ranges().iter().any(|range| (range.start()..=range.end()).any(is_part))
        }
        HirKind::Class(Class::Unicode(_)) => true,
        HirKind::Repetition(repetition) => repetition.max != Some(0) && can_hold_letters(&repetition.sub),
        HirKind::Capture(capture) => can_hold_letters(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(can_hold_letters),
    }
}

/// Returns how many quarters of characters a match has at least: a character of UTF-8 has up to four bytes.
fn count_min_quarters(pattern: &Hir) -> u64 {
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(_) => 0,
        HirKind::Literal(literal) => {
            // A byte in the middle of a character is none by itself.
            4 * literal.0.iter().filter(|byte| **byte & 0xc0 != 0x80).count() as u64
        }
        HirKind::Class(Class::Bytes(class)) if !class.is_ascii() => 1,
        HirKind::Class(_) => 4,
        HirKind::Repetition(repetition) => {
            u64::from(repetition.min).saturating_mul(count_min_quarters(&repetition.sub))
        }
        HirKind::Capture(capture) => count_min_quarters(&capture.sub),
        HirKind::Concat(parts) => {
            parts.iter().fold(0, |sum: u64, part| sum.saturating_add(count_min_quarters(part)))
        }
        HirKind::Alternation(parts) => parts.iter().map(count_min_quarters).min().unwrap_or(0),
    }
}

/// Returns how many steps a pattern has once its repetitions are written out, without writing them out.
fn count_steps(pattern: &Hir) -> u64 {
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Class(Class::Bytes(class)) => class.ranges().len() as u64,
        HirKind::Class(Class::Unicode(class)) => 4 * class.ranges().len() as u64,
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min.saturating_add(1));
            u64::from(times).saturating_mul(count_steps(&repetition.sub).saturating_add(1))
        }
        HirKind::Capture(capture) => count_steps(&capture.sub).saturating_add(2),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            let mut steps: u64 = 1;
            for part in parts {
                steps = steps.saturating_add(count_steps(part));
            }
            steps
        }
    }
}

impl fmt::Debug for ValuePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.written)
    }
}

impl fmt::Display for ValuePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl PartialEq for ValuePattern {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_match_as_a_whole_and_in_ascii() {
        let value =
            |pattern: &str, value: &str| ValuePattern::new(pattern).unwrap().matches_value(value.as_bytes());
        assert_eq!(value("[A-Z]+-[0-9]+|#[0-9]+", "PAY-412"), Some(true));
        assert_eq!(value("[A-Z]+-[0-9]+|#[0-9]+", "see PAY-412"), Some(false));
        assert_eq!(value("[A-Z]+-[0-9]+|#[0-9]+", "PAY-412\nx"), Some(false));
        assert_eq!(value(r"\d+", "\u{664}\u{662}"), Some(false));
        assert_eq!(value(r"\w+", "Grün"), Some(false));
        assert_eq!(value("(?i)pay-[0-9]", "PAY-4"), Some(true));
        assert_eq!(value("(?x) a b # a note", "ab"), Some(true));
        assert_eq!(value("(?x) a b # a note", "abc"), Some(false));
        assert_eq!(value("a|ab", "ab"), Some(true));
        assert_eq!(value("", ""), Some(true));
        assert_eq!(value("", "a"), Some(false));
        assert_eq!(value("(?m)^a$", "b\na"), Some(false));
        assert_eq!(value("[^a]", "\n"), Some(true));
        assert_eq!(value("(?s).", "\n"), Some(true));
        assert_eq!(ValuePattern::new(r"(?s)\xff.").unwrap().matches_value(b"\xff\xfe"), Some(true));
        assert_eq!(value("(a|(b|c){2,3})*[[:alpha:]]?", "aabcbx"), Some(true));
        assert!(ValuePattern::new("(").is_err());
        assert!(ValuePattern::new("a)(b").is_err());
        assert!(ValuePattern::new("(?=x)").is_err());
        assert!(ValuePattern::new("(a{1000}){1000}").is_err());
        assert!(ValuePattern::new("((a?){1000}){1000}").is_err());
        assert_eq!(value("a*", &"a".repeat(MAX_MATCHED_BYTES)), Some(true));
        assert_eq!(value("a*", &"a".repeat(MAX_MATCHED_BYTES + 1)), None);
    }

    #[test]
    fn what_can_match_a_value_is_told_from_what_cannot() {
        for never in [
            "a$b",
            "a^b",
            "[a&&b]",
            "x[a&&b]+",
            "a\\nb",
            "(a|\\n)$x",
            "a\\bb",
            "\\Ba",
            "a\\b{start}",
            "(?m)a$\\nb",
            "[[:cntrl:]&&[^\\t]]",
            "\\x00",
            "a{2}$a",
            "(?x) a $ b # note",
            "([a&&b]|c$d)e?",
        ] {
            assert!(!ValuePattern::new(never).unwrap().can_match_value(), "{never}");
        }
        for (sometimes, value) in [
            ("a$", "a"),
            ("^a", "a"),
            ("", ""),
            ("a|b$c", "a"),
            ("[a&&b]*x", "x"),
            ("(a\\n)?b", "b"),
            ("a\\b-", "a-"),
            ("a\\Bb", "ab"),
            ("[^a]", "\t"),
            (".*", "x"),
            ("\\xff", "\u{ff}"),
            ("(?u)[\u{e4}-\u{f6}]+", "\u{e4}"),
            ("a{0}b$", "b"),
            ("(x$)?y", "y"),
            ("\\b{start-half}ab\\b{end-half}", "ab"),
            ("(?m)^a$", "a"),
            ("a{2,5}", "aaa"),
        ] {
            let pattern = ValuePattern::new(sometimes).unwrap();
            assert!(pattern.can_match_value(), "{sometimes}");
            // A byte of a character is none by itself.
            assert!(
                pattern.matches_value(value.as_bytes()) == Some(true) || sometimes == "\\xff",
                "{sometimes}"
            );
        }
        for (shipped, _) in SHIPPED_PATTERNS {
            assert!(ValuePattern::new(shipped).unwrap().can_match_value(), "{shipped}");
        }
    }

    proptest! {
        #[test]
        fn what_matches_a_line_is_never_said_to_match_nothing(
            parts in prop::collection::vec(
                prop::sample::select(vec!["a", "b", "-", "^", "$", "\\b", "\\B", "(a|-)", "a*", "[ab&&b]", "(b$)?"] ), 0..6
            ),
        ) {
            let pattern = ValuePattern::new(&parts.concat()).unwrap();
            let mut values = vec![String::new()];
            let mut is_matched = false;
            for _ in 0..7 {
                is_matched |= values.iter().any(|value| pattern.matches_value(value.as_bytes()) == Some(true));
                values = values.iter().flat_map(|value| ["a", "b", "-"].map(|end| format!("{value}{end}"))).collect();
            }
            prop_assert_eq!(pattern.can_match_value(), is_matched, "{}", pattern);
        }
    }

    #[test]
    fn every_pattern_that_is_accepted_compiles() {
        for part in
            ["a", "[a-z]", "[^a]", "(a|b)", "(ab|c+)?", "[acegikmoqsuwy]", "\\w", ".", "(?i)straw", "x*"]
        {
            let mut accepted = 0;
            for times in [1, 10, 100, 500, 1000] {
                for text in [format!("({part}){{{times}}}"), format!("(({part}){{{times}}}){{2,9}}")] {
                    if let Ok(pattern) = ValuePattern::new(&text) {
                        assert!(pattern.compiled_regex().is_some(), "{text}");
                        accepted += 1;
                    }
                }
            }
            assert!(accepted > 3, "{part}: {accepted}");
        }
    }
}
