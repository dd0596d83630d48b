//! `changegate record`: a change that has no code, as an empty commit for the protected branch.
//!
//! The commit is written beside the work tree and the index, which stay as they are. It is judged like every
//! other change, here by what a clone can know and then by the server.

use std::io::Write as _;

use crate::change::{CommitMessage, Text};
use crate::cli::check::{CheckArgs, run_check};
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::lone_push::{find_landing_ref, push_commit, read_output_line, run_git};
use crate::cli::output;
use crate::git::Repository;
use crate::verdict::quote_for_shell;
use crate::yaml::shorten_for_message;

/// Record a change that has no code, such as an access grant or a new supplier
///
/// Writes an empty commit upon what the remote branch holds, without touching the
/// work tree, and judges it by the policy of that branch like every other change. If
/// nothing is missing, prints the command that pushes it; --push runs it. What the
/// policy misses is listed, with the fields to add.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate record \"Grant Ben access to billing\" --why \"He joins the team.\" \\
    --field Change-Type=normal --field Risk=low \\
    --field \"Reviewed-by=Kim Duty <kim@example.com>\"
  changegate record \"Move mail to another provider\" --field Ticket=OPS-7 --push")]
pub(crate) struct RecordArgs {
    /// What is changed, in one line
    subject: String,

    /// Why it is changed
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,

    /// Field that the policy asks for; may be repeated
    #[arg(long = "field", value_name = "KEY=VALUE", value_parser = parse_field)]
    fields: Vec<(String, String)>,

    /// Branch that it is for [default: the remote's HEAD, or the current one]
    #[arg(long = "ref", value_name = "REF")]
    ref_name: Option<String>,

    /// Remote to push to
    #[arg(long, value_name = "REMOTE", default_value = "origin")]
    remote: String,

    /// Sign the commit, as `git commit -S` does
    #[arg(long)]
    sign: bool,

    /// Push it if nothing is missing
    #[arg(long)]
    push: bool,
}

fn parse_field(written: &str) -> Result<(String, String), String> {
    let (key, value) = written.split_once('=').ok_or("expected KEY=VALUE")?;
    let is_key = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
    if is_key && !value.is_empty() { Ok((key.to_owned(), value)) } else { Err("expected KEY=VALUE".into()) }
}

pub(crate) fn run_record(args: &RecordArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let repository = Repository::discover_from(&context.directory)?;
    let target = find_landing_ref(&repository, args.ref_name.as_deref(), &args.remote, context)?;
    let Some(target) = target.as_utf8() else {
        return Err(CommandError::usage("the name of the branch is not UTF-8"));
    };
    let Some(branch) = target.strip_prefix("refs/heads/") else {
        return Err(CommandError::usage("a change is recorded on a branch; name one with --ref"));
    };
    let tracking = format!("refs/remotes/{}/{branch}", args.remote);
    let Some(base) = repository.resolve_ref(tracking.as_bytes())?.id else {
        return Err(CommandError::Usage(format!(
            "the clone does not know `{}` of `{}`; run `git fetch {}` first",
            shorten_for_message(branch),
            shorten_for_message(&args.remote),
            quote_for_shell(&args.remote)
        )));
    };
    let message = compose_record_message(args)?;
    let base = base.to_string();
    let tree = format!("{base}^{{tree}}");
    let mut words = vec!["commit-tree", &tree, "-p", &base, "-F", "-"];
    if args.sign {
        words.push("-S");
    }
    let commit = read_output_line(run_git(context, &words, message.raw().as_bytes())?)?;
    let exit = run_check(&CheckArgs::for_range(format!("{base}..{commit}"), target.to_owned()), context)?;
    if exit != CommandExit::Allowed {
        return Ok(exit);
    }
    if args.push {
        return push_commit(context, &commit, (&args.remote, target), "changes");
    }
    let mut out = std::io::stdout().lock();
    let remote = quote_for_shell(&args.remote);
    let spec = quote_for_shell(&format!("{commit}:{target}"));
    let line = writeln!(out, "to push it:\n  git {}push {remote} {spec}", context.git_location());
    output::ignore_broken_pipe(line)?;
    Ok(CommandExit::Allowed)
}

/// Returns the message of the commit.
///
/// # Errors
///
/// Fails if the subject is no line, or if git would read other trailers than the fields.
fn compose_record_message(args: &RecordArgs) -> Result<CommitMessage, CommandError> {
    let subject = args.subject.split_whitespace().collect::<Vec<_>>().join(" ");
    if subject.is_empty() {
        return Err(CommandError::usage("the subject is empty; say what is changed"));
    }
    let mut written = subject;
    if let Some(why) = args.why.as_deref().map(str::trim).filter(|why| !why.is_empty()) {
        written.push_str(&format!("\n\n{why}"));
    }
    written.push_str("\n\n");
    for (key, value) in &args.fields {
        written.push_str(&format!("{key}: {value}\n"));
    }
    let message = CommitMessage::new(Text::from(format!("{}\n", written.trim_end())));
    let read: Vec<(&str, &[u8])> =
        message.trailers().iter().map(|trailer| (trailer.key.as_str(), trailer.value.as_bytes())).collect();
    let given: Vec<(&str, &[u8])> =
        args.fields.iter().map(|(key, value)| (key.as_str(), value.as_bytes())).collect();
    if read != given {
        let why = "git would not read the fields of this message as they were given; write --why as prose";
        return Err(CommandError::usage(why));
    }
    Ok(message)
}
