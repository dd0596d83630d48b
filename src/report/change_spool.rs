//! The changes of a long range in the formats that list every one of them.
//!
//! Each change is written into the spool of its format when it is judged. The report itself is written at
//! the end, when the decision and the totals are known, and takes its changes from there.

use std::io::{self, Write};

use crate::predicates::support::condition::ConditionTrace;
use crate::report::content::Report;
use crate::report::json::JsonChangeSpool;
use crate::report::junit::{JunitChangeSpool, SpooledRange};
use crate::report::style::ReportFormat;
use crate::report::text_spool::SpoolStorage;
use crate::verdict::{RuleId, Verdict};

/// The changes of one range, for the formats that list every change.
#[derive(Debug, Default)]
pub struct ChangeSpools {
    json: Option<JsonChangeSpool>,
    junit: Option<JunitChangeSpool>,
}

impl ChangeSpools {
    /// Prepares a spool for a format, unless there is one or the format does not list every change.
    ///
    /// `range` says what the report that is to come is about.
    ///
    /// # Errors
    ///
    /// Fails if `open_storage` does.
    pub fn add_format(
        &mut self,
        format: ReportFormat,
        range: &SpooledRange<'_>,
        open_storage: impl FnOnce() -> io::Result<Box<dyn SpoolStorage>>,
    ) -> io::Result<()> {
        match format {
            ReportFormat::Json if self.json.is_none() => {
                self.json = Some(JsonChangeSpool::new(open_storage()?));
            }
            ReportFormat::Junit if self.junit.is_none() => {
                self.junit = Some(JunitChangeSpool::new(open_storage()?, range));
            }
            ReportFormat::Json
            | ReportFormat::Junit
            | ReportFormat::Terminal
            | ReportFormat::Github
            | ReportFormat::Sarif
            | ReportFormat::Markdown => {}
        }
        Ok(())
    }

    /// Adds the next change, with how its rules came to their answers where that was asked for.
    ///
    /// # Errors
    ///
    /// Fails if a storage does.
    pub fn add_change(&mut self, verdict: &Verdict, traces: &[(RuleId, ConditionTrace)]) -> io::Result<()> {
        if let Some(json) = &mut self.json {
            json.add_change(verdict, traces)?;
        }
        if let Some(junit) = &mut self.junit {
            junit.add_change(verdict)?;
        }
        Ok(())
    }

    /// Writes the report in a format that has a spool, and returns false for another one.
    pub(crate) fn write_spooled_report(
        &mut self,
        format: ReportFormat,
        report: &Report,
        out: &mut dyn Write,
    ) -> io::Result<bool> {
        match (format, &mut self.json, &mut self.junit) {
            (ReportFormat::Json, Some(json), _) => json.write_report(report, out)?,
            (ReportFormat::Junit, _, Some(junit)) => junit.write_report(report, out)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}
