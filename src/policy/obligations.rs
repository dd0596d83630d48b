//! What a policy asks about what is owed: whether anything that is overdue stops what comes next, and
//! who answers for what nobody decided.

use crate::calendar::TimeLimit;
use crate::predicates::PolicyScope;
use crate::predicates::parameters::read_teams;
use crate::yaml::decode::{MapReader, parse_one, read_bool};
use crate::yaml::{YamlFault, YamlNode};

/// What becomes of those who owe something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObligationPolicy {
    /// Whether a ref with something overdue takes no further changes but emergencies, and what closes
    /// what is overdue.
    pub block_on_overdue: bool,
    /// Whether an emergency is refused to those who owe something overdue.
    pub suspend_shortcut: bool,
    /// Who may declare afterwards what landed without a decision; `None` for nobody.
    pub regularise: Option<RegularisePolicy>,
}

/// Who may declare afterwards what landed without a decision, and until when that is in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegularisePolicy {
    /// The teams.
    pub teams: Vec<String>,
    /// Counted from when the gate has seen that nobody decided.
    pub time_limit: TimeLimit,
}

impl ObligationPolicy {
    /// Reads the `obligations` of a policy.
    pub(crate) fn read_obligations(
        node: &YamlNode,
        known: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Self {
        let Some(mut map) = MapReader::new(node, faults) else { return ObligationPolicy::default() };
        let mut said = |key| map.find_key(key).and_then(|node| read_bool(node, faults)).unwrap_or(false);
        let (block_on_overdue, suspend_shortcut) = (said("block-on-overdue"), said("suspend-shortcut"));
        let regularise = map
            .find_key("regularise")
            .and_then(|node| RegularisePolicy::read_regularise(node, known, faults));
        map.refuse_unknown_keys(faults);
        ObligationPolicy { block_on_overdue, suspend_shortcut, regularise }
    }

    /// Returns what both ask; who may regularise is for the policy that stands now to say, not for two.
    #[must_use]
    pub fn combine_with(&self, other: &ObligationPolicy) -> ObligationPolicy {
        ObligationPolicy {
            block_on_overdue: self.block_on_overdue || other.block_on_overdue,
            suspend_shortcut: self.suspend_shortcut || other.suspend_shortcut,
            regularise: None,
        }
    }
}

impl RegularisePolicy {
    fn read_regularise(
        node: &YamlNode,
        known: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let mut map = MapReader::new(node, faults)?;
        let from = map.require_key("from", faults).map(|node| read_teams(node, known, faults));
        let within =
            map.require_key("within", faults).and_then(|node| parse_one(node, faults, TimeLimit::new));
        map.refuse_unknown_keys(faults);
        Some(RegularisePolicy { teams: from?, time_limit: within? })
    }
}
