//! The arguments of `changegate check`.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::cli::output::ReportFormatArg;

/// Judge what HEAD adds, or a range of commits
///
/// Without arguments, judges what HEAD adds to its upstream, or what a merge would
/// bring into the default branch (of the remote, or the local one without a remote)
/// if that is under change control and the upstream is not; without an upstream, the
/// newest change of HEAD. Where HEAD adds nothing to its upstream, it says so. The
/// policy is the
/// one from before the change: at the upstream, or at the start of the range; else
/// the one at HEAD, which is advice only and an error with --enforce or --onto; else
/// the pack iso27001. A denial names the policy, and so does --verbose.
///
/// --history judges each change by the policy that the branch held before it, at
/// the time of the change, unless --policy, --pack or --as-of say otherwise.
///
/// What only a server or a forge knows is listed as checked later; with --enforce
/// it denies.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate check                          what HEAD adds to its upstream
  changegate check main..topic --explain    why each rule passes or fails
  changegate check v1.0..HEAD --unit commit --format json
  changegate check --as squash --onto origin/main
  changegate check main..topic --output junit=report.xml --output sarif=report.sarif
  changegate check --history --pack core    the whole history of HEAD")]
pub(crate) struct CheckArgs {
    /// OLD..NEW, or one revision for its newest change
    pub(super) revisions: Option<String>,

    /// Exit code of every refusal, in place of 1, 2 and 3
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) deny_exit: Option<u8>,

    /// Judge the whole history of the revision
    #[arg(long)]
    pub(super) history: bool,

    /// Policy file to judge by
    #[arg(long, value_name = "FILE", conflicts_with = "pack")]
    pub(super) policy: Option<PathBuf>,

    /// Shipped pack to judge by
    #[arg(long)]
    pub(super) pack: Option<String>,

    /// What counts as one change [default: as the policy says]
    #[arg(long, value_name = "UNIT")]
    pub(super) unit: Option<ChangeUnitArg>,

    /// Branch that the change is for [default: the upstream's]
    #[arg(long, value_name = "REF")]
    pub(super) target: Option<String>,

    /// Deny if a needed fact cannot be known here
    #[arg(long)]
    pub(super) enforce: bool,

    /// Say what would be denied, and exit with 0 in any case
    #[arg(long)]
    pub(super) evaluate: bool,

    /// Show why each rule passes or fails; of a long range, for the first 2,000 changes
    #[arg(long)]
    pub(super) explain: bool,

    /// Show every change and every rule; of a long range, the first 2,000 changes
    #[arg(long, short)]
    pub(super) verbose: bool,

    /// Print nothing if the change is allowed
    #[arg(long, short, conflicts_with = "verbose")]
    pub(super) quiet: bool,

    /// Accept a range without commits
    #[arg(long)]
    pub(super) allow_empty: bool,

    /// Judge what --onto would get if this branch were merged, squashed or rebased onto it
    #[arg(long = "as", value_name = "HOW", requires = "onto")]
    pub(super) landing: Option<LandingArg>,

    /// Ref that the branch is to land on; its policy counts
    #[arg(long, value_name = "REF", conflicts_with = "history")]
    pub(super) onto: Option<String>,

    /// Judge by the policy and the clock of this time: `now`, a day or an instant
    #[arg(long, value_name = "TIME", requires = "history")]
    pub(super) as_of: Option<String>,

    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "terminal")]
    pub(super) format: ReportFormatArg,

    /// Write the report to a file as well, as in junit=report.xml; may be repeated
    #[arg(long, value_name = "FORMAT=FILE", value_parser = parse_output)]
    pub(super) output: Vec<OutputFile>,
}

impl CheckArgs {
    /// Returns the arguments that judge a range for a branch, by the policy from before it.
    pub(crate) fn for_range(range: String, target: String) -> CheckArgs {
        CheckArgs { target: Some(target), ..CheckArgs::of_revisions(Some(range)) }
    }

    /// Returns true for a call that names nothing to judge, and on whose answer nothing depends but what its reader does
    /// next.
    pub(super) fn asks_only_advice(&self) -> bool {
        let names_nothing = self.revisions.is_none() && self.onto.is_none() && !self.history;
        let is_read = self.format == ReportFormatArg::Terminal && self.output.is_empty();
        names_nothing && is_read && !self.enforce && !self.allow_empty
    }

    /// Returns the arguments that judge a range or a revision as the command does without an option.
    pub(super) fn of_revisions(revisions: Option<String>) -> CheckArgs {
        CheckArgs {
            revisions,
            deny_exit: None,
            history: false,
            policy: None,
            pack: None,
            unit: None,
            target: None,
            enforce: false,
            evaluate: false,
            explain: false,
            verbose: false,
            quiet: false,
            allow_empty: false,
            landing: None,
            onto: None,
            as_of: None,
            format: ReportFormatArg::Terminal,
            output: Vec::new(),
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ChangeUnitArg {
    /// A step of the first-parent history, with all commits it brings in
    Step,
    /// Each commit
    Commit,
}

/// How a branch lands on its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LandingArg {
    /// One change with all commits of the branch
    Merge,
    /// One change with all commits; what its message keeps of theirs is not known yet
    Squash,
    /// One change for each commit, without merges
    Rebase,
}

/// A file that takes the report in one format.
#[derive(Clone, Debug)]
pub(super) struct OutputFile {
    pub(super) format: ReportFormatArg,
    pub(super) path: PathBuf,
}

fn parse_output(written: &str) -> Result<OutputFile, String> {
    let names = ReportFormatArg::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    let names: Vec<String> = names.map(|value| value.get_name().to_owned()).collect();
    let expected = || format!("expected FORMAT=FILE, where FORMAT is one of {}", names.join(", "));
    let (format, path) = written.split_once('=').ok_or_else(expected)?;
    if path.is_empty() {
        return Err(expected());
    }
    let format = ReportFormatArg::from_str(format, false).map_err(|_| expected())?;
    if path == "-" {
        return Err("`-` is no file here; for standard output, use --format".to_owned());
    }
    Ok(OutputFile { format, path: PathBuf::from(path) })
}
