//! `changegate audit`: the change log, the exceptions and the key figures of a period, as files to take away.

mod audited_refs;
pub(super) mod evidence;
pub(super) mod show;

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use jiff::Timestamp;

use crate::audit::audit_run::{AuditResult, AuditRun};
use crate::audit::dataset::AuditFiles;
use crate::audit::exceptions::ExceptionKind;
use crate::audit::population::period::{AuditPeriod, PeriodEnd, parse_period_end};
use crate::cli::audit::audited_refs::{AuditedRef, find_audited_refs};
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::{Context, count_threads};
use crate::cli::progress::ProgressLine;

/// Write the change log, the exceptions and the key figures of a period
///
/// Every step of the branch that landed in the period is one change, or a record that
/// closes something for one. What the ledger holds of it is told as it was judged at the
/// time; other changes are judged afterwards, by the policy and the roster that the
/// branch held before them, and are told as such. Without a ledger, the report says what
/// it could not know.
///
/// DIR gets a workbook (audit.xlsx), the same tables as CSV, JSON Lines and Parquet, and
/// audit.json, which names the inputs and the SHA-256 of every file and comes last.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate audit --from 2026-06-01 --to 2026-11-30 --out audit
  changegate audit v1.0..v2.0 --out audit
  changegate audit --ref main --repo api.git --repo web.git --out audit
  changegate audit --pack core --out audit      judge all of it by one pack

Exits with 0 if every change could be read, whatever was found; with 3 if the report
has a hole, which it names.")]
pub(crate) struct AuditArgs {
    /// Audit the steps from OLD to NEW, or those that lead to one revision
    #[arg(value_name = "RANGE")]
    revisions: Option<String>,

    /// First day of the period, or its first instant; days are in UTC
    #[arg(long, value_name = "TIME")]
    from: Option<String>,

    /// Last day of the period, or the first instant after it
    #[arg(long, value_name = "TIME")]
    to: Option<String>,

    /// Branch to audit [default: HEAD's]
    #[arg(long = "ref", value_name = "REF")]
    ref_name: Option<String>,

    /// Repository to audit; may be given several times [default: this one]
    #[arg(long = "repo", value_name = "DIR", conflicts_with = "revisions")]
    repositories: Vec<PathBuf>,

    /// File with one repository a line; `#` begins a comment
    #[arg(long = "repos", value_name = "FILE", conflicts_with = "revisions")]
    repository_list: Option<PathBuf>,

    /// Folder to write into
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// Policy file to judge by what no record holds
    #[arg(long, value_name = "FILE", conflicts_with = "pack")]
    policy: Option<PathBuf>,

    /// Shipped pack to judge by what no record holds
    #[arg(long)]
    pack: Option<String>,

    /// Time as of which something is open or overdue [default: the end of the period, or now]
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
}

pub(crate) fn run_audit(args: &AuditArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let period = parse_period(args)?;
    let as_of = find_as_of(args, &period, context)?;
    let refs = find_audited_refs(args, context)?;
    let out = context.resolve_path(&args.out);
    let files = AuditFiles::create_files(&out, "Change management audit")?;
    let has_ledger = refs.iter().any(AuditedRef::has_ledger);
    let mut progress = ProgressLine::start_counting("steps read", context);
    let mut count = || progress.count_step();
    let mut run = AuditRun::begin_run(files, period, as_of, has_ledger, &mut count);
    for one in &refs {
        run.audit_ref(&one.repository, &one.build_request(period, as_of, count_threads))?;
    }
    let tool = concat!("changegate ", env!("CARGO_PKG_VERSION")).to_owned();
    let result = run.finish_run(tool, &[])?;
    drop(progress);
    let mut written = BufWriter::new(io::stdout().lock());
    write_summary(&mut written, args, &period, &result).and_then(|()| written.flush())?;
    Ok(if result.has_holes { CommandExit::Failed } else { CommandExit::Allowed })
}

fn parse_period(args: &AuditArgs) -> Result<AuditPeriod, CommandError> {
    let parse = |written: &Option<String>, end| match written {
        Some(written) => parse_period_end(written, end).map(Some).map_err(CommandError::Usage),
        None => Ok(None),
    };
    let period =
        AuditPeriod { from: parse(&args.from, PeriodEnd::First)?, until: parse(&args.to, PeriodEnd::Last)? };
    if let (Some(from), Some(until)) = (period.from, period.until)
        && from >= until
    {
        return Err(CommandError::usage("--from has to be before --to"));
    }
    Ok(period)
}

/// Returns the time as of which things are open: that of the arguments, the end of a period that is over, or now.
fn find_as_of(args: &AuditArgs, period: &AuditPeriod, context: &Context) -> Result<Timestamp, CommandError> {
    if let Some(written) = &args.as_of {
        return parse_period_end(written, PeriodEnd::Last).map_err(CommandError::Usage);
    }
    Ok(period.until.map_or(context.now, |until| until.min(context.now)))
}

fn write_summary(
    out: &mut dyn Write,
    args: &AuditArgs,
    period: &AuditPeriod,
    result: &AuditResult,
) -> io::Result<()> {
    writeln!(out, "{}: {}", args.out.display(), period.describe())?;
    writeln!(
        out,
        "  {} changes, {} closing records, {}",
        result.changes, result.closing_records, result.population_digest
    )?;
    let all: usize = result.exceptions.values().sum();
    writeln!(out, "  {all} exceptions in a population of {}", result.changes)?;
    for kind in ExceptionKind::ALL {
        if let Some(count) = result.exceptions.get(&kind) {
            writeln!(out, "    {count:>6}  {}", kind.title())?;
        }
    }
    for check in result.completeness.iter().filter(|check| check.agrees == Some(false)) {
        writeln!(out, "  differs: {}: {} and {}", check.what, check.expected, check.found)?;
    }
    Ok(())
}
