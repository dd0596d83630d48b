//! What stands below a label: the ticked boxes, or the text.
//!
//! It is only known to be a value once it is known what is stated inside of it: a heading above a
//! line with the same label adds nothing to that line.

use std::ops::RangeInclusive;

use crate::change::description::line::{DescriptionLine, join_lines};
use crate::change::description::outline::DescriptionBlock;
use crate::change::description::statement::DescriptionStatement;

/// What stands below a label, and the lines that belong to it.
pub(crate) struct LabelContent {
    label: String,
    lines: RangeInclusive<usize>,
    values: Vec<(String, usize)>,
}

impl LabelContent {
    /// Reads what stands below `label`: the ticked boxes if there are boxes, and else the text. What
    /// stands below headings of its own counts only where there is nothing above them.
    pub(crate) fn read_content(label: &str, blocks: &[DescriptionBlock]) -> LabelContent {
        let above = take_until(blocks, |block| matches!(block, DescriptionBlock::Heading(..)));
        let scope = if above.iter().any(|block| !find_line_range(std::slice::from_ref(block)).is_empty()) {
            above
        } else {
            blocks
        };
        let mut below =
            LabelContent { label: label.to_owned(), lines: find_line_range(scope), values: Vec::new() };
        let mut has_boxes = false;
        for block in scope {
            has_boxes |= collect_ticked_boxes(block, &mut below.values);
        }
        if has_boxes {
            return below;
        }
        let mut value = String::new();
        let mut first = None;
        for block in scope {
            let mut text = String::new();
            collect_text(block, &mut text, &mut first);
            // What follows a first paragraph is the reason for it, as behind the `;` of a trailer. The
            // items of a list are all alike: an offer of `low` and `high` is no `low; high`.
            let is_answer = matches!(scope.first(), Some(DescriptionBlock::Paragraph(_)));
            if !value.is_empty() && !text.is_empty() {
                let is_whole = value.ends_with(['.', '!', '?', ':', ';', ',']);
                value.push_str(if is_answer && !is_whole { "; " } else { " " });
            }
            value.push_str(&text);
        }
        below.values.extend(first.map(|line| (value, line)));
        below
    }

    /// Returns what is stated by it, given what is `found` on lines with a label of their own, in
    /// the order of lines.
    pub(crate) fn into_statements(self, found: &[DescriptionStatement]) -> Vec<DescriptionStatement> {
        let first = found.partition_point(|inside| inside.line < *self.lines.start());
        let mut inside = found.iter().skip(first).take_while(|inside| self.lines.contains(&inside.line));
        if inside.any(|inside| is_same_label(&inside.label, &self.label)) {
            return Vec::new();
        }
        let statement =
            |(value, line): &(String, usize)| DescriptionStatement::new(self.label.clone(), value, *line);
        self.values.iter().filter_map(statement).collect()
    }
}

/// Returns true for two spellings of one label.
fn is_same_label(one: &str, other: &str) -> bool {
    let letters = |label: &str| -> Vec<u8> {
        let letter = |byte: u8| if byte == b' ' { b'-' } else { byte.to_ascii_lowercase() };
        label.bytes().map(letter).collect()
    };
    one.len() == other.len() && letters(one) == letters(other)
}

/// Returns the blocks before the first one that `ends` them.
pub(crate) fn take_until(
    blocks: &[DescriptionBlock],
    ends: impl Fn(&DescriptionBlock) -> bool,
) -> &[DescriptionBlock] {
    let end = blocks.iter().position(ends).unwrap_or(blocks.len());
    blocks.get(..end).unwrap_or_default()
}

/// Returns the lines from the first to the last on which `blocks` say something.
fn find_line_range(blocks: &[DescriptionBlock]) -> RangeInclusive<usize> {
    let of = |lines: &[DescriptionLine]| {
        let mut said = lines.iter().filter(|line| !line.text.trim().is_empty()).map(|line| line.number);
        said.next().map(|first| first..=said.next_back().unwrap_or(first))
    };
    let extents = blocks.iter().filter_map(|block| match block {
        DescriptionBlock::Heading(_, lines)
        | DescriptionBlock::Paragraph(lines)
        | DescriptionBlock::ChangeBlock(lines) => of(lines),
        DescriptionBlock::List(items) => items
            .iter()
            .map(|item| find_line_range(&item.blocks))
            .filter(|extent| !extent.is_empty())
            .reduce(|first, last| *first.start()..=*last.end()),
        DescriptionBlock::Table(rows) => rows
            .iter()
            .flatten()
            .filter_map(|cell| of(cell))
            .reduce(|first, last| *first.start()..=*last.end()),
        DescriptionBlock::ThematicBreak => None,
    });
    // No line has the number 0, and nothing is within a range that ends before it starts.
    extents.reduce(|first, last| *first.start()..=*last.end()).unwrap_or(RangeInclusive::new(1, 0))
}

/// Returns the line on which `lines` begin to say something: what stands above it (a line break, what is
/// struck out) is nobody's text, and no line of its own.
fn find_first_line(lines: &[DescriptionLine]) -> Option<usize> {
    lines.iter().find(|line| !line.text.trim().is_empty()).map(|line| line.number)
}

/// Adds the texts of the ticked boxes of `block`, with their lines; returns whether it has boxes.
fn collect_ticked_boxes(block: &DescriptionBlock, ticked: &mut Vec<(String, usize)>) -> bool {
    let DescriptionBlock::List(items) = block else { return false };
    let mut found = false;
    for item in items {
        found |= item.is_ticked.is_some();
        if let (Some(true), Some(DescriptionBlock::Paragraph(lines))) = (item.is_ticked, item.blocks.first())
        {
            ticked.extend(find_first_line(lines).map(|line| (join_lines(lines), line)));
        }
        for block in &item.blocks {
            found |= collect_ticked_boxes(block, ticked);
        }
    }
    found
}

/// Adds the text of `block` in one line; `first` becomes the line on which the text begins.
fn collect_text(block: &DescriptionBlock, text: &mut String, first: &mut Option<usize>) {
    match block {
        DescriptionBlock::Heading(_, lines) | DescriptionBlock::Paragraph(lines) => {
            let words = join_lines(lines);
            if !words.is_empty() {
                *first = first.or(find_first_line(lines));
                if !text.is_empty() {
                    text.push(' ');
                }
                text.push_str(&words);
            }
        }
        DescriptionBlock::List(items) => {
            items.iter().flat_map(|item| &item.blocks).for_each(|block| collect_text(block, text, first));
        }
        DescriptionBlock::Table(_) | DescriptionBlock::ChangeBlock(_) | DescriptionBlock::ThematicBreak => {}
    }
}
