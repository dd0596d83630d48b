//! The ledger of a repository on GitHub: where it is, and telling what keeping it came to.

use std::io::{self, Write as _};

use crate::cli::command_error::CommandError;
use crate::cli::context::Context;
use crate::git::GitRemote;
use crate::github::{GitHubServer, RepositoryName};
use crate::http::Secret;
use crate::ledger::forge::ForgeLedgerOutcome;
use crate::ledger::store::gate_folder::LedgerAnchor;
use crate::report::escape;

/// Returns the repository that git fetches from and pushes to: on the server that GITHUB_SERVER_URL
/// names, or else on the one that the API is of.
pub(crate) fn open_ledger_remote(
    repo: &RepositoryName,
    server: &GitHubServer,
    token: Option<&Secret>,
    world: &Context,
) -> Result<GitRemote, CommandError> {
    let token = token.ok_or_else(|| {
        CommandError::Usage("keeping the ledger takes a token, in CHANGEGATE_TOKEN or GITHUB_TOKEN".into())
    })?;
    let web = world.read_variable("GITHUB_SERVER_URL").map(|value| value.to_string_lossy().into_owned());
    let web = web.unwrap_or_else(|| server.web_url());
    let url = format!("{}/{repo}.git", web.trim_end_matches('/'));
    GitRemote::new(&url, Some(token.expose())).map_err(CommandError::Usage)
}

/// Tells what was recorded that somebody should know.
pub(crate) fn write_forge_ledger_report(
    told: &ForgeLedgerOutcome,
    newest: Option<&LedgerAnchor>,
) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if told.has_begun {
        writeln!(out, "changegate: the ledger begins")?;
    }
    for moved in &told.appended.found_late {
        let name = escape::escape_terminal(moved.name.as_bytes(), escape::MAX_QUOTE_COLUMNS);
        let to = moved.new.map_or_else(|| "nothing".to_owned(), |id| id.short_hex());
        writeln!(
            out,
            "changegate: {name} came to {to}, and no run had told; now it is recorded, as found late"
        )?;
    }
    for moved in &told.appended.unauthorised {
        let name = escape::escape_terminal(moved.name.as_bytes(), escape::MAX_QUOTE_COLUMNS);
        let to = moved.new.map_or_else(|| "nothing".to_owned(), |id| id.short_hex());
        writeln!(out, "changegate: {name} came to {to} past the policy; recorded as unauthorised")?;
    }
    for one in &told.appended.closing_notes {
        writeln!(out, "changegate: {}", escape::escape_sentence(&one.sentence()))?;
    }
    for one in &told.unanswered {
        writeln!(out, "changegate: {}", escape::escape_sentence(&one.sentence()))?;
    }
    // In the log of a run it stands where those who can write to the ledger cannot change it.
    if let Some(newest) = newest {
        writeln!(out, "changegate: the newest record is {}:{}", newest.number, newest.digest)?;
    }
    Ok(())
}
