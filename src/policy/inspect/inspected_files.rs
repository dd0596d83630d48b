//! What single files were found to have, and what is read beside a policy: catalogues, the roster, code owners.

use crate::people::code_owners::FoundCodeOwners;
use crate::policy::definition::Policy;
use crate::policy::faults::FaultyFile;
use crate::policy::inspect::entries::look_alikes::NameLooks;
use crate::policy::inspect::entries::{lists, look_alikes, lost_numbers, roster_twins, standard_changes};
use crate::policy::inspect::findings::{FileFindings, FoundPattern};
use crate::policy::inspect::staff::code_owners;
use crate::policy::inspect::written::find_entry;
use crate::policy::inspect::{PlacedFault, PlacedPattern, PolicyInspection};
use crate::policy::load::files::PolicyFile;
use crate::yaml::YamlFault;

impl PolicyInspection {
    /// Adds what the catalogues of standard changes say and cannot mean, which files name.
    pub(super) fn add_catalogue_findings(
        &mut self,
        policy: &Policy,
        catalogues: &[Option<PolicyFile>],
        looks: &NameLooks,
    ) {
        let mut seen: Vec<&str> = Vec::new();
        for catalogue in catalogues.iter().flatten() {
            if seen.contains(&catalogue.name.as_str()) {
                continue;
            }
            seen.push(&catalogue.name);
            let mut found = FileFindings::default();
            lists::inspect_scalars(&catalogue.node, &mut found);
            lost_numbers::inspect_lost_numbers(&catalogue.source, &catalogue.node, &mut found);
            look_alikes::inspect_letters(&catalogue.node, looks, &mut found);
            if let Some(entries) = find_entry(&catalogue.node, "standard-changes") {
                standard_changes::inspect_standard_changes(entries, policy, &mut found);
            }
            self.add_findings(catalogue, found);
        }
    }

    /// Adds what the roster says and cannot mean.
    pub(super) fn add_roster_findings(&mut self, roster: Option<&PolicyFile>, looks: &NameLooks) {
        let Some(roster) = roster else { return };
        let mut found = FileFindings::default();
        lost_numbers::inspect_lost_numbers(&roster.source, &roster.node, &mut found);
        look_alikes::inspect_letters(&roster.node, looks, &mut found);
        roster_twins::inspect_roster_twins(&roster.node, &mut found);
        self.add_findings(roster, found);
    }

    /// Adds what cannot be met any more from some day within the next month on, by the indexes of the files.
    pub(super) fn add_ending_notes(&mut self, notes: Vec<(usize, YamlFault)>, files: &[PolicyFile]) {
        for (index, fault) in notes {
            let Some(file) = files.get(index) else { continue };
            self.notes.push(PlacedFault { file: file.name.clone(), fault });
        }
    }

    /// Adds what the file of code owners says and cannot mean, and whom it names that nobody knows.
    pub(super) fn add_code_owner_notes(&mut self, policy: &Policy) {
        let FoundCodeOwners::Read(file) = policy.people.found_code_owners() else { return };
        for fault in code_owners::list_code_owner_notes(file, &policy.people) {
            self.notes.push(PlacedFault { file: file.path.clone(), fault });
        }
    }

    /// Adds what one file was found to have, in the order of its lines.
    pub(super) fn add_findings(&mut self, file: &PolicyFile, found: FileFindings) {
        let FileFindings { mut errors, mut notes, patterns, .. } = found;
        if !errors.is_empty() {
            errors.sort_by_key(|fault| fault.at);
            self.errors.faulty_files.push(FaultyFile {
                name: file.name.clone(),
                source: file.source.clone(),
                faults: errors,
            });
        }
        notes.sort_by_key(|fault| fault.at);
        for fault in notes {
            self.notes.push(PlacedFault { file: file.name.clone(), fault });
        }
        for FoundPattern { at, pattern, asked } in patterns {
            self.path_patterns.push(PlacedPattern { file: file.name.clone(), at, pattern, asked });
        }
    }
}
