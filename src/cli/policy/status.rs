//! `changegate policy status`: how the rollout of a policy stands.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};

use clap::ValueEnum;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::change::Oid;
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::{Context, count_threads};
use crate::cli::output::{self, ListFormatArg};
use crate::cli::policy::backtest::{
    HistoryStart, find_branch, find_history_start, format_history_start, parse_since,
};
use crate::cli::policy::lookup::{
    find_bare_repository, find_work_tree, load_compared_policy, load_local_policy,
};
use crate::cli::progress::ProgressLine;
use crate::gate::{LoadedPolicy, find_commit_before};
use crate::git::{CommitRange, HeadState, Repository};
use crate::policy::DEFAULT_POLICY_PATH;
use crate::report::{PolicyLocation, ReportStyle};
use crate::rollout::{
    HistoryInputs, PolicyUse, StatusInputs, build_policy_status, find_warn_starts, measure_history,
    measure_ledger, write_status_json, write_status_terminal,
};

/// Show how the rollout of a policy stands: what only warns, what ends when, what is unused
///
/// For each rule that only warns: since when, until when, and how many changes it
/// would have denied, by the records of the ledger where there is one, else by
/// judging history again. Then every last day: of warnings, exemptions, standard
/// changes, keys, holidays and the policy itself. Then the exemptions and the
/// standard changes that no change used.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate policy status
  changegate policy status --policy origin/main --since 180d
  changegate policy status --within 14d --fail-on expired   on a schedule
  changegate policy status --format json")]
pub(super) struct PolicyStatusArgs {
    /// Policy: a file, a revision, or pack:NAME [default: the work tree's, else that of HEAD]
    #[arg(long, value_name = "FILE|REF")]
    policy: Option<String>,

    /// How far back changes are counted: days as in 90d, or a date
    #[arg(long, value_name = "TIME", default_value = "90d", value_parser = parse_since)]
    since: HistoryStart,

    /// What ends within so many days is named as due
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = parse_days)]
    within: i64,

    /// End with 1 if something is over, or ends within --within
    #[arg(long, value_name = "WHAT")]
    fail_on: Option<StatusFailure>,

    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "terminal")]
    format: ListFormatArg,
}

/// What makes the command end with 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum StatusFailure {
    /// Something is over, or ends soon
    Expired,
}

fn parse_days(written: &str) -> Result<i64, String> {
    let days = written.strip_suffix('d').and_then(|days| days.parse::<u16>().ok());
    days.map(i64::from).ok_or_else(|| "expected days as in 30d".to_owned())
}

pub(super) fn show_policy_status(
    args: &PolicyStatusArgs,
    context: &Context,
) -> Result<CommandExit, CommandError> {
    let repository = Repository::discover_from(&context.directory).ok();
    let loaded = load_status_policy(args, repository.as_ref(), context)?;
    let since = find_history_start(args.since, context.now);
    let soon =
        context.now.checked_add(SignedDuration::from_hours(24 * args.within)).unwrap_or(Timestamp::MAX);
    let day_of = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    let mut inputs = StatusInputs {
        today: day_of(context.now),
        soon: day_of(soon),
        since: day_of(since),
        start: format_history_start(since),
        starts: BTreeMap::new(),
        used: None,
        used_entries: None,
    };
    if let Some(repository) = &repository
        && let Some(tip) = find_tip(repository, &loaded)?
    {
        add_history(repository, tip, &loaded, since, &mut inputs, context)?;
    }
    let is_unread =
        [&inputs.used, &inputs.used_entries].into_iter().flatten().any(|used| used.unreadable > 0);
    let status = build_policy_status(&loaded, inputs, context.now);
    let style =
        ReportStyle { colour: output::stdout_colour(context.colour), width: 79, ..ReportStyle::default() };
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match args.format {
        ListFormatArg::Terminal => write_status_terminal(&status, &style, &mut out),
        ListFormatArg::Json => write_status_json(&status, &mut out),
    };
    output::ignore_broken_pipe(written.and_then(|()| out.flush()))?;
    if args.fail_on.is_some() && !status.list_due_dates().is_empty() {
        return Ok(CommandExit::Denied);
    }
    // What cannot be read leaves a hole in the numbers.
    Ok(if is_unread { CommandExit::Failed } else { CommandExit::Allowed })
}

/// Loads the policy that was asked for: that of the work tree where there is one, else that of HEAD.
fn load_status_policy(
    args: &PolicyStatusArgs,
    repository: Option<&Repository>,
    context: &Context,
) -> Result<LoadedPolicy, CommandError> {
    match &args.policy {
        Some(written) => load_compared_policy(written, repository, context),
        None if repository.is_none()
            || find_work_tree(context).join(DEFAULT_POLICY_PATH).is_file()
            || find_bare_repository(context).is_some() =>
        {
            load_local_policy(None, context)
        }
        None => load_compared_policy("HEAD", repository, context),
    }
}

/// Returns the newest commit of the history that counts: the one that holds the policy, else that of HEAD; `None` if
/// there is no commit yet.
fn find_tip(repository: &Repository, loaded: &LoadedPolicy) -> Result<Option<Oid>, CommandError> {
    if let PolicyLocation::Commit { id, .. } = &loaded.place {
        return Ok(Some(*id));
    }
    Ok(match repository.read_head()? {
        HeadState::Branch(branch) => branch.id,
        HeadState::Detached(id) => Some(id),
    })
}

/// Adds what the ledger and the history tell.
fn add_history(
    repository: &Repository,
    tip: Oid,
    loaded: &LoadedPolicy,
    since: Timestamp,
    inputs: &mut StatusInputs,
    context: &Context,
) -> Result<(), CommandError> {
    let policy = &loaded.policy;
    // Where the history is cut off, it is not known since when a rule warns.
    inputs.starts = find_warn_starts(repository, tip, loaded).unwrap_or_default();
    let starts: BTreeMap<String, Timestamp> =
        inputs.starts.iter().map(|(rule, start)| (rule.clone(), start.since)).collect();
    let mut progress = ProgressLine::start_counting("records read", context);
    let recorded = measure_ledger(repository, policy, &starts, since, &mut || progress.count_step());
    drop(progress);
    inputs.used = recorded?;
    if let Some(used) = &mut inputs.used {
        judge_other_versions(repository, loaded, &starts, used, context);
    }
    if inputs.used.is_some() && policy.standard_changes.is_empty() {
        return Ok(());
    }
    let mut progress = ProgressLine::start_counting("changes judged", context);
    let judged =
        judge_history(repository, tip, loaded, since, &starts, context, &mut || progress.count_step());
    drop(progress);
    let judged = judged?;
    if inputs.used.is_none() {
        inputs.used = Some(judged.clone());
    }
    inputs.used_entries = Some(judged);
    Ok(())
}

/// Judges again, by the rules of today, what the ledger records of other versions of them.
fn judge_other_versions(
    repository: &Repository,
    loaded: &LoadedPolicy,
    starts: &BTreeMap<String, Timestamp>,
    used: &mut PolicyUse,
    context: &Context,
) {
    let mut progress = ProgressLine::start_counting("changes judged", context);
    for range in used.other_versions.clone() {
        let hidden: Vec<Oid> = range.old.into_iter().collect();
        let history = HistoryInputs {
            loaded,
            range: CommitRange {
                tip: range.new,
                hidden_tips: &hidden,
                trusted_keys: loaded.trusted_keys(context.now),
            },
            target: find_branch(repository, range.new),
            starts,
            now: context.now,
            threads: count_threads,
        };
        // Of a new ref, the record does not tell where its changes start.
        let judged = (!hidden.is_empty())
            .then(|| measure_history(repository, &history, &mut || progress.count_step()).ok())
            .flatten();
        used.add_judged_again(&range, judged.as_ref());
    }
}

fn judge_history(
    repository: &Repository,
    tip: Oid,
    loaded: &LoadedPolicy,
    since: Timestamp,
    starts: &BTreeMap<String, Timestamp>,
    context: &Context,
    count_step: &mut dyn FnMut(),
) -> anyhow::Result<PolicyUse> {
    let hidden: Vec<Oid> = Vec::from_iter(find_commit_before(repository, tip, since.as_second())?);
    let trusted_keys = loaded.trusted_keys(context.now);
    let history = HistoryInputs {
        loaded,
        range: CommitRange { tip, hidden_tips: &hidden, trusted_keys },
        target: find_branch(repository, tip),
        starts,
        now: context.now,
        threads: count_threads,
    };
    measure_history(repository, &history, count_step)
}
