//! A labelled line while its value is being read.

use crate::change::description::label_extent::LabelExtents;
use crate::change::description::line::LabelledLine;

/// A labelled line, with the lines that go on with its value.
pub(crate) struct OpenLabel {
    /// The label as written, without what decorates it.
    pub(crate) label: String,
    /// True if it is bold.
    pub(crate) is_bold: bool,
    /// What stands beside it and on the next lines, each with its number.
    pub(crate) lines: Vec<(String, usize)>,
}

impl OpenLabel {
    pub(crate) fn new(labelled: LabelledLine<'_>, number: usize) -> Self {
        let lines = vec![(labelled.value.to_owned(), number)];
        OpenLabel { label: labelled.label, is_bold: labelled.is_bold, lines }
    }

    pub(crate) fn add_line(&mut self, text: &str, number: usize) {
        self.lines.push((text.to_owned(), number));
    }

    pub(crate) fn first_line(&self) -> usize {
        self.lines.first().map_or(0, |(_, number)| *number)
    }

    pub(crate) fn add_extent(&self, extents: &mut LabelExtents) {
        let last = self.lines.last().map_or(0, |(_, number)| *number);
        extents.add_extent(&self.label, self.first_line(), last);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lines.iter().all(|(text, _)| text.trim().is_empty())
    }
}
