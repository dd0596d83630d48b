//! A repository that cannot be audited, or not to its end: named in the report and on standard error.

use std::borrow::Cow;
use std::io::{self, Write as _};

use crate::audit::audit_run::AuditRun;
use crate::audit::fleet::audit_event::{AuditEvent, UnreadRepository};
use crate::cli::command_error::{CommandError, escape_error_message};
use crate::cli::output::ignore_broken_pipe;

/// Names a repository that cannot be audited; the report goes on without it and has a hole.
///
/// # Errors
///
/// Fails if the report cannot be written.
pub(super) fn report_unread(run: &mut AuditRun<'_>, unread: UnreadRepository) -> Result<(), CommandError> {
    let line = format!("changegate: {}: could not be audited: {}", unread.name, unread.why);
    ignore_broken_pipe(writeln!(io::stderr().lock(), "{}", escape_error_message(&line)))?;
    Ok(run.take_event(&AuditEvent::NotAudited(Cow::Owned(unread)))?)
}
