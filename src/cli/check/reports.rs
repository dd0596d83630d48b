//! Where the reports of `changegate check` go, and what they need while changes are judged.
//!
//! A report is written when all is judged. A file has its old content or all of the new: it is written
//! beside its place and renamed.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::cli::check::args::CheckArgs;
use crate::cli::command_error::CommandError;
use crate::cli::context::Context;
use crate::cli::output::{ReportFormatArg, ignore_broken_pipe};
use crate::report::{
    ChangeSpools, HeldChanges, MAX_SARIF_RESULTS, Report, ReportStyle, SpoolStorage, SpooledRange,
    write_range_report,
};
use crate::yaml::shorten_for_message;

/// From how many bytes on a spool is in a file.
const MAX_SPOOL_IN_MEMORY: usize = 1 << 20;

/// How many changes `--verbose` and `--explain` show in any case: memory must not grow with history, and a
/// program that wants all of them takes JSON.
const MAX_VERBOSE_CHANGES: usize = 2_000;

/// The permissions of a new file, before the mask of the process.
#[cfg(unix)]
const NEW_FILE_MODE: u32 = 0o666;

/// Refuses two reports for one file, of which the second would replace the first.
pub(super) fn refuse_shared_files(args: &CheckArgs, context: &Context) -> Result<(), CommandError> {
    let find_file = |path: &Path| {
        let path = context.resolve_path(path);
        path.canonicalize().or_else(|_| std::path::absolute(&path)).unwrap_or(path)
    };
    let mut known = Vec::new();
    for file in &args.output {
        let found = find_file(&file.path);
        // A pipe or a device takes one report after the other.
        if known.contains(&found) && !fs::metadata(&found).is_ok_and(|found| !found.is_file()) {
            let path = file.path.to_string_lossy();
            let path = shorten_for_message(&path);
            return Err(CommandError::Usage(format!(
                "two reports are to be written to `{path}`; name a file for each --output"
            )));
        }
        known.push(found);
    }
    Ok(())
}

/// Refuses a file that no report can be written to, before anything is judged.
pub(super) fn check_output_files(args: &CheckArgs, context: &Context) -> Result<(), CommandError> {
    for file in &args.output {
        let path = context.resolve_path(&file.path);
        let usable = match fs::metadata(&path) {
            // A pipe would wait for its reader.
            Ok(found) if !found.is_file() && !found.is_dir() => Ok(()),
            Ok(found) if found.is_dir() => Err(io::Error::from(io::ErrorKind::IsADirectory)),
            _ => prepare_whole_file(&path).map(|_| ()),
        };
        usable.with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Returns the spools for the formats that list every change.
pub(super) fn open_spools(args: &CheckArgs, range: &SpooledRange<'_>) -> Result<ChangeSpools, CommandError> {
    let mut spools = ChangeSpools::default();
    for format in list_formats(args) {
        spools.add_format(format.into(), range, || {
            Ok(Box::new(tempfile::spooled_tempfile(MAX_SPOOL_IN_MEMORY)) as Box<dyn SpoolStorage>)
        })?;
    }
    Ok(spools)
}

/// Removes the reports of an earlier run, where this one came to no decision: a pipeline would take them for
/// its own.
pub(super) fn remove_stale_reports(args: &CheckArgs, context: &Context) {
    for file in &args.output {
        let path = context.resolve_path(&file.path);
        // What cannot be removed was not written by a run either; why this one failed is said anyway.
        if fs::metadata(&path).is_ok_and(|found| found.is_file()) {
            let _ = fs::remove_file(&path);
        }
    }
}

/// Returns the changes that the formats need in full, beside those in spools.
pub(super) fn select_held_changes(args: &CheckArgs) -> HeldChanges {
    let shows_all = |format| {
        matches!(format, ReportFormatArg::Terminal | ReportFormatArg::Github | ReportFormatArg::Markdown)
    };
    let is_verbose = (args.verbose || args.explain) && list_formats(args).any(shows_all);
    let has_results = list_formats(args).any(|format| format == ReportFormatArg::Sarif);
    HeldChanges::Sample {
        first: if is_verbose { MAX_VERBOSE_CHANGES } else { 0 },
        objections: if has_results { MAX_SARIF_RESULTS } else { 0 },
    }
}

/// Returns whether a format tells what verdicts rest on.
pub(super) fn writes_reasons(args: &CheckArgs) -> bool {
    list_formats(args).any(|format| format == ReportFormatArg::Json)
}

fn list_formats(args: &CheckArgs) -> impl Iterator<Item = ReportFormatArg> {
    std::iter::once(args.format).chain(args.output.iter().map(|file| file.format))
}

/// Writes the report to standard output.
pub(super) fn print_range_report(
    format: ReportFormatArg,
    report: &Report,
    spools: &mut ChangeSpools,
    style: &ReportStyle,
) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    let written = write_range_report(format.into(), report, spools, style, &mut out);
    ignore_broken_pipe(written.and_then(|()| out.flush()))
}

/// Writes the report to each file that was asked for.
pub(super) fn write_output_files(
    args: &CheckArgs,
    report: &Report,
    spools: &mut ChangeSpools,
    style: &ReportStyle,
    context: &Context,
) -> Result<(), CommandError> {
    let style = ReportStyle { colour: false, quiet: false, ..style.clone() };
    for file in &args.output {
        let path = context.resolve_path(&file.path);
        let mut write = |out: &mut dyn Write| {
            let mut out = BufWriter::new(out);
            write_range_report(file.format.into(), report, spools, &style, &mut out)?;
            out.flush()
        };
        write_whole_file(&path, &mut write).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Writes a file that nothing sees half written; a pipe or a device takes the bytes as they come.
fn write_whole_file(path: &Path, write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return write(&mut fs::File::create(path)?);
    }
    let (mut whole, path) = prepare_whole_file(path)?;
    write(&mut whole)?;
    whole.persist(path)?;
    Ok(())
}

/// Returns a file beside the one at `path`, with its permissions, and the path that it takes when it is whole.
fn prepare_whole_file(path: &Path) -> io::Result<(tempfile::NamedTempFile, PathBuf)> {
    // A link is followed, so that what it leads to is replaced.
    let path = match fs::metadata(path) {
        Ok(_) => path.canonicalize()?,
        Err(_) => path.to_path_buf(),
    };
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let permissions = match fs::metadata(&path) {
            Ok(known) => known.permissions(),
            Err(_) => fs::Permissions::from_mode(NEW_FILE_MODE),
        };
        builder.permissions(permissions);
    }
    Ok((builder.tempfile_in(directory)?, path))
}
