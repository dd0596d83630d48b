//! Whether the roster has people who could give the approvals that a change lacks.

use crate::predicates::approvals::approvers::{CountedApprover, is_contributor};
use crate::predicates::approvals::requirement::ApprovalsPredicate;
use crate::predicates::support::context::EvaluationContext;
use crate::verdict::{Finding, Fixer, Message, messages};

messages! {
    TOO_FEW_PEOPLE = "approvals.too-few-people":
        "`{roster}` has {possible} {possible:person|people}{from} who could approve this change without being a part of it, and {needed} {needed:is|are} needed; add {needed:a reviewer|reviewers} to the roster, or let another person make the change";
    TOO_FEW_LISTED = "approvals.too-few-listed":
        "the roster has {possible} {possible:person|people}{from} who could approve this change without being a part of it, and {needed} {needed:is|are} needed; add {needed:a reviewer|reviewers} to the roster, or let another person make the change";
}

/// How many people of a roster are asked whether they could approve.
const MAX_PEOPLE_ASKED: usize = 2_000;

impl ApprovalsPredicate {
    /// Returns what is needed where the roster has too few people for the approvals that are missing beside those of
    /// `approvers`: no line to paste helps then. `None` if there are enough, without a roster, and if that is too long to ask
    /// everyone in it.
    pub(super) fn find_missing_people(
        &self,
        approvers: &[CountedApprover],
        context: &EvaluationContext<'_>,
    ) -> Option<Finding> {
        let (people, at) = (context.people, context.change.seen_at);
        let given = u64::try_from(approvers.len()).unwrap_or(u64::MAX);
        // Enough approvals may come from too few teams.
        let needed = self.asked_count().saturating_sub(given).max(1);
        // What owners are missing is told of each file, and authors can approve the parts of each other.
        if self.asks_code_owners() || self.admits_authors() {
            return None;
        }
        let listed = people.list_few_humans(MAX_PEOPLE_ASKED)?;
        let mut possible = 0_u64;
        for key in listed {
            let could_approve = !is_contributor(key, context)
                && people.find_absence(key, at).is_none()
                && !approvers.iter().any(|one| one.key == key && one.list_roles().is_none())
                && self.find_approver_seat(key, at, context).is_ok();
            possible += u64::from(could_approve);
            if possible >= needed {
                return None;
            }
        }
        let message = match people.roster.as_deref() {
            Some(roster) => TOO_FEW_PEOPLE.with("roster", roster),
            None => Message::from(&TOO_FEW_LISTED),
        };
        let message = message.with("possible", possible).with("needed", needed);
        let finding = Finding::new(message.with("from", self.teams_clause(context)));
        Some(finding.in_commit(context.change.tip().id).fixed_by(Fixer::RosterOwner))
    }
}

#[cfg(test)]
mod tests {
    use crate::predicates::support::examples::answer_edited;
    use crate::verdict::PredicateAnswer;

    /// Returns the lines to paste, and what is said, for a change of Ana's under this roster.
    fn told(question: &str, roster: &str) -> (Option<String>, Vec<String>) {
        let text = format!(
            "ask: {{ approvals: {{ trust: claimed{question} }} }}\nfields: {{ Reviewed-by: {{ person: true }} }}\n\
             people: {{ teams: {{ security: [sam@example.com] }} }}\nroster:\n  people:\n{roster}\
             change:\n  at: 2026-12-01T00:00:00Z\n  commits: [{{ author: Ana <ana@example.com>, message: \"Cache it\" }}]\n"
        );
        let PredicateAnswer::Fails(findings) = answer_edited(&text, |_| {}) else { panic!("{roster}") };
        let texts = findings.iter().map(|one| one.message.to_plain_text()).collect();
        (findings.into_iter().find_map(|one| one.paste), texts)
    }

    #[test]
    fn nothing_is_pasted_where_no_one_in_the_roster_could_approve() {
        let ana = "    ana: { addresses: [ana@example.com] }\n";
        let ben = "    ben: { addresses: [ben@example.com] }\n";
        let left = "    eve: { addresses: [eve@example.com], left: 2026-11-30 }\n";
        let sam = "    sam: { addresses: [sam@example.com] }\n";
        for (question, roster, possible) in [
            ("", vec![ana], Some(0)),
            ("", vec![ana, left], Some(0)),
            ("", vec![ana, ben], None),
            (", at-least: 2", vec![ana, ben], Some(1)),
            (", at-least: 2", vec![ana, ben, sam], None),
            (", from: [security]", vec![ana, ben, sam], None),
        ] {
            let (paste, texts) = told(question, &roster.concat());
            let said = texts.iter().find(|text| text.contains("without being a part of it"));
            assert_eq!(paste.is_none(), possible.is_some(), "{question}: {paste:?}");
            match possible {
                None => assert_eq!(said, None, "{question}"),
                Some(count) => {
                    let noun = if count == 1 { "person" } else { "people" };
                    assert!(
                        said.is_some_and(|text| text.contains(&format!("has {count} {noun}"))),
                        "{texts:?}"
                    );
                }
            }
        }
    }
}
