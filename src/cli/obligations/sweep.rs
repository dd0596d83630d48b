//! `changegate sweep`: looks for what was brought, closes what it closes, tells what is due.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::Value;

use crate::calendar::TimeLimit;
use crate::change::{Change, Commit, Commits, FactKind, Missing, NeededFacts, Oid, Stage, Text};
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::obligations::DEFAULT_DUE_SOON;
use crate::cli::obligations::notify::NotifyChannel;
use crate::cli::obligations::obligation_list::ObligationList;
use crate::cli::obligations::sweep_github;
use crate::cli::obligations::ticket_confirmations;
use crate::cli::{ledger, output};
use crate::gate::obligations::{ObligationClosing, find_closing};
use crate::gate::{
    GateSettings, LedgerMode, LoadedPolicy, MissingPolicyAction, UnusablePolicy, current_policy,
    load_from_commit, load_from_disk, load_from_pack,
};
use crate::git::{CommitRange, PeeledObject, Repository};
use crate::ledger::record::{LedgerEvent, ObligationEscalation};
use crate::ledger::server::discharge::{append_events, describe_discharge, list_discharges};
use crate::ledger::state::status::ObligationStatus;
use crate::ledger::state::{LedgerState, ObligationNotice, TrackedObligation, encode_ref_key};

/// Look for what was owed, close it, and tell what is due
///
/// Folds in what pushes left behind, looks through what landed on each branch
/// for changes that say `For-Change: COMMIT`, records what they close, and
/// lists what is open. Where the policy names ticket systems, those are asked
/// about the tickets that are owed, and about tickets that name the change. With
/// --notify it tells of everything that has become due soon or overdue, once.
/// Meant to be run by a scheduler, on the server.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate sweep -C /srv/git/app.git
  changegate sweep --notify slack=env:SLACK_URL --due 12h
  changegate sweep --notify webhook=https://hooks.example.com/changes
  changegate sweep --export tickets.csv      what the policy calls `export`
  changegate sweep --github acme/shop   without a server, by GITHUB_TOKEN

Ends with 1 if something is overdue, and otherwise with 3 if a ticket system
could not be asked about something that is open.")]
pub(crate) struct SweepArgs {
    /// Tell of what is due: slack=URL or webhook=URL; the address may be env:NAME
    #[arg(long, value_name = "PLACE")]
    notify: Vec<String>,

    /// What is due within this time is due soon
    #[arg(long, value_name = "TIME", default_value = DEFAULT_DUE_SOON)]
    due: String,

    /// The file that the policy's `tickets` call `export`
    #[arg(long, value_name = "FILE")]
    pub(crate) export: Option<PathBuf>,

    /// The repository on GitHub that the policy's `tickets` call `github`
    #[arg(long, value_name = "OWNER/NAME", conflicts_with = "github")]
    pub(crate) repository: Option<String>,

    /// Sweep the ledger that this repository on GitHub keeps without a server
    #[arg(long, value_name = "OWNER/REPO")]
    github: Option<String>,
}

/// What landed on a ref on which something is open.
pub(crate) struct SweptRef {
    /// The ref.
    pub(crate) ref_name: Text,
    /// The policy by which evidence is judged.
    pub(crate) loaded_policy: LoadedPolicy,
    /// What the changes there say for earlier ones.
    pub(crate) closings: Vec<ObligationClosing>,
}

pub(crate) fn run_sweep(args: &SweepArgs, world: &Context) -> Result<CommandExit, CommandError> {
    let within = TimeLimit::new(&args.due).map_err(|why| CommandError::Usage(format!("--due: {why}")))?;
    let places: Vec<NotifyChannel> = args
        .notify
        .iter()
        .map(|one| NotifyChannel::parse_channel(one, world))
        .collect::<Result<_, CommandError>>()?;
    if let Some(repo) = &args.github {
        return sweep_github::sweep_github(repo, args, within, &places, world);
    }
    let repository = Repository::discover_from(&world.directory)?;
    let settings = GateSettings::read_settings(
        &repository,
        &|name| world.read_variable(name),
        crate::cli::context::count_threads,
    )
    .map_err(CommandError::Usage)?;
    if settings.ledger_mode == LedgerMode::Off {
        return Err(CommandError::Usage("the ledger is switched off here (changegate.ledger)".into()));
    }
    let folded = ledger::reconcile_repository(&repository, &settings, None, false, world)?;
    ledger::write_reconcile_report(&folded)?;
    let key = settings.ledger_key.as_deref();
    let before = append_events(&repository, key, world.now, |_| Vec::new())?;
    let mut found: Vec<SweptRef> = Vec::new();
    for (name, oldest) in find_open_refs(&before) {
        found.extend(find_ref_closings(&repository, &settings, &before, &name, oldest, world)?);
    }
    let confirmed = ticket_confirmations::confirm_owed_tickets(&repository, &before, &found, args, world)?;
    let mut closed_now = Vec::new();
    let state = append_events(&repository, key, world.now, |state| {
        let by_changes =
            found.iter().flat_map(|on| list_discharges(state, &on.ref_name, &on.closings, world.now));
        let mut events: Vec<LedgerEvent> = by_changes.collect();
        events.extend(confirmed.build_discharges(state, &events, world.now));
        closed_now.extend(events.iter().filter_map(describe_discharge));
        events
    })?;
    confirmed.write_confirmation_report(&state, &closed_now)?;
    let listing =
        ObligationList::from_state(&state, world.now, within.due_after(world.now).unwrap_or(world.now));
    let mut out = BufWriter::new(io::stdout().lock());
    output::ignore_broken_pipe(listing.write_terminal(false, &mut out).and_then(|()| out.flush()))?;
    drop(out);
    notify_due(&listing, &places, world, &mut |event| {
        append_events(&repository, key, world.now, |_| vec![event])?;
        Ok(())
    })?;
    Ok(match listing.command_exit() {
        CommandExit::Allowed if confirmed.has_unanswered(&state) => CommandExit::Failed,
        exit => exit,
    })
}

/// Returns the refs on which something is open, each with the change that has owed the longest.
fn find_open_refs(state: &LedgerState) -> Vec<(Text, Oid)> {
    // Neither a break-glass session nor what landed without a decision is closed by what a sweep finds.
    let is_found = |owed: &&TrackedObligation| {
        owed.closed.is_none() && owed.session.is_none() && owed.unauthorised_change.is_none()
    };
    let mut owed: Vec<&TrackedObligation> = state.obligations.values().filter(is_found).collect();
    owed.sort_by_key(|owed| owed.since);
    let mut found: BTreeMap<Text, Oid> = BTreeMap::new();
    for (name, change) in owed.into_iter().filter_map(|owed| Some((owed.ref_name.clone(), owed.change?))) {
        found.entry(name).or_insert(change);
    }
    found.into_iter().collect()
}

/// Returns what the changes say for earlier ones that landed on a ref after `oldest`, by the policy
/// that the ref holds now.
fn find_ref_closings(
    repository: &Repository,
    settings: &GateSettings,
    state: &LedgerState,
    name: &Text,
    oldest: Oid,
    world: &Context,
) -> Result<Option<SweptRef>, CommandError> {
    let Some(tip) = state.tips.get(&encode_ref_key(name)).copied() else { return Ok(None) };
    let loaded = load_ref_policy(repository, settings, tip, name)?;
    let base = current_policy(repository, settings);
    let base = base.as_ref().map(|base| &base.policy);
    let one = |commits: Vec<Result<Commit, _>>| {
        let commits: Vec<Commit> = commits.into_iter().collect::<Result<_, _>>().ok()?;
        let commits = Commits::new(commits)?;
        find_closing(&change_from_history(name, commits, world.now), &loaded.policy, base)
    };
    let range = CommitRange { tip, hidden_tips: &[oldest], trusted_keys: None };
    let mut found: Vec<ObligationClosing> = Vec::new();
    let threads = crate::cli::context::count_threads;
    repository.for_each_step(range, &NeededFacts::new(), threads, one, |closing| {
        found.extend(closing);
        Ok(())
    })?;
    let undecided = find_undecided_commits(repository, state, name)?;
    let is_decided = |closing: &ObligationClosing| !undecided.contains(&closing.made.change);
    let (found, others): (Vec<ObligationClosing>, Vec<ObligationClosing>) =
        found.into_iter().partition(is_decided);
    for one in others {
        let id = one.made.change.short_hex();
        let told = writeln!(io::stdout(), "changegate: {id} closes nothing: it landed without a decision");
        output::ignore_broken_pipe(told)?;
    }
    Ok(Some(SweptRef { ref_name: name.clone(), loaded_policy: loaded, closings: found }))
}

/// Returns the commits that landed on a ref without a decision, as long as nobody has declared them: what
/// they say was held against no policy.
fn find_undecided_commits(
    repository: &Repository,
    state: &LedgerState,
    name: &Text,
) -> Result<BTreeSet<Oid>, CommandError> {
    let mut found = BTreeSet::new();
    for owed in state.obligations.values().filter(|owed| owed.ref_name == *name && owed.closed.is_none()) {
        let (Some(stray), Some(new)) = (&owed.unauthorised_change, owed.change) else { continue };
        // What is gone since then is in no history that could be looked through.
        let is_there =
            |id: Oid| repository.peel_tags(id).map(|peeled| !matches!(peeled, PeeledObject::Missing));
        if is_there(new)? {
            let old = stray.old_tip.map(|old| is_there(old).map(|is_there| is_there.then_some(old)));
            let old: Vec<Oid> = old.transpose()?.flatten().into_iter().collect();
            found.extend(repository.list_steps(new, &old)?.into_iter().flatten());
        }
    }
    Ok(found)
}

/// Returns commits that landed on a ref as one change, seen at this time.
pub(crate) fn change_from_history(name: &Text, commits: Commits, seen_at: Timestamp) -> Change {
    Change {
        stage: Stage::Audit,
        target: Ok(name.clone()),
        seen_at,
        // Who pushed it was known then, and is not now.
        pusher: Err(Missing::NotConfigured(FactKind::Pusher)),
        pull: Change::missing_pull(Stage::Audit),
        tickets: Change::missing_tickets(Stage::Audit),
        commits,
    }
}

/// Returns the policy by which a ref is judged that holds `tip`.
fn load_ref_policy(
    repository: &Repository,
    settings: &GateSettings,
    tip: Oid,
    name: &Text,
) -> Result<LoadedPolicy, CommandError> {
    let unusable = |why| CommandError::from_unusable_policy(why, "policy to judge evidence by");
    if let Some(file) = &settings.policy_file {
        let folder = file.parent().unwrap_or(file);
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        return load_from_disk(folder, &name).map_err(unusable);
    }
    let path = &settings.policy_path;
    match load_from_commit(repository, tip, path, &name.to_lossy()) {
        Err(UnusablePolicy::Absent) => {}
        found => return found.map_err(unusable),
    }
    // A ref that is older than its policy is judged as the policy ref says.
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

/// Tells of what has become due soon or overdue since somebody was told, and has that remembered.
pub(crate) fn notify_due(
    listing: &ObligationList<'_>,
    places: &[NotifyChannel],
    world: &Context,
    remember: &mut dyn FnMut(LedgerEvent) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    if places.is_empty() {
        return Ok(());
    }
    let new = |at: ObligationStatus, told: ObligationNotice| -> Vec<(&str, &TrackedObligation)> {
        listing.filter_by_status(at).filter(|(_, owed)| owed.notice < Some(told)).collect()
    };
    let (soon, overdue) = (
        new(ObligationStatus::DueSoon, ObligationNotice::DueSoon),
        new(ObligationStatus::Overdue, ObligationNotice::Overdue),
    );
    if soon.is_empty() && overdue.is_empty() {
        return Ok(());
    }
    let value = |at: ObligationStatus, list: &[(&str, &TrackedObligation)]| -> Vec<Value> {
        list.iter().map(|(id, owed)| listing.obligation_json(at, id, owed)).collect()
    };
    let list = [value(ObligationStatus::Overdue, &overdue), value(ObligationStatus::DueSoon, &soon)].concat();
    for place in places {
        place.send_due_obligations(&soon, &overdue, &list)?;
    }
    let ids = |list: &[(&str, &TrackedObligation)]| list.iter().map(|(id, _)| (*id).to_owned()).collect();
    let told = ObligationEscalation { due_soon: ids(&soon), overdue: ids(&overdue), observed_at: world.now };
    remember(LedgerEvent::Escalated(told))
}
