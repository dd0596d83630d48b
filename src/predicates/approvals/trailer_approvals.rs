//! Approvals that are claimed in trailers, where nobody vouches for more.
//!
//! A trailer says what somebody typed. It counts if it names a person who took no part in the change
//! and if it covers what lands.

use crate::change::person::{canonical_address, comparable_name};
use crate::change::{Commit, Missing, Person, Text};
use crate::people::contributors::{ResolvedContributor, check_independent};
use crate::predicates::approvals::{
    ApprovalCoverage, ApprovalsPredicate, CountedApprover, describe_dependence,
};
use crate::predicates::parameters::find_unidentified_contributor;
use crate::predicates::{EvaluationContext, PredicateOutcome};
use crate::verdict::{Finding, Sentence};

/// Answers the question from the trailers of the commits.
pub(crate) fn evaluate_trailers(
    asked: &ApprovalsPredicate,
    seen: &EvaluationContext<'_>,
) -> Result<PredicateOutcome, Missing> {
    let (participants, no_pusher) = seen.participants();
    let commits = &seen.change.commits;
    let covering = match asked.coverage {
        ApprovalCoverage::AnyCommit => {
            commits.iter().flat_map(|commit| asked.find_stated_approvals(commit)).collect()
        }
        ApprovalCoverage::FinalRevision => asked.find_covering_approvals(commits)?,
    };
    let mut findings = Vec::new();
    let mut approvers: Vec<CountedApprover> = Vec::new();
    for stated in &covering {
        match asked.identify_approver(stated, participants, seen) {
            Ok(approver) if approvers.iter().any(|known| known.is_same_person(&approver)) => {}
            Ok(approver) => approvers.push(approver),
            Err(what) => findings.push(stated.approval_finding(what)),
        }
    }
    if let Some(finding) = find_unidentified_contributor(participants) {
        findings.insert(0, finding);
        return Ok(PredicateOutcome::Fails(findings));
    }
    if asked.has_enough_approvals(&approvers, seen) {
        return match no_pusher {
            Some(missing) => Err(missing.clone()),
            None => Ok(PredicateOutcome::Holds),
        };
    }
    for stated in commits.iter().flat_map(|commit| asked.find_stated_approvals(commit)) {
        if !covering.iter().any(|other| other.commit.id == stated.commit.id || other.value == stated.value) {
            let what =
                stated.naming_line().with_words(", which does not cover the other commits of this change");
            findings.push(stated.approval_finding(what));
        }
    }
    let key = asked.fields.first().map_or("Reviewed-by", |field| field.name.as_str());
    let place = format!("in {}", asked.quote_field_names());
    let short = asked.shortfall_finding(approvers.len(), "approval", &place, seen);
    findings.insert(0, short.with_paste(format!("{key}: <name> <address>")));
    Ok(PredicateOutcome::Fails(findings))
}

impl ApprovalsPredicate {
    /// Returns the approvals that a commit states.
    fn find_stated_approvals<'change>(&self, commit: &'change Commit) -> Vec<StatedApproval<'change>> {
        let ours = |key: &str| self.fields.iter().any(|field| field.matches_key(key));
        let trailers = commit.message.trailers().iter().filter(|trailer| ours(&trailer.key));
        trailers
            .map(|trailer| StatedApproval {
                commit,
                key: &trailer.key,
                value: &trailer.value,
                line: trailer.line,
            })
            .collect()
    }

    /// Returns the approvals that cover the final revision: those stated in it, and those stated in
    /// every commit that has content of its own. A merge that adds nothing to what its parents and
    /// a clean merge give has none.
    fn find_covering_approvals<'change>(
        &self,
        commits: &'change [Commit],
    ) -> Result<Vec<StatedApproval<'change>>, Missing> {
        let Some((tip, earlier)) = commits.split_last() else { return Ok(Vec::new()) };
        let mut covering = self.find_stated_approvals(tip);
        if earlier.is_empty() {
            return Ok(covering);
        }
        let mut everywhere: Option<Vec<StatedApproval<'change>>> = None;
        for commit in commits {
            if commit.is_merge() && commit.evil_merge_paths.as_ref().map_err(Clone::clone)?.is_empty() {
                continue;
            }
            let here = self.find_stated_approvals(commit);
            everywhere = Some(match everywhere {
                None => here,
                Some(so_far) => so_far
                    .into_iter()
                    .filter(|one| here.iter().any(|other| other.is_same_person(one)))
                    .collect(),
            });
        }
        covering
            .extend(everywhere.unwrap_or_default().into_iter().filter(|stated| stated.commit.id != tip.id));
        Ok(covering)
    }

    /// Returns who an approval comes from, if it counts.
    fn identify_approver(
        &self,
        stated: &StatedApproval<'_>,
        participants: &[ResolvedContributor],
        seen: &EvaluationContext<'_>,
    ) -> Result<CountedApprover, Sentence> {
        let person = Person::parse_person(stated.value.as_bytes()).map_err(|why| {
            stated.naming_line().with_words(format!(", which is not a person: {}", why.reason()))
        })?;
        let key = check_independent(&person, participants, seen.people)
            .map_err(|why| stated.naming_line().with_sentence(describe_dependence(&why)))?;
        if !self.accepts_approver(&key, seen) {
            return Err(stated
                .naming_line()
                .with_words(format!(", who is not in {}", self.teams.join(" or "))));
        }
        Ok(CountedApprover { key, name: comparable_name(&person.name) })
    }
}

/// An approval as it is stated.
#[derive(Clone, Copy)]
struct StatedApproval<'change> {
    commit: &'change Commit,
    key: &'change str,
    value: &'change Text,
    line: usize,
}

impl StatedApproval<'_> {
    fn naming_line(&self) -> Sentence {
        Sentence::from_words(format!("`{}` names ", self.key)).with_quote(self.value)
    }

    fn approval_finding(&self, what: Sentence) -> Finding {
        Finding::new(what)
            .in_commit(self.commit.id)
            .on_message_line(self.line)
            .fixed_by("somebody who did not make the change")
    }

    fn is_same_person(&self, other: &StatedApproval<'_>) -> bool {
        let address = |stated: &StatedApproval<'_>| {
            Person::parse_person(stated.value.as_bytes())
                .ok()
                .and_then(|person| canonical_address(person.email.as_bytes()))
        };
        address(self).is_some_and(|mine| address(other) == Some(mine))
    }
}
