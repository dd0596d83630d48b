//! What is legal in a policy, and most likely not meant: a rule that its team is too small for, and a rule
//! of a base that is weakened without a word.

use crate::policy::definition::Policy;
use crate::verdict::RuleId;

/// A rule that asks for more approvals than the members of its teams can give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnderstaffedRule {
    /// The rule.
    pub rule: RuleId,
    /// The number of approvals that it asks for.
    pub min_approvals: u64,
    /// The teams that they have to come from.
    pub teams: Vec<String>,
    /// The number of people in these teams whom the policy can tell apart.
    pub members: usize,
}

impl Policy {
    /// Returns the rules that no change can meet, because they ask for more approvals than there are
    /// people in the teams.
    pub fn find_understaffed_rules(&self) -> Vec<UnderstaffedRule> {
        let mut found = Vec::new();
        for rule in &self.rules {
            let mut demands = Vec::new();
            rule.require.add_approval_demands(&mut demands);
            for (min_approvals, teams) in demands {
                let members = self.people.count_members(teams);
                if !teams.is_empty() && u64::try_from(members).is_ok_and(|members| members < min_approvals) {
                    found.push(UnderstaffedRule {
                        rule: rule.description.id.clone(),
                        min_approvals,
                        teams: teams.to_vec(),
                        members,
                    });
                }
            }
        }
        found
    }
}
