//! `changegate hook commit-msg`: early help for the author of a commit message.
//!
//! Reports what is missing before the commit is made, and what is checked later. This is never the last
//! word: the server checks again. The policy is that of the work tree. No repository is opened unless the
//! message cannot be read without its configuration.

use std::path::{Path, PathBuf};

use crate::change::message::cleanup::{CleanupMode, clean_up_message, cut_at_scissors};
use crate::change::{Person, Text};
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::output::{self, ReportFormatArg};
use crate::gate::{UnusablePolicy, judge_message, load_from_disk};
use crate::git::Repository;
use crate::policy::DEFAULT_POLICY_PATH;
use crate::report::{DeniedMessage, ReportStyle};
use crate::verdict::Decision;

/// Check a commit message before the commit is made
#[derive(Debug, clap::Args)]
pub(crate) struct CommitMsgArgs {
    /// Only warn; never refuse the commit
    #[arg(long)]
    warn: bool,

    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "terminal")]
    format: ReportFormatArg,

    /// File with the message
    file: PathBuf,
}

/// The file that keeps the message of a refused commit.
const KEPT_MESSAGE_FILE: &str = "CHANGEGATE_EDITMSG";

pub(crate) fn run_commit_msg(args: &CommitMsgArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let path = context.resolve_path(&args.file);
    let raw = std::fs::read(&path).map_err(|error| {
        CommandError::Failed(anyhow::anyhow!("cannot read the message in `{}`: {error}", path.display()))
    })?;
    let loaded = match load_from_disk(&context.directory, DEFAULT_POLICY_PATH) {
        Ok(loaded) => loaded,
        // A repository without a policy has no rules.
        Err(UnusablePolicy::Absent) => return Ok(CommandExit::Allowed),
        Err(UnusablePolicy::Faulty(errors)) => return Err(CommandError::InvalidPolicy(errors, None)),
    };
    let message = clean_raw_message(&raw, context);
    if message.is_empty() {
        // Git itself refuses an empty message, and explains it better.
        return Ok(CommandExit::Allowed);
    }
    let report = judge_message(
        &loaded,
        Text::new(message),
        read_identity(context, "AUTHOR"),
        read_identity(context, "COMMITTER"),
        context.now,
    );
    let is_denied = report.decision == Decision::Deny;
    let denied_message = match (is_denied, args.warn) {
        (_, true) => DeniedMessage::Committed,
        (true, false) => match keep_message(&path, &raw) {
            Some(kept) => DeniedMessage::Kept(name_from_user_folder(&kept, context)),
            None => DeniedMessage::Refused,
        },
        (false, false) => DeniedMessage::Refused,
    };
    let style = ReportStyle {
        colour: output::stderr_colour(context.colour),
        quiet: !is_denied,
        denied_message,
        ..ReportStyle::default()
    };
    let mut out = std::io::stderr().lock();
    output::ignore_broken_pipe(crate::report::write_report(args.format.into(), &report, &style, &mut out))?;
    if !is_denied || args.warn {
        return Ok(CommandExit::Allowed);
    }
    Ok(CommandExit::Denied)
}

/// Returns the message as git will record it: without comments, and without what follows the
/// scissors.
fn clean_raw_message(raw: &[u8], context: &Context) -> Vec<u8> {
    // `git commit -m` leaves nothing to clean up. The configuration matters only if a line starts with a
    // character that a comment may start with.
    let mut may_hold_comments = false;
    for line in raw.split(|byte| *byte == b'\n') {
        may_hold_comments |= line.first().is_some_and(u8::is_ascii_punctuation);
    }
    let (mode, comment) = if may_hold_comments {
        read_cleanup_config(raw, context)
    } else {
        (CleanupMode::Strip, b"#".to_vec())
    };
    clean_up_message(cut_at_scissors(raw, &comment), mode, &comment)
}

/// Returns how the repository cleans up messages, and what starts a comment.
fn read_cleanup_config(raw: &[u8], context: &Context) -> (CleanupMode, Vec<u8>) {
    let repository = Repository::discover_from(&context.directory).ok();
    let repository = repository.as_ref();
    let mode = match read_config_value(repository, "commit.cleanup").as_deref() {
        Some("whitespace") => CleanupMode::Whitespace,
        Some("verbatim") => CleanupMode::Verbatim,
        Some("scissors") => CleanupMode::Scissors,
        _ => CleanupMode::Strip,
    };
    let mut comment = read_config_value(repository, "core.commentString");
    if comment.is_none() {
        comment = read_config_value(repository, "core.commentChar");
    }
    let comment = match comment {
        Some(comment) if comment == "auto" => detect_comment_char(raw),
        Some(comment) => comment.into_bytes(),
        None => b"#".to_vec(),
    };
    (mode, comment)
}

fn read_config_value(repository: Option<&Repository>, key: &str) -> Option<String> {
    repository?.read_config_value(key).ok()?
}

/// Returns the comment character that git chose for this message: the one that starts the last
/// line, which git itself wrote.
fn detect_comment_char(raw: &[u8]) -> Vec<u8> {
    let candidates = b"#;@!$%^&|:";
    let last = raw.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty());
    match last.and_then(<[u8]>::first) {
        Some(first) if candidates.contains(first) => vec![*first],
        _ => b"#".to_vec(),
    }
}

/// Returns the author or committer as git names them. Git sets the author for this hook, and the
/// committer only if the user has set one.
fn read_identity(context: &Context, role: &str) -> Person {
    let name = read_identity_part(context, role, "NAME");
    Person { name, email: read_identity_part(context, role, "EMAIL") }
}

fn read_identity_part(context: &Context, role: &str, part: &str) -> Text {
    let mut value = context.read_variable(&format!("GIT_{role}_{part}"));
    if value.is_none() {
        value = context.read_variable(&format!("GIT_AUTHOR_{part}"));
    }
    Text::new(value.unwrap_or_default().into_encoded_bytes())
}

/// Saves the message beside the file that git will overwrite, and returns the path.
fn keep_message(path: &Path, raw: &[u8]) -> Option<PathBuf> {
    let kept = path.with_file_name(KEPT_MESSAGE_FILE);
    std::fs::write(&kept, raw).ok()?;
    Some(kept)
}

/// Returns a path as the user writes it in a shell. Git runs hooks at the top of the work tree, and names the
/// folder that the user is in.
fn name_from_user_folder(path: &Path, context: &Context) -> String {
    if path.is_absolute() {
        return quote_for_shell(path);
    }
    let prefix = PathBuf::from(context.read_variable("GIT_PREFIX").unwrap_or_default());
    let mut named = PathBuf::new();
    for _ in prefix.components() {
        named.push("..");
    }
    quote_for_shell(&named.join(path))
}

/// Returns a path as one word of a shell.
fn quote_for_shell(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+@".contains(&byte);
    if text.bytes().all(is_plain) { text.into_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
