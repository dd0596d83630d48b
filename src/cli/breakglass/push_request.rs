//! Requests for sessions: an empty commit whose message is the request, pushed to a ref of its own.

use std::io::Write as _;

use crate::change::CommitMessage;
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::lone_push::push_lone_commit;
use crate::cli::output;
use crate::gate::break_glass::{BreakGlassRequest, REQUEST_REF_PREFIX};
use crate::report::escape;

pub(crate) fn push_session_request(
    request: &BreakGlassRequest,
    id: &str,
    message: &CommitMessage,
    remote: &str,
    context: &Context,
) -> Result<CommandExit, CommandError> {
    let ref_name = format!("{REQUEST_REF_PREFIX}{id}");
    let pushed = push_lone_commit(context, (message, None), (remote, &ref_name), "break-glass sessions")?;
    if pushed != CommandExit::Allowed {
        return Ok(pushed);
    }
    let mut out = std::io::stdout().lock();
    let written = match request {
        BreakGlassRequest::Open { .. } => writeln!(out, "opened session {id}"),
        BreakGlassRequest::Close { session, .. } => {
            writeln!(
                out,
                "closed session {}",
                escape::escape_terminal(session.as_bytes(), escape::MAX_QUOTE_COLUMNS)
            )
        }
    };
    output::ignore_broken_pipe(written)?;
    Ok(CommandExit::Allowed)
}
