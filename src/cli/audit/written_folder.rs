//! The folder that an audit writes into, which is its own until it ends.

use std::io::{self, Write as _};
use std::path::Path;

use crate::audit::audit_manifest::list_edited_files;
use crate::audit::dataset::AuditFiles;
use crate::audit::filled_cells::{EXCEPTION_FILE, FilledExceptions, KEPT_FILE, WORKBOOK_FILE};
use crate::audit::folder_lock::FolderLock;
use crate::audit::page::PAGE_FILE;
use crate::audit::population::step_journal::StepJournal;
use crate::cli::command_error::CommandError;
use crate::cli::output::ignore_broken_pipe;
use crate::verdict::format_count;

/// Takes the folder `out`, which the user calls `named`, for this process.
///
/// # Errors
///
/// Fails if another audit writes into it, and if it cannot be made.
pub(super) fn take_folder(out: &Path, named: &Path) -> Result<FolderLock, CommandError> {
    FolderLock::lock_folder(out)?.ok_or_else(|| {
        CommandError::Usage(format!(
            "another audit is writing into {}; wait until it has ended, or give another folder with --out",
            named.display()
        ))
    })
}

/// Refuses a folder in which files stand that the audit would replace and that no audit has written; the user calls it `named`.
///
/// # Errors
///
/// Names the files, if there are any.
pub(super) fn refuse_foreign_files(files: &AuditFiles, named: &Path) -> Result<(), CommandError> {
    let foreign = files.list_foreign_files(&[PAGE_FILE]);
    if foreign.is_empty() {
        return Ok(());
    }
    Err(CommandError::Usage(format!(
        "{} holds files of these names that no audit has written: {}; move them, or give another folder with --out",
        named.display(),
        foreign.join(", ")
    )))
}

/// Takes over what people filled in beside the exceptions of an earlier audit in `out`, which the user calls `named`; it is
/// read before anything is replaced.
///
/// # Errors
///
/// Refuses files in which something was filled in, or changed, that could not be carried over.
pub(super) fn carry_filled_cells(
    files: &mut AuditFiles,
    out: &Path,
    named: &Path,
) -> Result<(), CommandError> {
    let all_edited = list_edited_files(out, &[KEPT_FILE])?;
    let is_read = |name: &&String| [EXCEPTION_FILE, WORKBOOK_FILE].contains(&name.as_str());
    let edited: Vec<&str> = all_edited.iter().filter(|name| !is_read(name)).map(String::as_str).collect();
    if !edited.is_empty() {
        return Err(CommandError::Usage(format!(
            "changed in {} since the audit wrote them: {}; what was filled in there would be lost. Move them, or give \
             another folder with --out. What stands in the last four columns of {EXCEPTION_FILE}, or of the same sheet of {WORKBOOK_FILE}, is carried over",
            named.display(),
            edited.join(", ")
        )));
    }
    let filled = FilledExceptions::read_folder(out, &all_edited)
        .map_err(|error| CommandError::Usage(format!("{}: {error:#}", named.display())))?;
    files.carry_filled_cells(filled);
    Ok(())
}

/// Says how many steps were taken over from a run that was interrupted, if any were.
///
/// # Errors
///
/// Fails if standard error cannot be written.
pub(super) fn report_taken_steps(journal: &StepJournal) -> Result<(), CommandError> {
    let count = journal.count_taken_over();
    if count > 0 {
        let steps = format_count(count, "judged step");
        let line = format!("changegate: taken over from an earlier run, which was interrupted: {steps}");
        ignore_broken_pipe(writeln!(io::stderr().lock(), "{line}"))?;
    }
    Ok(())
}
