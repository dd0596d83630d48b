//! `changegate audit report`: the report of data sets that were written before.

use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write as _};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::audit::audit_run::{AuditRun, AuditScope, GivenFiles};
use crate::audit::dataset::AuditFiles;
use crate::audit::fleet::dataset_manifest::{DATASET_FOLDER, DATASET_MANIFEST};
use crate::audit::fleet::dataset_reader::{AuditDataset, FleetDatasets};
use crate::audit::page::ReportPage;
use crate::audit::population::period::AuditPeriod;
use crate::cli::audit::audit_summary::{REPORT_TITLE, TOOL_NAME, write_holes, write_summary};
use crate::cli::audit::profile::ProfileArg;
use crate::cli::audit::written_folder::{carry_filled_cells, refuse_foreign_files, take_folder};
use crate::cli::command_error::{CommandError, CommandExit, escape_error_message};
use crate::cli::context::Context;
use crate::cli::output::ignore_broken_pipe;
use crate::cli::progress::ProgressLine;
use crate::pattern::PathPattern;

/// How many files and folders a pattern looks at.
const MAX_SEARCHED_ENTRIES: usize = 5_000_000;

/// Make the report of data sets that `audit --repos` wrote
///
/// The data sets may come from several machines that shared a fleet with `--shard`. Each
/// is compared with its manifest first, file by file. The report is the one that a single
/// audit of all their repositories would have made.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate audit report --from 'out/**/*.parquet' --out report
  changegate audit report --from shard-1/dataset shard-2/dataset --out report

Exits with 2 if a data set is damaged, not whole, or of another version or
audit; with 3 if the report has a hole, which it names: a shard that is missing,
or a repository that could not be audited.")]
pub(super) struct FleetReportArgs {
    /// Data sets: their folders, or a pattern of files in them, where `**` is any number of folders
    #[arg(long, value_name = "PATTERN", required = true, num_args = 1..)]
    from: Vec<String>,

    /// Folder to write into
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// Tables to write
    #[arg(long, value_name = "PROFILE", default_value = "full")]
    profile: ProfileArg,
}

pub(super) fn run_fleet_report(
    args: &FleetReportArgs,
    context: &Context,
) -> Result<CommandExit, CommandError> {
    let mut folders = BTreeSet::new();
    for pattern in &args.from {
        folders.extend(find_datasets(pattern, context).map_err(usage_of)?);
    }
    let mut datasets = Vec::new();
    for folder in &folders {
        datasets.push(AuditDataset::open_dataset(folder).map_err(usage_of)?);
    }
    let fleet = FleetDatasets::join_datasets(datasets).map_err(usage_of)?;
    let made_from = &fleet.made_from;
    let period = AuditPeriod { from: made_from.from, until: made_from.until };
    let given =
        GivenFiles { incidents: made_from.incidents.clone(), deployments: made_from.deployments.clone() };
    let out = context.resolve_path(&args.out);
    let _lock = take_folder(&out, &args.out)?;
    let mut files = AuditFiles::create_files(&out, REPORT_TITLE, (args.profile.to_profile(), true))?;
    refuse_foreign_files(&files, &args.out)?;
    carry_filled_cells(&mut files, &out, &args.out)?;
    let page = ReportPage::create_page(files.work_folder())?;
    let scope = AuditScope { period, as_of: made_from.as_of };
    let mut progress = ProgressLine::start_counting("changes read", context);
    let mut run = AuditRun::begin_run((files, page, None), scope, &given, &mut progress);
    let mut err = io::stderr().lock();
    for part in &fleet.missing_parts {
        run.add_missing_part(part.clone());
        let line = format!("changegate: {part} is missing; the report is not of the whole fleet");
        ignore_broken_pipe(writeln!(err, "{}", escape_error_message(&line)))?;
    }
    fleet.read_events(&mut |event| run.take_event(event))?;
    let result = run.finish_run(TOOL_NAME.to_owned(), &[])?;
    let mut written = BufWriter::new(io::stdout().lock());
    write_summary(&mut written, &args.out, &result).and_then(|()| written.flush())?;
    ignore_broken_pipe(write_holes(&mut err, &result))?;
    Ok(if result.has_holes { CommandExit::Failed } else { CommandExit::Allowed })
}

fn usage_of(error: anyhow::Error) -> CommandError {
    CommandError::Usage(format!("{error:#}"))
}

/// Returns the folders of the data sets that a pattern names, or that hold the files which it names.
fn find_datasets(pattern: &str, context: &Context) -> Result<BTreeSet<PathBuf>> {
    let mut start = PathBuf::new();
    let mut rest = Vec::new();
    for part in Path::new(pattern).components() {
        let is_plain = !part.as_os_str().to_string_lossy().contains(['*', '?', '[']);
        match part {
            Component::Normal(name) if !rest.is_empty() || !is_plain => rest.push(name.to_string_lossy()),
            part => start.push(part),
        }
    }
    if start.as_os_str().is_empty() {
        start.push(".");
    }
    let start = context.resolve_path(&start);
    let mut found = BTreeSet::new();
    if rest.is_empty() {
        found.insert(find_dataset_of(&start)?);
        return Ok(found);
    }
    let glob = format!("/{}", rest.join("/"));
    let glob = PathPattern::new(&glob).map_err(|why| anyhow::anyhow!("--from {pattern}: {why}"))?;
    let mut folders = vec![start.clone()];
    let mut entries = 0;
    while let Some(folder) = folders.pop() {
        let list = std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        for entry in list {
            let entry = entry.with_context(|| format!("cannot read {}", folder.display()))?;
            entries += 1;
            if entries > MAX_SEARCHED_ENTRIES {
                bail!("--from {pattern}: there are more than {MAX_SEARCHED_ENTRIES} files; name the folders");
            }
            let path = entry.path();
            // What is not whole yet has a name of its own.
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            let below = path.strip_prefix(&start).unwrap_or(&path).to_string_lossy().into_owned();
            if glob.matches_path(below.as_bytes()) && path.is_file() {
                found.insert(find_dataset_of(&path)?);
            }
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            }
        }
    }
    if found.is_empty() {
        bail!("--from {pattern} names no file of a data set");
    }
    Ok(found)
}

/// Returns the folder of the data set that a path is, or is in.
fn find_dataset_of(path: &Path) -> Result<PathBuf> {
    if !path.exists() {
        bail!("{} does not exist", path.display());
    }
    // The folder of an audit holds its data set.
    let held = path.join(DATASET_FOLDER);
    if held.join(DATASET_MANIFEST).is_file() {
        return Ok(held);
    }
    let found =
        path.ancestors().take(MAX_DATASET_DEPTH).find(|folder| folder.join(DATASET_MANIFEST).is_file());
    found.map(Path::to_path_buf).with_context(|| {
        format!(
            "{} is in no whole data set: there is no {DATASET_MANIFEST} with it, so it was not written or not copied \
             to its end",
            path.display()
        )
    })
}

/// How many folders above a file its manifest may be: `TABLE/repository=NAME/month=MONTH/FILE`.
const MAX_DATASET_DEPTH: usize = 5;
