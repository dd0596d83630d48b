//! Checks a policy where it is written. `policy check`, a push and a pull request ask the same question, so
//! what one of them accepts, the others accept as well.

use std::collections::HashMap;

use jiff::{Timestamp, ToSpan as _};

use crate::change::{FactKind, Oid, PusherIdentity, Text};
use crate::gate::policy_findings::{
    fault_finding_by_command, find_today, is_setting_missing, policy_fault_finding,
};
use crate::gate::policy_source::{LoadedPolicy, UnusablePolicy};
use crate::gate::pusher_accounts::find_missing_accounts;
use crate::gate::settings::GateSettings;
use crate::gate::signer_files::find_shared_certificates;
use crate::git::Repository;
use crate::policy::inspect::findings::TOO_LARGE;
use crate::policy::{
    InspectionFacts, LATER_KEYS_DAYS, PatternUse, PlacedFault, PlacedPattern, PolicyErrors, PolicyInspection,
    Rule, find_key_place, find_rule_place,
};
use crate::report::PolicyLocation;
use crate::verdict::{Finding, Fixer, Message, MessageValue, messages, quote_for_shell};
use crate::yaml::{YamlFault, shorten_for_message};

messages! {
    POLICY_UNPROTECTED = "push.policy-unprotected":
        "after this push, {ref} is no longer under change control, but the policy is read from it";
    CHANGES_DENIED = "push.policy-denies-changes":
        "line {line} of {file}, as this push leaves it: {what}";
    POLICY_REMOVED = "push.policy-removed":
        "removes the policy `{path}`";
    RULE_NEEDS_REVIEWS = "policy.rule-needs-reviews":
        "the rule `{rule}` needs approvals that a forge or a key vouches for (`trust: verified`); a server hook cannot see reviews, and the policy knows no keys (`signers`, or `keys` in the roster), so after this push it would refuse every change that it applies to";
    RULE_NEEDS_TICKETS = "policy.rule-needs-tickets":
        "the rule `{rule}` needs a ticket system (without `unseen: owe`), which a server hook cannot ask, so after this push it would refuse every change that it applies to";
    RULE_NEEDS_FORGE = "policy.rule-needs-forge":
        "the rule `{rule}` needs what only a forge knows, which a server hook cannot see, so after this push it would refuse every change that it applies to";
    RULE_NEEDS_SIGNED_PUSH = "policy.rule-needs-signed-push":
        "the rule `{rule}` asks for a signed push, and this server asks for none (`receive.certNonceSeed`), so after this push it would refuse every change that it applies to";
    RULE_NEEDS_PUSHER = "policy.rule-needs-pusher":
        "the rule `{rule}` asks who pushes, which this server cannot tell (`changegate.pusher`), so after this push it would refuse every change that it applies to";
}

/// Checks a policy that has been loaded, as of the day of `now`. `read_from` are the full names of the branches
/// that it is read from, empty where they are not known.
///
/// # Errors
///
/// Returns everything that the policy says and cannot mean, such as a team that is too small for its rule.
pub fn check_policy(
    loaded: &LoadedPolicy,
    read_from: &[Text],
    now: Timestamp,
) -> Result<PolicyInspection, PolicyErrors> {
    inspect_loaded(loaded, read_from, None, now)
}

/// As [`check_policy`], for a server that knows one of its pushers by this account.
fn inspect_loaded(
    loaded: &LoadedPolicy,
    read_from: &[Text],
    pusher: Option<&Text>,
    now: Timestamp,
) -> Result<PolicyInspection, PolicyErrors> {
    let signing_keys = &loaded.list_signing_keys(now);
    let later = now.checked_add((24 * LATER_KEYS_DAYS).hours()).unwrap_or(now);
    let later_keys = &loaded.list_signing_keys(later);
    let today = find_today(now);
    let mut inspection =
        loaded.inspect_files(&InspectionFacts { read_from, today, signing_keys, later_keys, pusher });
    // As two people with one SSH key, but a policy in force is not refused for it.
    let keys = loaded.keys.as_ref();
    let shared = keys.and_then(|keys| find_shared_certificates(&loaded.policy.signer_keys, keys, now));
    inspection.errors.faulty_files.extend(shared);
    if inspection.errors.faulty_files.is_empty() { Ok(inspection) } else { Err(inspection.errors) }
}

/// A pattern that so far no path has answered.
struct IdlePattern<'placed> {
    placed: &'placed PlacedPattern,
    /// True for one that names a folder, of which it covers nothing.
    names_folder: bool,
}

/// Returns a note for each pattern that matches no path at `commit`, which reports call `called`, or that names a folder
/// there and covers nothing in it; once for all places of a file that have it.
///
/// # Errors
///
/// Fails if a tree of the commit cannot be read.
pub fn list_idle_patterns(
    repository: &Repository,
    commit: Oid,
    called: &str,
    patterns: &[PlacedPattern],
) -> anyhow::Result<Vec<PlacedFault>> {
    let mut idle: Vec<IdlePattern<'_>> =
        patterns.iter().map(|placed| IdlePattern { placed, names_folder: false }).collect();
    if !idle.is_empty() {
        repository.for_each_path(commit, &mut |path| {
            idle.retain_mut(|one| {
                let pattern = &one.placed.pattern;
                match one.placed.asked {
                    PatternUse::Matching => !pattern.matches_path(path),
                    PatternUse::Covering if pattern.covers_path(path) => false,
                    PatternUse::Covering => {
                        one.names_folder |= pattern.matches_path(path);
                        true
                    }
                }
            });
        })?;
    }
    let mut notes = Vec::new();
    let mut places: Vec<(IdlePattern<'_>, Vec<usize>)> = Vec::new();
    let mut known: HashMap<(&str, String, PatternUse), usize> = HashMap::new();
    for one in idle {
        let PlacedPattern { file, at, pattern, asked } = one.placed;
        let place = *known.entry((file, pattern.to_string(), *asked)).or_insert(places.len());
        match places.get_mut(place) {
            None => places.push((one, Vec::new())),
            Some((first, lines)) => {
                if at.line != first.placed.at.line && !lines.contains(&at.line) {
                    lines.push(at.line);
                }
            }
        }
    }
    for (IdlePattern { placed: PlacedPattern { file, at, pattern, .. }, names_folder }, lines) in places {
        let fault = if names_folder {
            let what = format!("`{pattern}` is a folder at {called}, and its name covers nothing in it");
            YamlFault { help: Some(format!("write `{pattern}/`")), ..YamlFault::new(*at, what) }
        } else {
            let elsewhere = match lines.as_slice() {
                [] => String::new(),
                [line] => format!(", nor does it on line {line}"),
                [first, rest @ ..] => format!(", nor does it on line {first} and {} more", rest.len()),
            };
            YamlFault::new(*at, format!("`{pattern}` matches no file at {called}{elsewhere}"))
        };
        notes.push(PlacedFault { file: file.clone(), fault });
    }
    Ok(notes)
}

/// Returns what is wrong with the policy that a push leaves on a ref: it is gone, `policy check` refuses it,
/// it no longer protects the branch that it is read from, or this server could never find one of its rules
/// kept. `own` is the policy that the push is judged by, and `policy_branch` the name that this branch is protected by,
/// if the ref is the policy ref. A policy that is too large to be checked whole gets a note.
pub(crate) fn find_policy_break(
    (left, own): (Result<&LoadedPolicy, &UnusablePolicy>, &LoadedPolicy),
    policy_branch: Option<&Text>,
    settings: &GateSettings,
    now: Timestamp,
    notes: &mut Vec<Message>,
) -> Option<Finding> {
    let loaded = match left {
        Ok(loaded) => loaded,
        Err(UnusablePolicy::Absent) => {
            return Some(Finding::new(POLICY_REMOVED.with("path", settings.policy_path.as_str())));
        }
        Err(UnusablePolicy::Faulty(errors)) => return Some(policy_fault_finding(errors, Fixer::Author)),
    };
    let read_from: Vec<Text> = policy_branch.into_iter().cloned().collect();
    let pusher = match &settings.pusher {
        Ok(PusherIdentity::Account(account)) => Some(account),
        _ => None,
    };
    let inspection = match inspect_loaded(loaded, &read_from, pusher, now) {
        Ok(inspection) => inspection,
        Err(errors) => {
            let command = name_check_command((loaded, &read_from), pusher, now);
            return Some(fault_finding_by_command(&errors, Fixer::Author, &command));
        }
    };
    if inspection.is_incomplete {
        notes.push(Message::from(&TOO_LARGE));
    }
    for PlacedFault { file, fault } in &inspection.denied_changes {
        let help = fault.help.as_ref().map_or_else(String::new, |help| format!("; {help}"));
        let what = MessageValue::unrecorded(format!("{}{help}", fault.what));
        let message = CHANGES_DENIED.with("line", fault.at.line).with("file", Text::from(file.as_str()));
        notes.push(message.with("what", what));
    }
    if let Some(name) = policy_branch
        && !loaded.policy.protects_ref(name.as_bytes())
    {
        return Some(Finding::new(POLICY_UNPROTECTED.with("ref", name)));
    }
    let unmet = find_missing_accounts(&loaded.policy, &own.policy, settings, notes)
        .or_else(|| find_unmet_rule(loaded, settings, now));
    if unmet.is_none() && !inspection.server_errors.faulty_files.is_empty() {
        let command = name_check_command((loaded, &read_from), pusher, now);
        return Some(fault_finding_by_command(&inspection.server_errors, Fixer::Author, &command));
    }
    unmet
}

/// Returns the command that refuses the policy in a clone as this server does, which knows one of its pushers by the account
/// `pusher`: the shortest one.
fn name_check_command(
    (loaded, read_from): (&LoadedPolicy, &[Text]),
    pusher: Option<&Text>,
    now: Timestamp,
) -> String {
    let check = "changegate policy check";
    let account = pusher
        .and_then(|account| account.as_utf8())
        .filter(|account| !account.starts_with('-') && !account.chars().any(char::is_control));
    match account {
        _ if inspect_loaded(loaded, read_from, None, now).is_err() => check.to_owned(),
        Some(account) if check_server_policy(loaded, read_from, None, now).is_ok() => {
            format!("{check} --server --pusher {}", quote_for_shell(account))
        }
        _ => format!("{check} --server"),
    }
}

/// Returns what is wrong with the policy that changes bring, as far as a clone can tell: the push of them is refused for
/// it. `left` is the policy at `tip`, and `own` the one that judges them.
pub(crate) fn find_brought_fault(
    left: Result<&LoadedPolicy, &UnusablePolicy>,
    own: &LoadedPolicy,
    tip: Oid,
    now: Timestamp,
) -> Option<Finding> {
    // What judges itself has been read, and no server has one before it.
    if matches!(&own.place, PolicyLocation::Commit { id, .. } if *id == tip) {
        return None;
    }
    let errors = match left {
        Ok(left) => &check_policy(left, &[], now).err()?,
        Err(UnusablePolicy::Faulty(errors)) => errors,
        // A branch that is older than the policy has none.
        Err(UnusablePolicy::Absent) => return None,
    };
    // The server may have the setting that is missing here.
    (!is_setting_missing(errors)).then(|| policy_fault_finding(errors, Fixer::Author))
}

/// Returns the finding that a policy has a rule which always fails in this server's hook, if it has one.
fn find_unmet_rule(loaded: &LoadedPolicy, settings: &GateSettings, now: Timestamp) -> Option<Finding> {
    let (policy, today) = (&loaded.policy, find_today(now));
    if !settings.asks_signed_pushes
        && let Some(rule) = policy.signed_push_rules(today).next()
    {
        return Some(Finding::new(RULE_NEEDS_SIGNED_PUSH.with("rule", rule.description.id.as_str())));
    }
    // Who pushes, a certificate can tell, too.
    let is_pusher_known = matches!(settings.pusher, Ok(PusherIdentity::Account(_)))
        || (settings.asks_signed_pushes && loaded.keys.is_some());
    if !is_pusher_known && let Some(rule) = policy.pusher_dependent_rules(today).next() {
        return Some(Finding::new(RULE_NEEDS_PUSHER.with("rule", rule.description.id.as_str())));
    }
    find_forge_rule(loaded, now).map(|(_, finding)| finding)
}

/// Returns the first rule that no server's hook could ever find kept, with the finding that says so.
fn find_forge_rule(loaded: &LoadedPolicy, now: Timestamp) -> Option<(&Rule, Finding)> {
    let has_keys = loaded.keys.is_some();
    let (rule, need) = loaded.policy.forge_dependent_rules(find_today(now), has_keys).next()?;
    let template = match need {
        FactKind::Reviews => &RULE_NEEDS_REVIEWS,
        FactKind::Tickets => &RULE_NEEDS_TICKETS,
        _ => &RULE_NEEDS_FORGE,
    };
    let finding = Finding::new(template.with("rule", rule.description.id.as_str()));
    Some((rule, finding.with_paste("changegate policy check --server")))
}

/// Checks that a policy protects one of the branches that it may be read from, if there are any.
///
/// # Errors
///
/// Returns the fault that `protects` leaves them out: any push could put another policy there, so a server refuses all.
pub(crate) fn require_own_branch(loaded: &LoadedPolicy, read_from: &[Text]) -> Result<(), PolicyErrors> {
    let is_protected = |branch: &Text| loaded.policy.protects_ref(branch.as_bytes());
    match read_from.first() {
        Some(branch) if !read_from.iter().any(is_protected) => {
            let branch = branch.to_lossy();
            let name = shorten_for_message(branch.strip_prefix("refs/heads/").unwrap_or(&branch));
            let what = format!("`protects` leaves out the branch `{name}`, which the policy is read from");
            let help = format!("add `{name}` to `protects`");
            Err(loaded.place_fault(|source| find_key_place(source, "protects"), what, &help))
        }
        _ => Ok(()),
    }
}

/// Checks a policy that has been loaded as the hook of a server does when it is pushed: of one that knows its pushers by
/// accounts such as `pusher`, if there is one.
///
/// # Errors
///
/// Returns what [`check_policy`] refuses, a policy that leaves out the branch that it is read from, and rules that no hook
/// can find kept, alone or together.
pub fn check_server_policy(
    loaded: &LoadedPolicy,
    read_from: &[Text],
    pusher: Option<&Text>,
    now: Timestamp,
) -> Result<PolicyInspection, PolicyErrors> {
    let inspection = inspect_loaded(loaded, read_from, pusher, now)?;
    require_own_branch(loaded, read_from)?;
    match find_forge_rule(loaded, now) {
        None if inspection.server_errors.faulty_files.is_empty() => Ok(inspection),
        None => Err(inspection.server_errors),
        Some((rule, finding)) => {
            let help = "keep it for pull requests (`when`), or add in `any` what hooks see";
            let id = rule.description.id.as_str();
            let what = finding.message.to_plain_text();
            Err(loaded.place_fault(|source| find_rule_place(source, id), what, help))
        }
    }
}
