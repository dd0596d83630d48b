//! Looks for what a policy says and cannot mean, and for what it weakens of a policy that it extends.
//!
//! The loader refuses what has no meaning. This finds what has one that no author wants: a pattern that
//! can match no path, a team too small for its rule, a time zone that does not exist. It is asked where a
//! policy is written: by `policy check`, and by the push that changes one. A policy in force is only
//! loaded, so a later version that finds more locks no repository.

mod covered_questions;
mod distinct_approvals;
mod entries;
pub(crate) mod findings;
mod inspected_files;
mod rule_index;
mod rule_places;
mod samples;
mod scopes;
mod search;
mod staff;
pub(crate) mod weakening;
pub(crate) mod written;

use std::rc::Rc;

use crate::pattern::PathPattern;
use crate::people::code_owners::FoundCodeOwners;
use crate::policy::definition::Policy;
use crate::policy::faults::{FaultyFile, PolicyErrors};
use crate::policy::inspect::entries::look_alikes::NameLooks;
use crate::policy::inspect::entries::word_sets::WordSets;
use crate::policy::inspect::entries::{
    approvers, contradictions, idle_parts, lists, lockouts, look_alikes, lost_numbers, open_teams, patterns,
    standard_changes, times, unfillable, wide_patterns,
};
use crate::policy::inspect::findings::{FileFindings, JudgingPlace, TOO_LARGE};
use crate::policy::inspect::rule_index::RuleIndex;
use crate::policy::inspect::rule_places::{find_class_place, place_excluding_rules};
use crate::policy::inspect::samples::exempted_samples::ExemptedSamples;
use crate::policy::inspect::scopes::rule_scopes::ScopeInspection;
use crate::policy::inspect::scopes::{exemption_scopes, reach, unruled_changes};
use crate::policy::inspect::search::asked_rules::AskedRules;
use crate::policy::inspect::search::confirmed_lockouts::LockoutConfirmation;
use crate::policy::inspect::search::excluding_rules::{self, ExcludingRules, LockoutSearch};
use crate::policy::inspect::search::path_answers::PathAnswers;
use crate::policy::inspect::search::people_answers::join_people_answers;
use crate::policy::inspect::search::question_numbers::QuestionNumbers;
use crate::policy::inspect::search::search_budget::{InspectionPart, SearchBudget};
use crate::policy::inspect::staff::team_people::TeamPeople;
use crate::policy::inspect::staff::{
    code_owners, ending_days, own_changes, people_as_bots, signatures, staffing, teams, unreachable_people,
};
use crate::policy::inspect::weakening::weakened_entries;
use crate::policy::inspect::weakening::widened_lists::fetch_catalogues;
use crate::policy::inspect::written::find_entry;
use crate::policy::load::files::{FetchedFile, PolicyFile, PolicyFiles};
use crate::policy::packs::find_pack;
use crate::policy::remote_file::is_remote_name;
use crate::yaml::{self, YamlFault, YamlPlace};

pub use crate::policy::inspect::findings::{InspectionFacts, LATER_KEYS_DAYS, PatternUse};
pub(crate) use crate::policy::inspect::rule_places::{find_item_place, find_key_place, find_rule_place};
pub use crate::policy::inspect::search::search_budget::MAX_INSPECTION_STEPS;
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
    /// Those of the notes that tell of changes which are all denied, now or from some day on.
    pub denied_changes: Vec<PlacedFault>,
    /// What the policy weakens of the policies that it extends.
    pub weakenings: Vec<PolicyWeakening>,
    /// True if the policy is too large to be searched whole; a note says so.
    pub is_incomplete: bool,
    /// Every pattern of paths that the policy's own files have.
    pub path_patterns: Vec<PlacedPattern>,
    /// How many steps it took to search for all that: the same for a policy on every machine, and at most
    /// [`MAX_INSPECTION_STEPS`].
    pub steps: usize,
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
    let filled = open_teams::fill_base_teams(policy, &files, facts);
    let dated = filled.as_ref().unwrap_or(policy);
    // Whether people can do what is asked, is asked of those who are there today.
    let policy = &*dated.with_people_of(facts.today);
    let budget = &SearchBudget::default();
    let numbers = &QuestionNumbers::number_questions(policy);
    let parts = InspectedParts {
        policy,
        entry,
        files: &files,
        rules: &RuleIndex::index_rules(policy, &files),
        words: &WordSets::new(policy),
        people: &TeamPeople::new(&policy.people, budget)
            .with_dates(&dated.people)
            .with_keys(!facts.signing_keys.is_empty()),
        numbers,
        asked: Rc::new(AskedRules::of_policy(policy, numbers, facts.today)),
        facts,
        budget,
    };
    let mut inspection = PolicyInspection::default();
    let catalogues = fetch_catalogues(&files, fetch);
    let roster = fetch_roster(policy, fetch);
    let looks = &gather_names(policy, files.iter().chain(catalogues.iter().flatten()).chain(&roster));
    let mut findings = parts.inspect_wording(looks);
    budget.begin_part(InspectionPart::Lockouts);
    let paths = &PathAnswers::gather_answers(numbers, budget);
    let people = join_people_answers(&parts.asked, facts, JudgingPlace::Anywhere, false, budget);
    let search = &LockoutSearch::new(parts.asked.clone(), entry, facts, paths, people.as_ref(), budget);
    let excluding = search.find_excluding_rules();
    budget.begin_part(InspectionPart::Suspicions);
    let mut lockouts = LockoutConfirmation::new(parts.asked.clone(), facts, paths, search, budget);
    for (index, found) in &mut findings {
        lockouts.confirm_suspicions(found);
        parts.inspect_extensions(*index, &catalogues, found, &mut inspection);
    }
    for (index, found) in findings {
        if let Some(file) = files.get(index) {
            inspection.add_findings(file, found);
        }
    }
    inspection.add_catalogue_findings(policy, &catalogues, looks);
    inspection.add_roster_findings(roster.as_ref(), looks);
    inspection
        .add_ending_notes(ending_days::list_ending_notes(dated, parts.files, parts.rules, facts), &files);
    inspection.add_code_owner_notes(policy);
    // What is wrong with one rule by itself is told better there.
    if inspection.errors.faulty_files.is_empty() {
        parts.search_exclusions(excluding, (search, paths), &lockouts, &mut inspection);
    }
    if budget.is_exhausted() {
        let at = YamlPlace { line: 1, column: 1, length: 1 };
        let fault = YamlFault::new(at, TOO_LARGE.text);
        inspection.is_incomplete = true;
        inspection.notes.push(PlacedFault { file: entry.to_owned(), fault });
    }
    inspection.steps = budget.count_spent();
    inspection
}

/// A policy, and what is looked up of it again and again while it is inspected.
struct InspectedParts<'policy> {
    policy: &'policy Policy,
    entry: &'policy str,
    files: &'policy [PolicyFile],
    rules: &'policy RuleIndex<'policy>,
    words: &'policy WordSets<'policy>,
    people: &'policy TeamPeople<'policy>,
    numbers: &'policy QuestionNumbers<'policy>,
    asked: Rc<AskedRules<'policy>>,
    facts: &'policy InspectionFacts<'policy>,
    budget: &'policy SearchBudget,
}

impl<'policy> InspectedParts<'policy> {
    /// Inspects what each of the policy's own files says by itself, and returns it by the indexes of the files.
    fn inspect_wording(&self, looks: &NameLooks) -> Vec<(usize, FileFindings)> {
        let InspectedParts { policy, files, rules, words, people, budget, .. } = *self;
        let today = self.facts.today;
        let samples = ExemptedSamples::new(policy);
        budget.begin_part(InspectionPart::Wording);
        let mut findings = Vec::new();
        for (index, file) in files.iter().enumerate() {
            // What another repository holds is inspected there.
            if find_pack(&file.name).is_some() || is_remote_name(&file.name) {
                continue;
            }
            let node = &file.node;
            let mut found = FileFindings::default();
            lists::inspect_scalars(node, &mut found);
            lost_numbers::inspect_lost_numbers(&file.source, node, &mut found);
            look_alikes::inspect_letters(node, looks, &mut found);
            unfillable::inspect_unfillable_parts(node, &mut found);
            wide_patterns::inspect_bots(node, &policy.people, &mut found);
            patterns::inspect_patterns(node, &mut found);
            approvers::inspect_approvers(node, &policy.people, &mut found);
            if let Some(entries) = find_entry(node, "standard-changes") {
                standard_changes::inspect_standard_changes(entries, policy, &mut found);
            }
            open_teams::inspect_open_teams(policy, files, index, &mut found);
            idle_parts::inspect_idle_parts(node, policy, today, &mut found);
            teams::inspect_people(node, policy, (rules, people), today, budget, &mut found);
            code_owners::inspect_code_owners(node, &policy.people, &mut found);
            times::inspect_times(policy, (files, rules), index, today, &mut found);
            let lookup = (words, people);
            lockouts::inspect_lockouts(policy, (files, rules), lookup, index, today, budget, &mut found);
            signatures::inspect_signatures((rules, index), policy, self.facts, &mut found);
            let (at, of) = ((node, index), (rules, people));
            staffing::inspect_joint_staffing(at, policy, of, today, budget, &mut found);
            unreachable_people::inspect_unreachable_people(at, policy, of, today, budget, &mut found);
            own_changes::inspect_own_changes(at, policy, of, today, budget, &mut found);
            people_as_bots::inspect_people_as_bots(node, policy, people, budget, &mut found);
            contradictions::inspect_contradictions(policy, (files, rules), words, index, budget, &mut found);
            reach::inspect_reach(rules, &samples, file, budget, &mut found);
            findings.push((index, found));
        }
        findings
    }

    /// Adds what the file at `index` weakens of what it extends.
    fn inspect_extensions(
        &self,
        index: usize,
        catalogues: &[Option<PolicyFile>],
        found: &mut FileFindings,
        inspection: &mut PolicyInspection,
    ) {
        let Some(file) = self.files.get(index) else { return };
        let weakenings = weakened_entries::find_weakenings(self.files, catalogues, index);
        for weakening in &weakenings {
            // Several at one place, as two packs have, are told once.
            if weakening.reason.is_none() && !found.errors.iter().any(|fault| fault.at == weakening.at) {
                found.errors.push(weakening.missing_reason_fault());
            }
        }
        weakened_entries::inspect_reasons(&file.node, &weakenings, found);
        inspection.weakenings.extend(weakenings);
    }

    /// Adds what only a search shows: rules that leave no change at all, here or in other circumstances, and rules that
    /// never apply.
    fn search_exclusions(
        &self,
        excluding: Option<ExcludingRules>,
        (search, paths): (&LockoutSearch<'policy>, &'policy PathAnswers<'policy>),
        lockouts: &LockoutConfirmation<'policy>,
        inspection: &mut PolicyInspection,
    ) {
        let InspectedParts { policy, files, rules, facts, budget, .. } = *self;
        let place = |excluding| place_excluding_rules(policy, files, rules, excluding);
        let find_at = |judging| {
            let people = join_people_answers(&self.asked, facts, judging, false, budget);
            search.move_search(facts, judging, paths, people.as_ref()).find_excluding_rules().and_then(place)
        };
        budget.begin_part(InspectionPart::ServerHook);
        let is_excluding = excluding.is_some();
        let on_server = if is_excluding { None } else { find_at(JudgingPlace::ServerHook) };
        budget.begin_part(InspectionPart::Scopes);
        let scopes = ScopeInspection::new(policy, facts, (rules, self.numbers), self.words, paths, budget);
        for file in files.iter().filter(|file| find_pack(&file.name).is_none() && !is_remote_name(&file.name))
        {
            let mut found = FileFindings::default();
            exemption_scopes::inspect_scopes(&scopes, file, &mut found);
            inspection.add_findings(file, found);
        }
        if let Some((file, fault)) = excluding.and_then(place) {
            inspection.add_findings(file, FileFindings { errors: vec![fault], ..FileFindings::default() });
            return;
        }
        let on_server = if is_excluding { find_at(JudgingPlace::ServerHook) } else { on_server };
        budget.begin_part(InspectionPart::Later);
        let class_exclusion = search.find_class_exclusion();
        let is_new = |found: &ExcludingRules| !lockouts.has_told_one(&found.rules);
        if let Some((file, fault)) = class_exclusion.filter(is_new).and_then(place) {
            inspection.denied_changes.push(PlacedFault { file: file.name.clone(), fault });
        }
        for unruled in unruled_changes::list_unruled_changes(search, policy, self.entry, facts, budget) {
            let class = unruled.class.and_then(|class| policy.classes.get(class));
            if let Some((file, at)) = find_class_place(files, class.map(|class| class.id.as_str())) {
                let help = "add a rule for it, unless this is meant";
                let fault = YamlFault::new(at, unruled.what).with_help(help);
                inspection.denied_changes.push(PlacedFault { file: file.name.clone(), fault });
            }
        }
        inspection.notes.extend(inspection.denied_changes.iter().cloned());
        if let Some((file, fault)) = on_server {
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
        let later =
            excluding_rules::find_later_exclusion(self.numbers, policy, self.entry, facts, paths, budget);
        if let Some((file, fault)) = later.and_then(place) {
            let note = PlacedFault { file: file.name.clone(), fault };
            inspection.denied_changes.push(note.clone());
            inspection.notes.push(note);
        }
    }
}

/// Returns the roster of a policy; `None` without one. One that cannot be read is a fault of the policy that names it,
/// which is not valid then.
fn fetch_roster(policy: &Policy, fetch: &mut dyn FnMut(&str) -> FetchedFile) -> Option<PolicyFile> {
    let name = policy.people.roster.clone()?;
    let source = fetch(&name).ok()??;
    let node = yaml::read_list_document(&source).ok()?;
    Some(PolicyFile { name, source, node, faults: Vec::new() })
}

/// Returns the names that these files have, and those of code owners.
fn gather_names<'files>(policy: &Policy, files: impl Iterator<Item = &'files PolicyFile>) -> NameLooks {
    let mut looks = NameLooks::default();
    for file in files {
        looks.add_file(&file.node);
    }
    if let FoundCodeOwners::Read(owned) = policy.people.found_code_owners() {
        for owner in owned.list_entries().flat_map(|entry| &entry.owners) {
            for part in owner.as_str().split(['@', '/']) {
                looks.add_name(part);
            }
        }
    }
    looks
}
