//! Patterns of a policy: of paths, of refs, of names, of values.
//!
//! Each kind has one meaning, taken from where its users know it: paths match as in `.gitignore`,
//! refs as whole names, names with `*` alone, values as regular expressions over the whole value.
//! Matching takes time linear in the text. A glob with several `*` is the exception; its pattern is
//! the policy's own and has a bounded length. A regular expression is compiled when it is first used,
//! so a hook pays only for the patterns that it reaches.

mod fit;
mod line;
pub(crate) mod name_fold;
mod value;

use std::fmt;

use gix_glob::{Pattern as GitGlob, pattern::Case, wildmatch};

use crate::pattern::name_fold::fold_file_name;
pub use line::LinePattern;
pub(crate) use value::MAX_MATCHED_BYTES;
pub use value::{SHIPPED_PATTERNS, ValuePattern};

/// How many bytes a pattern may have.
const MAX_PATTERN_BYTES: usize = 1024;

/// A pattern of paths, with the meaning that it would have in a `.gitignore` at the root.
///
/// `docs/` and `docs/**` match what is below, `CODEOWNERS` and `*.lock` match at any depth,
/// `/Makefile` at the root only. See gitignore(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern {
    glob: GitGlob,
    written: String,
    /// Where the part ends that every path begins with which a pattern of the root matches; 0 for other patterns. Most
    /// paths differ from most patterns there or in the tail, and a list of patterns is compared with every path of
    /// every commit.
    head_end: usize,
    /// Where the part begins and ends that every file and folder ends with which the pattern matches.
    tail: (usize, usize),
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
                "this pattern breaks off: a `[` has no `]`, or a back-slash has nothing after it; expected one \
                 such as `src/**`"
                    .into()
            );
        }
        let glob = GitGlob::from_bytes(written.as_bytes()).ok_or("a pattern cannot be empty")?;
        Ok(PathPattern::from_glob(glob, written.into()))
    }

    /// Returns the pattern of one file, by its path from the root; `None` for a path that no pattern can
    /// name.
    pub(crate) fn of_file(path: &str) -> Option<Self> {
        let mut written = String::from("/");
        for character in path.chars() {
            if matches!(character, '*' | '?' | '[' | ']' | '\\' | ' ') {
                written.push('\\');
            }
            written.push(character);
        }
        let glob = GitGlob::from_bytes(written.as_bytes())?;
        Some(PathPattern::from_glob(glob, written))
    }

    fn from_glob(glob: GitGlob, written: String) -> Self {
        PathPattern { glob, head_end: find_head_end(&written), tail: find_tail(&written), written }
    }

    /// Returns true if the pattern matches `path` or a folder that holds it.
    pub fn matches_path(&self, path: &[u8]) -> bool {
        let path = path.strip_prefix(b"/").unwrap_or(path);
        let head = self.written.as_bytes().get(1..self.head_end).unwrap_or_default();
        if !path.starts_with(head) {
            return false;
        }
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

    /// Returns true if the pattern matches `path` itself, or is written as a folder that holds it, with a slash
    /// at its end. The name of a file does not stand for what a folder of that name holds: `Cargo.lock` covers
    /// no `Cargo.lock/build.rs`.
    pub(crate) fn covers_path(&self, path: &[u8]) -> bool {
        let path = path.strip_prefix(b"/").unwrap_or(path);
        self.matches_entry(path, false) || self.written.ends_with('/') && self.matches_path(path)
    }

    /// Returns true if `path` is that of a folder in which the pattern looks: `iam` for `iam/` and `**/iam/**`,
    /// and `.github` and `.github/workflows` for `/.github/workflows/**`. What stands there in place of the
    /// folder, such as a link, decides about all that the pattern is of.
    pub(crate) fn looks_below(&self, path: &[u8]) -> bool {
        if path.is_empty() {
            return false;
        }
        let written = self.written.strip_prefix('/').unwrap_or(&self.written);
        if self.written.ends_with('/') && self.matches_entry(path, true) {
            return true;
        }
        if let Some(folder) = written.strip_prefix("**/").and_then(|rest| rest.strip_suffix("/**")) {
            let rest = path.strip_suffix(folder.as_bytes());
            return rest.is_some_and(|rest| rest.is_empty() || rest.ends_with(b"/"));
        }
        let rest = written.as_bytes().strip_prefix(path);
        rest.is_some_and(|rest| rest.first() == Some(&b'/'))
    }

    fn matches_entry(&self, path: &[u8], is_folder: bool) -> bool {
        let (start, end) = self.tail;
        if !path.ends_with(self.written.as_bytes().get(start..end).unwrap_or_default()) {
            return false;
        }
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

/// Returns where the part of a pattern ends that stands for itself, if the pattern is of the root; 0 if it is not.
fn find_head_end(pattern: &str) -> usize {
    if !pattern.starts_with('/') {
        return 0;
    }
    let special = pattern.find(['*', '?', '[', '\\', ' ']).unwrap_or(pattern.len());
    pattern.get(..special).unwrap_or_default().trim_end_matches('/').len()
}

/// Returns where the part of a pattern begins and ends that is behind everything in it that may stand for something
/// else.
fn find_tail(pattern: &str) -> (usize, usize) {
    let pattern = pattern.trim_end_matches('/');
    let start = pattern.rfind(['*', '?', '[', ']', '\\', ' ', '/']).map_or(0, |special| special + 1);
    (start, pattern.len())
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

    /// Returns true if the pattern matches the whole of `full_name` in any case of its letters, as a file
    /// system that ignores case compares names.
    pub(crate) fn matches_ref_in_any_case(&self, full_name: &[u8]) -> bool {
        let name = fold_file_name(&String::from_utf8_lossy(full_name));
        matches_wildcards(fold_file_name(&self.full).as_bytes(), name.as_bytes(), false)
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
pub struct NamePattern {
    text: String,
    /// The first character in lower case, `*` where it can be any. Most names differ from most patterns there, and a
    /// list of patterns is compared with every name of every commit.
    first_byte: Option<u8>,
}

impl NamePattern {
    /// Returns true if the pattern matches one name only.
    pub(crate) fn is_exact(&self) -> bool {
        !self.text.contains('*')
    }

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
            return Err("this matches every name; expected one such as `renovate[bot]` or `*-bot`".into());
        }
        Ok(NamePattern {
            text: written.into(),
            first_byte: written.bytes().next().map(|byte| byte.to_ascii_lowercase()),
        })
    }

    /// Returns true if the pattern matches the whole of `name`.
    pub(crate) fn matches_name(&self, name: &[u8]) -> bool {
        let may_match =
            self.first_byte == Some(b'*') || self.first_byte == name.first().map(u8::to_ascii_lowercase);
        may_match && matches_wildcards(self.text.as_bytes(), name, true)
    }

    /// Returns true if the pattern is of this account of a forge, whose `id` is the forge and the login. A pattern
    /// with a number, such as `github:ana#583231`, is of the account with that number, whatever its login is now.
    pub(crate) fn matches_account(&self, id: &[u8], number: Option<u64>) -> bool {
        let numbered = self.text.rsplit_once('#').and_then(|(login, digits)| {
            let (forge, _) = login.split_once(':')?;
            Some((forge, digits.parse::<u64>().ok()?))
        });
        let Some((forge, wanted)) = numbered else { return self.matches_name(id) };
        let has_forge =
            id.get(..forge.len()).is_some_and(|start| start.eq_ignore_ascii_case(forge.as_bytes()));
        has_forge && id.get(forge.len()) == Some(&b':') && number == Some(wanted)
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Matches `text` as a whole against `pattern`, in which `*` stands for any bytes.
fn matches_wildcards(pattern: &[u8], text: &[u8], ignore_case: bool) -> bool {
    // Most texts already differ in the first byte or the last one, or in what follows the last star.
    for (wanted, found) in [(pattern.first(), text.first()), (pattern.last(), text.last())] {
        if let Some(wanted) = wanted
            && *wanted != b'*'
            && !found.is_some_and(|found| is_same_byte(*wanted, *found, ignore_case))
        {
            return false;
        }
    }
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
    fn the_head_and_the_tail_of_a_pattern_only_save_time() {
        let paths = [
            "", "a", "a/", "/a", "a/b", "a b", "a/b/c", "ab", "b/a", ".a/x", "a*", "a[b", "a\\b", "x/a b",
            "a]",
        ];
        for written in [
            "/a", "/a/", "/a/**", "/a/*", "/**", "/*", "/", "//a", "/a*", "/a\\ b", "/a[b]", "/a\\*",
            "/a/b/", "a/b", "a", "a/", "**/a", "**/b", "a/**/c", "*b", "?", "a\\[b", "[a]b", "a]", "*]",
            "b/", "\\a",
        ] {
            let Ok(pattern) = PathPattern::new(written) else { continue };
            let slow = PathPattern { head_end: 0, tail: (0, 0), ..pattern.clone() };
            for path in paths {
                let matched = pattern.matches_path(path.as_bytes());
                assert_eq!(matched, slow.matches_path(path.as_bytes()), "{written} {path}");
                let covered = pattern.covers_path(path.as_bytes());
                assert_eq!(covered, slow.covers_path(path.as_bytes()), "{written} {path}");
            }
        }
    }

    #[test]
    fn a_name_of_a_file_covers_no_folder() {
        let covers =
            |pattern: &str, path: &str| PathPattern::new(pattern).unwrap().covers_path(path.as_bytes());
        for (pattern, inside, outside) in [
            ("**/Cargo.lock", "a/Cargo.lock", "Cargo.lock/build.rs"),
            ("*.md", "docs/a.md", "src.md/a.rs"),
            ("/docs/*.md", "docs/a.md", "docs/a.md/b"),
            ("vendor/", "x/vendor/a/b", "vendor"),
            ("/vendor/", "vendor/a", "x/vendor/a"),
            ("docs/**", "docs/a/b", "docs"),
            ("**", "a/b", ""),
            ("docs", "docs", "docs/a"),
        ] {
            assert!(covers(pattern, inside), "{pattern} {inside}");
            assert!(outside.is_empty() || !covers(pattern, outside), "{pattern} {outside}");
        }
    }

    #[test]
    fn a_pattern_looks_below_its_folders() {
        let looks =
            |pattern: &str, path: &str| PathPattern::new(pattern).unwrap().looks_below(path.as_bytes());
        for (pattern, folders, others) in [
            (
                "/.github/workflows/**",
                &[".github", ".github/workflows"][..],
                &["x/.github", ".git", "workflows"][..],
            ),
            ("infra/*.tf", &["infra"], &["infra/a.tf", "x/infra"]),
            ("iam/", &["iam", "x/iam"], &["iam/a", "xiam"]),
            ("/iam/", &["iam"], &["x/iam"]),
            ("a/b/", &["a", "a/b"], &["b", "x/a"]),
            ("**/iam/**", &["iam", "x/iam"], &["xiam", "iam/a"]),
            ("Jenkinsfile", &[], &["Jenkinsfile", "a"]),
            ("**", &[], &["a"]),
            ("*/secrets/**", &[], &["a", "README"]),
            ("/a", &[], &["a", ""]),
        ] {
            for folder in folders {
                assert!(looks(pattern, folder), "{pattern} {folder}");
            }
            for other in others {
                assert!(!looks(pattern, other), "{pattern} {other}");
            }
        }
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
        assert!(name("Renovate@*", "rENOVATE@x.example"));
        assert!(!name("renovate@*", "") && !name("renovate@*", "-renovate@x.example"));
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
}
