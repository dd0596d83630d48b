//! Approvals of different roles by different people: nobody gives two of them.

use crate::change::Missing;
use crate::predicates::approvals::approvers::{CountedApprover, count_assigned};
use crate::predicates::approvals::requirement::ApprovalsPredicate;
use crate::predicates::approvals::reviews::ReviewCounter;
use crate::predicates::approvals::signed_approvals::list_signed_approvers;
use crate::predicates::approvals::trailer_approvals::list_trailer_approvers;
use crate::predicates::support::context::EvaluationContext;
use crate::verdict::{Finding, messages};

messages! {
    DISTINCT_PEOPLE = "approvals.distinct-people":
        "needs {needed} approvals by different people, each for one role; {count} {count:counts|count}";
}

impl ApprovalsPredicate {
    /// Returns true if whoever gives this approval gives none of the others that ask for the same.
    pub(crate) fn requires_distinct_people(&self) -> bool {
        self.distinct_people
    }

    /// Returns the finding that the approvals that this question and `others` ask for cannot all come from different
    /// people; `None` if they can. One person is counted once, whatever roles they could take.
    ///
    /// # Errors
    ///
    /// Returns the fact that is missing to know who approves.
    pub(crate) fn find_shared_approvers(
        &self,
        others: &[&ApprovalsPredicate],
        context: &EvaluationContext<'_>,
    ) -> Result<Option<Finding>, Missing> {
        let mut people: Vec<CountedApprover> = Vec::new();
        let mut places: Vec<Vec<usize>> = Vec::new();
        for asked in std::iter::once(&self).chain(others) {
            let mut able: Vec<(usize, CountedApprover)> = Vec::new();
            for approver in asked.list_counted_approvers(context)? {
                let known = people.iter().position(|person| person.is_same_person(&approver));
                let index = known.unwrap_or(people.len());
                if known.is_none() {
                    people.push(approver.clone());
                }
                able.push((index, approver));
            }
            asked.add_places(&able, &mut places, context);
        }
        let count = count_assigned(&places, people.len());
        if count >= places.len() {
            return Ok(None);
        }
        let what = DISTINCT_PEOPLE.with("needed", places.len()).with("count", count);
        let tip = context.change.tip().id;
        Ok(Some(Finding::new(what).in_commit(tip).fixed_by(self.approval_fixer())))
    }

    /// Adds one place for each approval that is asked for, with those who can take it.
    fn add_places(
        &self,
        able: &[(usize, CountedApprover)],
        places: &mut Vec<Vec<usize>>,
        context: &EvaluationContext<'_>,
    ) {
        let mut left = self.min_approvals;
        if self.distinct_teams {
            for team in &self.teams {
                let members = able.iter().filter(|(_, one)| one.holds_team(team, context));
                places.push(members.map(|(index, _)| *index).collect());
                left = left.saturating_sub(1);
            }
        }
        for _ in 0..left {
            places.push(able.iter().map(|(index, _)| *index).collect());
        }
    }

    /// Returns the people whose approvals count for certain.
    ///
    /// # Errors
    ///
    /// Returns the fact that is missing to know them.
    pub(super) fn list_counted_approvers(
        &self,
        context: &EvaluationContext<'_>,
    ) -> Result<Vec<CountedApprover>, Missing> {
        let Ok(pull) = &context.change.pull else {
            return match self.requires_verified() {
                true => Ok(list_signed_approvers(self, context)),
                false => list_trailer_approvers(self, context),
            };
        };
        let reviews = pull.reviews.as_ref().map_err(Missing::clone)?;
        Ok(ReviewCounter::new(self, context, pull).count_reviews(reviews)?.counted_approvers)
    }
}

#[cfg(test)]
mod tests {
    use crate::predicates::support::examples::{answer_example, finding_texts};

    const POLICY: &str = "
fields: { Reviewed-by: { person: true }, Authorised-by: { person: true } }
people: { teams: { security: [ana@example.com, ben@example.com], ops: [ben@example.com, cy@example.com] } }
roster:
  people:
    ana: { addresses: [ana@example.com], accounts: ['github:ana'], delegate: { to: ben, for: security } }
    ben: { addresses: [ben@example.com], accounts: ['github:ben'] }
    cy: { addresses: [cy@example.com], accounts: ['github:cy'] }
    dan: { addresses: [dan@example.com], accounts: ['github:dan'] }
";
    const ROLES: &str = "{ all: [{ approvals: { trust: claimed, distinct: people } }, { approvals: { field: Authorised-by, from: [ops], trust: claimed, distinct: people } }] }";

    fn pushed(ask: &str, trailers: &[&str]) -> Vec<String> {
        let lines: String = trailers.iter().map(|line| format!("{line}@example.com>\\n")).collect();
        let text = format!(
            "ask: {ask}{POLICY}change:\n  commits: [{{ author: Dan <dan@example.com>, message: \"Cache it\\n\\n{lines}\" }}]"
        );
        finding_texts(&answer_example(&text))
    }

    #[test]
    fn one_person_never_stands_for_two_roles() {
        let one = ["Reviewed-by: Ben <ben", "Authorised-by: Ben <ben"];
        assert_eq!(
            pushed(ROLES, &one),
            ["needs 2 approvals by different people, each for one role; 1 counts"]
        );
        assert_eq!(pushed(&ROLES.replace(", distinct: people", ""), &one), [""; 0]);
        let two = ["Reviewed-by: Ana <ana", "Authorised-by: Ben <ben"];
        assert_eq!(pushed(ROLES, &two), [""; 0]);
        // Whoever can take one role leaves the other to whom it is open.
        let swapped = ["Reviewed-by: Ben <ben", "Reviewed-by: Ana <ana", "Authorised-by: Ben <ben"];
        assert_eq!(pushed(ROLES, &swapped), [""; 0]);
        // What is missing at all is told as ever.
        assert!(pushed(ROLES, &["Reviewed-by: Ben <ben"])[0].contains("`Authorised-by`"));
    }

    #[test]
    fn more_than_one_of_a_role_and_a_delegate_count_once() {
        let ask = "{ all: [{ approvals: { at-least: 2, trust: claimed, distinct: people } }, { approvals: { field: Authorised-by, from: [security], trust: claimed, distinct: people } }] }";
        let said = "needs 3 approvals by different people, each for one role; 2 count";
        let shared = ["Reviewed-by: Ben <ben", "Reviewed-by: Cy <cy", "Authorised-by: Ben <ben"];
        assert_eq!(pushed(ask, &shared), [said]);
        let apart = ["Reviewed-by: Ben <ben", "Reviewed-by: Cy <cy", "Authorised-by: Ana <ana"];
        assert_eq!(pushed(ask, &apart), [""; 0]);
        let nested = "{ all: [{ all: [{ approvals: { trust: claimed, distinct: people } }] }, { approvals: { field: Authorised-by, trust: claimed, distinct: people } }] }";
        assert_eq!(pushed(nested, &["Reviewed-by: Ben <ben", "Authorised-by: Ben <ben"]).len(), 1);
    }

    #[test]
    fn reviews_of_one_account_fill_one_place() {
        let ask = "{ all: [{ approvals: { from: [security], distinct: people } }, { approvals: { from: [ops], distinct: people } }] }";
        let reviewed = |list: &str| {
            let text = format!(
                "ask: {ask}{POLICY}change:\n  stage: pull-request\n  commits: [{{ author: Dan <dan@example.com> }}]\n  pull: {{ opener: dan, reviews: [{list}] }}"
            );
            finding_texts(&answer_example(&text))
        };
        assert_eq!(reviewed("{ by: ben }").len(), 1);
        assert_eq!(reviewed("{ by: ben }, { by: cy }"), [""; 0]);
        assert_eq!(reviewed("{ by: ben }, { by: ana }"), [""; 0]);
    }

    #[test]
    fn approvals_come_from_as_many_teams_as_are_asked() {
        let ask = "{ approvals: { from: [security, ops], different-teams: 2, trust: claimed } }";
        assert_eq!(pushed(ask, &["Reviewed-by: Ben <ben", "Reviewed-by: Ana <ana"]), [""; 0]);
        let short = pushed(ask, &["Reviewed-by: Ben <ben"]);
        assert_eq!(
            short,
            ["needs 2 approvals (from 2 different teams of security and ops) in `Reviewed-by`; 1 counts"]
        );
        let one_team =
            "{ approvals: { from: [security, ops], at-least: 3, different-teams: 2, trust: claimed } }";
        assert_eq!(pushed(one_team, &["Reviewed-by: Ben <ben", "Reviewed-by: Ana <ana"]).len(), 1);
    }
}
