//! The values of single columns that take more than one line to work out.

use crate::audit::change_record::change_acts::describe_act_author;
use crate::audit::change_record::field_values as fields;
use crate::audit::change_record::standing::ChangeState;
use crate::audit::change_record::{ChangeJudgement, ChangeRecord};
use crate::audit::inputs::deployments::Deployment;
use crate::audit::population::step_evidence::StepFacts;
use crate::audit::table::{TableCell, format_table_time};
use crate::change::{Person, Text};
use crate::ledger::record::{GapCause, RecordedApproval, RecordedCheckState, RecordedTrust};

/// How many entries a cell lists.
const MAX_LISTED: usize = 50;

const SECONDS_PER_HOUR: f64 = 3_600.0;

/// Returns a value of what the commits say; an empty cell where they cannot be read.
pub(super) fn from_facts(change: &ChangeRecord, value: impl Fn(&StepFacts) -> TableCell) -> TableCell {
    change.facts.as_ref().map_or(TableCell::Empty, value)
}

/// Returns a flag of a change that was judged; an empty cell for one that was not, of which nobody can tell.
pub(super) fn evaluated_flag(change: &ChangeRecord, flag: impl Fn(&ChangeRecord) -> bool) -> TableCell {
    if change.gate_result().is_evaluated() { flag(change).into() } else { TableCell::Empty }
}

pub(super) fn count(number: usize) -> TableCell {
    TableCell::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

/// Returns how many things a ledger tells of for a change; an empty cell if no record tells of it, and none of them.
pub(super) fn recorded_count(change: &ChangeRecord, number: usize) -> TableCell {
    if number == 0 && change.state() == ChangeState::NotKnown { TableCell::Empty } else { count(number) }
}

pub(super) fn purpose(change: &ChangeRecord) -> TableCell {
    if let Some(stated) = change.find_value(fields::PURPOSE) {
        return stated.into();
    }
    from_facts(change, |facts| match facts.purpose.as_bytes() {
        [] => TableCell::Empty,
        _ => (&facts.purpose).into(),
    })
}

pub(super) fn co_authors(change: &ChangeRecord) -> TableCell {
    from_facts(change, |facts| {
        // One person may write from several addresses.
        let mut known = vec![change.identify_person(&facts.author)];
        let mut others = Vec::new();
        for person in &facts.people {
            let key = change.identify_person(person);
            if !known.contains(&key) {
                known.push(key);
                others.push(format_person(person));
            }
        }
        join_texts(others.into_iter())
    })
}

/// Returns a person as git writes them.
pub(super) fn format_person(person: &Person) -> Text {
    let mut written = person.name.as_bytes().to_vec();
    if !person.email.as_bytes().is_empty() {
        written.extend_from_slice(b" <");
        written.extend_from_slice(person.email.as_bytes());
        written.push(b'>');
    }
    Text::new(written)
}

/// Returns people, each once, with what they said, their teams and the time, as `ana (security) 2026-06-01T10:00:00Z`.
pub(super) fn list_people(approvals: Vec<&RecordedApproval>) -> TableCell {
    let mut people: Vec<Text> = Vec::new();
    for approval in approvals {
        let mut written = match &approval.by {
            Some(by) => by.as_bytes().to_vec(),
            None => b"a deleted account".to_vec(),
        };
        if !approval.teams.is_empty() {
            written.extend_from_slice(format!(" ({})", approval.teams.join(", ")).as_bytes());
        }
        if let Some(at) = approval.given_at {
            written.extend_from_slice(format!(" {}", format_table_time(at)).as_bytes());
        }
        // Each commit of a change may name the same person.
        let written = Text::new(written);
        if !people.contains(&written) {
            people.push(written);
        }
    }
    join_texts(people.into_iter())
}

pub(super) fn approval_covers_final(change: &ChangeRecord) -> TableCell {
    let counting = change.list_counting_approvals();
    if counting.is_empty() {
        return TableCell::Empty;
    }
    let judged = || change.reasons.iter().filter_map(|reasons| reasons.revision).chain([change.id]);
    let is_of_final = |approval: &&RecordedApproval| match approval.relation.as_deref() {
        // A signed approval was compared with what landed.
        Some(relation) => !matches!(relation, "partial" | "changed" | "uncompared"),
        None => approval.revision.is_some_and(|of| judged().any(|id| id == of)),
    };
    counting.iter().all(is_of_final).into()
}

/// Returns how what landed relates to the revisions of the approvals that counted, each relation once; of a change that came
/// past the gate, to the approvals that were there.
pub(super) fn approval_relations(change: &ChangeRecord) -> TableCell {
    let mut relations: Vec<&str> = Vec::new();
    for landed in change.list_landed_approvals() {
        if !relations.contains(&landed.relation.word()) {
            relations.push(landed.relation.word());
        }
    }
    for approval in change.list_counting_approvals() {
        if let Some(relation) = approval.relation.as_deref()
            && !relations.contains(&relation)
        {
            relations.push(relation);
        }
    }
    join_texts(relations.into_iter().map(Text::from))
}

/// Returns the paths of a change that came past the gate at which it is not what was approved, each once.
pub(super) fn unapproved_paths(change: &ChangeRecord) -> TableCell {
    let mut paths: Vec<Text> = Vec::new();
    for path in change.list_landed_approvals().iter().flat_map(|landed| &landed.unapproved) {
        if !paths.contains(&path.path) {
            paths.push(path.path.clone());
        }
    }
    join_texts(paths.into_iter())
}

/// Returns one part of an impact that is stated as `C:low I:high A:none`.
pub(super) fn impact(change: &ChangeRecord, letter: char) -> TableCell {
    let Some(stated) = change.find_value(fields::IMPACT) else { return TableCell::Empty };
    let stated = stated.to_lossy();
    let parts = stated.split([' ', ',', ';']);
    let found = parts.filter_map(|part| part.split_once(':')).find(|(name, _)| {
        let mut letters = name.chars();
        letters.next().is_some_and(|first| first.eq_ignore_ascii_case(&letter)) && letters.next().is_none()
    });
    found.map(|(_, word)| word.to_owned()).into()
}

pub(super) fn count_checks(change: &ChangeRecord, counts: impl Fn(&RecordedCheckState) -> bool) -> TableCell {
    let mut checks = change.reasons.iter().flat_map(|reasons| &reasons.checks).peekable();
    if checks.peek().is_none() {
        return TableCell::Empty;
    }
    count(checks.filter(|check| counts(&check.state)).count())
}

/// Returns whether the change was verified, and whether that is contradicted by what is known of its outcome.
pub(super) fn verification(change: &ChangeRecord) -> TableCell {
    let is_verified = verified_by(change) != TableCell::Empty;
    match (is_verified, change.outcome().is_success()) {
        (false, _) => "missing".into(),
        (true, true) => "done".into(),
        (true, false) => "contradicted".into(),
    }
}

/// Returns who verified the change: those who said so to the server, or else what the change states.
pub(super) fn verified_by(change: &ChangeRecord) -> TableCell {
    let verifications = change.list_verifications();
    if verifications.is_empty() {
        return change.find_value(fields::VERIFIED_BY).into();
    }
    join_texts(verifications.into_iter().map(describe_act_author))
}

/// Returns when the change was verified first, by the clock of the gate.
pub(super) fn verified_at(change: &ChangeRecord) -> TableCell {
    let said = change.list_verifications().first().map(|event| event.observed_at);
    said.or_else(|| change.find_closing_time(fields::VERIFIED_BY)).into()
}

/// Returns the evidence that the change names, and the files that were attached to it with their digests.
pub(super) fn test_evidence(change: &ChangeRecord) -> TableCell {
    let named = change.find_value(fields::TEST_EVIDENCE);
    let attached = change.list_attachments();
    let attached = attached.iter().map(|file| Text::from(format!("{} {}", file.name, file.digest)));
    join_texts(named.into_iter().chain(attached))
}

/// Returns a value of an emergency; an empty cell for any other change.
pub(super) fn emergency_cell(change: &ChangeRecord, value: impl Fn(&ChangeRecord) -> TableCell) -> TableCell {
    if change.is_emergency() { value(change) } else { TableCell::Empty }
}

/// Returns when the ticket of an emergency was there.
pub(super) fn emergency_ticket_at(change: &ChangeRecord) -> TableCell {
    if change.names_ticket_at_once() {
        return change.landing.at.into();
    }
    change.find_closing_time(fields::EMERGENCY_TICKET).into()
}

/// Returns how many hours were left when the ticket of an emergency was there.
pub(super) fn ticket_margin(change: &ChangeRecord) -> TableCell {
    let Some(owed) = change.find_obligation(fields::EMERGENCY_TICKET) else { return TableCell::Empty };
    let (Some(due), Some(closed)) = (owed.due, &owed.closed) else { return TableCell::Empty };
    let seconds = due.duration_since(closed.at).as_secs_f64();
    TableCell::Decimal((seconds / SECONDS_PER_HOUR * 100.0).round() / 100.0)
}

pub(super) fn judged_by(change: &ChangeRecord) -> TableCell {
    match &change.judged_by {
        ChangeJudgement::Recorded { tool, keeps_reasons: true, .. } => tool.as_str().into(),
        ChangeJudgement::Recorded { tool, keeps_reasons: false, .. } => {
            format!("{tool}; what its verdict rests on was not kept, and is worked out again").into()
        }
        ChangeJudgement::Afterwards { policy } => format!("afterwards, by {policy}").into(),
        ChangeJudgement::NotJudged(why) => format!("not judged: {why}").into(),
    }
}

pub(super) fn trust_word(trust: RecordedTrust) -> &'static str {
    match trust {
        RecordedTrust::Claimed => "claimed",
        RecordedTrust::Verified => "verified",
    }
}

pub(super) fn pull_request(change: &ChangeRecord) -> Option<Text> {
    let of_reasons = change.reasons.iter().find_map(|reasons| reasons.pull.clone());
    change.landing.pull.clone().or(of_reasons)
}

/// Returns what could not be known, each kind of fact once, and what the reasons left out.
pub(super) fn not_known(change: &ChangeRecord) -> TableCell {
    let mut words: Vec<String> = Vec::new();
    for gap in change.reasons.iter().flat_map(|reasons| &reasons.missing) {
        let why = match gap.cause {
            GapCause::NotAtThisStage => "not known at this stage",
            GapCause::NotConfigured => "not configured",
            GapCause::Unavailable => "unavailable",
        };
        let word = format!("{}: {why}", gap.fact);
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words.extend(change.find_unread_part().map(str::to_owned));
    let left_out: usize = change.reasons.iter().map(|reasons| reasons.left_out).sum();
    if left_out > 0 {
        words.push(format!("{left_out} further reasons were not kept"));
    }
    join_words(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Returns where and when something was deployed, as `staging 2026-06-01T10:00:00Z`.
pub(super) fn describe_deployment(deployment: &Deployment) -> Text {
    Text::from(format!("{} {}", deployment.environment, format_table_time(deployment.at)))
}

/// Returns the steps that took a change back or name it as their cause.
pub(super) fn join_steps(change: &ChangeRecord) -> TableCell {
    let counted = change.reverted_by.iter().chain(&change.caused).map(|step| step.id.to_string());
    let doubted =
        change.doubted_claims.iter().map(|step| format!("{} (says so, and does not count)", step.id));
    join_texts(counted.chain(doubted).map(Text::from))
}

pub(super) fn join_words(words: &[&str]) -> TableCell {
    join_texts(words.iter().map(|word| Text::from(*word)))
}

/// Returns texts with `; ` between them, the first 50; an empty cell if there are none.
pub(super) fn join_texts(texts: impl Iterator<Item = Text>) -> TableCell {
    let texts: Vec<Text> = texts.collect();
    if texts.is_empty() {
        return TableCell::Empty;
    }
    let parts: Vec<&[u8]> = texts.iter().take(MAX_LISTED).map(Text::as_bytes).collect();
    let mut joined = parts.join(b"; ".as_slice());
    if texts.len() > MAX_LISTED {
        joined.extend_from_slice(format!("; and {} more", texts.len() - MAX_LISTED).as_bytes());
    }
    Text::new(joined).into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Each commit of a change brings its own approvals, often by the same people.
    #[test]
    fn a_person_stands_in_a_cell_once_however_often_they_approved() {
        let approval = |by: &str, revision: &str, given_at: Option<&str>| -> RecordedApproval {
            let read = json!({
                "source": "trailer", "trust": "claimed", "decision": "approved", "by": by, "account-number": null,
                "person": by, "teams": ["leads"], "given-at": given_at, "revision": revision.repeat(40),
                "at": { "commit": null, "in-description": false, "line": 3 }, "uses": [],
            });
            serde_json::from_value(read).unwrap()
        };
        let given = "2026-06-01T10:00:00Z";
        let list = [
            approval("ana", "1", None),
            approval("ben", "1", None),
            approval("ana", "2", None),
            approval("ana", "2", Some(given)),
        ];
        let cell = list_people(list.iter().collect());
        assert_eq!(cell, Text::from(format!("ana (leads); ben (leads); ana (leads) {given}")).into());
        assert_eq!(list_people(Vec::new()), TableCell::Empty);
    }
}
