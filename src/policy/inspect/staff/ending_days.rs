//! What people can no longer do once dates of the roster have passed: a team that gets too small, training that ends.

use std::collections::BTreeSet;

use jiff::ToSpan;

use crate::policy::definition::Policy;
use crate::policy::inspect::findings::{FileFindings, InspectionFacts};
use crate::policy::inspect::rule_index::RuleIndex;
use crate::policy::inspect::search::search_budget::{InspectionPart, SearchBudget};
use crate::policy::inspect::staff::team_people::TeamPeople;
use crate::policy::inspect::staff::{staffing, teams};
use crate::policy::load::files::PolicyFile;
use crate::policy::packs::find_pack;
use crate::policy::remote_file::is_remote_name;
use crate::yaml::{YamlFault, YamlPlace};

/// How many days ahead are looked at.
const DAYS_AHEAD: i64 = 30;

/// How many of the days on which something ends are looked at.
const MAX_ENDING_DAYS: usize = 10;

/// Returns what becomes impossible within the next 30 days, each with the index of its file. It is looked at the people
/// of the days on which dates of the roster end; what is impossible today is told elsewhere.
pub(crate) fn list_ending_notes(
    dated: &Policy,
    files: &[PolicyFile],
    rules: &RuleIndex<'_>,
    facts: &InspectionFacts<'_>,
) -> Vec<(usize, YamlFault)> {
    let today = facts.today;
    let Ok(last) = today.checked_add(DAYS_AHEAD.days()) else { return Vec::new() };
    let days = dated.people.service_records().list_last_days(today, last);
    if days.is_empty() {
        return Vec::new();
    }
    // What this looks at is bounded by itself.
    let budget = &SearchBudget::default();
    budget.begin_part(InspectionPart::Wording);
    let key = |index: usize, fault: &YamlFault| (index, fault.at, fault.what.clone());
    let mut told: BTreeSet<(usize, YamlPlace, String)> = list_unmet(dated, files, rules, today, budget)
        .iter()
        .map(|(index, fault)| key(*index, fault))
        .collect();
    let mut notes = Vec::new();
    for day in days.into_iter().take(MAX_ENDING_DAYS) {
        let Ok(next) = day.tomorrow() else { continue };
        for (index, mut fault) in list_unmet(dated, files, rules, next, budget) {
            if told.insert(key(index, &fault)) {
                fault.what = format!("after {day}, when dates of the roster end: {}", fault.what);
                notes.push((index, fault));
            }
        }
    }
    notes
}

/// Returns what the people of a day cannot meet.
fn list_unmet(
    dated: &Policy,
    files: &[PolicyFile],
    rules: &RuleIndex<'_>,
    day: jiff::civil::Date,
    budget: &SearchBudget,
) -> Vec<(usize, YamlFault)> {
    let policy = dated.with_people_of(day);
    let people = TeamPeople::new(&policy.people, budget);
    let mut unmet = Vec::new();
    for (index, file) in files.iter().enumerate() {
        if find_pack(&file.name).is_some() || is_remote_name(&file.name) {
            continue;
        }
        let mut found = FileFindings::default();
        teams::inspect_questions(&file.node, &policy, rules, day, budget, &mut found);
        staffing::inspect_joint_staffing(
            (&file.node, index),
            &policy,
            (rules, &people),
            day,
            budget,
            &mut found,
        );
        unmet.extend(found.suspicions.into_iter().map(|suspicion| (index, suspicion.fault)));
    }
    unmet
}
