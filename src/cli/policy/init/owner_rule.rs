//! The rule that asks the code owners, for a repository with a file that names them.
//!
//! It is in force only if the roster knows two people of each line that has owners: one alone could never have their
//! own change approved.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::people::PeopleDirectory;
use crate::people::code_owners::{CodeOwners, CodeOwnersFormat, OwnerName};

/// The id of the rule.
pub(super) const OWNER_RULE: &str = "code-owners";

/// Where forges look for the owners of paths, in their order.
const OWNERS_PATHS: [&str; 4] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"];

/// A file of code owners, and whether the people of the roster can approve in its name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OwnerDraft {
    file: CodeOwners,
    /// The source of the file.
    pub(super) source: Vec<u8>,
    /// True if the policy has to say that the meaning of the file is GitLab's.
    pub(super) is_format_told: bool,
    /// How many lines have owners whose approval is asked.
    owned_lines: usize,
    /// The owners whom the roster does not know, each with its line.
    pub(super) unknown_owners: Vec<(String, usize)>,
    /// The numbers of the lines whose owners are all known, and too few to approve each other's work.
    pub(super) short_lines: Vec<usize>,
}

impl OwnerDraft {
    /// Returns the path of the file.
    pub(super) fn path(&self) -> &str {
        &self.file.path
    }

    /// Returns how many lines count for nothing to the forge.
    pub(super) fn count_ignored_lines(&self) -> usize {
        self.file.ignored_lines.len()
    }

    /// Returns true if anybody owns anything.
    pub(super) fn has_owners(&self) -> bool {
        self.owned_lines > 0
    }

    /// Returns true if the rule can be in force.
    pub(super) fn is_staffed(&self) -> bool {
        self.has_owners() && self.unknown_owners.is_empty() && self.short_lines.is_empty()
    }

    /// Returns the first of these paths that has owners, with the keys of those who are in the roster.
    pub(super) fn find_owned_path<'path>(
        &self,
        paths: &'path [String],
        people: &PeopleDirectory,
        now: Timestamp,
    ) -> Option<(&'path str, BTreeSet<String>)> {
        paths.iter().find_map(|path| {
            let mut keys = BTreeSet::new();
            for owned in self.file.find_owners(&path.as_str().into()) {
                // A path of several sections needs an owner of each, which is more than a first test shows.
                if owned.section.is_optional || owned.section.min_approvals > 1 || !keys.is_empty() {
                    return None;
                }
                for owner in &owned.entry.owners {
                    let members = people.find_owner_members(owner, self.file.format);
                    keys.extend(members.list_keys(people, now).map(str::to_owned));
                }
            }
            (!keys.is_empty()).then_some((path.as_str(), keys))
        })
    }
}

/// Returns the path at which a file of code owners counts, the first of those that exist.
pub(super) fn find_owners_path(exists: impl Fn(&str) -> bool) -> Option<&'static str> {
    OWNERS_PATHS.into_iter().find(|path| exists(path))
}

/// Reads the file of code owners at `path`, by the meaning of GitLab where the repository is there, with the people of this
/// roster.
pub(super) fn draft_owner_rule(
    path: &str,
    source: &[u8],
    is_gitlab: bool,
    people: &PeopleDirectory,
    now: Timestamp,
) -> OwnerDraft {
    let usual = people.code_owner_settings().format_at(path);
    let format = if is_gitlab { CodeOwnersFormat::GitLab } else { usual };
    let file = CodeOwners::read_file(path, source, format);
    let mut draft = OwnerDraft {
        source: source.to_vec(),
        is_format_told: format != usual,
        owned_lines: 0,
        unknown_owners: Vec::new(),
        short_lines: Vec::new(),
        file,
    };
    for section in draft.file.list_sections().filter(|section| !section.is_optional) {
        for entry in section.entries.iter().filter(|entry| !entry.owners.is_empty() && !entry.is_exclusion) {
            draft.owned_lines += 1;
            let unknown: Vec<&OwnerName> =
                entry.owners.iter().filter(|owner| !is_known(owner, format, people)).collect();
            if unknown.is_empty() {
                let mut keys = BTreeSet::new();
                for owner in &entry.owners {
                    let members = people.find_owner_members(owner, format);
                    keys.extend(members.list_keys(people, now).map(str::to_owned));
                }
                // The author of a change is one of them, and approves nothing of their own.
                if u64::try_from(keys.len()).unwrap_or(u64::MAX) <= section.min_approvals {
                    draft.short_lines.push(entry.line);
                }
            }
            for owner in unknown {
                if !draft.unknown_owners.iter().any(|(known, _)| known == owner.as_str()) {
                    draft.unknown_owners.push((owner.as_str().to_owned(), entry.line));
                }
            }
        }
    }
    draft
}

fn is_known(owner: &OwnerName, format: CodeOwnersFormat, people: &PeopleDirectory) -> bool {
    !people.find_owner_members(owner, format).is_unknown()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::read_document;

    fn roster() -> PeopleDirectory {
        let text = "people:\n  ana: { addresses: [ana@example.com], accounts: ['github:ana', 'gitlab:ana'] }\n  \
                    ben: { addresses: [ben@example.com] }\n  kim: { addresses: [kim@example.com] }\n";
        let mut people = PeopleDirectory::default();
        people.read_roster(&read_document(text.as_bytes()).unwrap(), &mut Vec::new());
        people
    }

    fn draft(path: &str, text: &str) -> OwnerDraft {
        draft_owner_rule(path, text.as_bytes(), false, &roster(), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_rule_that_could_lock_its_owners_out_is_not_in_force() {
        for (owners, is_staffed) in [
            ("@ana", false),
            ("@ana ana@example.com", false),
            ("@ana ben@example.com", true),
            ("@ana ben@example.com @stranger", false),
            ("@ana ben@example.com @acme/team", false),
            ("", false),
        ] {
            assert_eq!(draft("CODEOWNERS", &format!("* {owners}\n")).is_staffed(), is_staffed, "{owners}");
        }
        let drafted = draft("CODEOWNERS", "* @ana ben@example.com\n/db/ @ana\n/web/ @acme/web\n");
        assert_eq!(drafted.short_lines, [2]);
        assert_eq!(drafted.unknown_owners, [("@acme/web".to_owned(), 3)]);
    }

    #[test]
    fn the_sections_of_gitlab_keep_their_numbers() {
        let two = "[Docs][2]\n/docs/ @ana ben@example.com\n";
        assert_eq!(draft(".gitlab/CODEOWNERS", two).short_lines, [2]);
        let three =
            "[Docs][2]\n/docs/ @ana ben@example.com kim@example.com\n!/docs/gen/\n^[Free]\n*.md @nobody\n";
        assert!(draft(".gitlab/CODEOWNERS", three).is_staffed());
        let elsewhere =
            draft_owner_rule("CODEOWNERS", three.as_bytes(), true, &roster(), Timestamp::UNIX_EPOCH);
        assert!(elsewhere.is_staffed() && elsewhere.is_format_told);
    }

    #[test]
    fn the_path_of_a_test_has_owners_of_one_section() {
        let drafted = draft("CODEOWNERS", "/docs/ @ana ben@example.com\n/gen/\n");
        let paths = ["gen/a.rs", "src/a.rs", "docs/a.md"].map(str::to_owned);
        let (path, keys) = drafted.find_owned_path(&paths, &roster(), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!((path, keys.len()), ("docs/a.md", 2));
        assert!(drafted.find_owned_path(&paths[..2], &roster(), Timestamp::UNIX_EPOCH).is_none());
    }

    #[test]
    fn the_first_place_counts() {
        assert_eq!(find_owners_path(|path| path.ends_with("CODEOWNERS")), Some(".github/CODEOWNERS"));
        assert_eq!(find_owners_path(|path| path.starts_with("docs")), Some("docs/CODEOWNERS"));
        assert_eq!(find_owners_path(|_| false), None);
    }
}
