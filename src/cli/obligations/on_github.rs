//! The sweep of a ledger that lies on GitHub: what no run has recorded, reviews that close something,
//! what is due.

use std::io::{self, BufWriter, Write as _};
use std::time::Duration;

use jiff::Timestamp;

use super::super::tickets::access;
use super::super::{Exit, Stop, World, ledger, output, pr};
use super::listing::Listing;
use super::notify::Place;
use super::sweeping::{SweepArgs, tell};
use super::tickets::Confirmed;
use crate::calendar::Within;
use crate::github::{Options, Patience, PusherFrom, RepoName, Session, Source};
use crate::ledger::asking::{Policies, ask};
use crate::ledger::recalled::Recalled;
use crate::ledger::retrospect::{is_looked_at, look};
use crate::ledger::state::Owed;
use crate::ledger::sweep;
use crate::ledger::workflow::Keeping;
use crate::policy::PATH;
use crate::report::escape;

/// How long asking GitHub may take altogether, where nobody says so.
const DEADLINE: Duration = Duration::from_secs(900);

/// What a sweep came to.
pub(in super::super) struct Swept {
    /// How it ends.
    pub(in super::super) exit: Exit,
    /// What is owed, for people.
    pub(in super::super) text: String,
}

/// Sweeps from a terminal or a scheduler, by a token in the environment.
pub(super) fn sweep(
    repo: &str,
    args: &SweepArgs,
    within: Within,
    places: &[Place],
    world: &World,
) -> Result<Exit, Stop> {
    let repo = RepoName::read(repo).ok_or_else(|| Stop::Wrong("--github takes OWNER/REPO".into()))?;
    let server = pr::server(None, world)?;
    let token = pr::token(&["CHANGEGATE_TOKEN", "GITHUB_TOKEN", "GH_TOKEN"], world)?;
    let remote = ledger::remote(&repo, &server, token.as_ref(), world)?;
    let session = Session::open(Source::Live {
        server: &server,
        token: token.as_ref(),
        patience: Patience { deadline: DEADLINE, ..Patience::default() },
        record: None,
        now: world.now,
    })?;
    let options = Options {
        policy: PATH.into(),
        pusher: PusherFrom::Activity,
        explain: false,
        tickets: Some(access(world, args.export.as_deref(), None)?),
    };
    let keeping = Keeping::new(&session, &remote, &repo, &options, world.clock);
    sweep_with(&keeping, within, places, world).map(|swept| swept.exit)
}

/// Sweeps, and writes what is owed to standard output.
pub(in super::super) fn sweep_with(
    keeping: &Keeping<'_>,
    within: Within,
    places: &[Place],
    world: &World,
) -> Result<Swept, Stop> {
    let (told, state) = keeping.catch_up()?;
    ledger::tell_kept(&told, keeping.newest().as_ref())?;
    let policies = Policies::of(keeping, &state);
    let is_wanted = |owed: &&Owed| is_looked_at(owed) || policies.is_asked(owed);
    let wanted: Vec<&Owed> = state.owed.values().filter(is_wanted).collect();
    let recalled = Recalled::of(keeping, &wanted)?;
    let looked = look(keeping, &state, &recalled);
    let confirmed = Confirmed::of(ask(keeping, &state, &policies, &recalled, (world.clock)()));
    let (closed, state) = keeping.append(&mut |ledger, now| {
        let mut events = looked.events(ledger.state());
        events.extend(confirmed.discharges(ledger.state(), &events, now));
        let words: Vec<String> = events.iter().filter_map(sweep::closed).collect();
        events.into_iter().try_for_each(|event| ledger.append(event, None, now)).map(|()| words)
    })?;
    let problems: Vec<&String> = looked.problems.iter().chain(&policies.problems).collect();
    confirmed.tell(&state, &closed)?;
    let mut out = BufWriter::new(io::stdout().lock());
    for line in &problems {
        output::said(writeln!(out, "changegate: {}", escape::words(line)))?;
    }
    let now: Timestamp = (world.clock)();
    let listing = Listing::of(&state, now, within.due(now).unwrap_or(now));
    let mut text = Vec::new();
    listing.terminal(false, &mut text)?;
    output::said(out.write_all(&text).and_then(|()| out.flush()))?;
    drop(out);
    tell(&listing, places, world, &mut |event| {
        keeping.append(&mut |ledger, now| ledger.append(event.clone(), None, now))?;
        Ok(())
    })?;
    let is_told = problems.is_empty() && told.unasked.is_empty();
    let exit = match (told.appended.unauthorised.is_empty(), listing.exit(), is_told) {
        (_, _, false) => Exit::Failed,
        (true, Exit::Allowed, true) if confirmed.is_unanswered(&state) => Exit::Failed,
        (true, exit, true) => exit,
        (false, ..) => Exit::Denied,
    };
    Ok(Swept { exit, text: String::from_utf8_lossy(&text).into_owned() })
}
