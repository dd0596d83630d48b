//! The exceptions of the page: how many there are of each kind, and the newest of them.

use std::collections::BTreeMap;
use std::io::{self, Write};

use jiff::Timestamp;

use crate::audit::exceptions::{AuditException, ExceptionKind};
use crate::audit::page::html_table::{HtmlCell, HtmlTable, format_html_row};
use crate::audit::page::page_text::{escape_html, show_name, show_text, show_words};
use crate::audit::page::timeline::describe_seconds;
use crate::audit::table::format_table_time;

/// How many exceptions of one kind the page shows; the files beside it have all.
const MAX_SHOWN: usize = 200;

/// How many digits of a commit the page shows.
const SHORT_DIGITS: usize = 12;

/// The exceptions, while they come.
#[derive(Clone, Debug, Default)]
pub(super) struct ExceptionLists {
    kinds: BTreeMap<ExceptionKind, ExceptionList>,
}

/// The exceptions of one kind.
#[derive(Clone, Debug, Default)]
struct ExceptionList {
    count: usize,
    open: usize,
    /// The newest, as rows of HTML, by when they happened and by their numbers.
    newest: BTreeMap<(Timestamp, usize), String>,
}

impl ExceptionLists {
    /// Takes the exception with this number. `change` is the number of the change that it is about.
    pub(super) fn add_exception(&mut self, number: usize, exception: &AuditException, change: Option<usize>) {
        let list = self.kinds.entry(exception.kind).or_default();
        list.count += 1;
        list.open += usize::from(exception.status.code() == "open");
        list.newest.insert((exception.occurred_at, number), format_row(number, exception, change));
        if list.newest.len() > MAX_SHOWN {
            list.newest.pop_first();
        }
    }

    /// Returns the number of all exceptions.
    pub(super) fn count_all(&self) -> usize {
        self.kinds.values().map(|list| list.count).sum()
    }

    /// Returns each kind that there is, with how many exceptions are of it and how many of them are open.
    pub(super) fn list_counts(&self) -> Vec<(ExceptionKind, usize, usize)> {
        let of_kind = |kind: ExceptionKind| self.kinds.get(&kind).map(|list| (kind, list.count, list.open));
        ExceptionKind::ALL.into_iter().filter_map(of_kind).collect()
    }

    /// Writes the exceptions, kind by kind, the newest first.
    ///
    /// # Errors
    ///
    /// Passes on what the writer says.
    pub(super) fn write_lists(&self, changes: usize, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "<p>{} exceptions in a population of {changes}.</p>", self.count_all())?;
        for kind in ExceptionKind::ALL {
            let Some(list) = self.kinds.get(&kind) else { continue };
            let open = if list.open == 0 { String::new() } else { format!(", {} open", list.open) };
            let first = if list.count <= MAX_SHOWN / 4 { " open" } else { "" };
            writeln!(
                out,
                "<details class=\"kind\" id=\"kind-{}\"{first}><summary><h3>{}</h3> \
                 <span class=\"count\">{}{open}</span> <span class=\"severity {severity}\">{severity}</span></summary>",
                kind.code(),
                escape_html(kind.title()),
                list.count,
                severity = kind.severity(),
            )?;
            if list.count > list.newest.len() {
                writeln!(
                    out,
                    "<p class=\"left-out\">The newest {} of {}. exceptions.csv, exceptions.jsonl, \
                     exceptions.parquet and audit.xlsx have all of them.</p>",
                    list.newest.len(),
                    list.count
                )?;
            }
            let headers = [
                "Exception",
                "Happened",
                "Change",
                "What",
                "What happened",
                "Rule",
                "Who",
                "Approver",
                "Status",
                "Due",
            ];
            let mut table = HtmlTable::begin_table(out, "wide", kind.title(), &headers)?;
            for row in list.newest.values().rev() {
                table.write_html_row(row)?;
            }
            table.end_table()?;
            writeln!(out, "</details>")?;
        }
        let absent: Vec<&str> = ExceptionKind::ALL
            .into_iter()
            .filter(|kind| !self.kinds.contains_key(kind))
            .map(ExceptionKind::title)
            .collect();
        if !absent.is_empty() {
            writeln!(out, "<h3>None of these</h3><ul class=\"none\">")?;
            for title in absent {
                writeln!(out, "<li>{}: 0 in a population of {changes}</li>", escape_html(title))?;
            }
            writeln!(out, "</ul>")?;
        }
        Ok(())
    }
}

/// Returns the id of a change with the first digits of its commit.
fn shorten_id(id: &str) -> String {
    match id.rsplit_once('@') {
        Some((repository, digits)) if digits.len() > SHORT_DIGITS => {
            let short: String = digits.chars().take(SHORT_DIGITS).collect();
            format!("{repository}@{short}")
        }
        _ => id.to_owned(),
    }
}

fn format_row(number: usize, exception: &AuditException, change: Option<usize>) -> String {
    let id = escape_html(&show_words(&shorten_id(&exception.subject_id)));
    let link = match change {
        Some(change) => format!("<a href=\"#change-{change}\">{id}</a>"),
        None => id,
    };
    let due = match (exception.due, exception.late_by) {
        (Some(due), Some(late)) => {
            let late = describe_seconds(u64::try_from(late).unwrap_or_default());
            format!("{}, {late} late", format_table_time(due))
        }
        (Some(due), None) => format_table_time(due),
        (None, _) => String::new(),
    };
    format_html_row(&[
        HtmlCell::Header(format!("E-{number:04}")),
        HtmlCell::Text(format_table_time(exception.occurred_at)),
        HtmlCell::Html(link),
        HtmlCell::Text(show_name(&exception.subject)),
        HtmlCell::Text(show_text(&exception.what)),
        HtmlCell::Text(exception.rule.as_deref().map(show_words).unwrap_or_default()),
        HtmlCell::Text(exception.actor.as_ref().map(show_name).unwrap_or_default()),
        HtmlCell::Text(exception.approver.as_ref().map(show_name).unwrap_or_default()),
        HtmlCell::Text(exception.status.code().to_owned()),
        HtmlCell::Text(due),
    ])
}
