//! From how many different teams the approvals have to be.

use crate::predicates::approvals::approvers::{CountedApprover, count_covered_teams};
use crate::predicates::approvals::requirement::ApprovalsPredicate;
use crate::predicates::support::context::EvaluationContext;
use crate::verdict::{MessageValue, messages};

messages! {
    FROM_EACH_TEAM = "approvals.from-each-team": " (one each from {teams/and})";
    FROM_DIFFERENT_TEAMS = "approvals.from-different-teams": " (from {count} different teams of {teams/and})";
}

impl ApprovalsPredicate {
    /// Returns true if each of the teams has to approve.
    pub(crate) fn asks_each_team(&self) -> bool {
        self.distinct_teams
    }

    /// Returns the keys of the people whose approvals count for some teams alone, each with these teams.
    pub(crate) fn list_approvers_in_roles(
        &self,
        context: &EvaluationContext<'_>,
    ) -> Vec<(String, Vec<String>)> {
        let mut found = Vec::new();
        if self.is_given_by_pusher() {
            return found;
        }
        // Where it is not known who counts, everyone whom the question accepts is looked at.
        for approver in self.list_counted_approvers(context).unwrap_or_default() {
            if let Some(roles) = approver.list_roles() {
                let roles = roles.into_iter().map(str::to_owned).collect();
                found.push((approver.key.clone(), roles));
            }
        }
        found
    }

    /// Returns true if as many teams as are asked have an approver of their own.
    pub(super) fn covers_teams(
        &self,
        approvers: &[CountedApprover],
        context: &EvaluationContext<'_>,
    ) -> bool {
        let asked = if self.distinct_teams {
            self.teams.len()
        } else {
            usize::try_from(self.different_teams).unwrap_or(usize::MAX)
        };
        asked == 0 || count_covered_teams(&self.teams, approvers, context) >= asked
    }

    /// Describes that the teams have to be different ones; `None` where they need not.
    pub(super) fn describe_each_team(&self) -> Option<MessageValue> {
        let template = match (self.distinct_teams, self.different_teams) {
            (true, _) => &FROM_EACH_TEAM,
            (false, 0) => return None,
            (false, _) => &FROM_DIFFERENT_TEAMS,
        };
        Some(template.with("teams", self.teams.clone()).with("count", self.different_teams).into())
    }
}
