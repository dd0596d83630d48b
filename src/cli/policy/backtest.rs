//! `changegate policy backtest`: a proposed policy over real history, beside the one in force.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::ValueEnum;
use jiff::{SignedDuration, Timestamp};

use crate::backtest::{
    BacktestInputs, BacktestReport, run_backtest, write_backtest_json, write_backtest_page,
    write_backtest_terminal,
};
use crate::calendar::written_time::WrittenTime;
use crate::change::{Oid, Text};
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::{Context, count_threads};
use crate::cli::output;
use crate::cli::policy::lookup::{load_compared_policy, load_policy_or_pack};
use crate::cli::progress::ProgressLine;
use crate::cli::revision::resolve_commit;
use crate::gate::find_commit_before;
use crate::git::{CommitRange, HeadState, Repository};
use crate::report::ReportStyle;
use crate::yaml::shorten_for_message;

/// The parameters of `policy backtest`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate policy backtest                              the work tree's policy over 90 days
  changegate policy backtest --since 2026-01-01 --html backtest.html
  changegate policy backtest --policy draft.yml --against origin/main
  changegate policy backtest v1.0..HEAD --pack iso27001 --against pack:startup --format json

Each change is judged by both policies, at the time of its last commit, by what the
repository holds; where it has a ledger, at the time and by what the gate recorded of
it: who pushed, and what else the record keeps. Who pushed, reviews, checks and tickets
of other changes cannot be known afterwards; changes that rest on them are counted
apart.")]
pub(crate) struct BacktestArgs {
    /// Commits to judge, as OLD..NEW, or the newest one [default: HEAD]
    range: Option<String>,

    /// How far back: days as in 90d, or a date [default: 90d; of a range, all of it]
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    since: Option<HistoryStart>,

    /// Proposed policy [default: policies/changegate.yml of the work tree]
    #[arg(long, value_name = "FILE", conflicts_with = "pack")]
    policy: Option<PathBuf>,

    /// Shipped pack as the proposed policy
    #[arg(long)]
    pack: Option<String>,

    /// Policy to compare with: a revision, a file, or pack:NAME [default: HEAD]
    #[arg(long, value_name = "POLICY", default_value = "HEAD")]
    against: String,

    /// List every change that shifts, up to 1,000 of each kind, and folders
    #[arg(long, short)]
    verbose: bool,

    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "terminal")]
    format: BacktestFormatArg,

    /// Write a page with plots to this file as well
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// The output formats of a backtest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum BacktestFormatArg {
    /// Text for people
    Terminal,
    /// JSON; see docs/json.md
    Json,
}

/// Where a history starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HistoryStart {
    /// So many days before now.
    DaysAgo(i64),
    /// At an instant.
    At(Timestamp),
}

pub(super) fn parse_since(written: &str) -> Result<HistoryStart, String> {
    let days = written.strip_suffix('d').and_then(|days| days.parse::<u16>().ok()).filter(|days| *days > 0);
    if let Some(days) = days {
        return Ok(HistoryStart::DaysAgo(days.into()));
    }
    let time = WrittenTime::parse_time(written).map_err(|why| format!("{why}; or days as in 90d"))?;
    time.first_instant().map(HistoryStart::At).ok_or_else(|| "it is too far away".to_owned())
}

pub(crate) fn backtest_policy(args: &BacktestArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let repository = Repository::discover_from(&context.directory)?;
    let proposed = load_policy_or_pack(args.pack.as_deref(), args.policy.as_deref(), context)?;
    let current =
        load_compared_policy(&args.against, Some(&repository), context).map_err(|error| match error {
            CommandError::Usage(what) => CommandError::Usage(format!("{what}, with `--against`")),
            other => other,
        })?;
    let (tip, start, mut range_name) = resolve_range(args, &repository)?;
    let mut hidden: Vec<Oid> = start.into_iter().collect();
    let since = match (args.since, start) {
        (None, Some(_)) => None,
        (None, None) => Some(HistoryStart::DaysAgo(90)),
        (Some(since), _) => Some(since),
    };
    let since = since.map(|since| find_history_start(since, context.now));
    if let Some(at) = since {
        hidden.extend(find_commit_before(&repository, tip, at.as_second())?);
        range_name.push_str(&format!(" since {}", format_history_start(at)));
    }
    if hidden.contains(&tip) {
        return Err(CommandError::Usage(format!(
            "there is no change in {}; look further back with --since",
            shorten_for_message(&range_name)
        )));
    }
    let mut progress = ProgressLine::start_counting("changes judged twice", context);
    let inputs = BacktestInputs {
        proposed: &proposed,
        current: &current,
        range: CommitRange { tip, hidden_tips: &hidden, trusted_keys: proposed.trusted_keys(context.now) },
        range_name,
        target: find_branch(&repository, tip),
        since,
        now: context.now,
        threads: count_threads,
    };
    let report = run_backtest(&repository, &inputs, &mut || progress.count_step());
    drop(progress);
    let report = report?;
    if let Some(file) = &args.html {
        write_page(&report, &context.resolve_path(file))?;
    }
    let style = ReportStyle {
        colour: output::stdout_colour(context.colour),
        width: 79,
        verbose: args.verbose,
        ..ReportStyle::default()
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match args.format {
        BacktestFormatArg::Terminal => write_backtest_terminal(&report, &style, &mut out),
        BacktestFormatArg::Json => write_backtest_json(&report, &mut out),
    };
    output::ignore_broken_pipe(written.and_then(|()| out.flush()))?;
    // What cannot be read leaves a hole in the numbers.
    Ok(if report.totals.unreadable + report.totals.unreadable_records > 0 {
        CommandExit::Failed
    } else {
        CommandExit::Allowed
    })
}

/// Returns the instant at which a history starts.
pub(super) fn find_history_start(start: HistoryStart, now: Timestamp) -> Timestamp {
    match start {
        HistoryStart::DaysAgo(days) => {
            now.checked_sub(SignedDuration::from_hours(24 * days)).unwrap_or(Timestamp::UNIX_EPOCH)
        }
        HistoryStart::At(at) => at,
    }
}

/// Returns the instant at which a history starts, in UTC; of a whole day, the day.
pub(super) fn format_history_start(at: Timestamp) -> String {
    let is_midnight = at.as_second().rem_euclid(24 * 60 * 60) == 0;
    at.strftime(if is_midnight { "%Y-%m-%d" } else { "%Y-%m-%dT%H:%M:%SZ" }).to_string()
}

/// Writes the page beside its place first, so that it is there whole or not at all.
fn write_page(report: &BacktestReport, path: &Path) -> Result<(), CommandError> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".unfinished");
    let unfinished = path.with_file_name(name);
    let write = || -> io::Result<()> {
        let mut out = BufWriter::new(File::create(&unfinished)?);
        write_backtest_page(report, &mut out)?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        std::fs::rename(&unfinished, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))?;
    Ok(())
}

/// Returns the newest commit, the one that the range starts behind, and what the range is called.
fn resolve_range(
    args: &BacktestArgs,
    repository: &Repository,
) -> Result<(Oid, Option<Oid>, String), CommandError> {
    let written = args.range.as_deref().unwrap_or("HEAD");
    let Some((old, new)) = written.split_once("..") else {
        return Ok((resolve_commit(repository, written)?, None, written.to_owned()));
    };
    if old.is_empty() || new.is_empty() || new.starts_with('.') {
        let what = format!("`{}` is not a range of commits such as v1.0..HEAD", shorten_for_message(written));
        return Err(CommandError::Usage(what));
    }
    Ok((resolve_commit(repository, new)?, Some(resolve_commit(repository, old)?), written.to_owned()))
}

/// Returns the branch of HEAD, if it ends where the range does.
pub(super) fn find_branch(repository: &Repository, tip: Oid) -> Option<Text> {
    match repository.read_head() {
        Ok(HeadState::Branch(branch)) if branch.id == Some(tip) => Some(branch.name),
        _ => None,
    }
}
