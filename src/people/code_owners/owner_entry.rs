//! The parts of a file of code owners: sections, and in each line a pattern of paths with the names of owners.

use crate::pattern::PathPattern;

/// How many bytes the name of an owner may have.
const MAX_OWNER_BYTES: usize = 255;

/// Whose meaning a file of code owners has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CodeOwnersFormat {
    /// The last line that matches a path counts.
    GitHub,
    /// Sections, each with a last line of its own.
    GitLab,
}

impl CodeOwnersFormat {
    /// Returns what stands before the login in the name of an account of this forge.
    pub(crate) fn forge_name(self) -> &'static str {
        match self {
            CodeOwnersFormat::GitHub => "github",
            CodeOwnersFormat::GitLab => "gitlab",
        }
    }
}

/// Entries that count by themselves.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct OwnerSection {
    /// The name; empty for what stands before the first heading.
    pub(crate) name: String,
    /// True if nobody's approval is required.
    pub(crate) is_optional: bool,
    /// How many owners have to approve a path.
    pub(crate) min_approvals: u64,
    pub(crate) entries: Vec<OwnerEntry>,
}

/// A line that has no meaning to the forge whose meaning the file has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IgnoredLine {
    /// The number of the line, counted from 1.
    pub(crate) line: usize,
    /// What is wrong with it.
    pub(crate) why: String,
}

/// A pattern, and who owns the paths that it matches.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OwnerEntry {
    /// The number of the line, counted from 1.
    pub(crate) line: usize,
    pub(crate) pattern: PathPattern,
    /// True if the pattern matches no more than the path itself, and nothing below it.
    pub(crate) is_exact: bool,
    /// True if the paths are taken out of the section.
    pub(crate) is_exclusion: bool,
    /// The owners; nobody if the line takes owners away.
    pub(crate) owners: Vec<OwnerName>,
}

impl OwnerEntry {
    /// Returns true if the entry is about a path.
    pub(crate) fn matches_path(&self, path: &[u8]) -> bool {
        if self.is_exact { self.pattern.covers_path(path) } else { self.pattern.matches_path(path) }
    }
}

/// An owner, as the file names them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum OwnerName {
    /// `@ana`, `@acme/security`: an account, a team or a group.
    Handle(String),
    /// `@@maintainer`: whoever has a role in a project of GitLab.
    Role(String),
    /// The address of a person.
    Address(String),
}

impl OwnerName {
    /// Reads the name of an owner; `None` for a word that names nobody.
    pub(crate) fn parse_owner(word: &str) -> Option<Self> {
        if word.len() > MAX_OWNER_BYTES {
            return None;
        }
        if let Some(role) = word.strip_prefix("@@") {
            return is_handle_part(role).then(|| OwnerName::Role(word.to_owned()));
        }
        if let Some(handle) = word.strip_prefix('@') {
            return handle.split('/').all(is_handle_part).then(|| OwnerName::Handle(word.to_owned()));
        }
        let (local, domain) = word.split_once('@')?;
        let is_address = !local.is_empty() && !domain.is_empty() && !domain.contains('@');
        is_address.then(|| OwnerName::Address(word.to_owned()))
    }

    /// Returns the name as it is written.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            OwnerName::Handle(written) | OwnerName::Role(written) | OwnerName::Address(written) => written,
        }
    }
}

fn is_handle_part(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// Returns the pattern that a line begins with, and the rest of it. A space that is escaped belongs to the pattern.
pub(crate) fn split_pattern(line: &str) -> (&str, &str) {
    let mut is_escaped = false;
    for (at, character) in line.char_indices() {
        if matches!(character, ' ' | '\t') && !is_escaped {
            return line.split_at(at);
        }
        is_escaped = character == '\\' && !is_escaped;
    }
    (line, "")
}

/// Returns the lines of a file with their numbers, without their ends.
pub(crate) fn split_numbered_lines(source: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    source
        .split(|byte| *byte == b'\n')
        .enumerate()
        .map(|(index, line)| (index + 1, line.strip_suffix(b"\r").unwrap_or(line)))
}
