//! Patterns of paths taken apart, so that a path can be named which several of them match.
//!
//! `src/*` and `*.rs` have `src/x.rs` in common, which neither shows by itself. Two patterns have finitely
//! many patterns in common, and what those leave open is filled in with words that no policy names. A
//! pattern with a back-slash, or with letters that are left out, is not taken apart.

use std::collections::BTreeSet;

use crate::pattern::PathPattern;
use crate::policy::inspect::samples::sample_changes::SAMPLE_WORD;

/// How many steps the search of what two patterns have in common may take.
const MAX_MEET_STEPS: usize = 1_000;

/// A second word that no policy names, of other letters and another length than the first.
const OTHER_WORD: &str = "\u{d8}+8~\u{d8}";

/// A piece of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum GlobPiece {
    Byte(u8),
    /// One of the ASCII characters whose bits are set.
    OneOf(u128),
    /// Any byte but a slash.
    OneByte,
    /// Any bytes but slashes.
    Name,
    /// Any number of folders, each with its slash.
    Folders,
    /// Anything below a folder; nothing follows.
    Below,
}

/// What a pattern matches from the root of the repository to the end of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PathGlob(Vec<GlobPiece>);

/// What stands for the open pieces of a pattern.
struct PieceFilling {
    name: &'static str,
    one_byte: u8,
    folders: &'static str,
    below: &'static str,
}

/// The fillings differ in letters, lengths and depth, so that no other pattern matches all of them by accident.
const FILLINGS: [PieceFilling; 5] = [
    PieceFilling { name: SAMPLE_WORD, one_byte: b'z', folders: "", below: SAMPLE_WORD },
    PieceFilling { name: OTHER_WORD, one_byte: b'~', folders: "", below: OTHER_WORD },
    PieceFilling { name: "", one_byte: b'z', folders: "", below: SAMPLE_WORD },
    PieceFilling { name: SAMPLE_WORD, one_byte: b'z', folders: "zq7/", below: "zq7/zq7.zq7" },
    PieceFilling { name: OTHER_WORD, one_byte: b'~', folders: "\u{d8}/zq7/", below: "\u{d8}/zq7/~.~" },
];

impl PieceFilling {
    /// Returns the first of the letters that are to choose from, or the last one.
    fn choose_letter(&self, letters: u128) -> u8 {
        let last = 127_u32.saturating_sub(letters.leading_zeros());
        let chosen = if self.one_byte == b'z' { letters.trailing_zeros() } else { last };
        u8::try_from(chosen).unwrap_or(self.one_byte)
    }
}

impl PathGlob {
    /// Returns what matches every path.
    pub(crate) fn of_everything() -> Self {
        PathGlob(vec![GlobPiece::Below])
    }

    /// Returns what a question such as `touches` finds by a pattern: the path itself, what is below it as a
    /// folder, and what takes the place of a folder in which the pattern looks; `None` for a pattern that is
    /// not taken apart.
    pub(crate) fn list_found(pattern: &PathPattern) -> Option<Vec<PathGlob>> {
        let mut globs = PathGlob::list_matched(pattern)?;
        let written = pattern.to_string();
        let written = written.strip_prefix('/').unwrap_or(&written);
        for (at, _) in written.match_indices('/') {
            let folder = written.get(..at).unwrap_or_default();
            // The name of a file can hold such signs, but hardly does.
            if !folder.contains(['*', '?', '[']) {
                globs.push(PathGlob(folder.bytes().map(GlobPiece::Byte).collect()));
            }
        }
        if written.ends_with('/') {
            globs.push(read_pieces(pattern)?);
        } else if let Some(folder) = written.strip_suffix("/**").filter(|folder| folder.starts_with("**/"))
            && let Ok(folder) = PathPattern::new(folder)
        {
            globs.push(read_pieces(&folder)?);
        }
        Some(globs)
    }

    /// Returns what a pattern matches: the path itself, unless it is written as a folder, and what is below it.
    pub(crate) fn list_matched(pattern: &PathPattern) -> Option<Vec<PathGlob>> {
        let glob = read_pieces(pattern)?;
        let mut globs: Vec<PathGlob> = glob.list_below().into_iter().collect();
        if !pattern.to_string().ends_with('/') {
            globs.push(glob);
        }
        Some(globs)
    }

    /// Returns what a pattern covers: what is below it only where it is written as a folder.
    pub(crate) fn list_covered(pattern: &PathPattern) -> Option<Vec<PathGlob>> {
        let glob = read_pieces(pattern)?;
        let is_folder = pattern.to_string().ends_with('/');
        Some(if is_folder { glob.list_below().into_iter().collect() } else { vec![glob] })
    }

    /// Returns what is below the paths that this matches; `None` where that is part of it already.
    fn list_below(&self) -> Option<PathGlob> {
        if self.0.last() == Some(&GlobPiece::Below) {
            return None;
        }
        let mut pieces = self.0.clone();
        pieces.extend([GlobPiece::Byte(b'/'), GlobPiece::Below]);
        Some(PathGlob(pieces))
    }

    /// Returns what both match; `None` if it takes too long to find out. Adds how many steps it took.
    pub(crate) fn meet_glob(&self, other: &PathGlob, steps: &mut usize) -> Option<BTreeSet<PathGlob>> {
        let mut meeting = GlobMeeting { found: BTreeSet::new(), steps: 0 };
        meeting.meet_pieces(&self.0, &other.0, &mut Vec::new());
        *steps += meeting.steps;
        (meeting.steps <= MAX_MEET_STEPS).then_some(meeting.found)
    }

    /// Returns paths that this matches, in all fillings.
    pub(crate) fn name_paths(&self) -> Vec<Vec<u8>> {
        self.fill_pieces(FILLINGS.iter())
    }

    /// Returns two paths that this matches, of which one is in folders where it may be.
    pub(crate) fn name_two_paths(&self) -> Vec<Vec<u8>> {
        self.fill_pieces(FILLINGS.first().into_iter().chain(FILLINGS.last()))
    }

    fn fill_pieces<'one>(&self, fillings: impl Iterator<Item = &'one PieceFilling>) -> Vec<Vec<u8>> {
        let mut paths = Vec::new();
        for filling in fillings {
            let mut path: Vec<u8> = Vec::new();
            for piece in &self.0 {
                match piece {
                    GlobPiece::Byte(byte) => path.push(*byte),
                    GlobPiece::OneOf(letters) => path.push(filling.choose_letter(*letters)),
                    GlobPiece::OneByte => path.push(filling.one_byte),
                    GlobPiece::Name => path.extend(filling.name.bytes()),
                    GlobPiece::Folders => path.extend(filling.folders.bytes()),
                    GlobPiece::Below => path.extend(filling.below.bytes()),
                }
            }
            let is_path = path.split(|byte| *byte == b'/').all(|name| !name.is_empty());
            if is_path && !paths.contains(&path) {
                paths.push(path);
            }
        }
        paths
    }
}

/// Takes a pattern apart; `None` for one that is not.
fn read_pieces(pattern: &PathPattern) -> Option<PathGlob> {
    let written = pattern.to_string();
    if written.contains('\\') {
        return None;
    }
    let inner = written.strip_suffix('/').unwrap_or(&written);
    let is_from_root = inner.contains('/');
    let inner = inner.strip_prefix('/').unwrap_or(inner);
    let mut pieces = Vec::new();
    if !is_from_root {
        pieces.push(GlobPiece::Folders);
    }
    let mut names = inner.split('/').peekable();
    while let Some(name) = names.next() {
        let is_last = names.peek().is_none();
        if name == "**" && is_from_root {
            pieces.push(if is_last { GlobPiece::Below } else { GlobPiece::Folders });
            continue;
        }
        read_name(name, &mut pieces)?;
        if !is_last {
            pieces.push(GlobPiece::Byte(b'/'));
        }
    }
    Some(PathGlob(pieces))
}

/// Adds the pieces of a name between two slashes.
fn read_name(name: &str, pieces: &mut Vec<GlobPiece>) -> Option<()> {
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let after = rest.get(first.len_utf8()..).unwrap_or_default();
        rest = match first {
            '[' => {
                let (letters, after) = after.split_once(']')?;
                pieces.push(GlobPiece::OneOf(read_letters(letters)?));
                after
            }
            '*' => {
                pieces.push(GlobPiece::Name);
                after.trim_start_matches('*')
            }
            '?' => {
                pieces.push(GlobPiece::OneByte);
                after
            }
            other => {
                pieces.extend(other.to_string().bytes().map(GlobPiece::Byte));
                after
            }
        };
    }
    Some(())
}

/// Returns the bits of the letters between square brackets, ranges such as `a-z` among them.
fn read_letters(letters: &str) -> Option<u128> {
    if letters.is_empty() || letters.starts_with(['!', '^']) || !letters.is_ascii() || letters.contains('[') {
        return None;
    }
    let mut bits = 0_u128;
    let mut rest = letters.as_bytes();
    while let [first, after @ ..] = rest {
        rest = match after {
            [b'-', last, after @ ..] => {
                for letter in *first..=*last {
                    bits |= 1 << letter;
                }
                after
            }
            _ => {
                bits |= 1 << first;
                after
            }
        };
    }
    (bits != 0).then_some(bits)
}

/// The search of what two patterns have in common.
struct GlobMeeting {
    found: BTreeSet<PathGlob>,
    steps: usize,
}

impl GlobMeeting {
    /// Finds what both of the rests match, where `done` is what both have matched so far.
    ///
    /// Folders and what is below one stand at the start of a name in both, because a slash is matched by
    /// nothing else.
    fn meet_pieces(&mut self, first: &[GlobPiece], second: &[GlobPiece], done: &mut Vec<GlobPiece>) {
        self.steps += 1;
        if self.steps > MAX_MEET_STEPS {
            return;
        }
        let ((Some((head, rest)), _) | (None, Some((head, rest)))) =
            (first.split_first(), second.split_first())
        else {
            self.found.insert(PathGlob(done.clone()));
            return;
        };
        if first.is_empty() || second.is_empty() {
            if *head == GlobPiece::Name {
                self.meet_pieces(rest, &[], done);
            }
            return;
        }
        let Some((other_head, other_rest)) = second.split_first() else { return };
        match (head, other_head) {
            (GlobPiece::Below, _) => self.add_found(done, second),
            (_, GlobPiece::Below) => self.add_found(done, first),
            (GlobPiece::Folders, GlobPiece::Folders) | (GlobPiece::Name, GlobPiece::Name) => {
                done.push(*head);
                self.meet_pieces(rest, second, done);
                self.meet_pieces(first, other_rest, done);
                done.pop();
            }
            (GlobPiece::Folders, _) => self.meet_folders(first, second, done),
            (_, GlobPiece::Folders) => self.meet_folders(second, first, done),
            (GlobPiece::Name, _) => self.meet_name(first, second, done),
            (_, GlobPiece::Name) => self.meet_name(second, first, done),
            (GlobPiece::OneByte, piece) | (piece, GlobPiece::OneByte) => {
                if *piece != GlobPiece::Byte(b'/') {
                    self.meet_after(*piece, rest, other_rest, done);
                }
            }
            (GlobPiece::OneOf(letters), GlobPiece::OneOf(others)) => {
                if letters & others != 0 {
                    self.meet_after(GlobPiece::OneOf(letters & others), rest, other_rest, done);
                }
            }
            (GlobPiece::OneOf(letters), GlobPiece::Byte(byte))
            | (GlobPiece::Byte(byte), GlobPiece::OneOf(letters)) => {
                if byte.is_ascii() && letters >> byte & 1 == 1 {
                    self.meet_after(GlobPiece::Byte(*byte), rest, other_rest, done);
                }
            }
            (GlobPiece::Byte(byte), GlobPiece::Byte(other)) => {
                if byte == other {
                    self.meet_after(*head, rest, other_rest, done);
                }
            }
        }
    }

    fn add_found(&mut self, done: &[GlobPiece], rest: &[GlobPiece]) {
        self.found.insert(PathGlob([done, rest].concat()));
    }

    fn meet_after(
        &mut self,
        piece: GlobPiece,
        first: &[GlobPiece],
        second: &[GlobPiece],
        done: &mut Vec<GlobPiece>,
    ) {
        done.push(piece);
        self.meet_pieces(first, second, done);
        done.pop();
    }

    /// Lets the folders at the start of `open` be none, or the next one of the other.
    fn meet_folders(&mut self, open: &[GlobPiece], other: &[GlobPiece], done: &mut Vec<GlobPiece>) {
        self.meet_pieces(open.get(1..).unwrap_or_default(), other, done);
        let Some(slash) = other.iter().position(|piece| *piece == GlobPiece::Byte(b'/')) else { return };
        let (folder, rest) = other.split_at(slash + 1);
        let before = done.len();
        done.extend(folder);
        self.meet_pieces(open, rest, done);
        done.truncate(before);
    }

    /// Lets the open name at the start of `open` end, or take the next byte of the other.
    fn meet_name(&mut self, open: &[GlobPiece], other: &[GlobPiece], done: &mut Vec<GlobPiece>) {
        self.meet_pieces(open.get(1..).unwrap_or_default(), other, done);
        if let Some((head, rest)) = other.split_first()
            && *head != GlobPiece::Byte(b'/')
        {
            self.meet_after(*head, open, rest, done);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_pattern(pattern: &str) -> PathPattern {
        PathPattern::new(pattern).expect("a pattern")
    }

    const PATTERNS: [&str; 26] = [
        "*.rs",
        "src/",
        "/src/**",
        "src/*",
        "src/*.rs",
        "**/src/**",
        "a/**/b",
        "*",
        "**",
        "/**",
        "a*b",
        "*b",
        "?",
        "a?*",
        "[ab].rs",
        "src",
        "/src",
        "docs/**/*.md",
        "*.md",
        "/a/b/",
        "**/b",
        "x/*/y",
        "Jenkinsfile.*",
        "\u{e9}*",
        "*[-_]x.tf",
        "[A-Ca-c][-a].rs",
    ];

    #[test]
    fn what_two_patterns_have_in_common_is_matched_by_both() {
        for one in PATTERNS {
            for other in PATTERNS {
                let (first, second) = (read_pattern(one), read_pattern(other));
                let mut paths = Vec::new();
                for glob in PathGlob::list_matched(&first).unwrap() {
                    for known in PathGlob::list_covered(&second).unwrap() {
                        let met = glob.meet_glob(&known, &mut 0).unwrap();
                        paths.extend(met.iter().flat_map(PathGlob::name_paths));
                    }
                }
                for path in &paths {
                    let shown = String::from_utf8_lossy(path);
                    assert!(first.matches_path(path) && second.covers_path(path), "{one} {other}: {shown}");
                }
                // What any pattern brings up shows what they have in common.
                for third in PATTERNS {
                    for path in PathGlob::list_matched(&read_pattern(third))
                        .unwrap()
                        .iter()
                        .flat_map(PathGlob::name_paths)
                    {
                        let is_common = first.matches_path(&path) && second.covers_path(&path);
                        assert!(!is_common || !paths.is_empty(), "{one} {other}: {path:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_a_question_finds_is_found_by_its_samples() {
        for pattern in PATTERNS {
            let written = read_pattern(pattern);
            for path in PathGlob::list_found(&written).unwrap().iter().flat_map(PathGlob::name_paths) {
                let is_found = written.matches_path(&path) || written.looks_below(&path);
                assert!(is_found, "{pattern}: {}", String::from_utf8_lossy(&path));
            }
        }
    }

    #[test]
    fn what_is_not_taken_apart_names_nothing() {
        for pattern in ["a\\*", "[!a]", "[^a]x", "[[:alpha:]]"] {
            assert_eq!(PathGlob::list_matched(&read_pattern(pattern)), None, "{pattern}");
        }
    }
}
