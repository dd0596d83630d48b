//! Findings about settings, for people: one paragraph each, and below it what to do.

use std::io::{self, Write};

use crate::report::escape;
use crate::report::style::ReportStyle;
use crate::report::terminal::page::{TerminalPage, TextStyle, plain_text, styled_text};

/// One finding about a setting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AdviceItem<'a> {
    /// The state of the setting.
    pub(crate) status: AdviceStatus,
    /// The finding, as a sentence.
    pub(crate) what: &'a str,
    /// The fix, if there is something to do.
    pub(crate) fix: Option<&'a str>,
}

/// The state of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AdviceStatus {
    /// The setting is as it should be.
    Good,
    /// The setting could not be read.
    Unknown,
    /// The setting leaves a gap.
    Weak,
}

/// Writes findings below a heading, and a last line.
///
/// # Errors
///
/// Passes on what the writer says.
pub(crate) fn write_advice(
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
        let (style, word) = match item.status {
            AdviceStatus::Good => (TextStyle::Allowed, "ok"),
            AdviceStatus::Unknown => (TextStyle::Warning, "unknown"),
            AdviceStatus::Weak => (TextStyle::Denied, "weak"),
        };
        let gap = " ".repeat(8usize.saturating_sub(word.len()));
        let what = plain_text(format!("{gap}{}", escape::escape_words(item.what)));
        page.write_hanging_paragraph(2, 10, &[styled_text(style, word), what])?;
        if let Some(fix) = item.fix {
            let fix = format!("- {}", escape::escape_words(fix));
            page.write_hanging_paragraph(10, 12, &[styled_text(TextStyle::Secondary, fix)])?;
        }
    }
    page.request_gap();
    page.write_paragraph(0, &[plain_text(end.to_owned())])
}
