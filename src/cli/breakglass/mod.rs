//! `changegate breakglass`: opens, closes and lists break-glass sessions: announced emergency access.

mod on_server;
pub(crate) mod push_request;
pub(crate) mod session_list;

use clap::Subcommand;

use crate::change::{CommitMessage, Text};
use crate::cli::command_error::{CommandError, CommandExit, describe_ledger_copy};
use crate::cli::context::Context;
use crate::cli::ledger_upkeep::require_ledger_state;
use crate::cli::output::ListFormatArg;
use crate::gate::break_glass::{BreakGlassRequest, SESSION_ID_DIGITS, is_session_id};
use crate::git::Repository;
use crate::ledger::server::write_ahead;
use crate::ledger::state::break_glass::list_sessions;

/// Open, close and list break-glass sessions
///
/// A session does not open the gate, which judges as before. It records in the
/// ledger who works past the normal process, why, and until when. Closing it in
/// time is an obligation. In a clone, a session is requested by a push, which the
/// server accepts from the teams that the policy names.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate breakglass open --incident INC-2031 --reason \"...\"
  changegate breakglass open --incident INC-2031 --reason \"...\" --for 90m
  changegate breakglass close
  changegate breakglass close 5f0a2b91c37e --note \"access revoked\"
  changegate breakglass list --all

On the server: changegate breakglass open --server -C /srv/git/app.git ...

Opening a session for an incident that has an open session extends that one. An
extension must come from another person than the last opening.")]
pub(crate) struct BreakglassArgs {
    #[command(subcommand)]
    command: BreakglassCommand,
}

#[derive(Debug, Subcommand)]
enum BreakglassCommand {
    /// Open a session, or extend the one for the same incident
    Open {
        /// Why it cannot wait, in one sentence
        #[arg(long, value_name = "TEXT")]
        reason: String,

        /// Id of the incident
        #[arg(long, value_name = "ID")]
        incident: String,

        /// Time until the session must be closed
        #[arg(long = "for", value_name = "TIME", default_value = "4h")]
        limit: String,

        #[command(flatten)]
        target: SessionTargetArgs,
    },
    /// Close a session
    Close {
        /// Id of the session [default: the only open one]
        session: Option<String>,

        /// Note for the record
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,

        #[command(flatten)]
        target: SessionTargetArgs,
    },
    /// List the sessions in the ledger of this repository
    List {
        /// Also list closed sessions
        #[arg(long)]
        all: bool,

        /// Output format
        #[arg(long, value_name = "FORMAT", default_value = "terminal")]
        format: ListFormatArg,
    },
}

/// The options that say where a session is opened or closed.
#[derive(Debug, clap::Args)]
struct SessionTargetArgs {
    /// Remote to push the request to
    #[arg(long, value_name = "REMOTE", default_value = "origin", conflicts_with = "server")]
    remote: String,

    /// Write to the ledger of this repository, on the server
    #[arg(long)]
    server: bool,
}

pub(crate) fn run_breakglass(args: &BreakglassArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let repository = Repository::discover_from(&context.directory)?;
    match &args.command {
        BreakglassCommand::Open { reason, incident, limit, target } => {
            // Each value is one line, since a commit message carries the request.
            let request = BreakGlassRequest::Open {
                incident: join_lines(incident),
                reason: join_lines(reason),
                limit: join_lines(limit),
            };
            request_session(&repository, &request, target, context)
        }
        BreakglassCommand::Close { session, note, target } => {
            let session = match session {
                Some(session) if is_session_id(session) => session.clone(),
                Some(_) => {
                    return Err(CommandError::Usage(format!(
                        "a session id has {SESSION_ID_DIGITS} digits; `changegate breakglass list` shows it"
                    )));
                }
                None => find_open_session(&repository)?,
            };
            let note = match note.as_deref().map(join_lines) {
                Some(note) if !note.as_bytes().is_empty() => Some(note),
                _ => None,
            };
            let request = BreakGlassRequest::Close { session: session.as_str().into(), note };
            request_session(&repository, &request, target, context)
        }
        BreakglassCommand::List { all, format } => session_list::print_sessions(
            &require_ledger_state(&repository)?,
            *all,
            *format == ListFormatArg::Json,
            context,
        ),
    }
}

fn request_session(
    repository: &Repository,
    request: &BreakGlassRequest,
    target: &SessionTargetArgs,
    context: &Context,
) -> Result<CommandExit, CommandError> {
    let message = CommitMessage::new(Text::new(request.format_message()));
    if BreakGlassRequest::parse_message(&message).as_ref() != Some(request) {
        return Err(CommandError::Usage(
            "the incident, the reason and the note must each fit on one line".into(),
        ));
    }
    let random = write_ahead::new_decision_id()?;
    let id = random.get(..SESSION_ID_DIGITS).unwrap_or(&random);
    if target.server {
        return on_server::write_session_record(repository, id, &message, context);
    }
    push_request::push_session_request(request, id, &message, &target.remote, context)
}

/// Returns a text as one line, with single spaces.
fn join_lines(text: &str) -> Text {
    Text::from(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Returns the id of the only open session in the ledger of this repository.
fn find_open_session(repository: &Repository) -> Result<String, CommandError> {
    let state = require_ledger_state(repository)?;
    let mut open = Vec::new();
    for (session, owed) in list_sessions(&state) {
        if owed.closed.is_none() {
            open.push(session.id.as_str());
        }
    }
    match open.as_slice() {
        [only] if is_session_id(only) => Ok((*only).to_owned()),
        [] | [_] => Err(CommandError::Usage(format!(
            "no session is open in this copy of the ledger; give the session id, or update the copy; {}",
            describe_ledger_copy(repository)
        ))),
        many => Err(CommandError::Usage(format!(
            "{} sessions are open; give the id of one, as shown by `changegate breakglass list`",
            many.len()
        ))),
    }
}
