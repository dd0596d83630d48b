//! Which owners have to approve a change: for each path that it touches, those of the entry that counts.

use crate::change::{Change, FactKind, Missing, Text};
use crate::people::PeopleDirectory;
use crate::people::code_owners::{FoundCodeOwners, OwnedBy, OwnerName};
use crate::people::owner_members::OwnerMembers;

/// The paths that a change touches, by who owns them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct OwnedPaths {
    /// The path of the file of code owners.
    pub(crate) file: String,
    /// The paths whose owners have to approve, one item for each entry of the file.
    pub(crate) required: Vec<PathOwners>,
    /// The paths whose owners may approve, by entries of optional sections.
    pub(crate) optional: Vec<PathOwners>,
    /// The paths without an owner.
    pub(crate) unowned: Vec<Text>,
    /// True if no owner has to approve one of the paths.
    pub(crate) has_free_path: bool,
}

/// The touched paths that one entry is about, and its owners.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PathOwners {
    /// The paths, in the order of the change.
    pub(crate) paths: Vec<Text>,
    /// The line of the file.
    pub(crate) line: usize,
    /// The name of the section; empty for none.
    pub(crate) section: String,
    /// How many owners have to approve.
    pub(crate) needed: u64,
    /// The owners, as the file names them, each with whom the name stands for.
    pub(crate) owners: Vec<(OwnerName, OwnerMembers)>,
}

impl PathOwners {
    /// Returns true if the person with this key is an owner; `holds_team` tells the teams that they are in.
    pub(crate) fn includes_person(&self, key: &str, holds_team: &dyn Fn(&str) -> bool) -> bool {
        self.owners.iter().any(|(_, members)| members.includes_person(key, holds_team))
    }
}

impl OwnedPaths {
    /// Returns who owns the paths that a change touches, as it lands. A path that is renamed is touched under both
    /// names.
    ///
    /// # Errors
    ///
    /// Returns the missing fact if the paths are not known, or if there is no file of code owners to read.
    pub(crate) fn of_change(change: &Change, people: &PeopleDirectory) -> Result<Self, Missing> {
        let unavailable = |why: String| Err(Missing::Unavailable(FactKind::CodeOwners, why));
        let file = match people.found_code_owners() {
            FoundCodeOwners::Read(file) => file,
            FoundCodeOwners::Unreadable(why) => return unavailable(why.clone()),
            FoundCodeOwners::Absent => {
                let places = people.code_owner_settings().list_paths().join("`, `");
                return unavailable(format!("there is none of `{places}` beside the policy"));
            }
            FoundCodeOwners::NotLookedFor => return unavailable("it was not looked for".into()),
        };
        let mut owned = OwnedPaths { file: file.path.clone(), ..OwnedPaths::default() };
        let mut paths: Vec<&Text> = Vec::new();
        for diff in change.list_landing_diffs() {
            paths.extend(diff.paths.as_ref().map_err(Missing::clone)?.iter().map(|one| &one.path));
        }
        paths.sort_unstable();
        paths.dedup();
        for path in paths {
            let found = file.find_owners(path);
            owned.has_free_path |= found.iter().all(|one| one.section.is_optional);
            if found.is_empty() {
                owned.unowned.push(path.clone());
            }
            for entry in found {
                let list = if entry.section.is_optional { &mut owned.optional } else { &mut owned.required };
                add_path(list, entry, path, |owner| people.find_owner_members(owner, file.format));
            }
        }
        Ok(owned)
    }

    /// Returns true if the person with this key owns one of the paths; `holds_team` tells the teams that they are in.
    pub(crate) fn includes_person(&self, key: &str, holds_team: &dyn Fn(&str) -> bool) -> bool {
        self.required.iter().chain(&self.optional).any(|owners| owners.includes_person(key, holds_team))
    }
}

/// Adds a path to the paths of its entry. Entries of one file are told apart by their lines.
fn add_path(
    list: &mut Vec<PathOwners>,
    found: OwnedBy<'_>,
    path: &Text,
    find_members: impl Fn(&OwnerName) -> OwnerMembers,
) {
    let OwnedBy { section, entry } = found;
    match list.iter_mut().find(|known| known.line == entry.line) {
        Some(known) => known.paths.push(path.clone()),
        None => list.push(PathOwners {
            paths: vec![path.clone()],
            line: entry.line,
            section: section.name.clone(),
            needed: section.min_approvals,
            owners: entry.owners.iter().map(|owner| (owner.clone(), find_members(owner))).collect(),
        }),
    }
}
