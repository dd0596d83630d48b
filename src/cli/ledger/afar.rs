//! The ledger of a repository on GitHub: where it is, and telling what keeping it came to.

use std::io::{self, Write as _};

use super::super::{Stop, World};
use crate::git::Remote;
use crate::github::{RepoName, Server, Token};
use crate::ledger::place::Anchor;
use crate::ledger::workflow::Told;
use crate::report::escape;

/// Returns the repository that git fetches from and pushes to: on the server that GITHUB_SERVER_URL
/// names, or else on the one that the API is of.
pub(in super::super) fn remote(
    repo: &RepoName,
    server: &Server,
    token: Option<&Token>,
    world: &World,
) -> Result<Remote, Stop> {
    let token = token.ok_or_else(|| {
        Stop::Wrong("keeping the ledger takes a token, in CHANGEGATE_TOKEN or GITHUB_TOKEN".into())
    })?;
    let web = world.variable("GITHUB_SERVER_URL").map(|value| value.to_string_lossy().into_owned());
    let web = web.unwrap_or_else(|| server.web());
    token.remote(&format!("{}/{repo}.git", web.trim_end_matches('/'))).map_err(Stop::Wrong)
}

/// Tells what was recorded that somebody should know.
pub(in super::super) fn tell_kept(told: &Told, newest: Option<&Anchor>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if told.has_begun {
        writeln!(out, "changegate: the ledger begins")?;
    }
    for moved in &told.appended.late {
        let name = escape::terminal(moved.name.as_bytes(), escape::MOST);
        let to = moved.new.map_or_else(|| "nothing".to_owned(), |id| id.short());
        writeln!(
            out,
            "changegate: {name} came to {to}, and no run had told; now it is recorded, as found late"
        )?;
    }
    for moved in &told.appended.unauthorised {
        let name = escape::terminal(moved.name.as_bytes(), escape::MOST);
        let to = moved.new.map_or_else(|| "nothing".to_owned(), |id| id.short());
        writeln!(out, "changegate: {name} came to {to} past the policy; recorded as unauthorised")?;
    }
    for one in &told.appended.closed {
        writeln!(out, "changegate: {}", escape::words(one))?;
    }
    for one in &told.unasked {
        writeln!(out, "changegate: {}", escape::words(one))?;
    }
    // In the log of a run it stands where those who can write to the ledger cannot change it.
    if let Some(newest) = newest {
        writeln!(out, "changegate: the newest record is {}:{}", newest.number, newest.digest)?;
    }
    Ok(())
}
