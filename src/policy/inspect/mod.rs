//! Looks for what a policy says and cannot mean, and for what it weakens of a policy that it extends.
//!
//! The loader refuses what has no meaning. This finds what has one that no author wants: a pattern that
//! can match no path, a team too small for its rule, a time zone that does not exist. It is asked where a
//! policy is written: by `policy check`, and by the push that changes one. A policy in force is only
//! loaded, so a later version that finds more locks no repository.

mod entries;
mod findings;
mod samples;
mod scopes;
mod search;
mod staff;
pub(crate) mod weakening;
pub(crate) mod written;

use crate::pattern::PathPattern;
use crate::people::code_owners::FoundCodeOwners;
use crate::policy::definition::Policy;
use crate::policy::faults::{FaultyFile, PolicyErrors};
use crate::policy::inspect::entries::{
    approvers, contradictions, idle_parts, lists, lockouts, look_alikes, lost_numbers, patterns,
    standard_changes, times,
};
use crate::policy::inspect::findings::{FileFindings, FoundPattern, JudgingPlace};
use crate::policy::inspect::scopes::rule_scopes::ScopeInspection;
use crate::policy::inspect::scopes::{exemption_scopes, reach};
use crate::policy::inspect::search::confirmed_lockouts::LockoutConfirmation;
use crate::policy::inspect::search::excluding_rules::{self, ExcludingRules, LockoutSearch};
use crate::policy::inspect::search::path_answers::PathAnswers;
use crate::policy::inspect::search::possible_changes::join_asked_people;
use crate::policy::inspect::staff::{code_owners, signatures, staffing, teams, unreachable_people};
use crate::policy::inspect::weakening::weakened_entries;
use crate::policy::inspect::weakening::widened_lists::fetch_catalogues;
use crate::policy::inspect::written::{find_entry, list_entries};
use crate::policy::load::files::{FetchedFile, PolicyFile, PolicyFiles};
use crate::policy::packs::find_pack;
use crate::policy::remote_file::is_remote_name;
use crate::yaml::{self, YamlFault, YamlPlace};

pub use crate::policy::inspect::findings::{InspectionFacts, LATER_KEYS_DAYS, PatternUse};
pub use crate::policy::inspect::weakening::weakened_entries::PolicyWeakening;

/// What an inspection of a valid policy found.
#[derive(Clone, Debug, Default)]
pub struct PolicyInspection {
    /// What cannot be meant, by file; a push that brings it is refused.
    pub errors: PolicyErrors,
    /// What cannot be meant where the hook of a server judges, by file; notes say the same.
    pub server_errors: PolicyErrors,
    /// What is odd, and does no harm.
    pub notes: Vec<PlacedFault>,
    /// What the policy weakens of the policies that it extends.
    pub weakenings: Vec<PolicyWeakening>,
    /// Every pattern of paths that the policy's own files have.
    pub path_patterns: Vec<PlacedPattern>,
}

/// A fault and the file that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedFault {
    /// The name of the file.
    pub file: String,
    /// What is found there.
    pub fault: YamlFault,
}

/// A pattern of paths and the place where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedPattern {
    /// The name of the file.
    pub file: String,
    /// The place in that file.
    pub at: YamlPlace,
    /// The pattern.
    pub pattern: PathPattern,
    /// What the policy asks of it.
    pub asked: PatternUse,
}

/// Inspects the valid policy called `entry`, whose files `fetch` finds.
///
/// Shipped packs are not inspected. Files that cannot be read again are errors of the result.
pub fn inspect_policy(
    policy: &Policy,
    entry: &str,
    facts: &InspectionFacts<'_>,
    fetch: &mut dyn FnMut(&str) -> FetchedFile,
) -> PolicyInspection {
    let files = match PolicyFiles::gather_files(entry, fetch) {
        Ok(files) => files.files,
        Err(errors) => return PolicyInspection { errors, ..PolicyInspection::default() },
    };
    let today = facts.today;
    let mut inspection = PolicyInspection::default();
    let paths = PathAnswers::gather_answers(policy);
    let people = join_asked_people(policy, facts, JudgingPlace::Anywhere, false);
    let search = LockoutSearch::new(policy, entry, facts, JudgingPlace::Anywhere, &paths, people.as_ref());
    let mut lockouts = LockoutConfirmation::new(policy, facts, &paths, &search);
    let catalogues = fetch_catalogues(&files, fetch);
    for (index, file) in files.iter().enumerate() {
        // What another repository holds is inspected there.
        if find_pack(&file.name).is_some() || is_remote_name(&file.name) {
            continue;
        }
        let mut found = FileFindings::default();
        lists::inspect_scalars(&file.node, &mut found);
        lost_numbers::inspect_lost_numbers(&file.source, &file.node, &mut found);
        look_alikes::inspect_letters(&file.node, &mut found);
        patterns::inspect_patterns(&file.node, &mut found);
        approvers::inspect_approvers(&file.node, &policy.people, &mut found);
        if let Some(entries) = find_entry(&file.node, "standard-changes") {
            standard_changes::inspect_standard_changes(entries, policy, &mut found);
        }
        idle_parts::inspect_idle_parts(&file.node, policy, today, &mut found);
        teams::inspect_people(&file.node, policy, today, &mut found);
        code_owners::inspect_code_owners(&file.node, &policy.people, &mut found);
        times::inspect_times(policy, &files, index, today, &mut found);
        lockouts::inspect_lockouts(policy, &files, index, today, &mut found);
        signatures::inspect_signatures(&file.node, policy, facts, &mut found);
        staffing::inspect_joint_staffing(&file.node, policy, today, &mut found);
        unreachable_people::inspect_unreachable_people(&file.node, policy, today, &mut found);
        contradictions::inspect_contradictions(policy, &files, index, &mut found);
        lockouts.confirm_suspicions(&mut found);
        reach::inspect_reach(policy, &files, index, &mut found);
        let weakenings = weakened_entries::find_weakenings(&files, &catalogues, index);
        for weakening in &weakenings {
            // Several at one place, as two packs have, are told once.
            if weakening.reason.is_none() && !found.errors.iter().any(|fault| fault.at == weakening.at) {
                found.errors.push(weakening.missing_reason_fault());
            }
        }
        weakened_entries::inspect_reasons(&file.node, &weakenings, &mut found);
        inspection.weakenings.extend(weakenings);
        inspection.add_findings(file, found);
    }
    inspection.add_catalogue_findings(policy, &catalogues);
    inspection.add_roster_findings(policy, fetch);
    inspection.add_code_owner_notes(policy);
    // What is wrong with one rule by itself is told better there.
    if inspection.errors.faulty_files.is_empty() {
        for file in &files {
            let mut found = FileFindings::default();
            if find_pack(&file.name).is_none() && !is_remote_name(&file.name) {
                let scopes = ScopeInspection::new(policy, &files, facts, &paths);
                exemption_scopes::inspect_scopes(&scopes, file, &mut found);
            }
            inspection.add_findings(file, found);
        }
        let place = |excluding| place_excluding_rules(policy, &files, excluding);
        if let Some((file, fault)) = search.find_excluding_rules().and_then(place) {
            inspection.add_findings(file, FileFindings { errors: vec![fault], ..FileFindings::default() });
            return inspection;
        }
        let class_exclusion = search.find_class_exclusion();
        let is_new = |found: &ExcludingRules| !lockouts.has_told_one(&found.rules);
        if let Some((file, fault)) = class_exclusion.filter(is_new).and_then(place) {
            inspection.notes.push(PlacedFault { file: file.name.clone(), fault });
        }
        let find_at = |judging| {
            let people = join_asked_people(policy, facts, judging, false);
            search.move_search(facts, judging, &paths, people.as_ref()).find_excluding_rules().and_then(place)
        };
        if let Some((file, fault)) = find_at(JudgingPlace::ServerHook) {
            inspection.server_errors.faulty_files.push(FaultyFile {
                name: file.name.clone(),
                source: file.source.clone(),
                faults: vec![fault.clone()],
            });
            inspection.notes.push(PlacedFault { file: file.name.clone(), fault });
        } else if !facts.signing_keys.is_empty()
            && let Some((file, fault)) = find_at(JudgingPlace::OwnCommits)
        {
            inspection.notes.push(PlacedFault { file: file.name.clone(), fault });
        }
        let later = excluding_rules::find_later_exclusion(policy, entry, facts, &paths);
        if let Some((file, fault)) = later.and_then(place) {
            inspection.notes.push(PlacedFault { file: file.name.clone(), fault });
        }
    }
    inspection
}

/// Returns the place of the rule `id` in the source of a policy file.
pub(crate) fn find_rule_place(source: &[u8], id: &str) -> Option<YamlPlace> {
    let node = yaml::read_document(source).ok()?;
    let rules = list_entries(find_entry(&node, "rules")?);
    rules.iter().find(|(key, _)| key.text == id).map(|(key, _)| key.at)
}

/// Returns where rules that exclude every change are told: at one that the policy's own files state, or else at the
/// people or the keys that they name. Packs by themselves exclude none, and what they leave open is for policies
/// to fill.
fn place_excluding_rules<'files>(
    policy: &Policy,
    files: &'files [PolicyFile],
    excluding: ExcludingRules,
) -> Option<(&'files PolicyFile, YamlFault)> {
    for rule in excluding.rules.iter().rev().filter_map(|index| policy.rules.get(*index)) {
        for file in files.iter().filter(|file| find_pack(&file.name).is_none()) {
            if let Some(at) = find_rule_place(&file.source, rule.description.id.as_str()) {
                return Some((file, YamlFault::new(at, excluding.what).with_help(excluding.help)));
            }
        }
    }
    for key in ["people", "signers"] {
        for file in files.iter().filter(|file| find_pack(&file.name).is_none()) {
            if let Some((key, _)) = list_entries(&file.node).iter().find(|(known, _)| known.text == key) {
                return Some((file, YamlFault::new(key.at, excluding.what).with_help(excluding.help)));
            }
        }
    }
    None
}

impl PolicyInspection {
    /// Adds what the catalogues of standard changes say and cannot mean, which files name.
    fn add_catalogue_findings(&mut self, policy: &Policy, catalogues: &[Option<PolicyFile>]) {
        let mut seen: Vec<&str> = Vec::new();
        for catalogue in catalogues.iter().flatten() {
            if seen.contains(&catalogue.name.as_str()) {
                continue;
            }
            seen.push(&catalogue.name);
            let mut found = FileFindings::default();
            lists::inspect_scalars(&catalogue.node, &mut found);
            lost_numbers::inspect_lost_numbers(&catalogue.source, &catalogue.node, &mut found);
            look_alikes::inspect_letters(&catalogue.node, &mut found);
            if let Some(entries) = find_entry(&catalogue.node, "standard-changes") {
                standard_changes::inspect_standard_changes(entries, policy, &mut found);
            }
            self.add_findings(catalogue, found);
        }
    }

    /// Adds what the roster says and cannot mean.
    fn add_roster_findings(&mut self, policy: &Policy, fetch: &mut dyn FnMut(&str) -> FetchedFile) {
        let Some(name) = &policy.people.roster else { return };
        // A roster that cannot be read is a fault of the policy that names it, which is not valid then.
        let Ok(Some(source)) = fetch(name) else { return };
        let Ok(node) = yaml::read_document(&source) else { return };
        let mut found = FileFindings::default();
        lost_numbers::inspect_lost_numbers(&source, &node, &mut found);
        look_alikes::inspect_letters(&node, &mut found);
        self.add_findings(&PolicyFile { name: name.clone(), source, node, faults: Vec::new() }, found);
    }

    /// Adds what the file of code owners says and cannot mean, and whom it names that nobody knows.
    fn add_code_owner_notes(&mut self, policy: &Policy) {
        let FoundCodeOwners::Read(file) = policy.people.found_code_owners() else { return };
        for fault in code_owners::list_code_owner_notes(file, &policy.people) {
            self.notes.push(PlacedFault { file: file.path.clone(), fault });
        }
    }

    /// Adds what one file was found to have, in the order of its lines.
    fn add_findings(&mut self, file: &PolicyFile, found: FileFindings) {
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
