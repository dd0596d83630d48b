//! `changegate audit`: the change log, the exceptions and the key figures of a period, as files to take away.

mod args;
mod audited_refs;
pub(super) mod evidence;
pub(super) mod sample;
pub(super) mod show;

use std::io::{self, BufWriter, Write};

use jiff::Timestamp;

use crate::audit::audit_run::{AuditResult, AuditRun, AuditScope, GivenFiles};
use crate::audit::dataset::AuditFiles;
use crate::audit::exceptions::ExceptionKind;
use crate::audit::inputs::deployments::read_deployments;
use crate::audit::inputs::incidents::read_incidents;
use crate::audit::page::ReportPage;
use crate::audit::population::period::{AuditPeriod, PeriodEnd, parse_period_end};
use crate::cli::audit::audited_refs::{AuditedRef, find_audited_refs};
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::{Context, count_threads};
use crate::cli::progress::ProgressLine;

pub(crate) use crate::cli::audit::args::AuditArgs;

pub(crate) fn run_audit(args: &AuditArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let period = parse_period(args)?;
    let as_of = find_as_of(args, &period, context)?;
    let refs = find_audited_refs(args, context)?;
    let given = GivenFiles {
        incidents: args
            .incidents
            .as_ref()
            .map(|path| read_incidents(&context.resolve_path(path)))
            .transpose()?,
        deployments: args
            .deployments
            .as_ref()
            .map(|path| read_deployments(&context.resolve_path(path)))
            .transpose()?,
    };
    let out = context.resolve_path(&args.out);
    let files = AuditFiles::create_files(&out, "Change management audit")?;
    let page = ReportPage::create_page(&out)?;
    let has_ledger = refs.iter().any(AuditedRef::has_ledger);
    let mut progress = ProgressLine::start_counting("steps read", context);
    let scope = AuditScope { period, as_of, has_ledger };
    let mut run = AuditRun::begin_run((files, page), scope, &given, &mut progress);
    for one in &refs {
        run.audit_ref(&one.repository, &one.build_request(given.lists(), period, as_of, count_threads))?;
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
