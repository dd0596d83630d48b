//! `changegate hook commit-msg`: early help for whoever writes a message.
//!
//! What is missing is said before the commit is made, and what will be asked later is named. This is
//! never the last word: the server asks again. The policy is that of the work tree, and no
//! repository is opened unless the message cannot be understood without its configuration.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::change::message::cleanup::{CleanupMode, clean_up_message, cut_at_scissors};
use crate::change::{Person, Text};
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::output::{self, ReportFormatArg};
use crate::gate::{UnusablePolicy, judge_message, load_from_disk};
use crate::git::Repository;
use crate::policy::DEFAULT_POLICY_PATH;
use crate::report::ReportStyle;
use crate::verdict::Decision;

/// Say what a commit message lacks
#[derive(Debug, clap::Args)]
pub(crate) struct CommitMsgArgs {
    /// Say it, and let the commit through
    #[arg(long)]
    warn: bool,

    /// In which form
    #[arg(long, value_name = "FORM", default_value = "terminal")]
    format: ReportFormatArg,

    /// The file with the message
    file: PathBuf,
}

/// Where the message of a refused commit is kept.
const KEPT_MESSAGE_FILE: &str = "CHANGEGATE_EDITMSG";

pub(crate) fn run_commit_msg(args: &CommitMsgArgs, world: &Context) -> Result<CommandExit, CommandError> {
    let path = world.resolve_path(&args.file);
    let raw = std::fs::read(&path).map_err(|error| {
        CommandError::Failed(anyhow::anyhow!("cannot read the message in `{}`: {error}", path.display()))
    })?;
    let loaded = match load_from_disk(&world.directory, DEFAULT_POLICY_PATH) {
        Ok(loaded) => loaded,
        // Nothing is asked in a repository without a policy.
        Err(UnusablePolicy::Absent) => return Ok(CommandExit::Allowed),
        Err(UnusablePolicy::Faulty(errors)) => return Err(CommandError::InvalidPolicy(errors, None)),
    };
    let message = clean_raw_message(&raw, world);
    if message.is_empty() {
        // Git itself refuses an empty message, and in better words.
        return Ok(CommandExit::Allowed);
    }
    let report = judge_message(
        &loaded,
        Text::new(message),
        read_identity(world, "AUTHOR"),
        read_identity(world, "COMMITTER"),
        world.now,
    );
    let denied = report.decision == Decision::Deny;
    let style =
        ReportStyle { colour: output::stderr_colour(world.colour), quiet: !denied, ..ReportStyle::default() };
    let mut out = std::io::stderr().lock();
    output::ignore_broken_pipe(crate::report::write_report(args.format.into(), &report, &style, &mut out))?;
    if !denied || args.warn {
        return Ok(CommandExit::Allowed);
    }
    if let Some(kept) = keep_message(&path, &raw) {
        output::ignore_broken_pipe(writeln!(
            out,
            "changegate: your message is kept in {} as well",
            kept.display()
        ))?;
    }
    Ok(CommandExit::Denied)
}

/// Returns the message as git will record it: without comments, and without what follows the
/// scissors.
fn clean_raw_message(raw: &[u8], world: &Context) -> Vec<u8> {
    // `git commit -m` leaves nothing to clean up. Only where a line starts with something that a
    // comment could start with does it matter what the configuration says.
    let may_hold_comments = raw
        .split(|byte| *byte == b'\n')
        .any(|line| line.first().is_some_and(|first| first.is_ascii_punctuation()));
    let (mode, comment) =
        if may_hold_comments { read_cleanup_config(raw, world) } else { (CleanupMode::Strip, b"#".to_vec()) };
    clean_up_message(cut_at_scissors(raw, &comment), mode, &comment)
}

/// Returns how the repository tidies messages, and what starts a comment.
fn read_cleanup_config(raw: &[u8], world: &Context) -> (CleanupMode, Vec<u8>) {
    let repository = Repository::discover_from(&world.directory).ok();
    let get = |key: &str| {
        repository.as_ref().and_then(|repository| repository.read_config_value(key).ok().flatten())
    };
    let mode = match get("commit.cleanup").as_deref() {
        Some("whitespace") => CleanupMode::Whitespace,
        Some("verbatim") => CleanupMode::Verbatim,
        Some("scissors") => CleanupMode::Scissors,
        _ => CleanupMode::Strip,
    };
    let comment = match get("core.commentString").or_else(|| get("core.commentChar")) {
        Some(comment) if comment == "auto" => detect_comment_char(raw),
        Some(comment) => comment.into_bytes(),
        None => b"#".to_vec(),
    };
    (mode, comment)
}

/// Returns the comment character that git chose for this message: the one that starts the last
/// line, which is git's own.
fn detect_comment_char(raw: &[u8]) -> Vec<u8> {
    let candidates = b"#;@!$%^&|:";
    let last = raw.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty());
    match last.and_then(<[u8]>::first) {
        Some(first) if candidates.contains(first) => vec![*first],
        _ => b"#".to_vec(),
    }
}

/// Returns who git says the author or committer is; git sets the author for this hook, and the
/// committer only if the user has.
fn read_identity(world: &Context, whose: &str) -> Person {
    let text = |what: &str| {
        let value = world
            .read_variable(&format!("GIT_{whose}_{what}"))
            .or_else(|| world.read_variable(&format!("GIT_AUTHOR_{what}")))
            .unwrap_or_default();
        Text::new(value.into_encoded_bytes())
    };
    Person { name: text("NAME"), email: text("EMAIL") }
}

/// Keeps the message beside the file that git will overwrite, and says where.
fn keep_message(path: &Path, raw: &[u8]) -> Option<PathBuf> {
    let kept = path.with_file_name(KEPT_MESSAGE_FILE);
    std::fs::write(&kept, raw).ok()?;
    Some(kept.strip_prefix(".").map(Path::to_path_buf).unwrap_or(kept))
}
