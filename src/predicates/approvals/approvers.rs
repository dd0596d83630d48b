//! The people whose approvals count, and whether each team can be given one of its own.

use crate::change::Person;
use crate::change::person::comparable_name;
use crate::predicates::support::context::EvaluationContext;

/// A person whose approval counts.
#[derive(Clone)]
pub(super) struct CountedApprover {
    pub(super) key: String,
    /// The name in the form in which names are compared; empty for an account.
    pub(super) name: String,
    /// What tells the person by the number of an account; empty without one.
    speaker: String,
}

impl CountedApprover {
    /// Returns an approver who is known by an account; `speaker` is equal for all logins of its number.
    pub(super) fn from_account(key: &str, speaker: String) -> Self {
        CountedApprover { key: key.to_owned(), name: String::new(), speaker }
    }

    /// Returns an approver who is known by name and address.
    pub(super) fn from_person(key: String, person: &Person) -> Self {
        CountedApprover { key, name: comparable_name(&person.name), speaker: String::new() }
    }

    /// Returns true for the same person: one key, one name under two addresses, or one account under two logins.
    pub(super) fn is_same_person(&self, other: &CountedApprover) -> bool {
        self.key == other.key
            || (!self.name.is_empty() && self.name == other.name)
            || (!self.speaker.is_empty() && self.speaker == other.speaker)
    }
}

/// Returns true if each team can be given an approver of its own.
pub(super) fn covers_each_team(
    teams: &[String],
    approvers: &[CountedApprover],
    context: &EvaluationContext<'_>,
) -> bool {
    let mut members = Vec::new();
    for team in teams {
        let mut indexes = Vec::new();
        for (index, approver) in approvers.iter().enumerate() {
            if context.people.is_member(&approver.key, team) {
                indexes.push(index);
            }
        }
        members.push(indexes);
    }
    let mut assigned = vec![None; approvers.len()];
    for team in 0..teams.len() {
        let mut tried = vec![false; approvers.len()];
        if !assign_approver(team, &members, &mut assigned, &mut tried) {
            return false;
        }
    }
    true
}

/// Gives a team one of its members, and moves those who are assigned already if that takes it.
///
/// This is an augmenting path of a bipartite matching: an approver may be a member of several teams,
/// so that assigning them in order could leave a team without one.
fn assign_approver(
    team: usize,
    members: &[Vec<usize>],
    assigned: &mut [Option<usize>],
    tried: &mut [bool],
) -> bool {
    let Some(candidates) = members.get(team) else { return false };
    for &approver in candidates {
        match tried.get_mut(approver) {
            Some(was_tried) if !*was_tried => *was_tried = true,
            _ => continue,
        }
        let is_free = match assigned.get(approver).copied().flatten() {
            None => true,
            Some(other) => assign_approver(other, members, assigned, tried),
        };
        if is_free {
            if let Some(slot) = assigned.get_mut(approver) {
                *slot = Some(team);
            }
            return true;
        }
    }
    false
}
