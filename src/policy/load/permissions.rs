//! Who may do what beside changes: close what is owed, open a break-glass session, record an act.

use crate::policy::acts::ActsPolicy;
use crate::policy::break_glass::BreakGlassPolicy;
use crate::policy::load::loader::PolicyLoader;
use crate::policy::obligations::ObligationPolicy;
use crate::predicates::PolicyScope;

/// What the files of a policy say about that.
pub(super) struct PolicyPermissions {
    pub(super) obligations: ObligationPolicy,
    pub(super) break_glass: Option<BreakGlassPolicy>,
    pub(super) acts: Option<ActsPolicy>,
}

/// Reads the permissions of all files. A team that a pack leaves for policies to fill gives nothing to
/// anyone as long as it has no members.
pub(super) fn read_permissions(loader: &mut PolicyLoader<'_>, scope: &PolicyScope<'_>) -> PolicyPermissions {
    let mut obligations = ObligationPolicy::default();
    for at in loader.find_nodes("obligations") {
        obligations.add_obligations(at.node, scope, loader.faults_of(at.file));
    }
    let mut break_glass = None;
    if let Some(at) = loader.find_last_node("break-glass") {
        break_glass = BreakGlassPolicy::read_break_glass(at.node, scope, loader.faults_of(at.file));
    }
    let mut acts = None;
    if let Some(at) = loader.find_last_node("acts") {
        acts = ActsPolicy::read_acts(at.node, scope, loader.faults_of(at.file));
    }
    let people = scope.people;
    obligations.regularise = obligations.regularise.filter(|named| people.has_members(&named.teams));
    break_glass = break_glass.filter(|named: &BreakGlassPolicy| people.has_members(&named.teams));
    if let Some(acts) = &mut acts {
        acts.drop_empty_teams(|teams| people.has_members(teams));
    }
    PolicyPermissions { obligations, break_glass, acts }
}
