//! Whether this server can tell by the roster who pushes. Where it cannot, every push is refused, also the one that would
//! add the accounts, so only the server administrator has a way out.

use jiff::Timestamp;

use crate::change::{FactKind, PusherIdentity, Text};
use crate::gate::policy_findings::{find_today, is_plain_word};
use crate::gate::policy_source::LoadedPolicy;
use crate::gate::recorded_past::LandingReader;
use crate::gate::settings::GateSettings;
use crate::people::ResolvedIdentity;
use crate::policy::Policy;
use crate::push::{GateRule, refuse_by_rule};
use crate::verdict::{Finding, Fixer, Judgement, Message, messages};

messages! {
    ROSTER_LACKS_ACCOUNTS = "policy.roster-lacks-accounts":
        "after this push, `{roster}` would list no accounts, and this server knows who pushes by their account, such as {account}, so it would refuse every push";
    ROSTER_LACKS_KIND = "policy.roster-lacks-kind":
        "after this push, `{roster}` would list no account such as {account}, by which this server knows who pushes, so it would refuse every push; list it under the `accounts` of its person";
    ROSTER_DROPS_ALL = "policy.roster-drops-all":
        "after this push, `{roster}` would list {account}, who pushes, under no person, and no other account of this server that it lists now, so it would refuse every push; keep the accounts until the server has the new ones";
    ROSTER_OMITS_PUSHER = "policy.roster-omits-pusher":
        "after this push, `{roster}` would list {account}, who pushes, under no person, and no account that this server knows from before, so it may refuse every push; add {account} to the `accounts` of its person, or to the `bots` of the policy";
    ROSTER_DROPS_PUSHER = "policy.roster-drops-pusher":
        "after this push, `{roster}` lists {account}, who pushes, under no person, so that later pushes by this account are refused where a rule asks who pushes or reviews";
    PUSHERS_UNKNOWN = "push.pushers-unknown":
        "`{roster}`, which is in force, lists no account such as {account}, so this server cannot tell who pushes, and refuses also the push that would list them";
    PUSHERS_UNSEEN = "push.pushers-unseen":
        "`{roster}`, which is in force, lists {account}, who pushes, under no person, and no account that it lists has pushed here yet; if this server has none of them, it refuses also the push that would correct them";
}

/// Returns the account that pushes, if this policy has a roster and asks who pushes.
fn find_asked_account<'a>(policy: &'a Policy, settings: &'a GateSettings) -> Option<(&'a Text, &'a str)> {
    let Ok(PusherIdentity::Account(account)) = &settings.pusher else { return None };
    let roster = policy.people.roster.as_deref()?;
    policy.needed_facts().contains(&FactKind::Pusher).then_some((account, roster))
}

/// Returns true if the policy knows no person and no bot by this account.
fn is_unknown(policy: &Policy, account: &Text) -> bool {
    policy.people.identify_account(account) == ResolvedIdentity::Unknown
}

/// Returns the finding that the roster which a push leaves lists no account of the kind by which this server knows its
/// pushers, or none that is known to be one: that of this push, and those that the roster of `own` lists. `own` is the
/// policy that the push is judged by. Where only the pusher is listed no longer, `notes` get a note.
pub(crate) fn find_missing_accounts(
    left: &Policy,
    own: &Policy,
    settings: &GateSettings,
    notes: &mut Vec<Message>,
) -> Option<Finding> {
    let (account, roster) = find_asked_account(left, settings)?;
    if !is_unknown(left, account) {
        return None;
    }
    // A server may know people by their addresses.
    let was_known = own.people.has_roster() && !is_unknown(own, account);
    let template = if !left.people.may_know_account(account) {
        if left.people.lacks_accounts() { &ROSTER_LACKS_ACCOUNTS } else { &ROSTER_LACKS_KIND }
    } else if own.people.has_roster() && left.people.keeps_other_account(&own.people, account) {
        if was_known {
            notes.push(ROSTER_DROPS_PUSHER.with("roster", roster).with("account", account));
        }
        return None;
    } else if was_known {
        &ROSTER_DROPS_ALL
    } else {
        &ROSTER_OMITS_PUSHER
    };
    Some(Finding::new(template.with("roster", roster).with("account", account)))
}

/// Returns the refusal that by the roster in force this server knows no pusher at all, or may know none, with what the server
/// administrator does about it; `None` if it knows some, or if the policy is a file on the server. `landings` tell who has
/// pushed before.
pub(crate) fn refuse_unknown_pushers(
    loaded: &LoadedPolicy,
    settings: &GateSettings,
    landings: Option<&dyn LandingReader>,
    now: Timestamp,
) -> Option<Judgement> {
    let policy = &loaded.policy;
    let (account, roster) = find_asked_account(policy, settings)?;
    if settings.policy_file.is_some() || !is_unknown(policy, account) {
        return None;
    }
    let is_person =
        |account: &Text| matches!(policy.people.identify_account(account), ResolvedIdentity::Human(_));
    let template = match landings {
        _ if !policy.people.may_know_account(account) => &PUSHERS_UNKNOWN,
        // What cannot be read says nothing against the roster.
        Some(landings) if landings.has_pusher(&is_person).unwrap_or(true) => return None,
        _ => &PUSHERS_UNSEEN,
    };
    let paste = if policy.pusher_dependent_rules(find_today(now)).next().is_none() {
        let source = settings.pusher_source.as_deref()?;
        format!(
            "git config changegate.pusher none\n# in a clone: correct the accounts of each person, commit with all \
             that the policy asks for, and push; then here again:\ngit config changegate.pusher {source}"
        )
    } else {
        let name = settings.policy_ref.as_utf8().filter(|name| is_plain_word(name))?;
        let branch = name.strip_prefix("refs/heads/").unwrap_or(name);
        format!(
            "# in a clone: correct the accounts of each person, and commit; then here:\ngit fetch CLONE \
             {branch}:{branch}\ngit config changegate.acceptedPolicy \"$(git rev-parse {name})\""
        )
    };
    let message = template.with("roster", roster).with("account", account);
    let finding = Finding::new(message).fixed_by(Fixer::ServerAdministrator).with_paste(paste);
    Some(refuse_by_rule(GateRule::PolicyValid, finding))
}
