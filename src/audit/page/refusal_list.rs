//! The refusals of the page: how many there are, and the newest of them.

use std::collections::BTreeMap;
use std::io::{self, Write};

use jiff::Timestamp;

use crate::audit::page::html_table::{HtmlCell, HtmlTable, format_html_row};
use crate::audit::page::page_text::{show_name, show_words};
use crate::audit::population::refused_push::{RefusalOutcome, RefusedPush};
use crate::audit::table::format_table_time;

/// How many refusals the page shows; the files beside it have all.
const MAX_SHOWN: usize = 200;

/// The refusals, while they come.
#[derive(Clone, Debug, Default)]
pub(super) struct RefusalList {
    count: usize,
    not_landed: usize,
    /// The newest, as rows of HTML, by when they happened and by their numbers.
    newest: BTreeMap<(Timestamp, usize), String>,
}

impl RefusalList {
    /// Takes a refusal.
    pub(super) fn add_refusal(&mut self, refused: &RefusedPush) {
        self.count += 1;
        self.not_landed += usize::from(refused.outcome == RefusalOutcome::NotLanded);
        self.newest.insert((refused.at, self.count), format_refusal(refused));
        if self.newest.len() > MAX_SHOWN {
            self.newest.pop_first();
        }
    }

    /// Writes the refusals, the newest first.
    ///
    /// # Errors
    ///
    /// Passes on what the writer says.
    pub(super) fn write_list(&self, has_ledger: bool, out: &mut dyn Write) -> io::Result<()> {
        if !has_ledger {
            return writeln!(out, "<p>There was no ledger, so what was refused is not known.</p>");
        }
        writeln!(
            out,
            "<p>{} refused in the period; of {} nothing in this report shows that it landed.</p>",
            self.count, self.not_landed
        )?;
        if self.count == 0 {
            return Ok(());
        }
        if self.count > self.newest.len() {
            writeln!(
                out,
                "<p class=\"left-out\">The newest {} of {}. refusals.csv, refusals.jsonl and audit.xlsx have all of \
                 them.</p>",
                self.newest.len(),
                self.count
            )?;
        }
        let headers = ["Refusal", "Refused", "Branch", "Who", "What", "Rules", "What became of it", "Became"];
        let mut table = HtmlTable::begin_table(out, "wide", "Refusals, the newest first", &headers)?;
        for row in self.newest.values().rev() {
            table.write_html_row(row)?;
        }
        table.end_table()
    }
}

fn format_refusal(refused: &RefusedPush) -> String {
    let what = match (&refused.what, refused.commit) {
        (Some(what), _) => show_name(what),
        (None, Some(commit)) => commit.short_hex(),
        (None, None) => "deletion".to_owned(),
    };
    format_html_row(&[
        HtmlCell::Header(show_words(&refused.id)),
        HtmlCell::Text(format_table_time(refused.at)),
        HtmlCell::Text(show_name(&refused.ref_name)),
        HtmlCell::Text(refused.by.as_ref().map(show_name).unwrap_or_default()),
        HtmlCell::Text(what),
        HtmlCell::Text(show_words(&refused.rules.join(", "))),
        HtmlCell::Text(refused.outcome.code().to_owned()),
        HtmlCell::Text(show_words(&refused.became.join(", "))),
    ])
}
