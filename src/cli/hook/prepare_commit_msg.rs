//! `changegate hook prepare-commit-msg`: adds the trailers that the policy asks for as comments, with the values that
//! follow from the branch.
//!
//! All of them are comments: of a message that holds nothing else git makes no commit, and an editor that is closed
//! without a word is how people abort one.

use std::io::Write as _;
use std::path::PathBuf;

use crate::change::message::trailers::{TrailerReader, read_trailers};
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::hook::clone_policy::ClonePolicy;
use crate::cli::hook::clone_state::open_clone;
use crate::cli::hook::git_command::GitCommand;
use crate::cli::hook::stored_message::MessageTidying;
use crate::cli::output::wrap_text;
use crate::gate::UnusablePolicy;
use crate::git::HeadState;
use crate::policy::Policy;
use crate::vocabulary::{FieldDefinition, FieldKind};

/// Fill in the trailers of a commit message
#[derive(Debug, clap::Args)]
pub(crate) struct PrepareCommitMsgArgs {
    /// File with the message
    file: PathBuf,
    /// Source of the message: message, template, merge, squash or commit
    source: Option<String>,
    /// Commit that the message is from
    commit: Option<String>,
}

pub(crate) fn run_prepare_commit_msg(
    args: &PrepareCommitMsgArgs,
    context: &Context,
) -> Result<CommandExit, CommandError> {
    // A message that is already written stays as it is.
    if !matches!(args.source.as_deref(), None | Some("template")) {
        return Ok(CommandExit::Allowed);
    }
    let repository = open_clone(context).ok();
    let loaded = match ClonePolicy::load_policy(repository.as_ref(), context) {
        Ok(policy) => policy.loaded,
        Err(UnusablePolicy::Absent) => return Ok(CommandExit::Allowed),
        Err(UnusablePolicy::Faulty(_)) => {
            // What is wrong with it is said by the next hook, which checks the message.
            let note =
                wrap_text("changegate: ", 2, "no trailers are filled in, because the policy cannot be used");
            let _ = writeln!(std::io::stderr().lock(), "{note}");
            return Ok(CommandExit::Allowed);
        }
    };
    let path = context.resolve_path(&args.file);
    // A convenience never stops a commit.
    let Ok(raw) = std::fs::read(&path) else { return Ok(CommandExit::Allowed) };
    let Some(repository) = repository else { return Ok(CommandExit::Allowed) };
    let command = GitCommand::find_committing(context);
    let tidying = MessageTidying::read_settings(&raw, command.as_ref(), Some(&repository), context);
    // Without an editor there is no reader, and trailers alone would be a message.
    if !tidying.is_edited {
        return Ok(CommandExit::Allowed);
    }
    let branch = match repository.read_head() {
        Ok(HeadState::Branch(branch)) => branch.name.to_lossy().into_owned(),
        _ => String::new(),
    };
    if let Some(filled) = prefill_trailers(&raw, &loaded.policy, &branch, &tidying) {
        let written = std::fs::write(&path, filled);
        if written.is_err() {
            // Half a message would be worse than one without hints.
            let _ = std::fs::write(&path, raw);
        }
    }
    Ok(CommandExit::Allowed)
}

/// Values that look like tickets and are names of formats and standards.
const NO_TICKET_PREFIXES: [&str; 12] =
    ["ASCII", "BASE", "CRC", "CVE", "HTTP", "IEEE", "IPV", "ISO", "RFC", "SHA", "TLS", "UTF"];

/// Returns the message with the trailers that are still to state, as comments; `None` if there is nothing to add.
fn prefill_trailers(raw: &[u8], policy: &Policy, branch: &str, tidying: &MessageTidying) -> Option<Vec<u8>> {
    // A hint must not end up in the commit.
    if !tidying.removes_comments() {
        return None;
    }
    let stated = read_trailers(raw, TrailerReader::Log);
    let comment = String::from_utf8_lossy(&tidying.comment);
    let mut hints = String::new();
    for field in policy.list_required_fields() {
        if stated.trailers.iter().any(|trailer| field.matches_key(&trailer.key)) {
            continue;
        }
        let trailer = match derive_from_branch(field, branch) {
            Some(value) => format!("{}: {value}", field.name),
            None => field.trailer_template(),
        };
        let hint = format!("{comment} {trailer}\n");
        // A template of commits may hold it already.
        if !raw.windows(hint.len()).any(|line| line == hint.as_bytes()) {
            hints += &hint;
        }
    }
    if hints.is_empty() {
        return None;
    }
    let lines = format!("{comment} To fill in, without the `{comment}`:\n{hints}{comment}\n");
    let mut at = 0;
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        if !tidying.comment.is_empty() && line.starts_with(&tidying.comment) {
            break;
        }
        at += line.len();
    }
    let (message, comments) = raw.split_at_checked(at)?;
    let gap: &[u8] = if message.iter().all(u8::is_ascii_whitespace) { b"\n\n" } else { b"\n" };
    let message = if gap.len() == 2 { b"" } else { message };
    Some([message, gap, lines.as_bytes(), comments].concat())
}

/// Returns the part of the branch name that is a value of the field, such as a ticket.
fn derive_from_branch<'branch>(field: &FieldDefinition, branch: &'branch str) -> Option<&'branch str> {
    let FieldKind::Matches { pattern, .. } = &field.kind else { return None };
    for part in branch.split(['/', '_']) {
        for candidate in list_branch_prefixes(part) {
            if is_other_name(candidate) {
                continue;
            }
            if pattern.matches_value(candidate.as_bytes()) == Some(true) {
                return Some(candidate);
            }
        }
    }
    None
}

/// Returns true for what has the form of a ticket and is none, as in `fix-UTF-8`, or has the number 0.
fn is_other_name(candidate: &str) -> bool {
    candidate.rsplit_once('-').is_some_and(|(prefix, number)| {
        NO_TICKET_PREFIXES.contains(&prefix)
            || (!number.is_empty() && number.bytes().all(|digit| digit == b'0'))
    })
}

/// Returns the parts of a branch name that may be a ticket, longest first: `PAY-412-cache` has
/// `PAY-412-cache`, `PAY-412` and `PAY`.
fn list_branch_prefixes(part: &str) -> Vec<&str> {
    let mut prefixes = vec![part];
    let mut rest = part;
    while let Some((prefix, _)) = rest.rsplit_once('-') {
        prefixes.push(prefix);
        rest = prefix;
    }
    prefixes
}
