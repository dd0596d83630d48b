//! What questions accept that their descriptions leave out.

use crate::predicates::Predicate;
use crate::predicates::support::condition::Condition;
use crate::verdict::Message;

impl Condition {
    /// Returns what the questions accept that their descriptions do not say, such as approvals that a trailer claims;
    /// each once.
    pub(crate) fn list_allowances(&self) -> Vec<Message> {
        let mut predicates = Vec::new();
        self.add_predicates(&mut predicates);
        let mut allowances: Vec<Message> = Vec::new();
        for allowance in predicates.into_iter().flat_map(Predicate::list_allowances) {
            if !allowances.contains(&allowance) {
                allowances.push(allowance);
            }
        }
        allowances
    }
}
