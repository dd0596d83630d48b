//! Whether a contributor is one of the people and bots who may make a standard change.

use crate::catalogue::StandardMakers;
use crate::change::PusherIdentity;
use crate::people::ResolvedIdentity;
use crate::people::contributors::{ROLE_CO_AUTHOR, ResolvedContributor, find_tied_identities};
use crate::predicates::support::context::EvaluationContext;
use crate::predicates::support::parameters::is_in_teams;

/// Returns whether a contributor is in one of the teams, by account or address, or is one of the bots and a
/// bot to the policy.
pub(crate) fn is_maker(
    contributor: &ResolvedContributor,
    makers: &StandardMakers,
    context: &EvaluationContext<'_>,
) -> bool {
    if contributor.identity != ResolvedIdentity::Bot {
        let is_member = |identity: &ResolvedIdentity| {
            is_in_teams(identity, &makers.teams, context.change.seen_at, context)
        };
        return is_member(&contributor.identity)
            || find_tied_identities(&contributor.identity, context.change, context.people)
                .iter()
                .any(is_member);
    }
    let Some(address) = &contributor.address else {
        let name = contributor.name.as_bytes();
        let login = name.rsplit(|byte| *byte == b':').next().unwrap_or(name);
        return makers.includes_bot(name) || makers.includes_bot(login);
    };
    has_bot_behind(contributor, context) && includes_address(makers, address.as_bytes())
}

/// Returns whether the address of a bot counts: a typed one gives no right, so the account of a bot has to
/// push. A co-author only adds a contributor.
fn has_bot_behind(contributor: &ResolvedContributor, context: &EvaluationContext<'_>) -> bool {
    let change = context.change;
    change.pull.is_ok()
        || contributor.role.code == ROLE_CO_AUTHOR.code
        || match &change.pusher {
            Ok(PusherIdentity::Account(account)) => {
                context.people.identify_account(account) == ResolvedIdentity::Bot
            }
            Ok(PusherIdentity::Unidentified) => false,
            // The gap itself denies, or is filled in later.
            Err(_) => true,
        }
}

/// Returns whether one of the bots has this address, or the name that stands before the `@`; GitHub puts the
/// number of the account before that name.
fn includes_address(makers: &StandardMakers, address: &[u8]) -> bool {
    let local = address.split(|byte| *byte == b'@').next().unwrap_or_default();
    let login = local.rsplit(|byte| *byte == b'+').next().unwrap_or(local);
    makers.includes_bot(address) || makers.includes_bot(local) || makers.includes_bot(login)
}
