//! Names under `protects` that no ref has, and that look like another way to write one that is meant.

use crate::change::Text;
use crate::gate::policy_source::LoadedPolicy;
use crate::git::{HeadState, Repository};
use crate::pattern::RefPattern;
use crate::policy::{PlacedFault, find_item_place};
use crate::yaml::shorten_for_message;

/// The prefix of what a clone remembers of the branches of its usual remote.
const REMOTE_PREFIX: &[u8] = b"refs/remotes/origin/";

/// The words that are written for the folder of a kind of ref, and that folder. Those after the first two may begin the
/// name of a branch, unless `refs/` stands before them.
const KIND_WORDS: [(&str, &str); 5] =
    [("heads", "heads"), ("tags", "tags"), ("head", "heads"), ("branch", "heads"), ("tag", "tags")];

/// Returns a note for each name or pattern under `protects` that matches no ref of `repository`, but would if it were
/// written as refs are.
///
/// # Errors
///
/// Fails if the refs cannot be read.
pub(crate) fn list_misnamed_refs(
    repository: &Repository,
    loaded: &LoadedPolicy,
) -> anyhow::Result<Vec<PlacedFault>> {
    let mut names: Vec<Text> = Vec::new();
    for found in repository.list_refs("refs/")? {
        names.push(match found.name.as_bytes().strip_prefix(REMOTE_PREFIX) {
            Some(branch) => Text::new([b"refs/heads/", branch].concat()),
            None => found.name,
        });
    }
    let head = match repository.read_head()? {
        HeadState::Branch(branch) => branch.name.as_utf8().map(shorten_branch_name),
        HeadState::Detached(_) => None,
    };
    let mut notes = Vec::new();
    for pattern in &loaded.policy.protected_refs {
        if names.iter().any(|name| pattern.matches_ref(name.as_bytes())) {
            continue;
        }
        let written = pattern.to_string();
        let Some(meant) = find_meant_names(pattern, &written, &names, head.as_deref()) else { continue };
        let meant: Vec<String> =
            meant.iter().map(|name| format!("`{}`", shorten_for_message(name))).collect();
        let what = format!(
            "`{}` matches no ref here; did you mean {}?",
            shorten_for_message(&written),
            meant.join(" and ")
        );
        let placed = loaded.place_fault(|source| find_item_place(source, "protects", &written), what, "");
        for file in placed.faulty_files {
            for mut fault in file.faults {
                fault.help = None;
                notes.push(PlacedFault { file: file.name.clone(), fault });
            }
        }
    }
    Ok(notes)
}

/// Returns what is most likely meant by a pattern that matches none of `names`; `None` if it may match one to come.
fn find_meant_names(
    pattern: &RefPattern,
    written: &str,
    names: &[Text],
    head: Option<&str>,
) -> Option<Vec<String>> {
    if written.contains(',') {
        let parts = written.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty());
        return Some(parts.collect());
    }
    let name = written.strip_prefix("refs/heads/").unwrap_or(written);
    if name.eq_ignore_ascii_case("HEAD") {
        return Some(vec![head.unwrap_or("main").to_owned()]);
    }
    let below = name.strip_prefix("refs/").or_else(|| name.strip_prefix("ref/"));
    let words = if below.is_some() { KIND_WORDS.as_slice() } else { KIND_WORDS.get(..2).unwrap_or_default() };
    if let Some((word, rest)) = below.unwrap_or(name).split_once('/')
        && let Some((_, folder)) = words.iter().find(|(known, _)| word.eq_ignore_ascii_case(known))
    {
        let meant = if *folder == "heads" { rest.to_owned() } else { format!("refs/{folder}/{rest}") };
        let is_known = RefPattern::new(&meant).is_ok_and(|meant| meant == *pattern)
            || format!("refs/{folder}/{rest}") == written;
        return (!is_known).then(|| vec![meant]);
    }
    let twin = names.iter().find(|name| pattern.matches_ref_in_any_case(name.as_bytes()))?.as_utf8()?;
    let lower = written.to_lowercase();
    let is_lower = RefPattern::new(&lower).is_ok_and(|lower| lower.matches_ref(twin.as_bytes()));
    Some(vec![if is_lower { lower } else { shorten_branch_name(twin) }])
}

fn shorten_branch_name(name: &str) -> String {
    name.strip_prefix("refs/heads/").unwrap_or(name).to_owned()
}
