//! What a policy asks about what is owed: whether anything that is overdue stops what comes next, and
//! who answers for what nobody decided.

use crate::calendar::Within;
use crate::predicates::Known;
use crate::predicates::parameters::teams;
use crate::yaml::decode::{Map, one, truth};
use crate::yaml::{Fault, Node};

/// What becomes of those who owe something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Obligations {
    /// Whether a ref with something overdue takes no further changes but emergencies, and what closes
    /// what is overdue.
    pub block_on_overdue: bool,
    /// Whether an emergency is refused to those who owe something overdue.
    pub suspend_shortcut: bool,
    /// Who may declare afterwards what landed without a decision; `None` for nobody.
    pub regularise: Option<Regularise>,
}

/// Who may declare afterwards what landed without a decision, and until when that is in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Regularise {
    /// The teams.
    pub from: Vec<String>,
    /// Counted from when the gate has seen that nobody decided.
    pub within: Within,
}

impl Obligations {
    /// Reads the `obligations` of a policy.
    pub(super) fn read(node: &Node, known: &Known<'_>, faults: &mut Vec<Fault>) -> Self {
        let Some(mut map) = Map::new(node, faults) else { return Obligations::default() };
        let mut said = |key| map.get(key).and_then(|node| truth(node, faults)).unwrap_or(false);
        let (block_on_overdue, suspend_shortcut) = (said("block-on-overdue"), said("suspend-shortcut"));
        let regularise = map.get("regularise").and_then(|node| Regularise::read(node, known, faults));
        map.finish(faults);
        Obligations { block_on_overdue, suspend_shortcut, regularise }
    }

    /// Returns what both ask; who may regularise is for the policy that stands now to say, not for two.
    #[must_use]
    pub fn and(&self, other: &Obligations) -> Obligations {
        Obligations {
            block_on_overdue: self.block_on_overdue || other.block_on_overdue,
            suspend_shortcut: self.suspend_shortcut || other.suspend_shortcut,
            regularise: None,
        }
    }
}

impl Regularise {
    fn read(node: &Node, known: &Known<'_>, faults: &mut Vec<Fault>) -> Option<Self> {
        let mut map = Map::new(node, faults)?;
        let from = map.require("from", faults).map(|node| teams(node, known, faults));
        let within = map.require("within", faults).and_then(|node| one(node, faults, Within::new));
        map.finish(faults);
        Some(Regularise { from: from?, within: within? })
    }
}
