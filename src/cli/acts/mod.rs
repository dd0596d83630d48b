//! `changegate outcome`, `verified` and `attach`: say something about a change that has landed.
//!
//! Each is a commit that stands alone, pushed to a ref of its own. The server decides who may say it.

use std::io::Read as _;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;

use crate::change::{CommitMessage, Text};
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::lone_push::{PushedFile, find_landing_ref, push_lone_commit};
use crate::cli::output;
use crate::gate::acts::{ACT_REF_PREFIX, ActKind, ActStatement, ReportedOutcome, is_attachment_name};
use crate::gate::break_glass::SESSION_ID_DIGITS;
use crate::git::Repository;
use crate::ledger::server::write_ahead;
use crate::yaml::shorten_for_message;

/// The most bytes of a file that are read; the policy of the server has a limit of its own.
const MAX_FILE_BYTES: u64 = 100_000_000;

/// Report what became of a change after it landed
///
/// The report is pushed to the server, which accepts it from those whom the policy
/// names under `acts` and writes it into the ledger with the time of its receipt.
/// The audit takes the newest report of a change.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate outcome 1f0c3a9be27d failed --incident INC-2031
  changegate outcome HEAD ok --note \"a week without an alert\"")]
pub(crate) struct OutcomeArgs {
    /// Change, as the commit by which it landed
    change: String,

    /// What became of it
    #[arg(value_name = "OUTCOME")]
    outcome: OutcomeArg,

    /// Id of the incident that it caused
    #[arg(long, value_name = "ID")]
    incident: Option<String>,

    #[command(flatten)]
    target: ActTargetArgs,
}

/// What became of a change, as an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum OutcomeArg {
    /// It worked
    Ok,
    /// It did not work, or did harm
    Failed,
    /// It was taken back, by other means than a commit
    Reverted,
}

/// Say that a change was verified after it landed
///
/// The server accepts it from the people and the bots, such as a monitor, whom the
/// policy names under `acts`. It approves nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate verified 1f0c3a9be27d
  changegate verified 1f0c3a9be27d --note \"error rate below 0.1 % for an hour\"")]
pub(crate) struct VerifiedArgs {
    /// Change, as the commit by which it landed
    change: String,

    #[command(flatten)]
    target: ActTargetArgs,
}

/// Attach a file to a change, such as a test report or the minutes of a meeting
///
/// The file stays on the server under a ref of its own, and the ledger has its
/// digest. The server accepts it from those whom the policy names under `acts`, up
/// to the size that the policy allows.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate attach 1f0c3a9be27d report.xml
  changegate attach 1f0c3a9be27d \"/tmp/Minutes 12.pdf\" --name minutes-12.pdf")]
pub(crate) struct AttachArgs {
    /// Change, as the commit by which it landed
    change: String,

    /// File to attach
    file: PathBuf,

    /// Name to keep it under [default: that of the file]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    #[command(flatten)]
    target: ActTargetArgs,
}

/// The options of every act.
#[derive(Debug, clap::Args)]
struct ActTargetArgs {
    /// Branch that it landed on [default: the remote's HEAD, or the current one]
    #[arg(long = "ref", value_name = "REF")]
    ref_name: Option<String>,

    /// Note for the record
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,

    /// Remote to push to
    #[arg(long, value_name = "REMOTE", default_value = "origin")]
    remote: String,
}

pub(crate) fn run_outcome(args: &OutcomeArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let outcome = match args.outcome {
        OutcomeArg::Ok => ReportedOutcome::Worked,
        OutcomeArg::Failed => ReportedOutcome::Failed,
        OutcomeArg::Reverted => ReportedOutcome::Reverted,
    };
    if outcome == ReportedOutcome::Worked && args.incident.is_some() {
        let why = "a change that worked caused no incident; leave --incident out, or report `failed`";
        return Err(CommandError::usage(why));
    }
    let kind = ActKind::Outcome { outcome, incident: args.incident.as_deref().and_then(join_words) };
    push_act(kind, (&args.change, None), &args.target, context)
}

pub(crate) fn run_verified(args: &VerifiedArgs, context: &Context) -> Result<CommandExit, CommandError> {
    push_act(ActKind::Verified, (&args.change, None), &args.target, context)
}

pub(crate) fn run_attach(args: &AttachArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let own_name = args.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = args.name.as_deref().unwrap_or(&own_name);
    if !is_attachment_name(name) {
        return Err(CommandError::Usage(format!(
            "a file cannot be attached as `{}`; give a name of letters, digits, `.`, `-` and `_` with --name",
            shorten_for_message(name)
        )));
    }
    let path = context.resolve_path(args.file.clone());
    let mut content = Vec::new();
    let file = std::fs::File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut content)
        .with_context(|| format!("cannot read {}", path.display()))?;
    if u64::try_from(content.len()).unwrap_or(u64::MAX) > MAX_FILE_BYTES {
        return Err(CommandError::Usage(format!(
            "a file of more than {MAX_FILE_BYTES} bytes cannot be attached"
        )));
    }
    let file = PushedFile { name, content: &content };
    push_act(ActKind::Attach, (&args.change, Some(&file)), &args.target, context)
}

/// Pushes an act about a change, with a file or without.
fn push_act(
    kind: ActKind,
    (change, file): (&str, Option<&PushedFile<'_>>),
    target: &ActTargetArgs,
    context: &Context,
) -> Result<CommandExit, CommandError> {
    let repository = Repository::discover_from(&context.directory)?;
    let statement = ActStatement {
        kind,
        change: repository.resolve_revision(change)?,
        ref_name: find_landing_ref(&repository, target.ref_name.as_deref(), &target.remote, context)?,
        note: target.note.as_deref().and_then(join_words),
    };
    push_statement(&statement, file, &target.remote, context)
}

/// Pushes what is said about a change, with a file or without.
///
/// # Errors
///
/// Fails if a part of it does not fit on one line, or if git fails.
pub(crate) fn push_statement(
    statement: &ActStatement,
    file: Option<&PushedFile<'_>>,
    remote: &str,
    context: &Context,
) -> Result<CommandExit, CommandError> {
    let word = statement.kind.word();
    let message = CommitMessage::new(Text::new(statement.format_message()));
    if ActStatement::parse_message(&message).as_ref() != Some(statement) {
        return Err(CommandError::usage(
            "the incident, the environment, the note and the name of the ref must each fit on one line",
        ));
    }
    let random = write_ahead::new_decision_id()?;
    let id = random.get(..SESSION_ID_DIGITS).unwrap_or(&random);
    let ref_name = format!("{ACT_REF_PREFIX}{id}");
    let pushed = push_lone_commit(context, (&message, file), (remote, &ref_name), "acts about changes")?;
    if pushed == CommandExit::Allowed {
        let mut out = std::io::stdout().lock();
        output::ignore_broken_pipe(writeln!(
            out,
            "recorded {word} of {} as {id}",
            statement.change.short_hex()
        ))?;
    }
    Ok(pushed)
}

/// Returns a text as one line, with single spaces; `None` if it is empty.
pub(crate) fn join_words(text: &str) -> Option<Text> {
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if joined.is_empty() { None } else { Some(Text::from(joined)) }
}
