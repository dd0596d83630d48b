//! What a policy widens of the people, the ticket systems and the standard changes that a file states which it extends.
//!
//! What a base states is closed: more members of a team may approve, another roster says who is whom, another system
//! tells what a ticket is, and a standard change needs no approval of its own. What a base leaves out is open, and so
//! are a team of a pack and one without a member, which policies fill.

use std::collections::BTreeSet;

use crate::people::normalise_identity;
use crate::policy::inspect::covered_questions::covers_path_pattern;
use crate::policy::inspect::weakening::weakened_entries::{PolicyWeakening, WeakeningSearch};
use crate::policy::inspect::written::{find_entry, is_same_value, list_entries, list_texts, scalar_text};
use crate::policy::load::files::{FetchedFile, PolicyFile};
use crate::policy::packs::find_pack;
use crate::yaml::{self, YamlKey, YamlNode, YamlValue};

/// Where a policy and a catalogue have their standard changes.
const CATALOGUE_KEY: &str = "standard-changes";

/// Fetches the catalogues that files name instead of their standard changes; `None` for a file without one that can be
/// read.
pub(crate) fn fetch_catalogues(
    files: &[PolicyFile],
    fetch: &mut dyn FnMut(&str) -> FetchedFile,
) -> Vec<Option<PolicyFile>> {
    let mut catalogues = Vec::new();
    for file in files {
        let name = find_entry(&file.node, CATALOGUE_KEY).and_then(scalar_text);
        catalogues.push(name.and_then(|name| {
            // One that cannot be read is a fault of the policy that names it, which is not valid then.
            let source = fetch(name).ok()??;
            let node = yaml::read_document(&source).ok()?;
            Some(PolicyFile { name: name.to_owned(), source, node, faults: Vec::new() })
        }));
    }
    catalogues
}

/// Returns the standard changes of a file, which stand there or in the catalogue that it names.
pub(crate) fn find_standard_changes<'files>(
    file: &'files PolicyFile,
    catalogue: Option<&'files PolicyFile>,
) -> Option<&'files YamlNode> {
    let stated = find_entry(&file.node, CATALOGUE_KEY)?;
    match (&stated.value, catalogue) {
        (YamlValue::Scalar { .. }, Some(catalogue)) => find_entry(&catalogue.node, CATALOGUE_KEY),
        (YamlValue::Scalar { .. }, None) => None,
        _ => Some(stated),
    }
}

impl WeakeningSearch<'_> {
    /// A team to which members are added, another roster, and another reading of code owners.
    pub(super) fn add_people(&self, found: &mut Vec<PolicyWeakening>) {
        let Some(people) = find_entry(&self.file.node, "people") else { return };
        for (team, members) in find_entry(people, "teams").map(list_entries).unwrap_or_default() {
            let Some((base, earlier)) = self.find_base(&["people", "teams", &team.text]) else { continue };
            if find_pack(base).is_none() && !self.is_left_open(&team.text) && !lists_only(members, earlier) {
                let (what, key) = (format!("team `{}`", team.text), format!("teams.{}", team.text));
                found.push(self.weakening(team, base, what, key));
            }
        }
        for (key, value) in list_entries(people) {
            if ["roster", "codeowners"].contains(&key.text.as_str())
                && let Some((base, earlier)) = self.find_base(&["people", &key.text])
                && !is_same_value(earlier, value)
            {
                found.push(self.weakening(key, base, format!("`{}`", key.text), key.text.clone()));
            }
        }
    }

    /// Returns true if every file that states a team leaves it without a member, for others to fill.
    fn is_left_open(&self, team: &str) -> bool {
        self.earlier.iter().all(|file| {
            let people = find_entry(&file.node, "people");
            let stated = people.and_then(|people| find_entry(find_entry(people, "teams")?, team));
            stated.is_none_or(|members| list_texts(members).is_empty())
        })
    }

    /// Another system for the same tickets, and a system for tickets that had none.
    pub(super) fn add_tickets(&self, found: &mut Vec<PolicyWeakening>) {
        let Some((key, systems)) = self.find_own_key("tickets") else { return };
        let Some((base, _)) = self.find_base(&["tickets"]) else { return };
        let is_kept = |(prefix, system): &(YamlKey, YamlNode)| {
            self.find_base(&["tickets", &prefix.text])
                .is_some_and(|(_, earlier)| is_same_value(earlier, system))
        };
        if !list_entries(systems).iter().all(is_kept) {
            found.push(self.weakening(key, base, "`tickets`".into(), "tickets".into()));
        }
    }

    /// A standard change that covers more than the one of a base by the same id, and one of an id that is new there.
    pub(super) fn add_standard_changes(&self, found: &mut Vec<PolicyWeakening>) {
        let Some((stated_at, _)) = self.find_own_key(CATALOGUE_KEY) else { return };
        let Some(entries) = find_standard_changes(self.file, self.catalogue) else { return };
        let is_own = matches!(
            find_entry(&self.file.node, CATALOGUE_KEY).map(|node| &node.value),
            Some(YamlValue::Map(_))
        );
        let stated_before = |index: usize| {
            let file = self.earlier.get(index)?;
            let catalogue = self.earlier_catalogues.get(index).copied().flatten();
            Some((file.name.as_str(), find_standard_changes(file, catalogue)?))
        };
        let bases: Vec<(&str, &YamlNode)> = (0..self.earlier.len()).rev().filter_map(stated_before).collect();
        let Some((last_base, _)) = bases.first() else { return };
        for (id, entry) in list_entries(entries) {
            let earlier =
                bases.iter().find_map(|(base, entries)| Some((*base, find_entry(entries, &id.text)?)));
            if earlier.is_some_and(|(_, earlier)| is_entry_as_narrow(earlier, entry)) {
                continue;
            }
            let base = earlier.map_or(*last_base, |(base, _)| base);
            // What stands in a catalogue is told where the file names it.
            let at = YamlKey { at: if is_own { id.at } else { stated_at.at }, text: id.text.clone() };
            let what = format!("standard change `{}`", id.text);
            found.push(self.weakening(&at, base, what, format!("{CATALOGUE_KEY}.{}", id.text)));
        }
    }
}

/// Returns true if every member of a team is one of `earlier`.
fn lists_only(members: &YamlNode, earlier: &YamlNode) -> bool {
    let normalise = |written: &str| normalise_identity(written).unwrap_or_else(|| written.to_owned());
    let known: BTreeSet<String> = list_texts(earlier).into_iter().map(normalise).collect();
    list_texts(members).into_iter().all(|member| known.contains(&normalise(member)))
}

/// Returns true if a standard change covers only what `old` covers: no other paths, no larger size, nobody else, and
/// not for longer.
fn is_entry_as_narrow(old: &YamlNode, new: &YamlNode) -> bool {
    let texts = |node, key| find_entry(node, key).map(list_texts).unwrap_or_default();
    let known = texts(old, "paths");
    let covers_no_more =
        texts(new, "paths").iter().all(|path| known.iter().any(|known| covers_path_pattern(known, path)));
    let limit = |node, key| {
        let limit = find_entry(node, "size").and_then(|size| find_entry(size, key));
        let written = limit.and_then(|limit| find_entry(limit, "at-most")).and_then(scalar_text);
        written.and_then(|written| written.parse::<u64>().ok())
    };
    let is_as_small = ["files", "lines"].iter().all(|key| match (limit(old, key), limit(new, key)) {
        (Some(old), Some(new)) => new <= old,
        (old, _) => old.is_none(),
    });
    let is_for_no_other = match (find_entry(old, "who"), find_entry(new, "who")) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(old), Some(new)) => ["teams", "bots"].iter().all(|key| {
            let known = texts(old, key);
            texts(new, key).iter().all(|name| known.contains(name))
        }),
    };
    // Days are written so that the order of texts is that of days.
    let day = |node, key| find_entry(node, key).and_then(scalar_text);
    covers_no_more
        && is_as_small
        && is_for_no_other
        && day(new, "review-by") <= day(old, "review-by")
        && day(new, "approved-on") >= day(old, "approved-on")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standard_change_is_as_narrow_where_its_wording_shows_it() {
        let read = |text: &str| yaml::read_document(text.as_bytes()).unwrap();
        let good = "paths: ['docs/**', '*.lock'], size: { files: { at-most: 9 } }, who: { teams: [a, b], bots: [x] }, \
                    approved-on: 2026-01-01, review-by: 2026-12-31";
        let old = read(&format!("{{ {good} }}"));
        for (was, is, kept) in [
            ("9", "3", true),
            ("9", "9 }, lines: { at-most: 4", true),
            ("'docs/**', ", "docs/a, ", true),
            ("[a, b]", "[b]", true),
            (", bots: [x]", "", true),
            ("2026-12-31", "2026-06-30", true),
            ("9", "10", false),
            ("size: { files: { at-most: 9 } }, ", "", false),
            ("'*.lock'", "'*.lock', '*.md'", false),
            ("'docs/**'", "'**/docs/**'", false),
            ("[a, b]", "[a, c]", false),
            ("[x]", "[x, y]", false),
            ("who: { teams: [a, b], bots: [x] }, ", "", false),
            ("2026-12-31", "2027-12-31", false),
            ("2026-01-01", "2025-01-01", false),
        ] {
            let edited = good.replace(was, is);
            assert_ne!(edited, good, "{was}");
            assert_eq!(is_entry_as_narrow(&old, &read(&format!("{{ {edited} }}"))), kept, "{was} -> {is}");
        }
        assert!(is_entry_as_narrow(&read("{ paths: [a] }"), &read("{ paths: [a], who: { teams: [b] } }")));
    }

    #[test]
    fn a_member_is_the_same_in_any_spelling() {
        let read = |text: &str| yaml::read_document(text.as_bytes()).unwrap();
        for (earlier, members, kept) in [
            ("[ana@example.com, ben]", "[Ana <ANA@example.com>]", true),
            ("[ana@example.com, ben]", "[ben, kim]", false),
            ("ana@example.com", "[ana@example.com]", true),
        ] {
            assert_eq!(lists_only(&read(members), &read(earlier)), kept, "{members}");
        }
    }
}
