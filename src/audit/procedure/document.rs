//! What a document consists of: sections of paragraphs, lists and tables.
//!
//! Every text in it is made printable when it enters: controls and marks that turn the direction of text
//! become visible. Each format then escapes what it would act on, so that no text does anything.

use crate::report::escape::{MAX_QUOTE_COLUMNS, escape_terminal, escape_words};

/// A document, in no particular format.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProcedureDocument {
    /// The title.
    pub title: String,
    /// One line below the title.
    pub subtitle: String,
    /// The chapters, in order.
    pub sections: Vec<DocumentSection>,
}

/// One numbered chapter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DocumentSection {
    /// Its heading, without a number.
    pub title: String,
    /// What it holds, in order.
    pub blocks: Vec<DocumentBlock>,
}

/// A part of a section.
#[derive(Clone, Debug, PartialEq)]
pub enum DocumentBlock {
    /// A heading below that of the section.
    Subheading(RichText),
    /// A paragraph.
    Paragraph(RichText),
    /// A list without numbers.
    List(Vec<RichText>),
    /// A list of steps, with numbers.
    Steps(Vec<RichText>),
    /// A table.
    Table(DocumentTable),
}

/// A table with titles above its columns.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentTable {
    /// The columns, from left to right.
    pub columns: Vec<DocumentColumn>,
    /// The rows; each has a cell for every column.
    pub rows: Vec<Vec<TextCell>>,
}

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DocumentColumn {
    /// The title above it.
    pub title: &'static str,
    /// Its part of the width, in per cent.
    pub percent: u8,
}

/// A cell of a table: one or more lines.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TextCell {
    /// The lines; none for an empty cell.
    pub lines: Vec<RichText>,
}

/// A text in which some parts are code.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RichText {
    /// The parts, which are printable.
    pub runs: Vec<TextRun>,
}

/// A part of a text in one style.
#[derive(Clone, Debug, PartialEq)]
pub struct TextRun {
    /// The printable words, on one line.
    pub words: String,
    /// How they look.
    pub style: RunStyle,
}

/// How a part of a text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunStyle {
    /// Prose.
    Plain,
    /// A name, a value or a pattern, in a font for code.
    Code,
    /// Prose in bold.
    Strong,
}

impl RichText {
    /// Reads our own words or the policy's: what stands between backticks is code.
    pub(crate) fn from_words(words: &str) -> RichText {
        let words = escape_words(words);
        let mut text = RichText::default();
        // An odd number of backticks are characters like any other.
        let is_paired = words.matches('`').count().is_multiple_of(2);
        let mut rest = words.as_str();
        while is_paired && let Some((before, quoted)) = rest.split_once('`') {
            let (quoted, after) = quoted.split_once('`').unwrap_or((quoted, ""));
            text.push_run(before, RunStyle::Plain);
            text.push_run(quoted, RunStyle::Code);
            rest = after;
        }
        text.push_run(rest, RunStyle::Plain);
        text
    }

    /// Returns a text in bold.
    pub(crate) fn from_strong(words: &str) -> RichText {
        let mut text = RichText::from_words(words);
        for run in &mut text.runs {
            if run.style == RunStyle::Plain {
                run.style = RunStyle::Strong;
            }
        }
        text
    }

    /// Returns words of contributors as code, and no more of them than a quotation takes.
    pub(crate) fn from_quote(bytes: &[u8]) -> RichText {
        let mut text = RichText::default();
        text.push_run(&escape_terminal(bytes, MAX_QUOTE_COLUMNS), RunStyle::Code);
        text
    }

    /// Returns the words without their styles.
    pub fn to_plain_words(&self) -> String {
        self.runs.iter().map(|run| run.words.as_str()).collect()
    }

    fn push_run(&mut self, words: &str, style: RunStyle) {
        if !words.is_empty() {
            self.runs.push(TextRun { words: words.to_owned(), style });
        }
    }
}

impl TextCell {
    /// Returns a cell of one line.
    pub(crate) fn from_words(words: &str) -> TextCell {
        TextCell { lines: vec![RichText::from_words(words)] }
    }

    /// Returns a cell with a line for each of these texts.
    pub(crate) fn from_lines<S: AsRef<str>>(lines: &[S]) -> TextCell {
        TextCell { lines: lines.iter().map(|line| RichText::from_words(line.as_ref())).collect() }
    }

    /// Returns a cell of one line in bold.
    pub(crate) fn from_strong(words: &str) -> TextCell {
        TextCell { lines: vec![RichText::from_strong(words)] }
    }

    /// Returns a cell to write in.
    pub(crate) fn empty() -> TextCell {
        TextCell::default()
    }
}

impl ProcedureDocument {
    /// Returns a document with a printable title and subtitle.
    pub(crate) fn new(title: &str, subtitle: &str, sections: Vec<DocumentSection>) -> ProcedureDocument {
        ProcedureDocument { title: escape_words(title), subtitle: escape_words(subtitle), sections }
    }
}

impl DocumentTable {
    /// Returns a table without rows. The widths of its columns are in per cent.
    pub(crate) fn new(columns: &[(&'static str, u8)]) -> DocumentTable {
        let columns = columns.iter().map(|(title, percent)| DocumentColumn { title, percent: *percent });
        DocumentTable { columns: columns.collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn add_row(&mut self, cells: Vec<TextCell>) {
        debug_assert_eq!(cells.len(), self.columns.len());
        self.rows.push(cells);
    }
}

impl DocumentSection {
    /// Returns a section without content.
    pub(crate) fn new(title: &str) -> DocumentSection {
        DocumentSection { title: escape_words(title), blocks: Vec::new() }
    }

    /// Adds a paragraph.
    pub(crate) fn add_paragraph(&mut self, words: &str) {
        self.blocks.push(DocumentBlock::Paragraph(RichText::from_words(words)));
    }

    /// Adds a heading below that of the section.
    pub(crate) fn add_subheading(&mut self, words: &str) {
        self.blocks.push(DocumentBlock::Subheading(RichText::from_words(words)));
    }

    /// Adds a list, unless it is empty.
    pub(crate) fn add_list<S: AsRef<str>>(&mut self, items: &[S]) {
        if !items.is_empty() {
            let items = items.iter().map(|item| RichText::from_words(item.as_ref()));
            self.blocks.push(DocumentBlock::List(items.collect()));
        }
    }

    /// Adds a list of steps.
    pub(crate) fn add_steps<S: AsRef<str>>(&mut self, items: &[S]) {
        let items = items.iter().map(|item| RichText::from_words(item.as_ref()));
        self.blocks.push(DocumentBlock::Steps(items.collect()));
    }

    /// Adds a table.
    pub(crate) fn add_table(&mut self, table: DocumentTable) {
        self.blocks.push(DocumentBlock::Table(table));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_between_backticks_are_code_and_a_single_backtick_is_none() {
        let styles = |words: &str| -> Vec<(String, RunStyle)> {
            RichText::from_words(words).runs.into_iter().map(|run| (run.words, run.style)).collect()
        };
        assert_eq!(
            styles("state `Risk` now"),
            [
                ("state ".to_owned(), RunStyle::Plain),
                ("Risk".to_owned(), RunStyle::Code),
                (" now".to_owned(), RunStyle::Plain)
            ]
        );
        assert_eq!(styles("an odd ` one"), [("an odd ` one".to_owned(), RunStyle::Plain)]);
        assert_eq!(
            styles("a\n\u{202e}\u{1b}[2J"),
            [("a \\u{202e}\\x1b[2J".to_owned(), RunStyle::Plain)],
            "what cannot be seen is shown"
        );
    }
}
