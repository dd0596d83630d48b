//! Findings about settings, for people: one paragraph each, and below it what to do.

use std::io::{self, Write};

use crate::report::terminal::page::{TerminalPage, TextStyle, plain_text, styled_text};
use crate::report::{ReportStyle, escape};

/// One finding.
#[derive(Clone, Copy, Debug)]
pub struct AdviceItem<'a> {
    /// How it stands.
    pub status: AdviceStatus,
    /// What was found.
    pub what: &'a str,
    /// What to do about it.
    pub fix: Option<&'a str>,
}

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdviceStatus {
    /// Well.
    Good,
    /// Nobody knows.
    Unknown,
    /// Not well.
    Weak,
}

/// Writes findings below a heading, and a last line.
///
/// # Errors
///
/// Passes on what the writer says.
pub fn write_advice(
    heading: &str,
    items: &[AdviceItem<'_>],
    end: &str,
    style: &ReportStyle,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut page = TerminalPage::new(out, style);
    page.write_paragraph(0, &[styled_text(TextStyle::Name, escape::escape_words(heading))])?;
    page.request_gap();
    for item in items {
        let (look, word) = match item.status {
            AdviceStatus::Good => (TextStyle::Allowed, "ok"),
            AdviceStatus::Unknown => (TextStyle::Warning, "unknown"),
            AdviceStatus::Weak => (TextStyle::Denied, "weak"),
        };
        let gap = " ".repeat(8usize.saturating_sub(word.len()));
        let what = plain_text(format!("{gap}{}", escape::escape_words(item.what)));
        page.write_hanging_paragraph(2, 10, &[styled_text(look, word), what])?;
        if let Some(mend) = item.fix {
            page.write_hanging_paragraph(
                10,
                12,
                &[styled_text(TextStyle::Secondary, format!("- {}", escape::escape_words(mend)))],
            )?;
        }
    }
    page.request_gap();
    page.write_paragraph(0, &[plain_text(end.to_owned())])
}
