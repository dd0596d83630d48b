//! What a policy asks about what is owed: whether anything that is overdue stops what comes next.

use crate::yaml::decode::{Map, truth};
use crate::yaml::{Fault, Node};

/// What becomes of those who owe something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Obligations {
    /// Whether a ref with something overdue takes no further changes but emergencies, and what closes
    /// what is overdue.
    pub block_on_overdue: bool,
    /// Whether an emergency is refused to those who owe something overdue.
    pub suspend_shortcut: bool,
}

impl Obligations {
    /// Reads the `obligations` of a policy.
    pub(super) fn read(node: &Node, faults: &mut Vec<Fault>) -> Self {
        let Some(mut map) = Map::new(node, faults) else { return Obligations::default() };
        let mut said = |key| map.get(key).and_then(|node| truth(node, faults)).unwrap_or(false);
        let found = Obligations {
            block_on_overdue: said("block-on-overdue"),
            suspend_shortcut: said("suspend-shortcut"),
        };
        map.finish(faults);
        found
    }

    /// Returns what both ask.
    #[must_use]
    pub fn and(self, other: Obligations) -> Obligations {
        Obligations {
            block_on_overdue: self.block_on_overdue || other.block_on_overdue,
            suspend_shortcut: self.suspend_shortcut || other.suspend_shortcut,
        }
    }
}
