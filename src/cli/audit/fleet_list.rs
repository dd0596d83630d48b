//! The list of the repositories of a fleet, as a file names them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Deserialize;

use crate::cli::command_error::CommandError;
use crate::github::RepositoryName;
use crate::yaml::shorten_for_message;

/// The most bytes of a list of repositories.
const MAX_LIST_BYTES: u64 = 4 << 20;

/// What stands before the name of a repository on GitHub.
const GITHUB_PREFIX: &str = "github:";

/// An entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FleetEntry {
    /// What was written.
    pub(super) written: String,
    /// Where the repository is, or the repositories are.
    pub(super) place: FleetPlace,
    /// The name that the entry gives the repository.
    pub(super) name: Option<String>,
    /// The branch that the entry names.
    pub(super) ref_name: Option<String>,
}

/// Where a repository is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FleetPlace {
    /// In a folder of this machine.
    Folder(PathBuf),
    /// Where git clones from.
    Address(String),
    /// On GitHub.
    GitHubRepository(RepositoryName),
    /// Every repository of an owner on GitHub.
    GitHubOwner(String),
}

/// An entry of a YAML list: a text, or one with a name and a branch.
#[derive(Deserialize)]
#[serde(untagged)]
enum YamlEntry {
    Text(String),
    Named(NamedYamlEntry),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedYamlEntry {
    repository: String,
    name: Option<String>,
    #[serde(rename = "ref")]
    ref_name: Option<String>,
}

/// Reads a list: YAML if the name of the file ends with `.yml` or `.yaml`, else one repository a line. Folders are
/// relative to that of the list.
///
/// # Errors
///
/// Fails if the file cannot be read, names nothing, or an entry says what cannot be.
pub(super) fn read_fleet_list(path: &Path) -> Result<Vec<FleetEntry>, CommandError> {
    let describe = || format!("cannot read {}", path.display());
    let size = fs::metadata(path).with_context(describe)?.len();
    if size > MAX_LIST_BYTES {
        return Err(CommandError::Usage(format!("{} is longer than {MAX_LIST_BYTES} bytes", path.display())));
    }
    let text = fs::read_to_string(path).with_context(describe)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let is_yaml = path.extension().is_some_and(|ending| ending == "yml" || ending == "yaml");
    let entries = if is_yaml { parse_yaml(&text, folder) } else { parse_lines(&text, folder) };
    let entries = entries.map_err(|why| CommandError::Usage(format!("{}: {why}", path.display())))?;
    if entries.is_empty() {
        return Err(CommandError::Usage(format!("{} names no repository", path.display())));
    }
    Ok(entries)
}

fn parse_lines(text: &str, folder: &Path) -> Result<Vec<FleetEntry>, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| build_entry(line, None, None, folder)).collect()
}

fn parse_yaml(text: &str, folder: &Path) -> Result<Vec<FleetEntry>, String> {
    let entries: Vec<YamlEntry> = serde_yaml::from_str(text).map_err(|error| {
        format!(
            "expected a list, each entry a repository, or `repository` with `name` and `ref`: {}",
            shorten_for_message(&error.to_string())
        )
    })?;
    let build = |entry| match entry {
        YamlEntry::Text(written) => build_entry(written.trim(), None, None, folder),
        YamlEntry::Named(one) => build_entry(one.repository.trim(), one.name, one.ref_name, folder),
    };
    entries.into_iter().map(build).collect()
}

fn build_entry(
    written: &str,
    name: Option<String>,
    ref_name: Option<String>,
    folder: &Path,
) -> Result<FleetEntry, String> {
    let shown = shorten_for_message(written);
    let place = if written.is_empty() {
        return Err("an entry names no repository".to_owned());
    } else if let Some(on_github) = written.strip_prefix(GITHUB_PREFIX) {
        match on_github.strip_suffix("/*") {
            Some(_) if name.is_some() => {
                return Err(format!("`{shown}` is more than one repository, and they cannot share a name"));
            }
            Some(owner) if RepositoryName::parse_name(&format!("{owner}/any")).is_some() => {
                FleetPlace::GitHubOwner(owner.to_owned())
            }
            None if RepositoryName::parse_name(on_github).is_some() => {
                let parsed = RepositoryName::parse_name(on_github);
                parsed.map_or_else(|| FleetPlace::Address(written.to_owned()), FleetPlace::GitHubRepository)
            }
            _ => return Err(format!("`{shown}` is neither `github:OWNER/REPO` nor `github:OWNER/*`")),
        }
    } else if is_address(written) {
        FleetPlace::Address(written.to_owned())
    } else {
        FleetPlace::Folder(folder.join(written))
    };
    if name.as_deref().is_some_and(|name| name.trim().is_empty() || name.chars().any(char::is_control)) {
        return Err(format!("the name of `{shown}` is none"));
    }
    Ok(FleetEntry { written: written.to_owned(), place, name, ref_name })
}

/// Returns true if git would take this for an address and not for a folder: it has `://`, or a colon before any slash.
fn is_address(written: &str) -> bool {
    written.contains("://")
        || written.split_once(':').is_some_and(|(host, _)| host.len() > 1 && !host.contains('/'))
}

impl FleetEntry {
    /// Returns the name that the repository has before anything is read of it; `None` for a folder, whose
    /// configuration may tell, and for several repositories.
    pub(super) fn own_name(&self) -> Option<String> {
        let of_place = || match &self.place {
            FleetPlace::Folder(_) | FleetPlace::GitHubOwner(_) => None,
            FleetPlace::Address(address) => {
                let last = address.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or(address);
                Some(last.strip_suffix(".git").unwrap_or(last).to_owned())
            }
            FleetPlace::GitHubRepository(name) => Some(name.to_string()),
        };
        self.name.clone().or_else(of_place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_says_what_each_entry_is() {
        let folder = Path::new("/srv");
        let lines = "# fleet\n\n a/b.git \nhttps://example.com/acme/shop.git/\ngit@example.com:x/api.git\ngithub:acme/web\ngithub:acme/*\n";
        let read = parse_lines(lines, folder).unwrap();
        let names: Vec<Option<String>> = read.iter().map(FleetEntry::own_name).collect();
        let expected = [None, Some("shop"), Some("api"), Some("acme/web"), None];
        assert_eq!(names, expected.map(|name| name.map(str::to_owned)));
        assert_eq!(read[0].place, FleetPlace::Folder(PathBuf::from("/srv/a/b.git")));
        assert_eq!(read[4].place, FleetPlace::GitHubOwner("acme".to_owned()));
        assert!(!is_address("C:/x") && !is_address("./a:b") && is_address("host:x"));

        let yaml = "- a.git\n- repository: https://example.com/b.git\n  name: two/b\n  ref: trunk\n";
        let read = parse_yaml(yaml, folder).unwrap();
        assert_eq!(
            (read[1].own_name().as_deref(), read[1].ref_name.as_deref()),
            (Some("two/b"), Some("trunk"))
        );
    }

    #[test]
    fn an_entry_that_cannot_be_meant_is_refused() {
        let folder = Path::new("/srv");
        for wrong in ["github:acme", "github:a b/*", "github:*/*", "github:acme/web/x"] {
            assert!(parse_lines(wrong, folder).is_err(), "{wrong}");
        }
        for wrong in [
            "a: b",
            "- repository: x\n  branch: y",
            "- repository: github:acme/*\n  name: x",
            "- ''",
            "- 7: 8",
        ] {
            assert!(parse_yaml(wrong, folder).is_err(), "{wrong}");
        }
    }
}
