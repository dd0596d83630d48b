//! Findings about settings, for people: one paragraph each, and below it what to do.

use std::io::{self, Write};

use super::page::{Look, Page, plain, span};
use super::{Style, escape};

/// One finding.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// How it stands.
    pub tone: Tone,
    /// What was found.
    pub what: &'a str,
    /// What to do about it.
    pub mend: Option<&'a str>,
}

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Well.
    Good,
    /// Nobody knows.
    Unknown,
    /// Not well.
    Bad,
}

/// Writes findings below a heading, and a last line.
///
/// # Errors
///
/// Passes on what the writer says.
pub fn write(
    heading: &str,
    items: &[Item<'_>],
    end: &str,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut page = Page::new(out, style);
    page.paragraph(0, &[span(Look::Name, escape::words(heading))])?;
    page.gap();
    for item in items {
        let (look, word) = match item.tone {
            Tone::Good => (Look::Allowed, "ok"),
            Tone::Unknown => (Look::Warning, "unknown"),
            Tone::Bad => (Look::Denied, "weak"),
        };
        let gap = " ".repeat(8usize.saturating_sub(word.len()));
        let what = plain(format!("{gap}{}", escape::words(item.what)));
        page.paragraph_hanging(2, 10, &[span(look, word), what])?;
        if let Some(mend) = item.mend {
            page.paragraph_hanging(10, 12, &[span(Look::Faint, format!("- {}", escape::words(mend)))])?;
        }
    }
    page.gap();
    page.paragraph(0, &[plain(end.to_owned())])
}
