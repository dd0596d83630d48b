//! Approvals by the teams of those who gave them: advice for a team, never for a person.

use std::collections::{BTreeMap, BTreeSet};

use crate::audit::change_record::ChangeRecord;
use crate::audit::key_figures::figure::ShareCount;

/// Of how many approvers a team has to be told for itself: a figure of fewer would be one of persons.
const MIN_TEAM_APPROVERS: usize = 3;

/// Counts approvals by team.
#[derive(Clone, Debug, Default)]
pub(super) struct TeamApprovals {
    by_team: BTreeMap<String, OneTeam>,
}

/// What members of one team approved.
#[derive(Clone, Debug, Default)]
struct OneTeam {
    /// The changes of which a member's approval counted.
    approved: u64,
    /// Those of them that were approved faster than they can be read.
    at_once: ShareCount,
    /// How many of them each member approved.
    by_member: BTreeMap<String, u64>,
}

impl TeamApprovals {
    /// Counts a change with counting approvals; `is_quick` if all of them came faster than it can be read, as far as known.
    pub(super) fn add_change(&mut self, change: &ChangeRecord, is_quick: Option<bool>) {
        let mut approvers = BTreeSet::new();
        for approval in change.list_counting_approvals() {
            let Some(person) = approval.person.as_deref() else { continue };
            approvers.extend(approval.teams.iter().map(|team| (team.as_str(), person)));
        }
        self.add_approvers(&approvers, is_quick);
    }

    fn add_approvers(&mut self, approvers: &BTreeSet<(&str, &str)>, is_quick: Option<bool>) {
        let mut last = None;
        for (team, person) in approvers {
            let counted = self.by_team.entry((*team).to_owned()).or_default();
            *counted.by_member.entry((*person).to_owned()).or_default() += 1;
            if last.replace(team) == Some(team) {
                continue;
            }
            counted.approved += 1;
            match is_quick {
                Some(is_quick) => counted.at_once.add(is_quick),
                None => counted.at_once.not_known += 1,
            }
        }
    }

    /// Returns of each team how many changes were approved faster than they can be read, as a sentence; empty without teams.
    pub(super) fn describe_at_once(&self) -> String {
        self.describe_teams(|team| (team.at_once.numerator, team.at_once.denominator))
    }

    /// Returns of each team how many changes the member approved who approved the most, as a sentence; empty without teams.
    pub(super) fn describe_by_one(&self) -> String {
        self.describe_teams(|team| {
            (team.by_member.values().copied().max().unwrap_or_default(), team.approved)
        })
    }

    fn describe_teams(&self, count: impl Fn(&OneTeam) -> (u64, u64)) -> String {
        let mut told = Vec::new();
        for (name, team) in &self.by_team {
            let (numerator, denominator) = count(team);
            if team.by_member.len() >= MIN_TEAM_APPROVERS && denominator > 0 {
                told.push(format!("{name} {numerator} of {denominator}"));
            }
        }
        if told.is_empty() { String::new() } else { format!("by team of the approvers: {}", told.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn teams_of_three_approvers_are_told_and_smaller_ones_are_not() {
        let mut teams = TeamApprovals::default();
        assert_eq!(teams.describe_by_one(), "");
        for (approvers, is_quick) in [
            (&[("ops", "ana"), ("ops", "ben")][..], Some(true)),
            (&[("ops", "ben"), ("security", "kim")], Some(false)),
            (&[("ops", "cy")], None),
        ] {
            teams.add_approvers(&approvers.iter().copied().collect(), is_quick);
        }
        assert_eq!(teams.describe_at_once(), "by team of the approvers: ops 1 of 2");
        assert_eq!(teams.describe_by_one(), "by team of the approvers: ops 2 of 3");
    }
}
