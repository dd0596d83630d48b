//! Who can take the acts of a plan that are given to several people, proved for each person by themselves.

use crate::unblock::repair::{EligibleApprover, Repair, choose_approver};

/// How many people of a plan are tried by themselves, before those are passed over who count for the same questions as
/// someone who was.
const MAX_PROVED_PEOPLE: usize = 60;

/// Returns the acts without the people whose approval, in the place of another's, would leave the change denied.
pub(super) fn keep_proved_people(acts: &[Repair], is_allowed: impl Fn(&[Repair]) -> bool) -> Vec<Repair> {
    let mut kept = acts.to_vec();
    let mut tried = 0;
    for (place, act) in kept.iter_mut().enumerate() {
        if let Repair::PushAs { accounts } = act {
            accounts.retain(|account| {
                let mut changed = acts.to_vec();
                if let Some(act) = changed.get_mut(place) {
                    *act = Repair::PushAs { accounts: vec![account.clone()] };
                }
                is_allowed(&changed)
            });
        }
        let Repair::Approve { people, .. } = act else { continue };
        // Whoever is alone was tried with the acts.
        if people.len() < 2 {
            continue;
        }
        let mut proved: Vec<EligibleApprover> = Vec::new();
        let mut refused: Vec<usize> = Vec::new();
        for (chosen, one) in people.iter().enumerate() {
            let is_past_limit = tried >= MAX_PROVED_PEOPLE;
            if is_past_limit && refused.contains(&one.alike) {
                continue;
            }
            if is_past_limit && proved.iter().any(|known| known.alike == one.alike) {
                proved.push(one.clone());
                continue;
            }
            tried += 1;
            if choose_approver(acts, place, chosen).is_some_and(|changed| is_allowed(&changed)) {
                proved.push(one.clone());
            } else {
                refused.push(one.alike);
            }
        }
        if !proved.is_empty() {
            *people = proved;
        }
    }
    kept
}
