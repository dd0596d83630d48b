//! `changegate audit`: the change log, the exceptions and the key figures of a period, as files to take away.

mod args;
mod audit_summary;
mod audited_refs;
pub(super) mod evidence;
mod fleet_list;
mod fleet_report;
mod fleet_run;
mod profile;
pub(super) mod sample;
pub(super) mod show;
mod unread_repository;
mod verify_statement;

use std::io::{self, BufWriter, Write};

use jiff::Timestamp;

use crate::audit::audit_run::{AuditRun, AuditScope, GivenFiles};
use crate::audit::dataset::AuditFiles;
use crate::audit::fleet::audit_event::UnreadRepository;
use crate::audit::fleet::dataset_writer::DatasetWriter;
use crate::audit::inputs::deployments::read_deployments;
use crate::audit::inputs::incidents::read_incidents;
use crate::audit::inputs::merged_pulls::read_merged_pulls;
use crate::audit::live_audit::RefAuditError;
use crate::audit::page::ReportPage;
use crate::audit::population::period::{AuditPeriod, PeriodEnd, parse_period_end};
use crate::cli::audit::args::AuditCommand;
use crate::cli::audit::audit_summary::{REPORT_TITLE, TOOL_NAME, write_summary};
use crate::cli::audit::audited_refs::{describe_range, find_audited_refs, find_judging_policy};
use crate::cli::audit::fleet_report::run_fleet_report;
use crate::cli::audit::fleet_run::plan_fleet;
use crate::cli::audit::unread_repository::report_unread;
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::{Context, count_threads};
use crate::cli::progress::ProgressLine;

pub(crate) use crate::cli::audit::args::AuditArgs;

pub(crate) fn run_audit(args: &AuditArgs, context: &Context) -> Result<CommandExit, CommandError> {
    if let Some(AuditCommand::Report(args)) = &args.command {
        return run_fleet_report(args, context);
    }
    let Some(target) = &args.out else {
        return Err(CommandError::usage("name a folder to write into with --out"));
    };
    let period = parse_period(args)?;
    let as_of = find_as_of(args, &period, context)?;
    if args.shard.is_some() && args.as_of.is_none() && period.until.is_none_or(|until| until > context.now) {
        return Err(CommandError::usage(
            "every machine has to report as of the same time: with --shard, give --as-of, or a --to that is over",
        ));
    }
    if args.merged_pulls.is_some() && args.repositories.len() > 1 {
        return Err(CommandError::usage(
            "a list of merged pull requests is of one repository; audit each with its own",
        ));
    }
    let policy = find_judging_policy(args, context)?;
    let fleet = match &args.repository_list {
        Some(_) => Some(plan_fleet(args, context)?),
        None => None,
    };
    let refs = if fleet.is_some() { Vec::new() } else { find_audited_refs(args, &policy, context)? };
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
        merged_pulls: args
            .merged_pulls
            .as_ref()
            .map(|path| read_merged_pulls(&context.resolve_path(path)))
            .transpose()?,
    };
    let out = context.resolve_path(target);
    let files = AuditFiles::create_files(&out, REPORT_TITLE, (args.profile.to_profile(), fleet.is_none()))?;
    let page = ReportPage::create_page(&out)?;
    let dataset = match &fleet {
        Some(_) => Some(DatasetWriter::create_dataset(&out, args.shard)?),
        None => None,
    };
    let mut progress = ProgressLine::start_counting("steps read", context);
    let scope = AuditScope { period, as_of };
    let mut run = AuditRun::begin_run((files, page, dataset), scope, &given, &mut progress);
    let checkpoint = match &fleet {
        Some(fleet) => {
            Some(fleet.audit_fleet(&mut run, (args, &given, scope), &policy, (out.as_path(), context))?)
        }
        None => None,
    };
    if let Some(range) = &args.revisions {
        run.name_range(describe_range(range));
    }
    for one in &refs {
        let request = one.build_request(&given, period, as_of, count_threads);
        match run.audit_ref(&one.repository, &request) {
            Ok(()) => {}
            Err(RefAuditError::Unwritable(error)) => return Err(CommandError::Failed(error)),
            Err(RefAuditError::Unreadable(error)) => {
                let source = request.ref_name.to_lossy().into_owned();
                let why = format!("{error:#}");
                report_unread(
                    &mut run,
                    UnreadRepository { name: request.repository_name.clone(), source, why },
                )?;
            }
        }
    }
    let result = run.finish_run(TOOL_NAME.to_owned(), &[])?;
    if let Some(checkpoint) = checkpoint {
        checkpoint.remove_checkpoint()?;
    }
    drop(progress);
    let mut written = BufWriter::new(io::stdout().lock());
    if let (Some(fleet), Some(shard)) = (&fleet, args.shard) {
        writeln!(written, "shard {}/{}, repositories: {}", shard.number, shard.of, fleet.count_members())?;
    }
    write_summary(&mut written, target, &result).and_then(|()| written.flush())?;
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
