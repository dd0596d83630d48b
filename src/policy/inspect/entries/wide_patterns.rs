//! Patterns that take in nearly everything where they are there to name a few: bots, and the paths of a standard change.

use crate::pattern::{NamePattern, PathPattern};
use crate::people::PeopleDirectory;
use crate::policy::inspect::findings::FileFindings;
use crate::policy::inspect::written::{find_entry, list_items, scalar_text};
use crate::yaml::{YamlFault, YamlKey, YamlNode, shorten_for_message};

/// Addresses that have little in common, of people whom no policy names.
const UNRELATED_ADDRESSES: [&str; 3] = ["zq7@zq7.example", "1+kx@users.noreply.github.com", "vb.w@vb-w.dev"];

/// Paths that have little in common.
const UNRELATED_PATHS: [&str; 4] =
    ["src/main.rs", "infra/prod/vpc.tf", "services/payments/api/handler.go", "docs/guide/zq7.md"];

/// Refuses a pattern under `bots` that makes a bot of everybody; people of a roster are looked at by their names.
pub(crate) fn inspect_bots(file: &YamlNode, people: &PeopleDirectory, found: &mut FileFindings) {
    if people.has_roster() {
        return;
    }
    let bots = find_entry(file, "people").and_then(|people| find_entry(people, "bots"));
    for item in bots.map(list_items).unwrap_or_default() {
        let Some(written) = scalar_text(item) else { continue };
        let Ok(pattern) = NamePattern::new(written) else { continue };
        if UNRELATED_ADDRESSES.iter().all(|address| pattern.matches_name(address.as_bytes())) {
            let what = format!(
                "`{}` makes a bot of everybody, and a bot approves nothing",
                shorten_for_message(written)
            );
            let help = "name the bots, as in `*[bot]` or `*@bots.example.com`";
            found.errors.push(YamlFault::new(item.at, what).with_help(help));
        }
    }
}

/// Notes paths of a standard change that cover nearly every file.
pub(crate) fn inspect_bounds(id: &YamlKey, paths: &YamlNode, found: &mut FileFindings) {
    for item in list_items(paths) {
        let Some(written) = scalar_text(item) else { continue };
        let Ok(pattern) = PathPattern::new(written) else { continue };
        if UNRELATED_PATHS.iter().all(|path| pattern.covers_path(path.as_bytes())) {
            let what = format!(
                "`{}` covers nearly every file, so `{}` is hardly bounded",
                shorten_for_message(written),
                shorten_for_message(&id.text)
            );
            let help = "name the files or folders that are meant, as in `docs/**`";
            found.notes.push(YamlFault::new(item.at, what).with_help(help));
        }
    }
}
