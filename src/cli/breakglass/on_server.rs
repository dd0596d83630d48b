//! On the server itself: a session is written into the ledger directly.
//!
//! Whoever can do that administrates the server, or says so. The account is what the system calls him,
//! and stands in the record as a claim.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, anyhow};

use crate::change::{CommitMessage, Text};
use crate::cli::command_error::{CommandError, CommandExit, replace_invisible};
use crate::cli::context::Context;
use crate::cli::{ledger, output};
use crate::gate::break_glass::{AuthorisedRequest, parse_request};
use crate::gate::{GateSettings, LedgerMode, current_policy};
use crate::git::{ObjectFormat, Repository, parse_commit};
use crate::ledger::record::{LedgerEvent, SessionActor};
use crate::ledger::server::discharge::append_events;
use crate::ledger::state::break_glass::{self, SessionRequest};
use crate::people::contributors::Contributor;
use crate::report::escape;
use crate::verdict::{Finding, Sentence};

/// What stands before the message of a commit that nobody writes.
const COMMIT_HEADER: &str = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor a <a@localhost> 0 +0000\n\
                    committer a <a@localhost> 0 +0000\n\n";

pub(crate) fn write_session_record(
    repository: &Repository,
    id: &str,
    message: &CommitMessage,
    world: &Context,
) -> Result<CommandExit, CommandError> {
    let settings = GateSettings::read_settings(
        repository,
        &|name| world.read_variable(name),
        crate::cli::context::count_threads,
    )
    .map_err(CommandError::Usage)?;
    if settings.ledger_mode == LedgerMode::Off {
        return Err(CommandError::Usage("the ledger is switched off here (changegate.ledger)".into()));
    }
    let folded = ledger::reconcile_repository(repository, &settings, None, false, world)?;
    ledger::write_reconcile_report(&folded)?;
    let loaded = current_policy(repository, &settings).ok_or_else(|| {
        CommandError::Usage("there is no policy here that says who may open a session".into())
    })?;
    let now = (world.clock)();
    let raw = [COMMIT_HEADER.as_bytes(), message.raw().as_bytes()].concat();
    let commit =
        parse_commit(&raw, ObjectFormat::Sha1).map_err(|why| anyhow!("this cannot be said: {why}"))?;
    if loaded.policy.break_glass.is_none() {
        return report_refusal(&Finding::new(Sentence::from_words(
            "the policy names nobody who may open a break-glass session (`break-glass`)",
        )));
    }
    let asks = match parse_request(&loaded.policy, commit, now) {
        Ok(asks) => asks,
        Err(finding) => return report_refusal(&finding),
    };
    let by = Contributor { key: None, name: String::new(), account: None };
    let act = AuthorisedRequest { id: id.to_owned(), by, is_in_team: true, asks };
    let asking = SessionRequest {
        request: act,
        actor: SessionActor { account: read_account_name()?, decision: None, person: None },
        requested_at: now,
    };
    let mut done = Ok(String::new());
    append_events(repository, settings.ledger_key.as_deref(), now, |state| {
        if let Err(finding) = break_glass::check_session_request(state, &asking) {
            done = Err(finding);
            return Vec::new();
        }
        match break_glass::build_session_event(state, &asking) {
            Ok(record) => {
                done = Ok(record.describe());
                vec![LedgerEvent::BreakGlass(record)]
            }
            Err(why) => {
                done = Err(Box::new(Finding::new(Sentence::from_words(why))));
                Vec::new()
            }
        }
    })?;
    match done {
        Ok(words) => {
            output::ignore_broken_pipe(writeln!(
                std::io::stdout().lock(),
                "{}",
                escape::escape_words(&words)
            ))?;
            Ok(CommandExit::Allowed)
        }
        Err(finding) => report_refusal(&finding),
    }
}

fn report_refusal(finding: &Finding) -> Result<CommandExit, CommandError> {
    let why = escape::escape_sentence(&finding.message.sentence());
    output::ignore_broken_pipe(writeln!(
        std::io::stderr().lock(),
        "changegate: denied - {}",
        replace_invisible(&why)
    ))?;
    Ok(CommandExit::Denied)
}

/// Returns what the system calls whoever runs this.
fn read_account_name() -> Result<Text, CommandError> {
    let told = Command::new("id").arg("-un").stdin(Stdio::null()).output().context("cannot start `id`")?;
    let name = told.stdout.strip_suffix(b"\n").unwrap_or(&told.stdout);
    if !told.status.success() || name.is_empty() {
        return Err(CommandError::Failed(anyhow!("the system does not tell whose account this is")));
    }
    Ok(Text::from(name))
}
