//! Patterns of a policy: of paths, of refs, of names, of values.
//!
//! Each kind has one meaning, taken from where its users know it: paths match as in `.gitignore`,
//! refs as whole names, names with `*` alone, values as regular expressions over the whole value.
//! Matching takes time linear in the text. A glob with several `*` is the exception; its pattern is
//! the policy's own and has a bounded length. A regular expression is compiled when it is first used,
//! so a hook pays only for the patterns that it reaches.

use std::fmt;
use std::sync::OnceLock;

use gix_glob::{Pattern as GitGlob, pattern::Case, wildmatch};
use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// How many bytes a pattern may have.
const MAX_PATTERN_BYTES: usize = 1024;

/// How many bytes the compiled form of a regular expression may take.
const MAX_COMPILED_BYTES: usize = 1 << 20;

/// How many steps a regular expression may have once its repetitions are written out. A pattern within it
/// compiles within [`MAX_COMPILED_BYTES`].
const MAX_PATTERN_STEPS: u64 = 10_000;

/// How many bytes a value may have that a regular expression is matched with. Matching takes time in
/// proportion to the value and to the pattern, and a pusher chooses the value.
pub(crate) const MAX_MATCHED_BYTES: usize = 4096;

/// The regular expressions of the shipped packs, each with its example. `tests/generated.rs` checks that they
/// are those of the packs, so that a hook, which reads a pack at every start, need not check them.
pub const SHIPPED_PATTERNS: [(&str, &str); 7] = [
    ("[A-Z][A-Z0-9]*-[0-9]+|([A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+)?#[0-9]+|https://[!-~]+", "PAY-412"),
    ("STD-[A-Z0-9-]+", "STD-DEPS-PATCH"),
    ("[A-Z][A-Z0-9]*-[0-9]+|#[0-9]+|https://[!-~]+", "INC-2031"),
    ("CVE-[0-9]{4}-[0-9]{4,}", "CVE-2026-12345"),
    ("[A-Z][A-Z0-9]*-[0-9]+|([A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+)?#[0-9]+|https://[!-~]+", "SEC-78"),
    ("[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2}))?", "2026-12-31"),
    ("[0-9a-fA-F]{12,64}|ledger:[0-9]{1,19}", "4e5f60718293"),
];

/// How deep groups may nest in a regular expression.
const MAX_GROUP_DEPTH: u32 = 50;

/// A pattern of paths, with the meaning that it would have in a `.gitignore` at the root.
///
/// `docs/` and `docs/**` match what is below, `CODEOWNERS` and `*.lock` match at any depth,
/// `/Makefile` at the root only. See gitignore(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern {
    glob: GitGlob,
    written: String,
}

impl PathPattern {
    /// Parses a pattern of paths in the syntax of gitignore.
    ///
    /// # Errors
    ///
    /// Refuses an empty pattern, one that starts with `!` (a predicate has `ignore` for that) or
    /// `#`, one with white space at an end, one of more than 1,024 bytes, and an unterminated one: to
    /// git it matches nothing, and a rule that can never apply is a mistake.
    pub fn new(written: &str) -> Result<Self, String> {
        if written.starts_with('!') {
            return Err("a pattern cannot start with `!` here; use `ignore`".into());
        }
        if written.starts_with('#') {
            return Err("a pattern that starts with `#` is a comment to git; write `\\#`".into());
        }
        if written.trim() != written {
            return Err("a pattern cannot start or end with white space".into());
        }
        if written.len() > MAX_PATTERN_BYTES {
            return Err(format!("a pattern has at most {MAX_PATTERN_BYTES} bytes"));
        }
        if is_unterminated(written.as_bytes()) {
            return Err(
                "this pattern breaks off: a `[` has no `]`, or a back-slash has nothing after it".into()
            );
        }
        let glob = GitGlob::from_bytes(written.as_bytes()).ok_or("a pattern cannot be empty")?;
        Ok(PathPattern { glob, written: written.into() })
    }

    /// Returns true if the pattern matches `path` or a folder that holds it.
    pub fn matches_path(&self, path: &[u8]) -> bool {
        let path = path.strip_prefix(b"/").unwrap_or(path);
        if self.matches_entry(path, false) {
            return true;
        }
        let mut rest = path;
        while let Some(folder) = parent_folder(rest) {
            if self.matches_entry(folder, true) {
                return true;
            }
            rest = folder;
        }
        false
    }

    fn matches_entry(&self, path: &[u8], is_folder: bool) -> bool {
        let basename = parent_folder(path).map(|folder| folder.len() + 1);
        self.glob.matches_repo_relative_path(
            path.into(),
            basename,
            Some(is_folder),
            Case::Sensitive,
            wildmatch::Mode::NO_MATCH_SLASH_LITERAL,
        )
    }
}

/// Returns the part of a path before its last slash; `None` at the root.
fn parent_folder(path: &[u8]) -> Option<&[u8]> {
    path.get(..path.iter().rposition(|byte| *byte == b'/')?)
}

/// Returns true if a pattern ends within a class of characters, or after a back-slash.
fn is_unterminated(pattern: &[u8]) -> bool {
    let mut rest = pattern.iter().copied();
    while let Some(byte) = rest.next() {
        match byte {
            b'\\' if rest.next().is_none() => return true,
            b'[' => {
                let mut first = rest.next();
                if matches!(first, Some(b'!' | b'^')) {
                    first = rest.next();
                }
                // A bracket that comes first stands for itself.
                let mut within = first;
                loop {
                    within = match within {
                        None => return true,
                        Some(b'\\') => rest.next().and_then(|_| rest.next()),
                        Some(_) => rest.next(),
                    };
                    if within == Some(b']') {
                        break;
                    }
                }
            }
            _ => {}
        }
    }
    false
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// A pattern of refs: a whole name in which `*` stands for any characters, slashes among them.
///
/// A pattern that does not start with `refs/` is of branches: `main` is `refs/heads/main`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefPattern {
    full: String,
    written: String,
}

impl RefPattern {
    /// Parses a pattern of refs; one without `refs/` at its start is of branches.
    ///
    /// # Errors
    ///
    /// Refuses what cannot be the name of a ref: an empty pattern, white space, controls, `..`,
    /// `~^:?[\`, a slash at the end, and the ledger's own `refs/changegate/`.
    pub fn new(written: &str) -> Result<Self, String> {
        if written.is_empty() || written.len() > MAX_PATTERN_BYTES {
            return Err(format!("a ref pattern has 1 to {MAX_PATTERN_BYTES} bytes"));
        }
        if written.contains(is_forbidden_in_ref)
            || written.contains("..")
            || written.ends_with('/')
            || written.starts_with('/')
        {
            return Err("no ref can have such a name; `*` is the only wildcard".into());
        }
        let full =
            if written.starts_with("refs/") { written.to_owned() } else { format!("refs/heads/{written}") };
        if full.starts_with("refs/changegate/") {
            return Err("`refs/changegate/` is kept by the gate itself".into());
        }
        Ok(RefPattern { full, written: written.into() })
    }

    /// Returns true if the pattern matches the whole of `full_name`, as in `refs/heads/main`.
    pub(crate) fn matches_ref(&self, full_name: &[u8]) -> bool {
        matches_wildcards(self.full.as_bytes(), full_name, false)
    }

    /// Returns the full name that the pattern matches, if it matches only one. Otherwise the error is
    /// the folder, with its slash, that holds every ref it matches.
    pub(crate) fn find_search_scope(&self) -> Result<&str, &str> {
        match self.full.split_once('*') {
            None => Ok(&self.full),
            Some((before, _)) => {
                let folder = before.rfind('/').and_then(|slash| before.get(..=slash));
                Err(folder.unwrap_or("refs/"))
            }
        }
    }
}

/// Returns true for a character that git forbids in names of refs.
fn is_forbidden_in_ref(character: char) -> bool {
    character.is_ascii_control() || character == ' ' || "~^:?[\\".contains(character)
}

impl fmt::Display for RefPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// A pattern of accounts and addresses: the whole name, in any case of its ASCII letters, with `*`
/// for any characters. Everything else stands for itself, `[bot]` included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern(String);

impl NamePattern {
    /// Parses a pattern of accounts and addresses, with `*` for any characters.
    ///
    /// # Errors
    ///
    /// Refuses an empty pattern, one that matches every name (`*`), one that is not plain ASCII and
    /// one of more than 1,024 bytes.
    pub fn new(written: &str) -> Result<Self, String> {
        if written.is_empty() || written.len() > MAX_PATTERN_BYTES {
            return Err(format!("a name pattern has 1 to {MAX_PATTERN_BYTES} bytes"));
        }
        if !written.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
            return Err("a name pattern is plain ASCII".into());
        }
        if written.bytes().all(|byte| byte == b'*') {
            return Err("this matches every name".into());
        }
        Ok(NamePattern(written.into()))
    }

    /// Returns true if the pattern matches the whole of `name`.
    pub(crate) fn matches_name(&self, name: &[u8]) -> bool {
        matches_wildcards(self.0.as_bytes(), name, true)
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Matches `text` as a whole against `pattern`, in which `*` stands for any bytes.
fn matches_wildcards(pattern: &[u8], text: &[u8], ignore_case: bool) -> bool {
    // Most texts already differ in what follows the last star.
    let tail = pattern.rsplit(|byte| *byte == b'*').next().unwrap_or_default();
    let Some(end) = text.len().checked_sub(tail.len()).and_then(|at| text.get(at..)) else { return false };
    for (byte, wanted) in end.iter().zip(tail) {
        if !is_same_byte(*wanted, *byte, ignore_case) {
            return false;
        }
    }
    let mut at_pattern = 0;
    let mut at_text = 0;
    // Where to resume after a mismatch: the last star, and the text position it was tried with.
    let mut retry: Option<(usize, usize)> = None;
    while at_text < text.len() {
        match (pattern.get(at_pattern), text.get(at_text)) {
            (Some(b'*'), _) => {
                retry = Some((at_pattern, at_text));
                at_pattern += 1;
            }
            (Some(wanted), Some(byte)) if is_same_byte(*wanted, *byte, ignore_case) => {
                at_pattern += 1;
                at_text += 1;
            }
            _ => match retry {
                Some((star, tried)) => {
                    at_pattern = star + 1;
                    at_text = tried + 1;
                    retry = Some((star, tried + 1));
                }
                None => return false,
            },
        }
    }
    pattern.get(at_pattern..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

fn is_same_byte(one: u8, other: u8, ignore_case: bool) -> bool {
    one == other || ignore_case && one.eq_ignore_ascii_case(&other)
}

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
        if written.len() > MAX_PATTERN_BYTES {
            return Err(format!("a pattern has at most {MAX_PATTERN_BYTES} bytes"));
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
            Err(regex_syntax::Error::Parse(error)) => Err(error.kind().to_string()),
            Err(regex_syntax::Error::Translate(error)) => Err(error.kind().to_string()),
            Err(_) => Err("this is not a regular expression".into()),
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

fn parse_regex(written: &str) -> Result<Hir, regex_syntax::Error> {
    let mut parser = regex_syntax::ParserBuilder::new();
    parser.utf8(false).unicode(false).nest_limit(MAX_GROUP_DEPTH);
    parser.build().parse(written)
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
    use super::*;

    fn path(pattern: &str, path: &str) -> bool {
        PathPattern::new(pattern).unwrap().matches_path(path.as_bytes())
    }

    #[test]
    fn a_path_pattern_that_breaks_off_is_refused() {
        for broken in ["a[b", "[", "[!", "[]", "[^]", "a\\", "[a\\]", "[a]["] {
            assert!(PathPattern::new(broken).is_err(), "{broken}");
        }
        for whole in ["a[b]", "[]]", "[!]]", "a\\[b", "[\\]]", "a]", "*.[oa]", "[[:alpha:]]"] {
            assert!(PathPattern::new(whole).is_ok(), "{whole}");
        }
    }

    #[test]
    fn paths_match_as_in_a_gitignore() {
        assert!(path("infra/**", "infra/a/b.tf"));
        assert!(!path("infra/**", "x/infra/a"));
        assert!(path("**/iam/**", "iam/role.tf"));
        assert!(path("**/iam/**", "a/b/iam/c/role.tf"));
        assert!(path("CODEOWNERS", ".github/CODEOWNERS"));
        assert!(!path("/CODEOWNERS", ".github/CODEOWNERS"));
        assert!(path("docs/", "docs/a/b.md"));
        assert!(path("docs", "docs/a/b.md"));
        assert!(!path("docs/", "docs"));
        assert!(path("*.lock", "a/b/Cargo.lock"));
        assert!(path("**", "anything/at/all"));
        assert!(!path("a*c", "ab/c"));
        assert!(path("src/*.rs", "src/main.rs"));
        assert!(!path("src/*.rs", "src/cli/main.rs"));
    }

    #[test]
    fn refs_match_as_whole_names() {
        let refs = |pattern: &str, name: &str| RefPattern::new(pattern).unwrap().matches_ref(name.as_bytes());
        assert!(refs("main", "refs/heads/main"));
        assert!(!refs("main", "refs/heads/main-fix"));
        assert!(!refs("main", "refs/tags/main"));
        assert!(!refs("main", "refs/heads/x/main"));
        assert!(refs("release/*", "refs/heads/release/1/0/fix"));
        assert!(!refs("release/*", "refs/heads/release"));
        assert!(refs("refs/tags/v*", "refs/tags/v1.0"));
        assert!(!refs("refs/tags/v*", "refs/heads/v1.0"));
        for bad in ["", "a b", "a..b", "main/", "/main", "a[b]", "refs/changegate/ledger", "a\nb"] {
            assert!(RefPattern::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_match_in_any_case_and_brackets_stand_for_themselves() {
        let name =
            |pattern: &str, name: &str| NamePattern::new(pattern).unwrap().matches_name(name.as_bytes());
        assert!(name("*[bot]", "Dependabot[bot]"));
        assert!(!name("*[bot]", "robot"));
        assert!(name("ci@acme.example", "CI@acme.example"));
        assert!(name("a*b*c", "aXbYbc"));
        assert!(!name("a*b*c", "aXbY"));
        assert!(NamePattern::new("**").is_err());
    }

    #[test]
    fn stars_match_as_a_reader_of_every_way_to_divide_a_text_finds() {
        fn divided(pattern: &[u8], text: &[u8]) -> bool {
            match pattern.split_first() {
                None => text.is_empty(),
                Some((b'*', rest)) => (0..=text.len()).any(|at| divided(rest, &text[at..])),
                Some((first, rest)) => {
                    text.split_first().is_some_and(|(byte, text)| first == byte && divided(rest, text))
                }
            }
        }
        let words = |letters: [u8; 3], longest: u32| {
            (0..=longest).flat_map(move |length| {
                (0..3_usize.pow(length)).map(move |number| {
                    let letter = |place| letters[number / 3_usize.pow(place) % 3];
                    (0..length).map(letter).collect::<Vec<u8>>()
                })
            })
        };
        for pattern in words(*b"ab*", 5) {
            for text in words(*b"abc", 5) {
                let (found, expected) = (matches_wildcards(&pattern, &text, false), divided(&pattern, &text));
                assert_eq!(found, expected, "{} {}", pattern.escape_ascii(), text.escape_ascii());
                assert_eq!(matches_wildcards(&pattern, &text.to_ascii_uppercase(), true), expected);
            }
        }
    }

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
