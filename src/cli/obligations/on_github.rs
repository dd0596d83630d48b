//! The sweep of a ledger that lies on GitHub: what no run has recorded, reviews that close something,
//! what is due.

use std::io::{self, BufWriter, Write as _};
use std::time::Duration;

use jiff::Timestamp;

use super::super::{Exit, Stop, World, ledger, output, pr, tickets};
use super::listing::Listing;
use super::notify::Place;
use super::sweeping::tell;
use crate::calendar::Within;
use crate::github::{Options, Patience, PusherFrom, RepoName, Session, Source};
use crate::ledger::retrospect::look;
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
pub(super) fn sweep(repo: &str, within: Within, places: &[Place], world: &World) -> Result<Exit, Stop> {
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
        tickets: Some(tickets::access(world, None, None)?),
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
    let looked = look(keeping, &state)?;
    let (closed, state) = keeping.append(&mut |ledger, now| {
        let events = looked.events(ledger.state());
        let words: Vec<String> = events.iter().map(|(_, words)| words.clone()).collect();
        events.into_iter().try_for_each(|(event, _)| ledger.append(event, None, now)).map(|()| words)
    })?;
    let mut out = BufWriter::new(io::stdout().lock());
    for line in closed.iter().chain(&looked.problems) {
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
    let is_told = looked.problems.is_empty() && told.unasked.is_empty();
    let exit = match (told.appended.unauthorised.is_empty(), listing.exit(), is_told) {
        (_, _, false) => Exit::Failed,
        (true, exit, true) => exit,
        (false, ..) => Exit::Denied,
    };
    Ok(Swept { exit, text: String::from_utf8_lossy(&text).into_owned() })
}
