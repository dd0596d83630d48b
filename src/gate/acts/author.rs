//! Who records an act: the account that pushes, as the server knows it and the policy allows it.

use jiff::Timestamp;

use crate::change::{PusherIdentity, Text};
use crate::gate::acts::statement::ActKind;
use crate::gate::settings::GateSettings;
use crate::people::ResolvedIdentity;
use crate::people::contributors::{Contributor, account_contributor};
use crate::policy::{ActPermission, Policy};
use crate::verdict::{Finding, Fixer, Message, messages};

messages! {
    NO_ONE_NAMED = "act.none-named":
        "the policy names no team and no bot for this act (`{act}`)";
    UNKNOWN_PUSHER = "act.unknown-pusher":
        "the pusher is unknown; set `changegate.pusher`";
    BOT_NOT_NAMED = "act.bot-not-named":
        "the pusher {pusher} is a bot that the policy does not name for this act (`{act}`)";
    NOT_IN_ROSTER = "act.not-in-roster":
        "the pusher {pusher} is not in the roster";
    ABSENT_PUSHER = "act.absent-pusher":
        "the pusher {pusher} has left or has not joined yet, by `left` and `joined` of the roster";
    NOT_IN_TEAM = "act.not-in-team":
        "the pusher is not in {teams/or}, so they cannot record this act (`{act}`)";
    NO_TEAM = "act.no-team":
        "the policy names only bots for this act (`{act}`), and the pusher is none of them";
}

/// The account that records an act, and who is behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActAuthor {
    /// The account, as the server knows it.
    pub account: Text,
    /// The person behind it; `None` for a bot.
    pub person: Option<Contributor>,
}

/// Returns the pusher, if the policy lets them record an act of this kind.
pub(super) fn identify_act_author(
    settings: &GateSettings,
    policy: &Policy,
    kind: &ActKind,
    now: Timestamp,
) -> Result<ActAuthor, Box<Finding>> {
    let act = kind.word();
    let permission = find_permission(policy, kind).filter(|permission| !permission.is_empty());
    let Some(permission) = permission else {
        let finding = Finding::new(NO_ONE_NAMED.with("act", act)).fixed_by(Fixer::PolicyOwner);
        return Err(Box::new(finding.with_paste(format!("acts: {{ {act}: {{ from: [<team>] }} }}"))));
    };
    let Ok(PusherIdentity::Account(account)) = &settings.pusher else {
        let finding = Finding::new(Message::from(&UNKNOWN_PUSHER));
        return Err(Box::new(finding.fixed_by(Fixer::ServerAdministrator)));
    };
    match (policy.people.identify_account(account), account_contributor(account, &policy.people)) {
        (ResolvedIdentity::Human(key), Some(_)) if policy.people.find_absence(&key, now).is_some() => {
            let finding = Finding::new(ABSENT_PUSHER.with("pusher", account));
            Err(Box::new(finding.fixed_by(Fixer::RosterOwner)))
        }
        (ResolvedIdentity::Human(key), Some(person)) => {
            if permission.teams.iter().any(|team| policy.people.is_member(&key, team, now)) {
                return Ok(ActAuthor { account: account.clone(), person: Some(person) });
            }
            let teams = permission.teams.clone();
            let message = if teams.is_empty() {
                NO_TEAM.with("act", act)
            } else {
                NOT_IN_TEAM.with("teams", teams.clone()).with("act", act)
            };
            let fixer = if teams.is_empty() { Fixer::PolicyOwner } else { Fixer::TeamMember(teams) };
            Err(Box::new(Finding::new(message).fixed_by(fixer)))
        }
        (ResolvedIdentity::Bot, _)
            if permission.bots.iter().any(|bot| bot.as_bytes() == account.as_bytes()) =>
        {
            Ok(ActAuthor { account: account.clone(), person: None })
        }
        (ResolvedIdentity::Bot | ResolvedIdentity::ClaimedBot, _) => {
            let message = BOT_NOT_NAMED.with("pusher", account).with("act", act);
            Err(Box::new(Finding::new(message).fixed_by(Fixer::PolicyOwner)))
        }
        _ => {
            let finding = Finding::new(NOT_IN_ROSTER.with("pusher", account));
            Err(Box::new(finding.fixed_by(Fixer::RosterOwner)))
        }
    }
}

fn find_permission<'a>(policy: &'a Policy, kind: &ActKind) -> Option<&'a ActPermission> {
    let acts = policy.acts.as_ref()?;
    Some(match kind {
        ActKind::Outcome { .. } => &acts.outcome,
        ActKind::Verified => &acts.verified,
        ActKind::Attach => &acts.attach,
        ActKind::Deployed { .. } => &acts.deployed,
    })
}
