//! `changegate hook pre-push`: judges a push as the server will, before anything is sent.
//!
//! Judges only refs under change control, by the policy of the remote's branch as it was last fetched.
//! Reviews and the pusher's account are known only to the server; they are listed as checked later.

use std::io::Read as _;
use std::path::PathBuf;

use crate::change::{FactKind, Missing, Stage, Text};
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::{Context, count_threads};
use crate::cli::output::{self, ReportFormatArg};
use crate::gate::{RangeRequest, UnusablePolicy, judge_range, load_from_commit};
use crate::git::{CommitRange, PushedRef, Repository, parse_pre_push};
use crate::policy::DEFAULT_POLICY_PATH;
use crate::report::ReportStyle;

/// Check a push before it is sent
#[derive(Debug, clap::Args)]
pub(crate) struct PrePushArgs {
    /// Name of the remote
    remote: String,
    /// Address of the remote
    url: Option<String>,
}

pub(crate) fn run_pre_push(args: &PrePushArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let mut input = Vec::new();
    std::io::stdin().lock().read_to_end(&mut input)?;
    let pushed = parse_pre_push(&input).map_err(|malformed| CommandError::Usage(malformed.to_string()))?;
    let repository = match context.read_variable("GIT_DIR") {
        Some(git_dir) => Repository::open_at(&context.resolve_path(PathBuf::from(git_dir)), None)?,
        None => Repository::discover_from(&context.directory)?,
    };
    let mut exit = CommandExit::Allowed;
    for pushed in pushed.iter().filter(|pushed| !pushed.local_id.is_null()) {
        if judge_pushed_ref(&repository, args, pushed, context)? == CommandExit::Denied {
            exit = CommandExit::Denied;
        }
    }
    Ok(exit)
}

fn judge_pushed_ref(
    repository: &Repository,
    args: &PrePushArgs,
    pushed: &PushedRef,
    context: &Context,
) -> Result<CommandExit, CommandError> {
    // The server judges by the branch as it is there; the tracking ref is the best copy here.
    let Some(branch) = pushed.remote_name.as_bytes().strip_prefix(b"refs/heads/") else {
        return Ok(CommandExit::Allowed);
    };
    let tracking_ref = [b"refs/remotes/", args.remote.as_bytes(), b"/", branch].concat();
    let Some(base) = repository.resolve_ref(&tracking_ref)?.id else { return Ok(CommandExit::Allowed) };
    let called = format!("{}/{}", args.remote, pushed.remote_name.to_lossy());
    let loaded = match load_from_commit(repository, base, DEFAULT_POLICY_PATH, &called) {
        Ok(loaded) => loaded,
        Err(UnusablePolicy::Absent) => return Ok(CommandExit::Allowed),
        Err(why) => {
            return Err(
                CommandError::from_unusable_policy(why, DEFAULT_POLICY_PATH).with_policy_commit(&called)
            );
        }
    };
    if !loaded.policy.protects_ref(pushed.remote_name.as_bytes()) {
        return Ok(CommandExit::Allowed);
    }
    let hidden = [base];
    let request = RangeRequest {
        range: CommitRange { tip: pushed.local_id, hidden_tips: &hidden, trusted_keys: None },
        display_name: Text::new(pushed.remote_name.as_bytes()),
        target: Ok(pushed.remote_name.clone()),
        pusher: Err(Missing::NotAtThisStage(FactKind::Pusher)),
        stage: Stage::PrePush,
        unit: loaded.policy.change_unit,
        enforce: false,
        keep_all: false,
        explain: false,
        names_unused: false,
        threads: count_threads,
        now: context.now,
        own_time: false,
    };
    let report = judge_range(repository, &loaded, &request, &mut || {})?;
    let style =
        ReportStyle { colour: output::stderr_colour(context.colour), quiet: true, ..ReportStyle::default() };
    let mut out = std::io::stderr().lock();
    output::ignore_broken_pipe(crate::report::write_report(
        ReportFormatArg::Terminal.into(),
        &report,
        &style,
        &mut out,
    ))?;
    Ok(report.decision.into())
}
