//! Sessions on the server itself, written to the ledger directly.
//!
//! This is for server administrators. The account is that of the system, and is recorded as a claim.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, anyhow};

use crate::change::{CommitMessage, Text};
use crate::cli::command_error::{CommandError, CommandExit, replace_invisible};
use crate::cli::context::Context;
use crate::cli::ledger_upkeep::{
    ReconcileOccasion, find_current_policy, reconcile_repository, write_reconcile_report,
};
use crate::cli::output;
use crate::gate::LedgerMode;
use crate::gate::break_glass::{AuthorisedRequest, parse_request};
use crate::git::{ObjectFormat, Repository, parse_commit};
use crate::ledger::record::{BreakGlassEvent, LedgerEvent, SessionActor};
use crate::ledger::server::discharge::append_events;
use crate::ledger::state::LedgerState;
use crate::ledger::state::break_glass::{self, SessionRequest};
use crate::ledger::store::state_reader::LedgerStateReader;
use crate::people::contributors::Contributor;
use crate::report::escape;
use crate::verdict::Finding;

/// The header of a commit that is parsed for its message, and never written.
const COMMIT_HEADER: &str = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor a <a@localhost> 0 +0000\n\
                    committer a <a@localhost> 0 +0000\n\n";

pub(crate) fn write_session_record(
    repository: &Repository,
    id: &str,
    message: &CommitMessage,
    context: &Context,
) -> Result<CommandExit, CommandError> {
    let settings = context.read_gate_settings(repository).map_err(CommandError::Usage)?;
    if settings.ledger_mode == LedgerMode::Off {
        return Err(CommandError::ledger_off());
    }
    let reconciled = reconcile_repository(repository, &settings, ReconcileOccasion::Record, context)?;
    write_reconcile_report(&reconciled)?;
    let Some(loaded) = find_current_policy(&LedgerStateReader::new(repository), &settings) else {
        return Err(CommandError::usage("this repository has no policy that says who can open a session"));
    };
    let now = (context.clock)();
    let raw = [COMMIT_HEADER.as_bytes(), message.raw().as_bytes()].concat();
    let commit =
        parse_commit(&raw, ObjectFormat::Sha1).map_err(|why| anyhow!("the request cannot be read: {why}"))?;
    if loaded.policy.break_glass.is_none() {
        return report_refusal("the policy lets no team open a break-glass session; set `break-glass`");
    }
    let asks = match parse_request(&loaded.policy, commit, now) {
        Ok(asks) => asks,
        Err(findings) => {
            let reasons: Vec<String> = findings.iter().map(escape_finding).collect();
            return report_refusal(&reasons.join("; "));
        }
    };
    let by = Contributor { key: None, name: String::new(), account: None, number: None };
    let authorised = AuthorisedRequest { id: id.to_owned(), by, is_in_team: true, asks };
    let session_request = SessionRequest {
        request: authorised,
        actor: SessionActor { account: read_account_name()?, decision: None, person: None },
        requested_at: now,
    };
    let mut outcome = Ok(String::new());
    // The request is checked under the lock of the ledger, since another session may have been opened.
    append_events(repository, settings.ledger_key.as_deref(), now, |state| {
        match build_checked_event(state, &session_request) {
            Ok(event) => {
                outcome = Ok(event.describe());
                vec![LedgerEvent::BreakGlass(event)]
            }
            Err(why) => {
                outcome = Err(why);
                Vec::new()
            }
        }
    })?;
    match outcome {
        Ok(words) => {
            let mut out = std::io::stdout().lock();
            output::ignore_broken_pipe(writeln!(out, "{}", escape::escape_words(&words)))?;
            Ok(CommandExit::Allowed)
        }
        Err(why) => report_refusal(&why),
    }
}

/// Returns the event of a session request, or why the sessions in the ledger forbid it.
fn build_checked_event(state: &LedgerState, request: &SessionRequest) -> Result<BreakGlassEvent, String> {
    if let Err(finding) = break_glass::check_session_request(state, request) {
        return Err(escape_finding(&finding));
    }
    break_glass::build_session_event(state, request).map_err(|why| escape::escape_words(&why).to_string())
}

fn escape_finding(finding: &Finding) -> String {
    escape::escape_sentence(&finding.message.sentence())
}

fn report_refusal(why: &str) -> Result<CommandExit, CommandError> {
    let mut out = std::io::stderr().lock();
    output::ignore_broken_pipe(writeln!(out, "changegate: denied - {}", replace_invisible(why)))?;
    Ok(CommandExit::Denied)
}

/// Returns the name of the system account that runs this program.
fn read_account_name() -> Result<Text, CommandError> {
    let output = Command::new("id").arg("-un").stdin(Stdio::null()).output().context("cannot start `id`")?;
    let name = output.stdout.strip_suffix(b"\n").unwrap_or(&output.stdout);
    if !output.status.success() || name.is_empty() {
        return Err(CommandError::Failed(anyhow!("`id -un` does not print the name of this account")));
    }
    Ok(Text::from(name))
}
