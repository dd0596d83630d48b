//! The report as one page: a file that opens offline, asks nothing of a network, and runs no script but its own.
//!
//! What people read stands in it as HTML; the change log, which can be sorted and filtered, and the page of each change
//! are drawn by a small program from data blocks. Text from outside is data everywhere: HTML is written through
//! `page_text`, and the program puts text into the page as text. A content security policy names the digests of the
//! only style and the only script.

mod change_detail;
mod change_row;
mod change_spool;
mod control_coverage;
mod exception_lists;
mod figure_table;
pub(crate) mod html_table;
pub(crate) mod page_text;
mod page_totals;
pub(crate) mod period_counts;
mod refusal_list;
mod sections;
pub(crate) mod svg_plot;
mod timeline;

use std::collections::{BTreeSet, HashMap};
use std::io::Write;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::audit::audit_manifest::AuditEnd;
use crate::audit::change_record::ChangeRecord;
use crate::audit::change_record::change_columns::CHANGE_COLUMNS;
use crate::audit::exceptions::AuditException;
use crate::audit::fleet::audit_event::PolicyOutline;
use crate::audit::formats::unfinished_file::UnfinishedFile;
use crate::audit::page::change_detail::build_detail;
use crate::audit::page::change_row::{ROW_KEYS, build_log_row};
use crate::audit::page::change_spool::{ChangeSpool, SelectedChanges};
use crate::audit::page::control_coverage::ControlCoverage;
use crate::audit::page::exception_lists::ExceptionLists;
use crate::audit::page::page_text::{escape_html, show_words, write_data_block};
use crate::audit::page::page_totals::PageTotals;
use crate::audit::page::refusal_list::RefusalList;
use crate::audit::page::sections::PageContent;
use crate::audit::population::refused_push::RefusedPush;
use crate::audit::table::{TableCell, format_table_time};
use crate::gate::load_from_pack;
use crate::policy::packs::POLICY_PACKS;

/// The name of the page in the folder of an audit.
pub const PAGE_FILE: &str = "report.html";

const TEMPLATE: &str = include_str!("report.html");
/// The style of the page, which other pages share.
pub(crate) const REPORT_STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");

/// The page while it is written.
pub struct ReportPage {
    file: UnfinishedFile,
    spool: ChangeSpool,
    totals: PageTotals,
    exceptions: ExceptionLists,
    controls: ControlCoverage,
    refusals: RefusalList,
    /// The exceptions about changes that have not come yet, by the ids of the changes.
    early: HashMap<String, Vec<(usize, AuditException)>>,
}

impl ReportPage {
    /// Begins the page of an audit that is written into `folder`.
    ///
    /// # Errors
    ///
    /// Fails if the page cannot be written there.
    pub fn create_page(folder: &Path) -> Result<ReportPage> {
        let file = UnfinishedFile::create(&folder.join(PAGE_FILE))?;
        let spool = ChangeSpool::new(file.create_spool()?, file.create_spool()?);
        Ok(ReportPage {
            file,
            spool,
            totals: PageTotals::default(),
            exceptions: ExceptionLists::default(),
            controls: ControlCoverage::default(),
            refusals: RefusalList::default(),
            early: HashMap::new(),
        })
    }

    /// Takes a policy that judges changes which follow.
    pub fn add_policy(&mut self, policy: &PolicyOutline) {
        self.controls.add_policy(policy);
    }

    /// Takes a change with its line of the change log and its exceptions, each with its number.
    ///
    /// # Errors
    ///
    /// Fails if the disk does.
    pub fn add_change(
        &mut self,
        change: &ChangeRecord,
        row: &[TableCell],
        exceptions: &[(usize, AuditException)],
    ) -> Result<()> {
        let number = self.spool.next_number();
        self.totals.add_change(change);
        self.controls.add_change(change);
        let mut of_change = self.early.remove(&change.change_id()).unwrap_or_default();
        of_change.extend_from_slice(exceptions);
        for (exception_number, exception) in &of_change {
            self.exceptions.add_exception(*exception_number, exception, Some(number));
        }
        let line = build_log_row(number, change, of_change.len());
        let detail = build_detail(number, change, row, &of_change);
        self.spool.add_change(change.landing.at, &line, &detail).context("cannot keep a change for the page")
    }

    /// Takes an exception that was found before the change that it is about, or that no change has.
    pub fn add_exception(&mut self, number: usize, exception: &AuditException) {
        if exception.subject_id.contains('@') {
            let of_change = self.early.entry(exception.subject_id.clone()).or_default();
            of_change.push((number, exception.clone()));
        } else {
            self.exceptions.add_exception(number, exception, None);
        }
    }

    /// Takes a push or a merge that was refused.
    pub fn add_refusal(&mut self, refused: &RefusedPush) {
        self.refusals.add_refusal(refused);
    }

    /// Writes the page.
    ///
    /// # Errors
    ///
    /// Fails if the page cannot be written; then there is none.
    pub fn finish_page(self, end: &AuditEnd<'_>) -> Result<()> {
        let ReportPage { mut file, spool, totals, mut exceptions, controls, refusals, early } = self;
        for (number, exception) in early.values().flatten() {
            exceptions.add_exception(*number, exception, None);
        }
        let content = PageContent {
            end,
            totals: &totals,
            exceptions: &exceptions,
            controls: &controls,
            refusals: &refusals,
            known_controls: list_pack_controls(),
        };
        let style = format!("{REPORT_STYLE}{}", format_page_margins(end));
        let mut spool = Some(spool);
        let mut selected = SelectedChanges { all: 0, rows: 0, detailed: Vec::new() };
        for (number, part) in TEMPLATE.split("{{").enumerate() {
            let mut text = part;
            if number > 0
                && let Some((name, rest)) = part.split_once("}}")
            {
                text = rest;
                match name {
                    "title" => write!(file, "{}", escape_html(&format_title(end)))?,
                    "security-policy" => write!(file, "{}", format_security_policy(&style))?,
                    "style" => file.write_all(style.as_bytes())?,
                    "script" => file.write_all(SCRIPT.as_bytes())?,
                    "changes" => {
                        if let Some(spool) = spool.take() {
                            selected = spool.write_blocks(&mut file)?;
                        }
                    }
                    "about-changes" => write_facts(&selected, &mut file)?,
                    name => {
                        if !content.write_section(name, &mut file)? {
                            bail!("the template of the page has no section `{name}`");
                        }
                    }
                }
            }
            file.write_all(text.as_bytes())?;
        }
        file.finish()
    }
}

/// Writes what the program of the page has to know beside the changes.
fn write_facts(selected: &SelectedChanges, out: &mut dyn Write) -> Result<()> {
    let columns: Vec<[&str; 2]> =
        CHANGE_COLUMNS.iter().map(|column| [column.title, column.meaning]).collect();
    // Where all changes have details, their numbers are those of the lines.
    let detailed = if selected.detailed.len() == selected.all { None } else { Some(&selected.detailed) };
    let facts = json!({
        "all": selected.all,
        "rows": selected.rows,
        "rowKeys": ROW_KEYS,
        "columns": columns,
        "details": selected.detailed.len(),
        "detailed": detailed,
    });
    Ok(write_data_block("id=\"facts\"", &facts, out)?)
}

/// Returns the controls that the shipped packs name: those that an auditor may ask about.
fn list_pack_controls() -> BTreeSet<String> {
    let mut controls = BTreeSet::new();
    for pack in POLICY_PACKS {
        let Ok(loaded) = load_from_pack(pack.name) else { continue };
        for rule in &loaded.policy.rules {
            controls.extend(rule.description.controls.iter().cloned());
        }
    }
    controls
}

fn format_title(end: &AuditEnd<'_>) -> String {
    let names: Vec<&str> = end.inputs.repositories.iter().map(|one| one.name.as_str()).collect();
    let named = match names.as_slice() {
        [] => "no repository".to_owned(),
        [only] => show_words(only),
        [first, ..] => format!("{} and {} more", show_words(first), names.len() - 1),
    };
    format!("Change management audit: {named}, {}", end.inputs.period)
}

/// Returns a policy that lets the page run its own style and script, and nothing else.
fn format_security_policy(style: &str) -> String {
    let digest = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
        digest(style),
        digest(SCRIPT)
    )
}

/// Returns the style of what stands above and below each printed page. Only plain characters come into it.
fn format_page_margins(end: &AuditEnd<'_>) -> String {
    let words = format!(
        "{} \u{b7} {} \u{b7} as of {}",
        end.inputs.tool,
        end.inputs.period,
        format_table_time(end.inputs.as_of)
    );
    let plain: String = words
        .chars()
        .filter(|letter| letter.is_ascii_alphanumeric() || " .:-+\u{b7}".contains(*letter))
        .collect();
    format!("@page{{@top-left{{content:\"{plain}\";font:8pt system-ui,sans-serif}}}}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_of_the_page_writes_text_and_nothing_else() {
        for way in
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "fetch("]
        {
            assert!(!SCRIPT.contains(way), "{way}");
        }
        assert!(!REPORT_STYLE.contains("url(") && !REPORT_STYLE.contains("@import"));
        for text in [TEMPLATE, REPORT_STYLE, SCRIPT] {
            assert!(!text.contains("http:") && !text.contains("https:"), "nothing is asked of a network");
        }
        assert!(!SCRIPT.contains("</script") && !SCRIPT.contains("<!--"));
    }
}
