//! Lines for a terminal: wrapping, indents, colours.
//!
//! What comes in is printable already (see `escape`); what goes out is that, line ends, and colour
//! sequences of our own. No line can start like a command of a build log, whoever wrote its words.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style as Colour};

use super::{Style, escape};

/// What a piece of text is, and so how it looks where colours are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Plain,
    /// A name that one looks for: a ref, a rule.
    Name,
    /// An id of a commit.
    Id,
    Denied,
    Warning,
    Allowed,
    /// What one pastes.
    Paste,
    /// What one can do without.
    Faint,
}

impl Look {
    fn colour(self) -> Colour {
        match self {
            Look::Plain => Colour::new(),
            Look::Name => Colour::new().bold(),
            Look::Id => AnsiColor::Yellow.on_default(),
            Look::Denied => AnsiColor::Red.on_default().bold(),
            Look::Warning => AnsiColor::Yellow.on_default().bold(),
            Look::Allowed => AnsiColor::Green.on_default().bold(),
            Look::Paste => AnsiColor::Cyan.on_default(),
            Look::Faint => Colour::new().dimmed(),
        }
    }
}

/// A piece of printable text.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) text: String,
    pub(super) look: Look,
}

/// Returns a piece that looks like any other.
pub(super) fn plain(text: impl Into<String>) -> Span {
    Span { text: text.into(), look: Look::Plain }
}

/// Returns a piece that looks as what it is.
pub(super) fn span(look: Look, text: impl Into<String>) -> Span {
    Span { text: text.into(), look }
}

/// A writer that knows about width and colour.
pub(super) struct Page<'out> {
    out: &'out mut dyn Write,
    colour: bool,
    width: usize,
    /// True if an empty line is due before the next one that is not.
    gap: bool,
    started: bool,
}

impl<'out> Page<'out> {
    pub(super) fn new(out: &'out mut dyn Write, style: &Style) -> Self {
        Page { out, colour: style.colour, width: style.width.max(20), gap: false, started: false }
    }

    /// Returns how many columns are left beside an indent; never none.
    pub(super) fn room(&self, indent: usize) -> usize {
        self.width.saturating_sub(indent).max(10)
    }

    /// Asks for an empty line before whatever comes next; several of them are one.
    pub(super) fn gap(&mut self) {
        self.gap = self.started;
    }

    /// Writes a paragraph: the first line at `indent`, the others two further in.
    ///
    /// Lines break at spaces only; a word that is wider than the page stays whole, since a path or
    /// an id that is broken can no longer be copied.
    pub(super) fn paragraph(&mut self, indent: usize, spans: &[Span]) -> io::Result<()> {
        self.paragraph_hanging(indent, indent + 2, spans)
    }

    /// Writes a paragraph whose lines after the first stand at `hanging`.
    pub(super) fn paragraph_hanging(
        &mut self,
        indent: usize,
        hanging: usize,
        spans: &[Span],
    ) -> io::Result<()> {
        let mut line: Vec<Span> = Vec::new();
        let (mut used, mut at) = (0, indent);
        for word in words(spans) {
            let text: String = word.iter().map(|piece| piece.text.as_str()).collect();
            let width = escape::columns(text.trim_end());
            if !line.is_empty() && self.room(at) < used + width {
                self.line(at, &line)?;
                (line, used, at) = (Vec::new(), 0, hanging);
            }
            used += escape::columns(&text);
            for piece in word {
                match line.last_mut() {
                    Some(before) if before.look == piece.look => before.text.push_str(&piece.text),
                    _ => line.push(piece),
                }
            }
        }
        self.line(at, &line)
    }

    /// Writes one line as it is, however long.
    pub(super) fn line(&mut self, indent: usize, spans: &[Span]) -> io::Result<()> {
        if self.gap {
            writeln!(self.out)?;
        }
        (self.gap, self.started) = (false, true);
        let whole: String = spans.iter().map(|span| span.text.as_str()).collect();
        let end = whole.trim_end().len();
        let guarded = escape::line_start(&whole);
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
            let colour = if self.colour { span.look.colour() } else { Colour::new() };
            write!(self.out, "{}{text}{}", colour.render(), colour.render_reset())?;
        }
        writeln!(self.out)
    }
}

/// Returns the spans as words, each with the spaces after it; a word may reach over several spans.
fn words(spans: &[Span]) -> Vec<Vec<Span>> {
    let mut words: Vec<Vec<Span>> = Vec::new();
    let mut open = false;
    for span in spans {
        for piece in span.text.split_inclusive(' ') {
            let piece = Span { text: piece.to_owned(), look: span.look };
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

    fn written(style: &Style, spans: &[Span]) -> String {
        let mut out = Vec::new();
        Page::new(&mut out, style).paragraph(2, spans).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_paragraph_hangs_and_breaks_at_spaces_only() {
        let style = Style { width: 24, ..Style::default() };
        let spans =
            [span(Look::Name, "rule"), plain(": a sentence over `two` lines, then "), plain("x".repeat(30))];
        insta::assert_snapshot!(written(&style, &spans), @r"
          rule: a sentence over
            `two` lines, then
            xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
        ");
    }

    #[test]
    fn no_line_starts_like_a_command_wherever_it_breaks() {
        let style = Style { width: 20, ..Style::default() };
        let spans = [plain("it says that ::error::x and remote: y")];
        for line in written(&style, &spans).lines() {
            assert!(!line.trim_start().starts_with("::"), "{line}");
            assert!(!line.trim_start().starts_with("remote:"), "{line}");
        }
    }

    #[test]
    fn colours_are_opened_and_closed_on_each_line() {
        let style = Style { width: 20, colour: true, ..Style::default() };
        let spans = [span(Look::Denied, "denied for "), span(Look::Denied, "a reason or two")];
        for line in written(&style, &spans).lines() {
            assert!(line.ends_with("\u{1b}[0m"), "{line:?}");
        }
    }
}
