//! `changegate sweep`: looks for what was brought, closes what it closes, tells what is due.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::Value;

use super::super::{Exit, Stop, World, ledger, output};
use super::SOON;
use super::listing::Listing;
use super::notify::Place;
use super::on_github;
use super::tickets;
use crate::calendar::Within;
use crate::change::{Change, Commit, Missing, Need, Needs, Oid, Stage, Text};
use crate::gate::dues::{Closing, closing};
use crate::gate::{
    LedgerMode, Loaded, MissingPolicy, Settings, Unusable, at_commit, from_disk, from_pack, standing,
};
use crate::git::{Peeled, Range, Repository};
use crate::ledger::obligation::Standing;
use crate::ledger::record::{Escalated, Event};
use crate::ledger::state::{Owed, State, Told, key};
use crate::ledger::sweep::{append, closed, discharges};

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
pub(in super::super) struct SweepArgs {
    /// Tell of what is due: slack=URL or webhook=URL; the address may be env:NAME
    #[arg(long, value_name = "PLACE")]
    notify: Vec<String>,

    /// What is due within this time is due soon
    #[arg(long, value_name = "TIME", default_value = SOON)]
    due: String,

    /// The file that the policy's `tickets` call `export`
    #[arg(long, value_name = "FILE")]
    pub(super) export: Option<PathBuf>,

    /// The repository on GitHub that the policy's `tickets` call `github`
    #[arg(long, value_name = "OWNER/NAME", conflicts_with = "github")]
    pub(super) repository: Option<String>,

    /// Sweep the ledger that this repository on GitHub keeps without a server
    #[arg(long, value_name = "OWNER/REPO")]
    github: Option<String>,
}

/// What landed on a ref on which something is open.
pub(super) struct Landed {
    /// The ref.
    pub(super) name: Text,
    /// The policy by which evidence is judged.
    pub(super) loaded: Loaded,
    /// What the changes there say for earlier ones.
    pub(super) closings: Vec<Closing>,
}

pub(in super::super) fn sweep(args: &SweepArgs, world: &World) -> Result<Exit, Stop> {
    let within = Within::new(&args.due).map_err(|why| Stop::Wrong(format!("--due: {why}")))?;
    let places: Vec<Place> =
        args.notify.iter().map(|one| Place::read(one, world)).collect::<Result<_, Stop>>()?;
    if let Some(repo) = &args.github {
        return on_github::sweep(repo, args, within, &places, world);
    }
    let repository = Repository::discover(&world.directory)?;
    let settings = Settings::read(&repository, &|name| world.variable(name), crate::cli::threads)
        .map_err(Stop::Wrong)?;
    if settings.ledger == LedgerMode::Off {
        return Err(Stop::Wrong("the ledger is switched off here (changegate.ledger)".into()));
    }
    let folded = ledger::fold_in(&repository, &settings, None, false, world)?;
    ledger::tell(&folded)?;
    let key = settings.ledger_key.as_deref();
    let before = append(&repository, key, world.now, |_| Vec::new())?;
    let mut found: Vec<Landed> = Vec::new();
    for (name, oldest) in open(&before) {
        found.extend(landed(&repository, &settings, &before, &name, oldest, world)?);
    }
    let confirmed = tickets::confirm(&repository, &before, &found, args, world)?;
    let mut closed_now = Vec::new();
    let state = append(&repository, key, world.now, |state| {
        let by_changes = found.iter().flat_map(|on| discharges(state, &on.name, &on.closings, world.now));
        let mut events: Vec<Event> = by_changes.collect();
        events.extend(confirmed.discharges(state, &events, world.now));
        closed_now.extend(events.iter().filter_map(closed));
        events
    })?;
    confirmed.tell(&state, &closed_now)?;
    let listing = Listing::of(&state, world.now, within.due(world.now).unwrap_or(world.now));
    let mut out = BufWriter::new(io::stdout().lock());
    output::said(listing.terminal(false, &mut out).and_then(|()| out.flush()))?;
    drop(out);
    tell(&listing, &places, world, &mut |event| {
        append(&repository, key, world.now, |_| vec![event])?;
        Ok(())
    })?;
    Ok(match listing.exit() {
        Exit::Allowed if confirmed.is_unanswered(&state) => Exit::Failed,
        exit => exit,
    })
}

/// Returns the refs on which something is open, each with the change that has owed the longest.
fn open(state: &State) -> Vec<(Text, Oid)> {
    // Neither a break-glass session nor what landed without a decision is closed by what a sweep finds.
    let is_found = |owed: &&Owed| owed.closed.is_none() && owed.session.is_none() && owed.stray.is_none();
    let mut owed: Vec<&Owed> = state.owed.values().filter(is_found).collect();
    owed.sort_by_key(|owed| owed.since);
    let mut found: BTreeMap<Text, Oid> = BTreeMap::new();
    for (name, change) in owed.into_iter().filter_map(|owed| Some((owed.on.clone(), owed.change?))) {
        found.entry(name).or_insert(change);
    }
    found.into_iter().collect()
}

/// Returns what the changes say for earlier ones that landed on a ref after `oldest`, by the policy
/// that the ref holds now.
fn landed(
    repository: &Repository,
    settings: &Settings,
    state: &State,
    name: &Text,
    oldest: Oid,
    world: &World,
) -> Result<Option<Landed>, Stop> {
    let Some(tip) = state.tips.get(&key(name)).copied() else { return Ok(None) };
    let loaded = policy(repository, settings, tip, name)?;
    let base = standing(repository, settings);
    let base = base.as_ref().map(|base| &base.policy);
    let one = |commits: Vec<Result<Commit, _>>| {
        let commits: Vec<Commit> = commits.into_iter().collect::<Result<_, _>>().ok()?;
        closing(&of_history(name, commits, world.now), &loaded.policy, base)
    };
    let range = Range { new: tip, hidden: &[oldest], trusted: None };
    let mut found: Vec<Closing> = Vec::new();
    let threads = crate::cli::threads;
    repository.for_each_step(range, &Needs::new(), threads, one, |closing| {
        found.extend(closing);
        Ok(())
    })?;
    let undecided = undecided(repository, state, name)?;
    let is_decided = |closing: &Closing| !undecided.contains(&closing.made.change);
    let (found, others): (Vec<Closing>, Vec<Closing>) = found.into_iter().partition(is_decided);
    for one in others {
        let id = one.made.change.short();
        let told = writeln!(io::stdout(), "changegate: {id} closes nothing: it landed without a decision");
        output::said(told)?;
    }
    Ok(Some(Landed { name: name.clone(), loaded, closings: found }))
}

/// Returns the commits that landed on a ref without a decision, as long as nobody has declared them: what
/// they say was held against no policy.
fn undecided(repository: &Repository, state: &State, name: &Text) -> Result<BTreeSet<Oid>, Stop> {
    let mut found = BTreeSet::new();
    for owed in state.owed.values().filter(|owed| owed.on == *name && owed.closed.is_none()) {
        let (Some(stray), Some(new)) = (&owed.stray, owed.change) else { continue };
        // What is gone since then is in no history that could be looked through.
        let is_there = |id: Oid| repository.peel(id).map(|peeled| !matches!(peeled, Peeled::Missing));
        if is_there(new)? {
            let old = stray.old.map(|old| is_there(old).map(|is_there| is_there.then_some(old)));
            let old: Vec<Oid> = old.transpose()?.flatten().into_iter().collect();
            found.extend(repository.steps(new, &old)?.into_iter().flatten());
        }
    }
    Ok(found)
}

/// Returns commits that landed on a ref as one change, seen at this time.
pub(super) fn of_history(name: &Text, commits: Vec<Commit>, seen_at: Timestamp) -> Change {
    Change {
        stage: Stage::Audit,
        target: Ok(name.clone()),
        seen_at,
        // Who pushed it was known then, and is not now.
        pusher: Err(Missing::NotConfigured(Need::Pusher)),
        pull: Change::no_pull(Stage::Audit),
        tickets: Change::no_tickets(Stage::Audit),
        commits,
    }
}

/// Returns the policy by which a ref is judged that holds `tip`.
fn policy(repository: &Repository, settings: &Settings, tip: Oid, name: &Text) -> Result<Loaded, Stop> {
    let unusable = |why| Stop::unusable(why, "policy to judge evidence by");
    if let Some(file) = &settings.policy_file {
        let folder = file.parent().unwrap_or(file);
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        return from_disk(folder, &name).map_err(unusable);
    }
    let path = &settings.policy_path;
    match at_commit(repository, tip, path, &name.to_lossy()) {
        Err(Unusable::Absent) => {}
        found => return found.map_err(unusable),
    }
    // A ref that is older than its policy is judged as the policy ref says.
    if let Some(base) = repository.resolve_ref(settings.policy_ref.as_bytes())?.id {
        match at_commit(repository, base, path, &settings.policy_ref.to_lossy()) {
            Err(Unusable::Absent) => {}
            found => return found.map_err(unusable),
        }
    }
    match &settings.missing_policy {
        MissingPolicy::Pack(pack) => from_pack(pack).map_err(unusable),
        MissingPolicy::Allow | MissingPolicy::Deny => Err(unusable(Unusable::Absent)),
    }
}

/// Tells of what has become due soon or overdue since somebody was told, and has that remembered.
pub(super) fn tell(
    listing: &Listing<'_>,
    places: &[Place],
    world: &World,
    remember: &mut dyn FnMut(Event) -> Result<(), Stop>,
) -> Result<(), Stop> {
    if places.is_empty() {
        return Ok(());
    }
    let new = |at: Standing, told: Told| -> Vec<(&str, &Owed)> {
        listing.that(at).filter(|(_, owed)| owed.told < Some(told)).collect()
    };
    let (soon, overdue) = (new(Standing::DueSoon, Told::DueSoon), new(Standing::Overdue, Told::Overdue));
    if soon.is_empty() && overdue.is_empty() {
        return Ok(());
    }
    let value = |at: Standing, list: &[(&str, &Owed)]| -> Vec<Value> {
        list.iter().map(|(id, owed)| listing.value(at, id, owed)).collect()
    };
    let list = [value(Standing::Overdue, &overdue), value(Standing::DueSoon, &soon)].concat();
    for place in places {
        place.send(&soon, &overdue, &list)?;
    }
    let ids = |list: &[(&str, &Owed)]| list.iter().map(|(id, _)| (*id).to_owned()).collect();
    let told = Escalated { due_soon: ids(&soon), overdue: ids(&overdue), observed_at: world.now };
    remember(Event::Escalated(told))
}
