//! `changegate audit`: the change log, the exceptions and the key figures of a period, as files to take away.

mod args;
mod audit_summary;
mod audited_refs;
pub(super) mod evidence;
mod fleet_list;
mod fleet_report;
mod fleet_run;
mod merged_pulls;
mod profile;
pub(super) mod sample;
pub(super) mod show;
mod unread_repository;
mod verify_statement;
mod written_folder;

use std::io::{self, BufWriter, Write};

use anyhow::Context as _;
use jiff::Timestamp;

use crate::audit::audit_run::{AuditRun, AuditScope, GivenFiles};
use crate::audit::dataset::AuditFiles;
use crate::audit::fleet::audit_event::UnreadRepository;
use crate::audit::fleet::checkpoint::CHECKPOINT_FOLDER;
use crate::audit::fleet::dataset_writer::DatasetWriter;
use crate::audit::inputs::deployments::read_deployments;
use crate::audit::inputs::incidents::read_incidents;
use crate::audit::inputs::merged_pulls::GivenPulls;
use crate::audit::live_audit::RefAuditError;
use crate::audit::page::ReportPage;
use crate::audit::population::period::{AuditPeriod, PeriodEnd, parse_period_end};
use crate::audit::population::step_journal::StepJournal;
use crate::cli::audit::args::AuditCommand;
use crate::cli::audit::audit_summary::{REPORT_TITLE, TOOL_NAME, write_holes, write_summary};
use crate::cli::audit::audited_refs::{describe_range, find_audited_refs, find_judging_policy};
use crate::cli::audit::fleet_report::run_fleet_report;
use crate::cli::audit::fleet_run::plan_fleet;
use crate::cli::audit::merged_pulls::find_pull_source;
use crate::cli::audit::unread_repository::report_unread;
use crate::cli::audit::written_folder::{
    carry_filled_cells, refuse_foreign_files, report_taken_steps, take_folder,
};
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::output::ignore_broken_pipe;
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
    let is_several = args.repository_list.is_some() || args.repositories.len() > 1;
    let pull_source = find_pull_source(args, is_several, context)?;
    let policy = find_judging_policy(args, context)?;
    let fleet = match &args.repository_list {
        Some(_) => Some(plan_fleet(args, context)?),
        None => None,
    };
    let mut refs = if fleet.is_some() { Vec::new() } else { find_audited_refs(args, &policy, context)? };
    let scope = AuditScope { period, as_of };
    for one in &mut refs {
        // A list that the only repository cannot have was asked for by mistake.
        if let GivenPulls::NotKept(why) = one.find_pulls(&pull_source, None, scope)
            && !is_several
        {
            return Err(CommandError::Usage(format!(
                "--merged-pulls: {why}; give what the forge lists in a file"
            )));
        }
    }
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
    let out = context.resolve_path(target);
    let _lock = take_folder(&out, target)?;
    let mut files =
        AuditFiles::create_files(&out, REPORT_TITLE, (args.profile.to_profile(), fleet.is_none()))?;
    refuse_foreign_files(&files, target)?;
    carry_filled_cells(&mut files, &out, target)?;
    let page = ReportPage::create_page(files.work_folder())?;
    let dataset = match &fleet {
        Some(_) => Some(DatasetWriter::create_dataset(&out, args.shard)?),
        None => None,
    };
    let mut progress = ProgressLine::start_counting("steps read", context);
    let mut run = AuditRun::begin_run((files, page, dataset), scope, &given, &mut progress);
    let checkpoint = match &fleet {
        Some(fleet) => {
            let judged_by = (&policy, &pull_source);
            Some(fleet.audit_fleet(&mut run, (args, &given, scope), judged_by, (out.as_path(), context))?)
        }
        None => None,
    };
    let journal = fleet.is_none().then(|| StepJournal::open_journal(&out.join(CHECKPOINT_FOLDER)));
    if let Some(range) = &args.revisions {
        run.name_range(describe_range(range));
    }
    for one in &refs {
        let request = one.build_request(&given, period, as_of, journal.as_ref());
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
    if let Some(journal) = journal {
        report_taken_steps(&journal)?;
        journal.remove_journal().with_context(|| format!("cannot write {}", out.display()))?;
    }
    let mut written = BufWriter::new(io::stdout().lock());
    if let (Some(fleet), Some(shard)) = (&fleet, args.shard) {
        writeln!(written, "shard {}/{}, repositories: {}", shard.number, shard.of, fleet.count_members())?;
    }
    write_summary(&mut written, target, &result).and_then(|()| written.flush())?;
    ignore_broken_pipe(write_holes(&mut io::stderr().lock(), &result))?;
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
