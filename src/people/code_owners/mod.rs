//! Code owners: which people answer for which paths, as a CODEOWNERS file says it.
//!
//! GitHub and GitLab read such a file in different ways, and each way is kept: by GitHub the last line that
//! matches a path counts; by GitLab each section counts by itself, and has a last line of its own. A line that
//! its forge would skip is skipped here too, and is named. The file is read beside the policy, so it is that
//! of the target from before the change.

mod github_lines;
mod gitlab_sections;
mod owner_entry;
mod settings;

use std::sync::Arc;

use crate::change::Text;
use crate::people::code_owners::github_lines::read_github_lines;
use crate::people::code_owners::gitlab_sections::read_gitlab_sections;

pub(crate) use crate::people::code_owners::owner_entry::{
    CodeOwnersFormat, IgnoredLine, OwnerEntry, OwnerName, OwnerSection,
};
pub(crate) use crate::people::code_owners::settings::{CodeOwnerSettings, MAX_CODE_OWNERS_BYTES};

/// What was found where a file of code owners may be.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum FoundCodeOwners {
    /// The policy does not ask for code owners, so that nobody looked.
    #[default]
    NotLookedFor,
    /// There is no such file.
    Absent,
    /// There is one that cannot be read, for this reason.
    Unreadable(String),
    /// There is one.
    Read(Arc<CodeOwners>),
}

/// Returns the lines of a file of code owners that count for a path, each with its owners as they are written; by the
/// meaning of GitLab or of GitHub.
pub fn list_owners(source: &[u8], is_gitlab: bool, path: &str) -> Vec<(usize, Vec<String>)> {
    let format = if is_gitlab { CodeOwnersFormat::GitLab } else { CodeOwnersFormat::GitHub };
    let file = CodeOwners::read_file("CODEOWNERS", source, format);
    let mut found = Vec::new();
    for OwnedBy { entry, .. } in file.find_owners(&path.into()) {
        let owners = entry.owners.iter().map(|owner| owner.as_str().to_owned()).collect();
        found.push((entry.line, owners));
    }
    found
}

/// A file of code owners, read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CodeOwners {
    /// The path of the file.
    pub(crate) path: String,
    pub(crate) format: CodeOwnersFormat,
    /// The sections; by GitHub's meaning there is one, without a name.
    sections: Vec<OwnerSection>,
    /// The lines that have no meaning, or a part of which has none, in their order.
    pub(crate) ignored_lines: Vec<IgnoredLine>,
}

/// The entry of one section that says who owns a path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct OwnedBy<'file> {
    pub(crate) section: &'file OwnerSection,
    pub(crate) entry: &'file OwnerEntry,
}

impl CodeOwners {
    /// Reads a file of code owners. What has no meaning in it is among [`CodeOwners::ignored_lines`].
    pub(crate) fn read_file(path: &str, source: &[u8], format: CodeOwnersFormat) -> Self {
        let source = source.strip_prefix(b"\xef\xbb\xbf").unwrap_or(source);
        let mut ignored_lines = Vec::new();
        let sections = match format {
            CodeOwnersFormat::GitHub => {
                let entries = read_github_lines(source, &mut ignored_lines);
                vec![OwnerSection { min_approvals: 1, entries, ..OwnerSection::default() }]
            }
            CodeOwnersFormat::GitLab => read_gitlab_sections(source, &mut ignored_lines),
        };
        CodeOwners { path: path.to_owned(), format, sections, ignored_lines }
    }

    /// Returns the sections.
    pub(crate) fn list_sections(&self) -> impl Iterator<Item = &OwnerSection> {
        self.sections.iter()
    }

    /// Returns the entries of all sections.
    pub(crate) fn list_entries(&self) -> impl Iterator<Item = &OwnerEntry> {
        self.sections.iter().flat_map(|section| &section.entries)
    }

    /// Returns who owns a path, at most one entry for each section; an entry without owners is none.
    pub(crate) fn find_owners(&self, path: &Text) -> Vec<OwnedBy<'_>> {
        let mut found = Vec::new();
        for section in &self.sections {
            let matches = |entry: &&OwnerEntry| entry.matches_path(path.as_bytes());
            // What is excluded once is not included again.
            if section.entries.iter().filter(|entry| entry.is_exclusion).any(|entry| matches(&entry)) {
                continue;
            }
            if let Some(entry) = section.entries.iter().rev().find(matches)
                && !entry.owners.is_empty()
            {
                found.push(OwnedBy { section, entry });
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the owners of a path, section by section, as in `line 3: @a @b`.
    fn owners(format: CodeOwnersFormat, file: &str, path: &str) -> Vec<String> {
        let file = CodeOwners::read_file("CODEOWNERS", file.as_bytes(), format);
        let mut shown = Vec::new();
        for OwnedBy { section, entry } in file.find_owners(&path.into()) {
            let names: Vec<&str> = entry.owners.iter().map(OwnerName::as_str).collect();
            let name = if section.name.is_empty() { String::new() } else { format!("[{}] ", section.name) };
            shown.push(format!("{name}line {}: {}", entry.line, names.join(" ")));
        }
        shown
    }

    fn ignored(format: CodeOwnersFormat, file: &str) -> Vec<usize> {
        let file = CodeOwners::read_file("CODEOWNERS", file.as_bytes(), format);
        file.ignored_lines.iter().map(|line| line.line).collect()
    }

    const GITHUB: &str = "\
# Each line is a pattern and its owners.

*       @global-owner1 @global-owner2
*.js    @js-owner # an inline comment
*.go docs@example.com
*.txt @octo-org/octocats
/build/logs/ @doctocat
docs/*  docs@example.com
apps/ @octocat
/docs/ @doctocat
/scripts/ @doctocat @octocat
**/logs @octocat
/apps/github
/apps/github @doctocat
/apps/github/none
path\\ with\\ spaces/ @space
";

    #[test]
    fn the_last_line_that_matches_counts_by_the_meaning_of_github() {
        for (path, expected) in [
            ("README", "line 3: @global-owner1 @global-owner2"),
            ("src/deep/README", "line 3: @global-owner1 @global-owner2"),
            ("a.js", "line 4: @js-owner"),
            ("src/a.js", "line 4: @js-owner"),
            ("x/a.go", "line 5: docs@example.com"),
            ("x/a.txt", "line 6: @octo-org/octocats"),
            ("build/logs", "line 12: @octocat"),
            ("build/logs/a/b", "line 12: @octocat"),
            ("deep/build/logs/x", "line 12: @octocat"),
            ("src/apps/x", "line 9: @octocat"),
            ("docs/a.md", "line 10: @doctocat"),
            ("x/docs/a.md", "line 3: @global-owner1 @global-owner2"),
            ("scripts/x", "line 11: @doctocat @octocat"),
            ("apps/github/x", "line 14: @doctocat"),
            ("path with spaces/x", "line 16: @space"),
        ] {
            assert_eq!(owners(CodeOwnersFormat::GitHub, GITHUB, path), [expected], "{path}");
        }
        // A line without owners takes them away.
        assert_eq!(owners(CodeOwnersFormat::GitHub, GITHUB, "apps/github/none/x"), [""; 0]);
        assert_eq!(ignored(CodeOwnersFormat::GitHub, GITHUB), [0; 0]);
    }

    #[test]
    fn a_star_at_the_end_of_a_path_is_of_one_folder_alone() {
        let file = "docs/* @a\n";
        assert_eq!(owners(CodeOwnersFormat::GitHub, file, "docs/getting-started.md").len(), 1);
        assert_eq!(owners(CodeOwnersFormat::GitHub, file, "docs/build-app/troubleshooting.md").len(), 0);
        for (pattern, path, is_owned) in [
            ("*", "a/b/c", true),
            ("**", "a/b/c", true),
            ("docs/**", "docs/a/b", true),
            ("/docs", "docs/a/b", true),
            ("docs", "x/docs/a", true),
            ("/src/*.rs", "src/a/b.rs", false),
            ("src/a.rs", "x/src/a.rs", false),
            ("A.rs", "a.rs", false),
            ("**/x/*.rs", "a/x/b.rs", true),
        ] {
            let file = format!("{pattern} @a\n");
            let found = owners(CodeOwnersFormat::GitHub, &file, path);
            assert_eq!(!found.is_empty(), is_owned, "{pattern} {path}");
        }
    }

    #[test]
    fn what_github_skips_is_skipped_and_named() {
        let file = "* @a\n\\#file @b\n!x @b\n[ab].rs @b\nx.rs bob\ny.rs @\nz.rs @a/b/c\nw.rs @b\n";
        assert_eq!(ignored(CodeOwnersFormat::GitHub, file), [2, 3, 4, 5, 6, 7]);
        for (path, line) in [("#file", 1), ("x", 1), ("a.rs", 1), ("x.rs", 1), ("y.rs", 1), ("w.rs", 8)] {
            let found = owners(CodeOwnersFormat::GitHub, file, path);
            assert!(found[0].starts_with(&format!("line {line}: ")), "{path}: {found:?}");
        }
        let bytes = b"\xef\xbb\xbf* @a\r\n\xff\xfe @b\r\n";
        let read = CodeOwners::read_file("CODEOWNERS", bytes, CodeOwnersFormat::GitHub);
        assert_eq!(read.ignored_lines.len(), 1);
        assert_eq!(read.find_owners(&"x".into()).len(), 1);
    }

    const GITLAB: &str = "\
* @admin

[README Owners]
README.md @user1 @user2
internal/README.md @user4

[README other owners]
README.md @user3

[Documentation][2] @docs-team
docs/
*.txt

^[Database] @database-team @agarcia
model/db/
config/db/database-setup.md @docs-team

[README OWNERS]
/last.md @last

[Ruby]
*.rb @ruby-team
!/config/**/*.rb
/config/routes.rb @ops
";

    #[test]
    fn each_section_counts_by_itself_by_the_meaning_of_gitlab() {
        for (path, expected) in [
            (
                "README.md",
                &[
                    "line 1: @admin",
                    "[README Owners] line 4: @user1 @user2",
                    "[README other owners] line 8: @user3",
                ][..],
            ),
            (
                "internal/README.md",
                &["line 1: @admin", "[README Owners] line 5: @user4", "[README other owners] line 8: @user3"],
            ),
            (
                "a/internal/README.md",
                &["line 1: @admin", "[README Owners] line 5: @user4", "[README other owners] line 8: @user3"],
            ),
            ("docs/a", &["line 1: @admin", "[Documentation] line 11: @docs-team"]),
            ("x/docs/a", &["line 1: @admin", "[Documentation] line 11: @docs-team"]),
            (
                "model/db/CHANGELOG.txt",
                &[
                    "line 1: @admin",
                    "[Documentation] line 12: @docs-team",
                    "[Database] line 15: @database-team @agarcia",
                ],
            ),
            ("config/db/database-setup.md", &["line 1: @admin", "[Database] line 16: @docs-team"]),
            ("last.md", &["line 1: @admin", "[README Owners] line 19: @last"]),
            ("app/a.rb", &["line 1: @admin", "[Ruby] line 22: @ruby-team"]),
            ("config/x/a.rb", &["line 1: @admin"]),
            ("config/routes.rb", &["line 1: @admin"]),
        ] {
            assert_eq!(owners(CodeOwnersFormat::GitLab, GITLAB, path), expected, "{path}");
        }
        assert_eq!(ignored(CodeOwnersFormat::GitLab, GITLAB), [0; 0]);
        let read = CodeOwners::read_file("CODEOWNERS", GITLAB.as_bytes(), CodeOwnersFormat::GitLab);
        let of_path = |path: &str| read.find_owners(&path.into()).last().map(|owned| owned.section.clone());
        assert_eq!(of_path("docs/a").unwrap().min_approvals, 2);
        assert!(of_path("model/db/x").unwrap().is_optional);
    }

    #[test]
    fn a_section_is_required_if_one_of_its_headings_says_so() {
        let read = |file: &str| CodeOwners::read_file("C", file.as_bytes(), CodeOwnersFormat::GitLab);
        for (file, is_optional, count) in [
            ("^[A]\n* @a\n", true, 1),
            ("^[A]\n* @a\n[a]\nx @a\n", false, 1),
            ("[A][0]\n* @a\n", false, 1),
            ("[A][x]\n* @a\n", false, 1),
            ("[A][2]\n* @a\n[A][3]\n", false, 3),
            ("^[A][2] @b\n*\n", true, 2),
        ] {
            let read = read(file);
            let owned = read.find_owners(&"y".into());
            let section = owned.first().unwrap().section;
            assert_eq!((section.is_optional, section.min_approvals), (is_optional, count), "{file}");
        }
    }

    #[test]
    fn words_that_name_nobody_are_named_by_the_meaning_of_gitlab() {
        let file =
            "/path/* @group user_without_at @user\n\\#x @b\nx\\ y.md @c @@developer\nempty\n* @d # @e\n";
        assert_eq!(ignored(CodeOwnersFormat::GitLab, file), [1, 4]);
        let of_path = |path| owners(CodeOwnersFormat::GitLab, file, path);
        assert_eq!(of_path("path/a"), ["line 5: @d @e"]);
        assert_eq!(of_path("#x"), ["line 5: @d @e"]);
        let file = file.replace("* @d # @e\n", "");
        let of_path = |path| owners(CodeOwnersFormat::GitLab, &file, path);
        assert_eq!(of_path("path/a"), ["line 1: @group @user"]);
        assert_eq!(of_path("path/a/b"), [""; 0]);
        assert_eq!(of_path("#x"), ["line 2: @b"]);
        assert_eq!(of_path("x y.md"), ["line 3: @c @@developer"]);
        assert_eq!(of_path("empty"), [""; 0]);
        // A heading that is not closed is an entry.
        let broken = "* @group\n\n[Section name\ndocs/ @docs_group\n";
        assert_eq!(owners(CodeOwnersFormat::GitLab, broken, "docs/x"), ["line 4: @docs_group"]);
        assert_eq!(ignored(CodeOwnersFormat::GitLab, broken), [3, 3]);
    }
}
