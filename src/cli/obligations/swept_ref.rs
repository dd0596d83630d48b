//! What landed on a ref with open obligations, read from history.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};

use jiff::Timestamp;

use crate::change::{
    Change, Commit, Commits, FactKind, Missing, NeededFacts, Oid, PushCertificate, Stage, Text,
    unrequested_earlier_change, unrequested_policy_effect,
};
use crate::cli::command_error::CommandError;
use crate::cli::context::{Context, count_threads};
use crate::cli::ledger_upkeep::find_current_policy;
use crate::cli::output;
use crate::gate::obligations::{ObligationClosing, find_closing};
use crate::gate::{
    GateSettings, LoadedPolicy, MissingPolicyAction, UnusablePolicy, load_from_commit, load_from_folder,
    load_from_pack,
};
use crate::git::{CommitRange, PeeledObject, Repository};
use crate::ledger::LEDGER_REF;
use crate::ledger::audit::record_reader::read_record_at;
use crate::ledger::record::LedgerEvent;
use crate::ledger::state::{LedgerState, TrackedObligation, encode_ref_key};
use crate::ledger::store::state_reader::LedgerStateReader;
use crate::report::escape;

/// A ref with open obligations, and what landed on it.
pub(crate) struct SweptRef {
    /// The full name of the ref.
    pub(crate) ref_name: Text,
    /// The policy by which evidence is judged.
    pub(crate) loaded_policy: LoadedPolicy,
    /// The closings that later changes on the ref state for earlier ones.
    pub(crate) closings: Vec<ObligationClosing>,
    /// True if it is not known which of them count, so that there are none.
    pub(crate) is_in_doubt: bool,
}

/// The change of a ref that has owed the longest.
pub(crate) struct OldestDebt {
    /// The commit.
    pub(crate) change: Oid,
    /// The id of the decision that let it through.
    pub(crate) decision: String,
}

/// The commits of a ref that no enforced decision let through.
struct UnenforcedCommits {
    found: BTreeSet<Oid>,
    /// The commit of the ledger whose record cannot be read, and why: it may tell of more.
    unread: Option<(Oid, String)>,
}

/// Returns the refs with open obligations, each with the change that has owed the longest.
pub(crate) fn find_open_refs(state: &LedgerState) -> Vec<(Text, OldestDebt)> {
    // A sweep closes neither break-glass sessions nor unauthorised changes.
    let mut open: Vec<&TrackedObligation> = Vec::new();
    for owed in state.obligations.values() {
        if owed.closed.is_none() && owed.session.is_none() && owed.unauthorised_change.is_none() {
            open.push(owed);
        }
    }
    open.sort_by_key(|owed| owed.since);
    let mut found: BTreeMap<Text, OldestDebt> = BTreeMap::new();
    for owed in open {
        if let Some(change) = owed.change {
            let decision = owed.decision.clone();
            found.entry(owed.ref_name.clone()).or_insert(OldestDebt { change, decision });
        }
    }
    found.into_iter().collect()
}

/// Returns the closings in changes that landed on a ref after `oldest`, by the current policy of the ref.
pub(crate) fn find_ref_closings(
    repository: &Repository,
    settings: &GateSettings,
    state: &LedgerState,
    name: &Text,
    oldest: &OldestDebt,
    context: &Context,
) -> Result<Option<SweptRef>, CommandError> {
    let Some(tip) = state.tips.get(&encode_ref_key(name)).copied() else { return Ok(None) };
    let loaded = load_ref_policy(repository, settings, tip, name)?;
    let base = find_current_policy(&LedgerStateReader::new(repository), settings);
    let base = base.as_ref().map(|base| &base.policy);
    let read_closing = |commits: Vec<Result<Commit, _>>| {
        let commits: Vec<Commit> = commits.into_iter().collect::<Result<_, _>>().ok()?;
        let commits = Commits::new(commits)?;
        find_closing(&change_from_history(name, commits, context.now), &loaded.policy, base)
    };
    let range = CommitRange { tip, hidden_tips: &[oldest.change], trusted_keys: None };
    let mut found: Vec<ObligationClosing> = Vec::new();
    repository.for_each_step(range, &NeededFacts::new(), count_threads, read_closing, |closing| {
        found.extend(closing);
        Ok(())
    })?;
    let undecided = find_undecided_commits(repository, state, name)?;
    let unenforced = match found.as_slice() {
        [] => UnenforcedCommits { found: BTreeSet::new(), unread: None },
        _ => find_unenforced_commits(repository, name, &oldest.decision)?,
    };
    // What cannot be read may say of each of them that it landed although it was denied.
    if let Some((holder, why)) = unenforced.unread {
        let on = escape::escape_terminal(name.as_bytes(), escape::MAX_QUOTE_COLUMNS);
        let why = escape::escape_words(&why);
        let line = format!(
            "changegate: no change on {on} closes an obligation: the record in commit {} of the ledger cannot be read, \
             and may say that one landed although it was denied: {why}\nto see what is wrong: changegate ledger verify",
            holder.short_hex()
        );
        output::ignore_broken_pipe(writeln!(io::stderr().lock(), "{line}"))?;
        return Ok(Some(SweptRef {
            ref_name: name.clone(),
            loaded_policy: loaded,
            closings: Vec::new(),
            is_in_doubt: true,
        }));
    }
    // No policy has judged what an undecided change states, so it closes no obligation.
    let mut closings = Vec::new();
    for closing in found {
        let change = closing.made.change;
        let why = if undecided.contains(&change) {
            "it landed without a decision"
        } else if unenforced.found.contains(&change) {
            "it would have been denied, and landed in evaluate mode"
        } else {
            closings.push(closing);
            continue;
        };
        let id = change.short_hex();
        output::ignore_broken_pipe(writeln!(io::stdout(), "changegate: {id} closes no obligation: {why}"))?;
    }
    Ok(Some(SweptRef { ref_name: name.clone(), loaded_policy: loaded, closings, is_in_doubt: false }))
}

/// Returns the commits that landed on a ref without a decision and are not regularised: no policy has
/// judged what they state.
fn find_undecided_commits(
    repository: &Repository,
    state: &LedgerState,
    name: &Text,
) -> Result<BTreeSet<Oid>, CommandError> {
    let mut found = BTreeSet::new();
    for owed in state.obligations.values().filter(|owed| owed.ref_name == *name && owed.closed.is_none()) {
        let (Some(unauthorised), Some(new)) = (&owed.unauthorised_change, owed.change) else { continue };
        // A commit that is gone is in no history that could be looked through.
        if !has_object(repository, new)? {
            continue;
        }
        let mut hidden = Vec::new();
        if let Some(old) = unauthorised.old_tip
            && has_object(repository, old)?
        {
            hidden.push(old);
        }
        found.extend(repository.list_steps(new, &hidden)?.into_iter().flatten());
    }
    Ok(found)
}

/// Returns the commits that landed on a ref only because the gate was in evaluate mode, as the ledger says: no policy
/// vouches for what they state. It is read from its end back to `oldest`, the decision that let through what has owed the
/// longest: nothing before that can close anything.
fn find_unenforced_commits(
    repository: &Repository,
    name: &Text,
    oldest: &str,
) -> Result<UnenforcedCommits, CommandError> {
    let mut found = BTreeSet::new();
    let mut next = repository.resolve_ref(LEDGER_REF.as_bytes())?.id;
    while let Some(commit) = next {
        let read = repository.read_commit(commit, &NeededFacts::new()).map_err(anyhow::Error::from)?;
        next = read.parents.first().copied();
        let record = match read_record_at(repository, commit) {
            Ok((_, record)) => record,
            Err(why) => return Ok(UnenforcedCommits { found, unread: Some((commit, why)) }),
        };
        let LedgerEvent::Decision(decided) = &record.event else { continue };
        if decided.id == oldest {
            next = None;
        }
        for moved in decided.protected_moves().into_iter().filter(|moved| moved.name == *name) {
            let Some(new) = moved.new.filter(|_| decided.would_be_denied()) else { continue };
            if !has_object(repository, new)? {
                continue;
            }
            let mut hidden = Vec::new();
            if let Some(old) = moved.old
                && has_object(repository, old)?
            {
                hidden.push(old);
            }
            found.extend(repository.list_steps(new, &hidden)?.into_iter().flatten());
        }
    }
    Ok(UnenforcedCommits { found, unread: None })
}

fn has_object(repository: &Repository, id: Oid) -> anyhow::Result<bool> {
    Ok(!matches!(repository.peel_tags(id)?, PeeledObject::Missing))
}

/// Returns commits that landed on a ref together as one change, seen at this time.
pub(crate) fn change_from_history(name: &Text, commits: Commits, seen_at: Timestamp) -> Change {
    Change {
        stage: Stage::Audit,
        target: Ok(name.clone()),
        seen_at,
        // The pusher was known only at the time of the push.
        pusher: Err(Missing::NotConfigured(FactKind::Pusher)),
        push_certificate: PushCertificate::Absent,
        pull: Change::missing_pull(Stage::Audit),
        tickets: Change::missing_tickets(Stage::Audit),
        policy_effect: unrequested_policy_effect(),
        names_earlier: unrequested_earlier_change(),
        signed_approvals: crate::change::unrequested_signed_approvals(),
        forge_teams: Default::default(),
        commits,
    }
}

/// Returns the policy by which evidence on the ref with this tip is judged.
fn load_ref_policy(
    repository: &Repository,
    settings: &GateSettings,
    tip: Oid,
    name: &Text,
) -> Result<LoadedPolicy, CommandError> {
    let unusable = |why| CommandError::from_unusable_policy(why, "policy to judge evidence by");
    if let Some(file) = &settings.policy_file {
        let directory = file.parent().unwrap_or(file);
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        return load_from_folder(Some(repository), directory, &name).map_err(unusable);
    }
    let path = &settings.policy_path;
    match load_from_commit(repository, tip, path, &name.to_lossy()) {
        Err(UnusablePolicy::Absent) => {}
        found => return found.map_err(unusable),
    }
    // A ref without a policy of its own is judged by that of the policy ref.
    if let Some(base) = repository.resolve_ref(settings.policy_ref.as_bytes())?.id {
        match load_from_commit(repository, base, path, &settings.policy_ref.to_lossy()) {
            Err(UnusablePolicy::Absent) => {}
            found => return found.map_err(unusable),
        }
    }
    match &settings.missing_policy {
        MissingPolicyAction::Pack(pack) => load_from_pack(pack).map_err(unusable),
        MissingPolicyAction::Allow | MissingPolicyAction::Deny => Err(unusable(UnusablePolicy::Absent)),
    }
}
