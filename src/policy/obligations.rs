//! What follows from an overdue obligation, and who may close an unauthorised change.

use crate::calendar::TimeLimit;
use crate::predicates::PolicyScope;
use crate::predicates::support::parameters::read_teams;
use crate::yaml::decode::{MapReader, parse_one, read_bool};
use crate::yaml::{YamlFault, YamlNode};

/// What follows from an overdue obligation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObligationPolicy {
    /// Whether a ref with an overdue obligation takes no further changes but emergencies, and what
    /// closes the obligation.
    pub block_on_overdue: bool,
    /// Whether an emergency is refused to people who have an overdue obligation.
    pub suspend_shortcut: bool,
    /// Who may regularise an unauthorised change, and until when; `None` if the policy names no one.
    pub regularise: Option<RegularisePolicy>,
}

/// Who may regularise an unauthorised change by a later change, and until when that is in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegularisePolicy {
    /// The teams, by name; the members of any of them may.
    pub teams: Vec<String>,
    /// Counted from the moment at which the gate has found the unauthorised change.
    pub time_limit: TimeLimit,
}

impl ObligationPolicy {
    /// Reads the `obligations` of a policy; what they leave out is as in the files before.
    pub(crate) fn add_obligations(
        &mut self,
        node: &YamlNode,
        scope: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) {
        let Some(mut map) = MapReader::new(node, faults) else { return };
        if let Some(node) = map.find_key("block-on-overdue") {
            self.block_on_overdue = read_bool(node, faults).unwrap_or(false);
        }
        if let Some(node) = map.find_key("suspend-shortcut") {
            self.suspend_shortcut = read_bool(node, faults).unwrap_or(false);
        }
        if let Some(node) = map.find_key("regularise") {
            self.regularise = RegularisePolicy::read_regularise(node, scope, faults);
        }
        map.refuse_unknown_keys(faults);
    }

    /// Returns what either policy asks. `regularise` is left out: only the current policy says who may.
    #[must_use]
    pub(crate) fn combine_with(&self, other: &ObligationPolicy) -> ObligationPolicy {
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
        scope: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let mut map = MapReader::new(node, faults)?;
        let from = map.require_key("from", faults);
        let teams = from.map(|node| read_teams(node, scope, faults));
        let within = map.require_key("within", faults);
        let time_limit = within.and_then(|node| parse_one(node, faults, TimeLimit::new));
        map.refuse_unknown_keys(faults);
        Some(RegularisePolicy { teams: teams?, time_limit: time_limit? })
    }
}
