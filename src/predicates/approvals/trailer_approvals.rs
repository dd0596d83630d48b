//! Approvals that are claimed in trailers, where no forge vouches for more.
//!
//! A trailer is a claim: anyone can type it. It counts if it names a person who did not contribute to
//! the change, and if it covers the final revision.

use std::collections::HashSet;

use crate::change::{Commit, Missing, Oid, Person, Text};
use crate::people::contributors::NotIndependent;
use crate::people::independence::ParticipantIndex;
use crate::predicates::approvals::approvers::CountedApprover;
use crate::predicates::approvals::named_people::{describe_dependence, describe_unknown, read_named_person};
use crate::predicates::approvals::requirement::{
    ApprovalCoverage, ApprovalsPredicate, DEFAULT_APPROVAL_FIELD,
};
use crate::predicates::approvals::signed_approvals::{
    list_approvers, list_objections, list_signed_approvers, weigh_signed_approvals,
};
use crate::predicates::approvals::stated_approvals::{
    StatedApproval, find_all_approvals, find_stated_approvals,
};
use crate::predicates::support::context::EvaluationContext;
use crate::predicates::support::near_key::find_near_key;
use crate::predicates::support::outcome::PredicateOutcome;
use crate::predicates::support::parameters::find_unidentified_contributor;
use crate::verdict::{Finding, Fixer, Message, messages};

messages! {
    TOO_FEW_TRAILERS = "approvals.too-few-trailers":
        "needs {needed} {needed:approval|approvals}{from} in {fields/or}; {count} {count:counts|count}";
    OTHER_KEY = "approvals.other-key":
        "{written} is another key than `{field}`, and approves nothing here";
    PARTIAL = "approvals.partial": "the approval does not cover the other commits of the change";
}

/// Answers the question from the trailers of the commits.
pub(crate) fn evaluate_trailers(
    asked: &ApprovalsPredicate,
    context: &EvaluationContext<'_>,
) -> Result<PredicateOutcome, Missing> {
    let (participants, missing_contributor) = context.participants();
    let commits = &context.change.commits;
    let covering = list_covering(asked, context)?;
    let mut findings = Vec::new();
    let mut approvers = ApproverList::default();
    let index = ParticipantIndex::new(participants);
    for approval in &covering {
        match identify_approver(asked, approval, &index, context) {
            Ok(approver) => approvers.add_approver(approver),
            Err(UncountedTrailer { reason, is_unknown }) => {
                let mut finding = approval.uncounted_finding(asked, reason);
                if is_unknown {
                    // Another approver, or the roster, which then has to know this one.
                    finding = finding.or_by(Fixer::RosterOwner);
                }
                findings.push(finding);
            }
        }
    }
    let signed = context.change.signed_approvals.as_deref().unwrap_or_default();
    let weighed = weigh_signed_approvals(asked, signed, context);
    for approver in list_approvers(&weighed) {
        approvers.add_approver(approver);
    }
    let objections = list_objections(&weighed, context);
    // Next to a contributor who may be any person, no approver is independent.
    if let Some(finding) = find_unidentified_contributor(participants, context) {
        findings.insert(0, finding);
        return Ok(PredicateOutcome::Fails(findings));
    }
    if !objections.is_empty() {
        findings.splice(0..0, objections);
        return Ok(PredicateOutcome::Fails(findings));
    }
    let approvers = approvers.into_people();
    if asked.has_enough_approvals(&approvers, context) {
        return match (missing_contributor, &context.change.signed_approvals) {
            (Some(missing), _) => Err(missing.clone()),
            (None, Ok(_) | Err(Missing::NotConfigured(_) | Missing::NotAtThisStage(_))) => {
                Ok(PredicateOutcome::Holds)
            }
            // Among what could not be read there may be an objection.
            (None, Err(missing)) => Err(missing.clone()),
        };
    }
    let covering_commits: HashSet<Option<Oid>> = covering.iter().map(|one| one.commit.id).collect();
    let covering_values: HashSet<&Text> = covering.iter().map(|one| one.value).collect();
    for approval in &find_all_approvals(asked, commits) {
        if !covering_commits.contains(&approval.commit.id) && !covering_values.contains(approval.value) {
            findings.push(approval.uncounted_finding(asked, Message::from(&PARTIAL)));
        }
    }
    for field in &asked.fields {
        if let Some(near) = find_near_key(field, context) {
            let message = OTHER_KEY.with("field", field.name.as_str());
            let finding = Finding::new(message.with("written", near.written));
            findings.push(finding.in_commit(near.commit).on_message_line(near.line));
        }
    }
    let key = match asked.fields.first() {
        Some(field) => &field.name,
        None => DEFAULT_APPROVAL_FIELD,
    };
    let paste = asked.suggest_trailers(key, approvers.len());
    let mut shortfalls = asked.list_shortfalls(&TOO_FEW_TRAILERS, (&approvers, approvers.len()), context);
    match asked.find_missing_people(&approvers, context) {
        Some(missing) => shortfalls.insert(shortfalls.len().min(1), missing),
        None if shortfalls.is_empty() => {}
        None => {
            let first = shortfalls.remove(0);
            shortfalls.insert(0, first.with_paste(paste));
        }
    }
    findings.splice(0..0, shortfalls);
    Ok(PredicateOutcome::Fails(findings))
}

/// Returns the people whose approvals in trailers count, each once.
///
/// # Errors
///
/// Returns the gap if it is not known which commits an approval covers.
pub(super) fn list_trailer_approvers(
    asked: &ApprovalsPredicate,
    context: &EvaluationContext<'_>,
) -> Result<Vec<CountedApprover>, Missing> {
    let index = ParticipantIndex::new(context.participants().0);
    let mut approvers = ApproverList::default();
    for approval in &list_covering(asked, context)? {
        if let Ok(approver) = identify_approver(asked, approval, &index, context) {
            approvers.add_approver(approver);
        }
    }
    for approver in list_signed_approvers(asked, context) {
        approvers.add_approver(approver);
    }
    Ok(approvers.into_people())
}

/// Returns the approvals that cover what lands, or where that is not asked, all that are stated.
fn list_covering<'change>(
    asked: &ApprovalsPredicate,
    context: &EvaluationContext<'change>,
) -> Result<Vec<StatedApproval<'change>>, Missing> {
    let commits = &context.change.commits;
    match asked.coverage {
        ApprovalCoverage::AnyCommit => Ok(find_all_approvals(asked, commits)),
        ApprovalCoverage::FinalRevision => find_covering_approvals(asked, commits),
    }
}

impl ApprovalsPredicate {
    /// Returns the trailers to paste: one for each approval that is missing.
    ///
    /// Where each team has to approve and some teams have, it is not said here which ones are left.
    fn suggest_trailers(&self, key: &str, found: usize) -> String {
        let found = u64::try_from(found).unwrap_or(u64::MAX);
        let mut lines = Vec::new();
        if self.distinct_teams && found == 0 {
            for team in &self.teams {
                lines.push(format!("{key}: <name of a member of {team}> <address>"));
            }
        }
        let name = match self.teams.as_slice() {
            [] if self.owners.is_some() => "<name of a code owner>".to_owned(),
            [] => "<name>".to_owned(),
            teams => format!("<name of a member of {}>", teams.join(" or ")),
        };
        let given = found.saturating_add(u64::try_from(lines.len()).unwrap_or(u64::MAX));
        // Enough approvals may come from too few teams.
        let missing = self.min_approvals.saturating_sub(given).max(u64::from(lines.is_empty()));
        for _ in 0..missing {
            lines.push(format!("{key}: {name} <address>"));
        }
        lines.join("\n")
    }
}

/// Returns the approvals that cover the final revision: those stated in it, and those stated in every
/// commit that has content of its own. A merge that adds nothing to what its parents and a clean merge
/// give has none.
pub(super) fn find_covering_approvals<'change>(
    asked: &ApprovalsPredicate,
    commits: &'change [Commit],
) -> Result<Vec<StatedApproval<'change>>, Missing> {
    let Some((tip, earlier)) = commits.split_last() else { return Ok(Vec::new()) };
    let mut covering = find_stated_approvals(asked, tip);
    if earlier.is_empty() {
        return Ok(covering);
    }
    let mut in_every_commit: Option<Vec<(StatedApproval<'change>, Option<String>)>> = None;
    for commit in commits {
        if commit.is_merge() && commit.evil_merge_paths.as_ref().map_err(Missing::clone)?.is_empty() {
            continue;
        }
        let here = find_stated_approvals(asked, commit);
        match &mut in_every_commit {
            None => in_every_commit = Some(here.into_iter().map(|one| (one, one.address())).collect()),
            Some(so_far) => {
                let here: HashSet<String> = here.iter().filter_map(StatedApproval::address).collect();
                so_far.retain(|(_, address)| address.as_ref().is_some_and(|address| here.contains(address)));
            }
        }
    }
    for (approval, _) in in_every_commit.unwrap_or_default() {
        if approval.commit.id != tip.id {
            covering.push(approval);
        }
    }
    Ok(covering)
}

/// Why an approval that a trailer states does not count.
pub(super) struct UncountedTrailer {
    pub(super) reason: Message,
    /// True if the roster does not know the approver.
    is_unknown: bool,
}

/// Returns the person whom an approval comes from, if it counts.
///
/// # Errors
///
/// Returns why it does not count.
pub(super) fn identify_approver(
    asked: &ApprovalsPredicate,
    approval: &StatedApproval<'_>,
    participants: &ParticipantIndex<'_>,
    context: &EvaluationContext<'_>,
) -> Result<CountedApprover, UncountedTrailer> {
    let refuse = |reason, is_unknown| UncountedTrailer { reason, is_unknown };
    let person = read_named_person(approval.value).map_err(|reason| refuse(reason, false))?;
    // Nobody vouches for the time of a trailer, so it counts from when the change was seen.
    let at = context.change.seen_at;
    let key = match asked.check_approver(&person, participants, context.people, at) {
        Ok(key) => key,
        Err(why) => {
            let is_unknown = matches!(why, NotIndependent::Unknown | NotIndependent::Absent(_));
            let reason = match why {
                NotIndependent::Unknown => {
                    describe_unknown(&person.name, Some(&person.email), context.people)
                }
                why => describe_dependence(&why),
            };
            return Err(refuse(reason, is_unknown));
        }
    };
    let seat = asked.find_approver_seat(&key, at, context).map_err(|reason| refuse(reason, false))?;
    // A roster says who is whom, so that two of its people may have one name.
    let name = if context.people.has_roster() { Text::default() } else { person.name };
    Ok(CountedApprover::from_person(key, seat, at, &Person { name, email: person.email }))
}

/// People whose approvals count, each once.
#[derive(Default)]
struct ApproverList {
    people: Vec<CountedApprover>,
    keys: HashSet<String>,
    /// The people for whom they count.
    seats: HashSet<String>,
    names: HashSet<String>,
}

impl ApproverList {
    /// Adds an approver, unless the same person is there already.
    fn add_approver(&mut self, approver: CountedApprover) {
        let is_known = self.keys.contains(&approver.key) || self.seats.contains(&approver.seat);
        if is_known || self.names.contains(&approver.name) {
            return;
        }
        self.keys.insert(approver.key.clone());
        self.seats.insert(approver.seat.clone());
        if !approver.name.is_empty() {
            self.names.insert(approver.name.clone());
        }
        self.people.push(approver);
    }

    fn into_people(self) -> Vec<CountedApprover> {
        self.people
    }
}

#[cfg(test)]
mod tests {
    use crate::predicates::support::examples::{answer_edited, answer_example, finding_texts};
    use crate::verdict::PredicateAnswer;

    #[test]
    fn two_people_of_one_name_are_two_where_a_roster_says_so() {
        const ROSTER: &str = "
roster:
  people:
    ana: { addresses: [ana@example.com] }
    wei1: { name: Wei Zhang, addresses: [wei1@example.com] }
    wei2: { name: Wei Zhang, addresses: [wei2@example.com] }
";
        let answer = |roster: &str, question: &str, author: &str, reviewers: &[&str]| {
            let lines: String = reviewers
                .iter()
                .map(|one| format!("Reviewed-by: Wei Zhang <{one}@example.com>\\n"))
                .collect();
            let text = format!(
                "ask: {{ approvals: {{ trust: claimed{question} }} }}\nfields: {{ Reviewed-by: {{ person: true }} \
                 }}{roster}\nchange:\n  commits: [{{ author: {author}@example.com>, message: \"Cache it\\n\\n{lines}\" }}]"
            );
            finding_texts(&answer_example(&text))
        };
        for (question, author, reviewers, is_enough) in [
            ("", "Wei Zhang <wei1", &["wei2"][..], true),
            ("", "Wei Zhang <wei1", &["wei1"], false),
            (", at-least: 2", "Ana <ana", &["wei1", "wei2"], true),
            (", at-least: 2", "Ana <ana", &["wei1", "wei1"], false),
            (", at-least: 2, authors: cross", "Wei Zhang <wei1", &["wei1", "wei2"], false),
        ] {
            let found = answer(ROSTER, question, author, reviewers);
            assert_eq!(found.is_empty(), is_enough, "{question} {author} {reviewers:?}: {found:?}");
            assert!(!answer("", question, author, reviewers).is_empty(), "{question} {author} {reviewers:?}");
        }
    }

    #[test]
    fn as_many_trailers_are_pasted_as_approvals_are_missing() {
        let any = "Reviewed-by: <name> <address>";
        let security = "Reviewed-by: <name of a member of security> <address>";
        let audit = "Reviewed-by: <name of a member of audit> <address>";
        for (question, trailers, expected) in [
            ("", "", vec![any]),
            (", at-least: 3", "", vec![any, any, any]),
            (", at-least: 3", "Reviewed-by: Bob <bob@example.com>", vec![any, any]),
            (", from: [security]", "Reviewed-by: Bob <bob@example.com>", vec![security]),
            (", from: [security, audit], distinct-teams: true", "", vec![security, audit]),
        ] {
            let text = format!(
                "
ask: {{ approvals: {{ trust: claimed{question} }} }}
fields: {{ Reviewed-by: {{ person: true }} }}
people: {{ teams: {{ security: [sam@example.com], audit: [kim@example.com] }} }}
change:
  commits:
    - message: |
        Cache the tenant lookup

        Change: x
        {trailers}
"
            );
            let PredicateAnswer::Fails(findings) = answer_edited(&text, |_| {}) else { panic!("{question}") };
            assert_eq!(findings[0].paste.as_deref(), Some(expected.join("\n").as_str()), "{question}");
            assert!(findings.iter().all(|one| one.fixers == findings[0].fixers), "{findings:?}");
        }
    }

    #[test]
    fn an_approver_whom_the_roster_does_not_know_is_for_its_maintainers_too() {
        let text = "
ask: { approvals: { trust: claimed } }
fields: { Reviewed-by: { person: true } }
roster: { people: { ana: { addresses: [ana@example.com] } } }
change:
  commits:
    - author: Ana <ana@example.com>
      message: |
        Cache the tenant lookup

        Change: x
        Reviewed-by: Eve <eve@example.com>
";
        let PredicateAnswer::Fails(findings) = answer_edited(text, |_| {}) else { panic!() };
        let unknown = findings.iter().find(|one| one.at.line.is_some()).unwrap();
        assert_eq!(
            unknown.describe_fixers(),
            "a reviewer other than the authors or the maintainers of the roster"
        );
    }
}
