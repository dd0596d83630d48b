//! Lines for a terminal: wrapping, indents, colours.
//!
//! What comes in is printable already (see `escape`); what goes out is that, line ends, and colour
//! sequences of our own. No line can start like a command of a build log, whoever wrote its words.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style as Colour};

use crate::change::person::is_invisible;
use crate::report::{ReportStyle, escape};

/// What a piece of text is, and so how it looks where colours are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextStyle {
    Plain,
    /// A name that one looks for: a ref, a rule.
    Name,
    /// An id of a commit.
    CommitId,
    Denied,
    Warning,
    Allowed,
    /// What one pastes.
    Paste,
    /// What one can do without.
    Secondary,
}

impl TextStyle {
    fn ansi_style(self) -> Colour {
        match self {
            TextStyle::Plain => Colour::new(),
            TextStyle::Name => Colour::new().bold(),
            TextStyle::CommitId => AnsiColor::Yellow.on_default(),
            TextStyle::Denied => AnsiColor::Red.on_default().bold(),
            TextStyle::Warning => AnsiColor::Yellow.on_default().bold(),
            TextStyle::Allowed => AnsiColor::Green.on_default().bold(),
            TextStyle::Paste => AnsiColor::Cyan.on_default(),
            TextStyle::Secondary => Colour::new().dimmed(),
        }
    }
}

/// A piece of printable text.
#[derive(Clone, Debug)]
pub(crate) struct StyledText {
    pub(crate) text: String,
    pub(crate) style: TextStyle,
}

/// Returns a piece that looks like any other.
pub(crate) fn plain_text(text: impl Into<String>) -> StyledText {
    StyledText { text: text.into(), style: TextStyle::Plain }
}

/// Returns a piece that looks as what it is.
pub(crate) fn styled_text(look: TextStyle, text: impl Into<String>) -> StyledText {
    StyledText { text: text.into(), style: look }
}

/// A writer that knows about width and colour.
pub(crate) struct TerminalPage<'out> {
    out: &'out mut dyn Write,
    use_colour: bool,
    width: usize,
    /// True if an empty line is due before the next one that is not.
    is_gap_due: bool,
    is_started: bool,
}

impl<'out> TerminalPage<'out> {
    pub(crate) fn new(out: &'out mut dyn Write, style: &ReportStyle) -> Self {
        TerminalPage {
            out,
            use_colour: style.colour,
            width: style.width.max(20),
            is_gap_due: false,
            is_started: false,
        }
    }

    /// Returns how many columns are left beside an indent; never none.
    pub(crate) fn remaining_columns(&self, indent: usize) -> usize {
        self.width.saturating_sub(indent).max(10)
    }

    /// Asks for an empty line before whatever comes next; several of them are one.
    pub(crate) fn request_gap(&mut self) {
        self.is_gap_due = self.is_started;
    }

    /// Writes a paragraph: the first line at `indent`, the others two further in.
    ///
    /// Lines break at spaces only; a word that is wider than the page stays whole, since a path or
    /// an id that is broken can no longer be copied.
    pub(crate) fn write_paragraph(&mut self, indent: usize, spans: &[StyledText]) -> io::Result<()> {
        self.write_hanging_paragraph(indent, indent + 2, spans)
    }

    /// Writes a paragraph whose lines after the first stand at `hanging`.
    pub(crate) fn write_hanging_paragraph(
        &mut self,
        indent: usize,
        hanging: usize,
        spans: &[StyledText],
    ) -> io::Result<()> {
        let mut line: Vec<StyledText> = Vec::new();
        let (mut used, mut at) = (0, indent);
        for word in split_words(spans) {
            let text: String = word.iter().map(|piece| piece.text.as_str()).collect();
            let width = escape::count_columns(text.trim_end());
            if !line.is_empty() && self.remaining_columns(at) < used + width {
                self.write_line(at, &line)?;
                (line, used, at) = (Vec::new(), 0, hanging);
            }
            used += escape::count_columns(&text);
            for piece in word {
                match line.last_mut() {
                    Some(before) if before.style == piece.style => before.text.push_str(&piece.text),
                    _ => line.push(piece),
                }
            }
        }
        self.write_line(at, &line)
    }

    /// Writes one line as it is, however long.
    pub(crate) fn write_line(&mut self, indent: usize, spans: &[StyledText]) -> io::Result<()> {
        if self.is_gap_due {
            writeln!(self.out)?;
        }
        (self.is_gap_due, self.is_started) = (false, true);
        let whole: String = spans.iter().map(|span| span.text.as_str()).collect();
        let end = whole.trim_end().len();
        let guarded = escape::escape_line_start(&whole);
        if end == 0 {
            return writeln!(self.out);
        }
        write!(self.out, "{:indent$}", "")?;
        if guarded != whole {
            // Too rare for colours: what matters is that no build log obeys it.
            return writeln!(self.out, "{}", guarded.trim_end());
        }
        let mut written = 0;
        for span in spans {
            let text = span.text.get(..end.saturating_sub(written).min(span.text.len())).unwrap_or_default();
            written += span.text.len();
            let colour = if self.use_colour { span.style.ansi_style() } else { Colour::new() };
            write!(self.out, "{}{text}{}", colour.render(), colour.render_reset())?;
        }
        writeln!(self.out)
    }
}

/// How many columns a command's own text takes.
const TEXT_COLUMNS: usize = 79;

/// Returns `text` after `start`, broken at spaces so that it fits a terminal of 80 columns; further lines
/// stand at `hanging`. Characters that cannot be seen are replaced: a policy can come from anywhere.
pub(crate) fn wrap_text(start: &str, hanging: usize, text: &str) -> String {
    let mut line = start.to_owned();
    for (index, word) in text.split_whitespace().enumerate() {
        if index > 0 {
            line.push(' ');
        }
        for character in word.chars() {
            line.push(if is_invisible(character) { char::REPLACEMENT_CHARACTER } else { character });
        }
    }
    let style = ReportStyle { width: TEXT_COLUMNS, ..ReportStyle::default() };
    let mut out = Vec::new();
    // Writing to memory does not fail.
    let _ = TerminalPage::new(&mut out, &style).write_hanging_paragraph(0, hanging, &[plain_text(line)]);
    let written = String::from_utf8_lossy(&out);
    written.strip_suffix('\n').unwrap_or(&written).to_owned()
}

/// Returns the spans as words, each with the spaces after it; a word may reach over several spans.
fn split_words(spans: &[StyledText]) -> Vec<Vec<StyledText>> {
    let mut words: Vec<Vec<StyledText>> = Vec::new();
    let mut open = false;
    for span in spans {
        for piece in span.text.split_inclusive(' ') {
            let piece = StyledText { text: piece.to_owned(), style: span.style };
            let ends = piece.text.ends_with(' ');
            match words.last_mut() {
                // Further spaces go with the word before them, so that no line is of spaces alone.
                Some(word) if open || piece.text == " " => word.push(piece),
                _ => words.push(vec![piece]),
            }
            open = !ends;
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(style: &ReportStyle, spans: &[StyledText]) -> String {
        let mut out = Vec::new();
        TerminalPage::new(&mut out, style).write_paragraph(2, spans).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_paragraph_hangs_and_breaks_at_spaces_only() {
        let style = ReportStyle { width: 24, ..ReportStyle::default() };
        let spans = [
            styled_text(TextStyle::Name, "rule"),
            plain_text(": a sentence over `two` lines, then "),
            plain_text("x".repeat(30)),
        ];
        insta::assert_snapshot!(written(&style, &spans), @r"
          rule: a sentence over
            `two` lines, then
            xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
        ");
    }

    #[test]
    fn text_hangs_after_its_start() {
        let text = "one two\u{202e} three ".repeat(5);
        let lines = wrap_text("  requires ", 11, &text);
        assert_eq!(lines.lines().count(), 2);
        assert!(lines.starts_with("  requires one two\u{fffd} three one"), "{lines}");
        assert!(lines.lines().all(|line| line.chars().count() <= 79), "{lines}");
        assert!(lines.lines().skip(1).all(|line| line.starts_with(&" ".repeat(11))), "{lines}");
    }

    #[test]
    fn no_line_starts_like_a_command_wherever_it_breaks() {
        let style = ReportStyle { width: 20, ..ReportStyle::default() };
        let spans = [plain_text("it says that ::error::x and remote: y")];
        for line in written(&style, &spans).lines() {
            assert!(!line.trim_start().starts_with("::"), "{line}");
            assert!(!line.trim_start().starts_with("remote:"), "{line}");
        }
    }

    #[test]
    fn colours_are_opened_and_closed_on_each_line() {
        let style = ReportStyle { width: 20, colour: true, ..ReportStyle::default() };
        let spans = [
            styled_text(TextStyle::Denied, "denied for "),
            styled_text(TextStyle::Denied, "a reason or two"),
        ];
        for line in written(&style, &spans).lines() {
            assert!(line.ends_with("\u{1b}[0m"), "{line:?}");
        }
    }
}
