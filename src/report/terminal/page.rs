//! Lines for a terminal: wrapping, indents, colours.
//!
//! What comes in is printable already (see `escape`); what goes out is that, line ends, and colour
//! sequences of our own. No line can start like a command of a build log, whatever its words are.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style as Colour};

use crate::report::escape;
use crate::report::style::ReportStyle;

/// The meaning of a piece of text, which decides its look where colours are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextStyle {
    Plain,
    /// A name to look for: a ref, a rule.
    Name,
    /// The id of a commit.
    CommitId,
    Denied,
    Warning,
    Allowed,
    /// A line to paste or to run.
    Paste,
    /// Details that a reader can skip.
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

/// A piece of printable text with one look.
#[derive(Clone, Debug)]
pub(crate) struct StyledText {
    pub(crate) text: String,
    pub(crate) style: TextStyle,
}

/// Returns a piece of text without a look of its own.
pub(crate) fn plain_text(text: impl Into<String>) -> StyledText {
    StyledText { text: text.into(), style: TextStyle::Plain }
}

/// Returns a piece of text that looks as its meaning asks.
pub(crate) fn styled_text(style: TextStyle, text: impl Into<String>) -> StyledText {
    StyledText { text: text.into(), style }
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
        remaining_columns(self.width, indent)
    }

    /// Asks for an empty line before the next line; several requests are one.
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
        for line in break_lines(split_words(spans), indent, hanging, self.width) {
            self.write_line(line.indent, &line.spans)?;
        }
        Ok(())
    }

    /// Writes one line as it is, however long.
    pub(crate) fn write_line(&mut self, indent: usize, spans: &[StyledText]) -> io::Result<()> {
        if self.is_gap_due {
            writeln!(self.out)?;
        }
        self.is_gap_due = false;
        self.is_started = true;
        let whole = join_text(spans);
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

/// The columns of the text that [`wrap_words`] returns.
const PLAIN_TEXT_COLUMNS: usize = 79;

/// One line of a paragraph.
struct WrappedLine {
    indent: usize,
    spans: Vec<StyledText>,
}

/// Returns printable `text` after `start`, broken at spaces so that it fits a terminal of 80 columns;
/// further lines are indented by `indent`.
pub(crate) fn wrap_words(start: &str, indent: usize, text: &str) -> String {
    wrap_to_columns(start, indent, text, PLAIN_TEXT_COLUMNS)
}

/// Returns printable `text` as [`wrap_words`] does, for so many columns.
pub(crate) fn wrap_to_columns(start: &str, indent: usize, text: &str, columns: usize) -> String {
    let mut words = split_words(&[plain_text(text)]);
    match words.first_mut() {
        Some(first) => first.insert(0, plain_text(start)),
        None => words.push(vec![plain_text(start)]),
    }
    let mut wrapped = String::new();
    for line in break_lines(words, 0, indent, columns) {
        if !wrapped.is_empty() {
            wrapped.push('\n');
        }
        wrapped.push_str(&" ".repeat(line.indent));
        wrapped.push_str(join_text(&line.spans).trim_end());
    }
    wrapped
}

/// Returns words as lines of at most `width` columns: the first at `indent`, the others at `hanging`.
fn break_lines(words: Vec<Vec<StyledText>>, indent: usize, hanging: usize, width: usize) -> Vec<WrappedLine> {
    let words = join_commands(words, remaining_columns(width, indent.max(hanging)));
    let mut lines = Vec::new();
    let mut line = WrappedLine { indent, spans: Vec::new() };
    let mut used = 0;
    for word in words {
        let text = join_text(&word);
        let needed = used + escape::count_columns(text.trim_end());
        if !line.spans.is_empty() && needed > remaining_columns(width, line.indent) {
            let next = WrappedLine { indent: hanging, spans: Vec::new() };
            lines.push(std::mem::replace(&mut line, next));
            used = 0;
        }
        used += escape::count_columns(&text);
        for piece in word {
            match line.spans.last_mut() {
                Some(before) if before.style == piece.style => before.text.push_str(&piece.text),
                _ => line.spans.push(piece),
            }
        }
    }
    lines.push(line);
    lines
}

/// Returns the words with each command in backticks as one word, if it fits a line: of a broken one, the first line alone
/// would do something else when pasted.
fn join_commands(words: Vec<Vec<StyledText>>, columns: usize) -> Vec<Vec<StyledText>> {
    let mut joined = Vec::with_capacity(words.len());
    let mut rest = words.into_iter().peekable();
    while let Some(word) = rest.next() {
        let text = join_text(&word);
        if !COMMAND_STARTS.iter().any(|start| text.trim_end().ends_with(start)) {
            joined.push(word);
            continue;
        }
        let mut pieces = vec![word];
        let mut used = escape::count_columns(&text);
        let mut is_whole = false;
        while let Some(next) = rest.next_if(|_| !is_whole) {
            let text = join_text(&next);
            is_whole = text.contains('`');
            pieces.push(next);
            used += escape::count_columns(match is_whole {
                true => text.trim_end(),
                false => &text,
            });
        }
        match is_whole && used <= columns {
            true => joined.push(pieces.concat()),
            false => joined.extend(pieces),
        }
    }
    joined
}

/// How the first word of a command ends that a sentence quotes.
const COMMAND_STARTS: [&str; 2] = ["`changegate", "`git"];

/// Returns the columns beside an indent; never fewer than ten, however deep the indent is.
fn remaining_columns(width: usize, indent: usize) -> usize {
    width.saturating_sub(indent).max(10)
}

fn join_text(pieces: &[StyledText]) -> String {
    let mut text = String::new();
    for piece in pieces {
        text.push_str(&piece.text);
    }
    text
}

/// Returns the spans as words, each with the spaces after it; a word may reach over several spans.
fn split_words(spans: &[StyledText]) -> Vec<Vec<StyledText>> {
    let mut words: Vec<Vec<StyledText>> = Vec::new();
    let mut is_open = false;
    for span in spans {
        for piece in span.text.split_inclusive(' ') {
            let piece = StyledText { text: piece.to_owned(), style: span.style };
            let ends = piece.text.ends_with(' ');
            match words.last_mut() {
                // Further spaces go with the word before them, so that no line is of spaces alone.
                Some(word) if is_open || piece.text == " " => word.push(piece),
                _ => words.push(vec![piece]),
            }
            is_open = !ends;
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
    fn words_wrap_after_a_start() {
        assert_eq!(wrap_words("  by ", 4, "a b"), "  by a b");
        assert_eq!(wrap_words("  by ", 4, ""), "  by");
        let (long, other) = ("x".repeat(90), "y".repeat(70));
        assert_eq!(
            wrap_words("  by ", 4, &format!("{long} a {other}")),
            format!("  by {long}\n    a {other}")
        );
    }

    #[test]
    fn a_command_in_a_sentence_stays_whole_where_it_fits_a_line() {
        let text =
            "they take that back with `changegate approve 1f --revoke`, or `git b c d e f g h i j k l m n`";
        for columns in [36, 38, 60] {
            let wrapped = wrap_to_columns("", 2, text, columns);
            assert!(wrapped.contains("`changegate approve 1f --revoke`"), "{wrapped}");
            assert!(wrapped.lines().all(|line| line.len() <= columns), "{wrapped}");
        }
        // What does not fit, or has no end, is broken like prose.
        for text in [text, "run `git and then nothing that ends, however long one reads on"] {
            let wrapped = wrap_to_columns("", 2, text, 24);
            assert!(wrapped.lines().count() > 2, "{wrapped}");
            assert!(wrapped.lines().all(|line| line.len() <= 24), "{wrapped}");
        }
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
