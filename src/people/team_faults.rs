//! What is wrong with a team as a policy states it.

use crate::yaml::{YamlFault, YamlPlace, shorten_for_message};

/// Returns the fault of a team without a member in a policy that is in force.
pub(crate) fn empty_team_fault(team: &str, at: YamlPlace) -> YamlFault {
    YamlFault::new(at, format!("the team `{}` has no members", shorten_for_message(team))).with_help(
        "name them; only a base that others extend, and that has no `protects` of its own, leaves a team for them to fill",
    )
}

/// Returns the fault of a team without a member that a policy leaves to its roster, and to which the roster gives nobody.
pub(crate) fn unfilled_team_fault(team: &str, at: YamlPlace) -> YamlFault {
    let team = shorten_for_message(team);
    YamlFault::new(at, format!("the team `{team}` has no members, here and in the roster"))
        .with_help(format!("name them here, or write `teams: [{team}]` beside people of the roster"))
}
