//! Collects the lines of text between the tags of a description.

use crate::change::description::line::DescriptionLine;

/// The lines of a heading, a paragraph or a cell, while they are collected.
#[derive(Default)]
pub(crate) struct OpenLeaf {
    pub(crate) finished_lines: Vec<DescriptionLine>,
    pub(crate) current_line: DescriptionLine,
    /// The column at which the first line begins.
    pub(crate) first_column: Option<usize>,
    /// True if nothing in the description has opened it: the text of a tight list item.
    pub(crate) is_implied: bool,
    /// Where the bold text at the start of the line begins, while it goes on.
    pub(crate) bold_from: Option<usize>,
    /// How many HTML tags that slant the text are open.
    pub(crate) italic_tags: usize,
}

impl OpenLeaf {
    /// Ends a line; `number` is its own if nothing has been written on it.
    pub(crate) fn end_line(&mut self, is_ended: bool, number: usize) {
        let goes_on = self.bold_from.is_some();
        self.end_bold();
        self.bold_from = goes_on.then_some(0);
        let line = std::mem::take(&mut self.current_line);
        let number = if line.number == 0 { number } else { line.number };
        self.finished_lines.push(DescriptionLine { is_hard_break: is_ended, number, ..line });
    }

    pub(crate) fn end_bold(&mut self) {
        if let Some(from) = self.bold_from.take()
            && from < self.current_line.text.len()
        {
            self.current_line.bold_range = Some(from..self.current_line.text.len());
        }
    }

    pub(crate) fn into_lines(mut self) -> Vec<DescriptionLine> {
        if self.current_line.number > 0 {
            self.finished_lines.push(self.current_line);
        }
        self.finished_lines
    }

    /// Returns the lines up to an unclosed comment: to Markdown it is text, but its author meant a
    /// comment.
    pub(crate) fn into_visible_lines(self) -> Vec<DescriptionLine> {
        let mut lines = self.into_lines();
        if let Some(index) = lines.iter().position(|line| line.text.contains("<!--")) {
            lines.truncate(index + 1);
            if let Some(line) = lines.last_mut() {
                let kept = line.text.find("<!--").unwrap_or(0);
                line.text.truncate(kept);
                line.bold_range = line.bold_range.take().filter(|bold| bold.end <= kept);
            }
        }
        lines
    }
}
