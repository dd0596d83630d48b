//! Which lines belong to each label of a description, so that a value knows which of its lines state
//! something else.

use crate::change::description::statement::NestedLabel;

/// How many labels of one line are known; the others of a wide table are not.
const MAX_LABELS_OF_LINE: usize = 8;

/// A label, with the lines that belong to it.
pub(crate) struct LabelExtent {
    /// The label as written, without what decorates it.
    pub(crate) label: String,
    /// The line of the label, or the first one below it.
    pub(crate) first: usize,
    /// The last line, not before `first`.
    pub(crate) last: usize,
}

/// The extents of all labels of a description.
#[derive(Default)]
pub(crate) struct LabelExtents(Vec<LabelExtent>);

/// A part of a value: the line that it comes from, and its bytes in the value.
pub(crate) struct PlacedPart {
    pub(crate) line: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl LabelExtents {
    /// Adds a label with its lines; nothing if `last` is before `first`.
    pub(crate) fn add_extent(&mut self, label: &str, first: usize, last: usize) {
        if first <= last {
            self.0.push(LabelExtent { label: label.to_owned(), first, last });
        }
    }

    /// Puts the extents in the order of their lines, and leaves out those that are too many.
    pub(crate) fn sort_extents(&mut self) {
        self.0.sort_by_key(|extent| extent.first);
        let mut line = 0;
        let mut count = 0;
        self.0.retain(|extent| {
            count = if extent.first == line { count + 1 } else { 1 };
            line = extent.first;
            count <= MAX_LABELS_OF_LINE
        });
    }

    /// Returns the parts of a value that stand at labels which begin on the line `from` or later. The parts
    /// are in the order of lines, and the extents are sorted.
    pub(crate) fn find_nested_labels(&self, from: usize, parts: &[PlacedPart]) -> Vec<NestedLabel> {
        let mut nested: Vec<NestedLabel> = Vec::new();
        let begin = self.0.partition_point(|extent| extent.first < from);
        let mut coming = self.0.iter().skip(begin).peekable();
        // The labels around the part, each with its entry in `nested` once it has one.
        let mut open: Vec<(&LabelExtent, Option<usize>)> = Vec::new();
        for part in parts {
            while let Some(extent) = coming.next_if(|extent| extent.first <= part.line) {
                open.push((extent, None));
            }
            open.retain(|(extent, _)| extent.last >= part.line);
            for (extent, entry) in &mut open {
                match entry.and_then(|index| nested.get_mut(index)) {
                    Some(known) => known.end = part.end,
                    None => {
                        *entry = Some(nested.len());
                        let (line, start, end) = (part.line, part.start, part.end);
                        nested.push(NestedLabel { label: extent.label.clone(), line, start, end });
                    }
                }
            }
        }
        nested
    }
}
