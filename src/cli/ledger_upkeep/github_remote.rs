//! The ledger of a repository on GitHub: its remote, and a report of what was appended to it.

use std::io::{self, Write as _};

use crate::cli::command_error::CommandError;
use crate::cli::context::Context;
use crate::git::GitRemote;
use crate::github::{GitHubServer, RepositoryName};
use crate::http::Secret;
use crate::ledger::forge::{ForgeLedger, ForgeLedgerOutcome};
use crate::ledger::record::RecordedMove;
use crate::report::escape;

/// Returns the repository that git fetches from and pushes to: on the server that GITHUB_SERVER_URL
/// names, or else on the server of the API.
pub(crate) fn open_ledger_remote(
    repo: &RepositoryName,
    server: &GitHubServer,
    token: Option<&Secret>,
    context: &Context,
) -> Result<GitRemote, CommandError> {
    let Some(token) = token else {
        return Err(CommandError::usage("the ledger needs a token in CHANGEGATE_TOKEN or GITHUB_TOKEN"));
    };
    let web = context.read_text_variable("GITHUB_SERVER_URL").unwrap_or_else(|| server.web_url());
    let url = format!("{}/{repo}.git", web.trim_end_matches('/'));
    GitRemote::new(&url, Some(token.expose())).map_err(CommandError::Usage)
}

/// Writes what was recorded that people should know.
pub(crate) fn write_forge_ledger_report(
    forge_ledger: &ForgeLedger<'_>,
    outcome: &ForgeLedgerOutcome,
) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if outcome.has_begun {
        writeln!(out, "changegate: started the ledger")?;
    } else if forge_ledger.may_begin {
        writeln!(
            out,
            "changegate: the ledger has begun before; set `ledger: true` instead of `ledger: begin`"
        )?;
    }
    for moved in &outcome.appended.found_late {
        writeln!(out, "changegate: {} without a run; recorded now, as found late", describe_move(moved))?;
    }
    for moved in &outcome.appended.unauthorised {
        let what = describe_move(moved);
        writeln!(out, "changegate: {what} against the policy; recorded as an unauthorised change")?;
    }
    for one in &outcome.appended.closing_notes {
        writeln!(out, "changegate: {}", escape::escape_sentence(&one.sentence()))?;
    }
    for one in &outcome.unanswered {
        writeln!(out, "changegate: {}", escape::escape_sentence(&one.sentence()))?;
    }
    // People who can write to the ledger cannot change the log of a run, so the newest record is shown there.
    if let Some(newest) = forge_ledger.newest_anchor() {
        writeln!(out, "changegate: the newest record is {}:{}", newest.number, newest.digest)?;
    }
    Ok(())
}

fn describe_move(moved: &RecordedMove) -> String {
    let name = escape::escape_terminal(moved.name.as_bytes(), escape::MAX_QUOTE_COLUMNS);
    match moved.new {
        Some(id) => format!("{name} moved to {}", id.short_hex()),
        None => format!("{name} was deleted"),
    }
}
