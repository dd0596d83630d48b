//! What a repository tells about itself without being asked: branches, tags, its forge, and the files that policies are
//! often about.

use std::path::Path;

use crate::git::{HeadState, Repository};
use crate::pattern::RefPattern;

/// How many paths of HEAD are looked at.
const MAX_SURVEYED_PATHS: usize = 500_000;

/// How many paths of HEAD are kept, to find one that a pattern matches.
const MAX_KEPT_PATHS: usize = 20_000;

/// The largest file of attributes that is read, in bytes.
const MAX_ATTRIBUTES_BYTES: u64 = 1 << 20;

/// How many patterns of files in Git LFS are told.
const MAX_LFS_PATTERNS: usize = 20;

/// Branches that are under change control wherever they exist.
const MAIN_BRANCHES: [&str; 7] = ["main", "master", "trunk", "mainline", "production", "prod", "stable"];

/// Branches that may be, which only their people know.
const OTHER_BRANCHES: [&str; 6] = ["develop", "development", "dev", "staging", "next", "integration"];

/// What stands before the name of a branch that is released from.
const RELEASE_PREFIXES: [&str; 6] =
    ["release/", "releases/", "stable/", "maint/", "maintenance/", "support/"];

/// What stands before the name of a branch for hotfixes: where it is released from, it is one to protect, and where it only
/// goes to another branch, it is not.
const HOTFIX_PREFIXES: [&str; 2] = ["hotfix/", "hotfixes/"];

/// Files that a tool writes when dependencies change.
const LOCK_FILES: [&str; 13] = [
    "Cargo.lock",
    "package-lock.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "bun.lockb",
    "poetry.lock",
    "uv.lock",
    "Pipfile.lock",
    "Gemfile.lock",
    "composer.lock",
    "go.sum",
    "mix.lock",
    "flake.lock",
];

/// Folders in which little goes a long way.
const CAREFUL_FOLDERS: [&str; 11] = [
    "infra",
    "infrastructure",
    "terraform",
    "deploy",
    "k8s",
    "kubernetes",
    "helm",
    "charts",
    "ansible",
    "migrations",
    "migrate",
];

/// The endings of files that hold models.
const MODEL_ENDINGS: [&str; 10] =
    [".safetensors", ".gguf", ".onnx", ".pt", ".pth", ".ckpt", ".h5", ".tflite", ".dvc", ".pb"];

/// What a repository tells about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RepositorySurvey {
    /// The patterns of branches and tags to protect, the default branch first.
    pub(super) protected: Vec<String>,
    /// Branches that may be under change control too.
    pub(super) other_branches: Vec<String>,
    /// The forge that the repository is on, as far as it shows.
    pub(super) forge: LikelyForge,
    /// The lock files that it holds.
    pub(super) lock_files: Vec<&'static str>,
    /// The careful folders that it holds.
    pub(super) careful_folders: Vec<&'static str>,
    /// The patterns of files that Git LFS stores.
    pub(super) lfs_patterns: Vec<String>,
    /// True if it holds models, as files or in Git LFS.
    pub(super) has_models: bool,
    /// Paths of HEAD, to find one that a pattern matches.
    pub(super) paths: Vec<String>,
}

/// The forge that a repository is on, as far as it shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum LikelyForge {
    /// GitHub; with owner and name where a remote tells them.
    GitHub(Option<String>),
    /// Another forge or server.
    Other,
    /// There is no remote yet.
    #[default]
    Unknown,
}

/// Looks at a repository and its work tree. What cannot be read is as if it were not there: this is a draft.
pub(super) fn survey_repository(root: &Path) -> RepositorySurvey {
    let mut survey = RepositorySurvey::default();
    let repository = Repository::discover_from(root).ok();
    let mut branches = Vec::new();
    let mut tags = Vec::new();
    if let Some(repository) = &repository {
        branches = list_branches(repository);
        let found = repository.list_refs("refs/tags/").unwrap_or_default();
        tags.extend(
            found.iter().filter_map(|tag| tag.name.as_utf8()?.strip_prefix("refs/tags/").map(str::to_owned)),
        );
    }
    let default = repository.as_ref().and_then(find_default_branch).unwrap_or_else(|| "main".to_owned());
    survey.protected = list_protected(&default, &branches, &tags);
    survey.other_branches = OTHER_BRANCHES
        .iter()
        .filter(|name| **name != default && branches.iter().any(|branch| branch == *name))
        .map(|name| (*name).to_owned())
        .collect();
    for prefix in HOTFIX_PREFIXES {
        if branches.iter().any(|branch| branch.starts_with(prefix)) {
            survey.other_branches.push(format!("{prefix}*"));
        }
    }
    survey.forge = guess_forge(root, repository.as_ref());
    read_attributes(&root.join(".gitattributes"), &mut survey);
    if let Some(repository) = &repository
        && let Ok(Some(head)) = repository.resolve_ref(b"HEAD").map(|head| head.id)
    {
        let mut count = 0;
        let _ = repository.for_each_path(head, &mut |path| {
            count += 1;
            if count <= MAX_SURVEYED_PATHS
                && let Ok(path) = std::str::from_utf8(path)
            {
                survey.note_path(path);
            }
        });
    }
    survey
}

impl RepositorySurvey {
    fn note_path(&mut self, path: &str) {
        let name = path.rsplit('/').next().unwrap_or(path);
        for lock_file in LOCK_FILES {
            if name == lock_file && !self.lock_files.contains(&lock_file) {
                self.lock_files.push(lock_file);
            }
        }
        let mut folders = path.split('/');
        folders.next_back();
        for folder in folders {
            for careful in CAREFUL_FOLDERS {
                if folder == careful && !self.careful_folders.contains(&careful) {
                    self.careful_folders.push(careful);
                }
            }
        }
        self.has_models |= is_model_name(name);
        if self.paths.len() < MAX_KEPT_PATHS {
            self.paths.push(path.to_owned());
        }
    }
}

fn is_model_name(name: &str) -> bool {
    MODEL_ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Returns the names of the branches, those of remotes too, each once.
fn list_branches(repository: &Repository) -> Vec<String> {
    let mut branches: Vec<String> = Vec::new();
    for (prefix, is_remote) in [("refs/heads/", false), ("refs/remotes/", true)] {
        for found in repository.list_refs(prefix).unwrap_or_default() {
            let Some(name) = found.name.as_utf8().and_then(|name| name.strip_prefix(prefix)) else {
                continue;
            };
            let name = if is_remote { name.split_once('/').map_or("HEAD", |(_, name)| name) } else { name };
            if name != "HEAD" && !branches.iter().any(|known| known == name) {
                branches.push(name.to_owned());
            }
        }
    }
    branches
}

/// Returns the default branch of the remote, else the branch that HEAD is on.
fn find_default_branch(repository: &Repository) -> Option<String> {
    if let Ok(default) = repository.resolve_ref(b"refs/remotes/origin/HEAD")
        && let Some(name) = default.name.as_utf8().and_then(|name| name.strip_prefix("refs/remotes/origin/"))
        && name != "HEAD"
    {
        return Some(name.to_owned());
    }
    match repository.read_head() {
        Ok(HeadState::Branch(branch)) => {
            branch.name.as_utf8()?.strip_prefix("refs/heads/").map(str::to_owned)
        }
        _ => None,
    }
}

fn list_protected(default: &str, branches: &[String], tags: &[String]) -> Vec<String> {
    let mut protected = vec![default.to_owned()];
    let mut add = |name: String| {
        if !protected.contains(&name) && RefPattern::new(&name).is_ok() {
            protected.push(name);
        }
    };
    for name in MAIN_BRANCHES {
        if branches.iter().any(|branch| branch == name) {
            add(name.to_owned());
        }
    }
    add("release/*".to_owned());
    for prefix in RELEASE_PREFIXES {
        if branches.iter().any(|branch| branch.starts_with(prefix)) {
            add(format!("{prefix}*"));
        }
    }
    let is_version = |name: &str| name.starts_with(|first: char| first.is_ascii_digit());
    if branches.iter().any(|branch| branch.strip_prefix("release-").is_some_and(is_version)) {
        add("release-*".to_owned());
    }
    if tags.iter().any(|tag| is_version(tag)) {
        // No pattern is of digits.
        add("refs/tags/*".to_owned());
        return protected;
    }
    add("refs/tags/v*".to_owned());
    for prefix in ["release-", "release/", "rel-"] {
        if tags.iter().any(|tag| tag.strip_prefix(prefix).is_some_and(is_version)) {
            add(format!("refs/tags/{prefix}*"));
        }
    }
    protected
}

fn guess_forge(root: &Path, repository: Option<&Repository>) -> LikelyForge {
    let mut addresses = Vec::new();
    if let Some(repository) = repository {
        let mut remotes = repository.list_config_subsections("remote").unwrap_or_default();
        // The remote that a clone is made from tells most.
        remotes.sort_by_key(|name| name != "origin");
        for remote in remotes {
            addresses.extend(repository.read_config_value(&format!("remote.{remote}.url")).ok().flatten());
        }
    }
    let slug = addresses.iter().find_map(|address| find_github_name(address));
    if slug.is_some() || root.join(".github").is_dir() || addresses.iter().any(|one| one.contains("github")) {
        return LikelyForge::GitHub(slug);
    }
    let is_elsewhere =
        !addresses.is_empty() || root.join(".gitlab-ci.yml").exists() || root.join(".gitlab").is_dir();
    if is_elsewhere { LikelyForge::Other } else { LikelyForge::Unknown }
}

/// Returns owner and name from the address of a repository on github.com.
fn find_github_name(address: &str) -> Option<String> {
    let (_, rest) = address.split_once("github.com")?;
    let path = rest.strip_prefix([':', '/'])?.trim_end_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let (owner, name) = path.split_once('/')?;
    let is_name = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    (is_name(owner) && is_name(name)).then(|| format!("{owner}/{name}"))
}

/// Adds the patterns that a `.gitattributes` gives to Git LFS.
fn read_attributes(path: &Path, survey: &mut RepositorySurvey) {
    let is_small = std::fs::symlink_metadata(path)
        .is_ok_and(|file| file.is_file() && file.len() <= MAX_ATTRIBUTES_BYTES);
    let Some(text) = is_small.then(|| std::fs::read_to_string(path).ok()).flatten() else { return };
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let Some(pattern) = words.next().filter(|pattern| !pattern.starts_with(['#', '"', '['])) else {
            continue;
        };
        if !words.any(|word| word == "filter=lfs") {
            continue;
        }
        survey.has_models |= is_model_name(pattern);
        let is_plain = pattern.chars().all(|one| one.is_ascii_graphic() && !matches!(one, '\'' | '{' | '\\'));
        if is_plain && survey.lfs_patterns.len() < MAX_LFS_PATTERNS {
            survey.lfs_patterns.push(pattern.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_and_tags_are_protected_by_what_they_are_called() {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
        for (default, branches, tags, expected) in [
            ("main", &[][..], &[][..], &["main", "release/*", "refs/tags/v*"][..]),
            (
                "master",
                &["master", "production", "develop", "topic/release/1"],
                &["v1.0"],
                &["master", "production", "release/*", "refs/tags/v*"],
            ),
            (
                "trunk",
                &["release-1.2", "stable/1", "release-notes"],
                &["release-1.2", "nightly"],
                &["trunk", "release/*", "stable/*", "release-*", "refs/tags/v*", "refs/tags/release-*"],
            ),
            ("main", &["main"], &["1.0.2"], &["main", "release/*", "refs/tags/*"]),
        ] {
            assert_eq!(list_protected(default, &owned(branches), &owned(tags)), owned(expected));
        }
    }

    #[test]
    fn a_repository_on_github_is_known_by_its_address() {
        for (address, name) in [
            ("git@github.com:acme/shop.git", Some("acme/shop")),
            ("https://github.com/acme/shop", Some("acme/shop")),
            ("https://ana@github.com/acme/shop.git/", Some("acme/shop")),
            ("ssh://git@github.com/acme/shop", Some("acme/shop")),
            ("https://github.com/acme", None),
            ("https://github.com/acme/sh$(x)op", None),
            ("https://github.common/acme/shop", None),
            ("/srv/git/app.git", None),
        ] {
            assert_eq!(find_github_name(address).as_deref(), name, "{address}");
        }
    }

    #[test]
    fn attributes_name_what_is_stored_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".gitattributes");
        std::fs::write(&path, "# x\n*.psd filter=lfs diff=lfs -text\n*.rs text\n'x filter=lfs\n").unwrap();
        let mut survey = RepositorySurvey::default();
        read_attributes(&path, &mut survey);
        assert_eq!((survey.lfs_patterns, survey.has_models), (vec!["*.psd".to_owned()], false));
        std::fs::write(&path, "*.safetensors filter=lfs\n").unwrap();
        let mut survey = RepositorySurvey::default();
        read_attributes(&path, &mut survey);
        assert!(survey.has_models);
    }
}
