//! `changegate breakglass`: say that somebody works past the ordinary ways, and when that is over.

mod on_server;
pub(crate) mod push_request;
pub(crate) mod session_list;

use clap::{Subcommand, ValueEnum};

use crate::change::{CommitMessage, Text};
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::gate::break_glass::{BreakGlassRequest, SESSION_ID_DIGITS, is_session_id};
use crate::git::Repository;
use crate::ledger::server::write_ahead;
use crate::ledger::state::LedgerState;
use crate::ledger::state::break_glass::list_sessions;
use crate::ledger::store;

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
pub(crate) struct BreakglassArgs {
    #[command(subcommand)]
    command: BreakglassCommand,
}

/// In which form sessions are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SessionFormatArg {
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
        target: SessionTargetArgs,
    },
    /// Close a session
    Close {
        /// Its id; without it, the only one that is open
        session: Option<String>,

        /// What there is to say about it
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,

        #[command(flatten)]
        target: SessionTargetArgs,
    },
    /// List the sessions of the ledger here
    List {
        /// Also list what is closed
        #[arg(long)]
        all: bool,

        /// In which form
        #[arg(long, value_name = "FORM", default_value = "terminal")]
        format: SessionFormatArg,
    },
}

/// Where a session is opened or closed.
#[derive(Debug, clap::Args)]
struct SessionTargetArgs {
    /// Where to push it
    #[arg(long, value_name = "REMOTE", default_value = "origin", conflicts_with = "server")]
    remote: String,

    /// Write it into the ledger of this repository, which people push to
    #[arg(long)]
    server: bool,
}

pub(crate) fn run_breakglass(args: &BreakglassArgs, world: &Context) -> Result<CommandExit, CommandError> {
    let repository = Repository::discover_from(&world.directory)?;
    match &args.command {
        BreakglassCommand::Open { reason, incident, limit, target: place } => {
            let [incident, reason, limit] = [incident, reason, limit].map(|text| join_lines(text));
            request_session(&repository, &BreakGlassRequest::Open { incident, reason, limit }, place, world)
        }
        BreakglassCommand::Close { session, note, target: place } => {
            let session = match session {
                Some(session) if is_session_id(session) => session.clone(),
                Some(_) => {
                    return Err(CommandError::Usage(format!(
                        "a session is named by {SESSION_ID_DIGITS} digits, as in `list`"
                    )));
                }
                None => find_open_session(&repository)?,
            };
            let note = note.as_deref().map(join_lines).filter(|note| !note.as_bytes().is_empty());
            request_session(
                &repository,
                &BreakGlassRequest::Close { session: session.as_str().into(), note },
                place,
                world,
            )
        }
        BreakglassCommand::List { all, format } => session_list::print_sessions(
            &require_ledger_state(&repository)?,
            *all,
            *format == SessionFormatArg::Json,
            world,
        ),
    }
}

fn request_session(
    repository: &Repository,
    said: &BreakGlassRequest,
    place: &SessionTargetArgs,
    world: &Context,
) -> Result<CommandExit, CommandError> {
    let message = CommitMessage::new(Text::new(said.format_message()));
    if BreakGlassRequest::parse_message(&message).as_ref() != Some(said) {
        return Err(CommandError::Usage(
            "this cannot be said in one line each: an incident, a reason, a note".into(),
        ));
    }
    let random = write_ahead::new_decision_id()?;
    let id = random.get(..SESSION_ID_DIGITS).unwrap_or(&random);
    if place.server {
        return on_server::write_session_record(repository, id, &message, world);
    }
    push_request::push_session_request(said, id, &message, &place.remote, world)
}

/// Returns a text as one line.
fn join_lines(text: &str) -> Text {
    Text::from(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Returns the id of the only session that is open, as far as this repository knows.
fn find_open_session(repository: &Repository) -> Result<String, CommandError> {
    let state = require_ledger_state(repository)?;
    let open = list_sessions(&state).filter(|(_, owed)| owed.closed.is_none());
    let open: Vec<&str> = open.map(|(session, _)| session.id.as_str()).collect();
    match open.as_slice() {
        [only] if is_session_id(only) => Ok((*only).to_owned()),
        [] | [_] => Err(CommandError::Usage(format!(
            "no session is open in the ledger here; {FETCH_LEDGER_COMMAND}, or name one"
        ))),
        many => Err(CommandError::Usage(format!(
            "{} sessions are open; name one, as `list` has them",
            many.len()
        ))),
    }
}

/// How a copy of the ledger is had.
const FETCH_LEDGER_COMMAND: &str = "git fetch origin refs/changegate/ledger:refs/changegate/ledger";

fn require_ledger_state(repository: &Repository) -> Result<LedgerState, CommandError> {
    let missing = || CommandError::Usage(format!("there is no ledger here; {FETCH_LEDGER_COMMAND}"));
    store::read_state(repository)?.ok_or_else(missing)
}
