//! The roster that a policy names and that is not there yet: a draft of it, from the history.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use crate::cli::policy::init::history_hints::{draft_roster, read_hint};
use crate::gate::{LoadedPolicy, UnusablePolicy, load_beside_drafts};
use crate::people::PeopleDirectory;
use crate::policy::DEFAULT_POLICY_PATH;

/// How many files a policy that stands in the work tree is looked for in.
const MAX_POLICY_FILES: usize = 16;

/// A draft of the roster that a policy names.
pub(super) struct MissingRoster {
    /// Its path from the root of the work tree.
    pub(super) path: String,
    /// What it is to hold.
    pub(super) text: String,
    /// How many people it lists.
    pub(super) count: usize,
}

/// Loads the policy of the work tree with a draft of its roster; `None` where no roster is missing, or where the history
/// names no one.
///
/// # Errors
///
/// Says what is wrong with the policy beside the roster.
pub(super) fn load_with_drafted_roster(
    root: &Path,
    usual_bots: &PeopleDirectory,
) -> Option<Result<(LoadedPolicy, MissingRoster), UnusablePolicy>> {
    let path = find_missing_roster(root)?;
    let draft = |known: &PeopleDirectory| {
        let drafted = draft_roster(root, known)?;
        let count = drafted.count_people();
        (count > 0).then(|| MissingRoster { path: path.clone(), text: drafted.render_roster(), count })
    };
    let load = |roster: &MissingRoster| {
        let drafts = BTreeMap::from([(path.clone(), roster.text.clone().into_bytes())]);
        load_beside_drafts(root, DEFAULT_POLICY_PATH, &drafts)
    };
    let roster = draft(usual_bots)?;
    let loaded = match load(&roster) {
        Ok(loaded) => loaded,
        Err(why) => return Some(Err(why)),
    };
    // The policy knows which machines are none of its people.
    let roster = draft(&loaded.policy.people).unwrap_or(roster);
    Some(load(&roster).map(|loaded| (loaded, roster)))
}

/// Returns the roster that the policy of the work tree, or a file that it extends, names and that is not there.
fn find_missing_roster(root: &Path) -> Option<String> {
    let mut files = vec![DEFAULT_POLICY_PATH.to_owned()];
    let mut next = 0;
    while let Some(file) = files.get(next).cloned().filter(|_| next < MAX_POLICY_FILES) {
        next += 1;
        let Some(text) = read_hint(&root.join(&file)) else { continue };
        let Ok(document) = serde_yaml::from_str::<serde_yaml::Value>(&text) else { continue };
        let roster = document.get("people").and_then(|people| people.get("roster"));
        if let Some(roster) = roster.and_then(serde_yaml::Value::as_str) {
            let is_missing = is_inner_path(roster) && std::fs::symlink_metadata(root.join(roster)).is_err();
            return is_missing.then(|| roster.to_owned());
        }
        let Some(extended) = document.get("extends") else { continue };
        let one = std::slice::from_ref(extended);
        for name in extended.as_sequence().map_or(one, Vec::as_slice) {
            // What it extends stands in its folder, or below.
            if let Some(name) = name.as_str().filter(|name| name.ends_with(".yml") && is_inner_path(name)) {
                let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
                files.push(if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") });
            }
        }
    }
    None
}

/// Returns true for a path that stays in the work tree.
fn is_inner_path(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}
