//! `changegate breakglass`: say that somebody works past the ordinary ways, and when that is over.

mod listing;
mod on_server;
mod pushing;

use clap::{Subcommand, ValueEnum};

use super::{Exit, Stop, World};
use crate::change::{Message, Text};
use crate::gate::break_glass::{DIGITS, Said, is_id};
use crate::git::Repository;
use crate::ledger::session::sessions;
use crate::ledger::state::State;
use crate::ledger::{ahead, store};

/// Open, close and list break-glass sessions
///
/// A session opens nothing in the gate, which judges as before. It says in the
/// ledger that somebody works past the ordinary ways, why, and until when; that
/// it is closed in time is owed like everything else. In a clone it is asked for
/// by a push, which the server takes from those whom the policy names.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate breakglass open --incident INC-2031 --reason \"...\"
  changegate breakglass open --incident INC-2031 --reason \"...\" --for 90m
  changegate breakglass close
  changegate breakglass close 5f0a2b91c37e --note \"access revoked\"
  changegate breakglass list --all

On the server: changegate breakglass open --server -C /srv/git/app.git ...

Whoever opens a session for an incident for which one is open extends that one;
it takes somebody else than who opened it last.")]
pub(super) struct Args {
    #[command(subcommand)]
    command: BreakglassCommand,
}

/// In which form sessions are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people
    Terminal,
    /// For programs; see docs/emergencies.md
    Json,
}

#[derive(Debug, Subcommand)]
enum BreakglassCommand {
    /// Open a session, or extend the one for the same incident
    Open {
        /// Why it cannot wait, in a sentence
        #[arg(long, value_name = "TEXT")]
        reason: String,

        /// What is on fire
        #[arg(long, value_name = "ID")]
        incident: String,

        /// For how long
        #[arg(long = "for", value_name = "TIME", default_value = "4h")]
        limit: String,

        #[command(flatten)]
        place: Where,
    },
    /// Close a session
    Close {
        /// Its id; without it, the only one that is open
        session: Option<String>,

        /// What there is to say about it
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,

        #[command(flatten)]
        place: Where,
    },
    /// List the sessions of the ledger here
    List {
        /// Also list what is closed
        #[arg(long)]
        all: bool,

        /// In which form
        #[arg(long, value_name = "FORM", default_value = "terminal")]
        format: Form,
    },
}

/// Where a session is opened or closed.
#[derive(Debug, clap::Args)]
struct Where {
    /// Where to push it
    #[arg(long, value_name = "REMOTE", default_value = "origin", conflicts_with = "server")]
    remote: String,

    /// Write it into the ledger of this repository, which people push to
    #[arg(long)]
    server: bool,
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit, Stop> {
    let repository = Repository::discover(&world.directory)?;
    match &args.command {
        BreakglassCommand::Open { reason, incident, limit, place } => {
            let [incident, reason, limit] = [incident, reason, limit].map(|text| line(text));
            ask(&repository, &Said::Open { incident, reason, limit }, place, world)
        }
        BreakglassCommand::Close { session, note, place } => {
            let session = match session {
                Some(session) if is_id(session) => session.clone(),
                Some(_) => {
                    return Err(Stop::Wrong(format!("a session is named by {DIGITS} digits, as in `list`")));
                }
                None => the_open_one(&repository)?,
            };
            let note = note.as_deref().map(line).filter(|note| !note.as_bytes().is_empty());
            ask(&repository, &Said::Close { session: session.as_str().into(), note }, place, world)
        }
        BreakglassCommand::List { all, format } => {
            listing::list(&state(&repository)?, *all, *format == Form::Json, world)
        }
    }
}

fn ask(repository: &Repository, said: &Said, place: &Where, world: &World) -> Result<Exit, Stop> {
    let message = Message::new(Text::new(said.message()));
    if Said::read(&message).as_ref() != Some(said) {
        return Err(Stop::Wrong(
            "this cannot be said in one line each: an incident, a reason, a note".into(),
        ));
    }
    let random = ahead::fresh_id()?;
    let id = random.get(..DIGITS).unwrap_or(&random);
    if place.server {
        return on_server::ask(repository, id, &message, world);
    }
    pushing::ask(said, id, &message, &place.remote, world)
}

/// Returns a text as one line.
fn line(text: &str) -> Text {
    Text::from(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Returns the id of the only session that is open, as far as this repository knows.
fn the_open_one(repository: &Repository) -> Result<String, Stop> {
    let state = state(repository)?;
    let open = sessions(&state).filter(|(_, owed)| owed.closed.is_none());
    let open: Vec<&str> = open.map(|(session, _)| session.id.as_str()).collect();
    match open.as_slice() {
        [only] if is_id(only) => Ok((*only).to_owned()),
        [] | [_] => Err(Stop::Wrong(format!("no session is open in the ledger here; {FETCH}, or name one"))),
        many => Err(Stop::Wrong(format!("{} sessions are open; name one, as `list` has them", many.len()))),
    }
}

/// How a copy of the ledger is had.
const FETCH: &str = "git fetch origin refs/changegate/ledger:refs/changegate/ledger";

fn state(repository: &Repository) -> Result<State, Stop> {
    let missing = || Stop::Wrong(format!("there is no ledger here; {FETCH}"));
    store::state(repository)?.ok_or_else(missing)
}
