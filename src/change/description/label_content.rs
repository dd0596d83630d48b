//! Reads what stands below a label: the ticked boxes, or the text.
//!
//! Whether it is a value depends on what is stated inside of it: a heading above a line with the same
//! label adds nothing to that line.

use std::ops::RangeInclusive;

use crate::change::description::line::{DescriptionLine, join_lines};
use crate::change::description::outline::DescriptionBlock;
use crate::change::description::statement::DescriptionStatement;

/// The content below a label, and the lines that belong to it.
pub(crate) struct LabelContent {
    label: String,
    lines: RangeInclusive<usize>,
    values: Vec<(String, usize)>,
}

impl LabelContent {
    /// Reads what stands below `label`: the ticked boxes if there are boxes, and else the text. What
    /// stands below headings of its own counts only where there is nothing above them.
    pub(crate) fn read_content(label: &str, blocks: &[DescriptionBlock]) -> LabelContent {
        let above = take_until(blocks, DescriptionBlock::is_heading);
        let mut scope = above;
        let mut lines = find_line_range(above);
        if lines.is_empty() {
            scope = blocks;
            lines = find_line_range(blocks);
        }
        let mut below = LabelContent { label: label.to_owned(), lines, values: Vec::new() };
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
        if let Some(line) = first {
            below.values.push((value, line));
        }
        below
    }

    /// Returns what is stated by it, given what is `found` on lines with a label of their own, in
    /// the order of lines.
    pub(crate) fn into_statements(self, found: &[DescriptionStatement]) -> Vec<DescriptionStatement> {
        let first = found.partition_point(|inside| inside.line < *self.lines.start());
        for inside in found.iter().skip(first) {
            if !self.lines.contains(&inside.line) {
                break;
            }
            if is_same_label(&inside.label, &self.label) {
                return Vec::new();
            }
        }
        let mut statements = Vec::new();
        for (value, line) in &self.values {
            statements.extend(DescriptionStatement::new(self.label.clone(), value, *line));
        }
        statements
    }
}

/// Returns true for two spellings of one label: capitals count as small letters, a space as a hyphen.
pub(crate) fn is_same_label(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().map(fold_label_byte).eq(other.bytes().map(fold_label_byte))
}

fn fold_label_byte(byte: u8) -> u8 {
    if byte == b' ' { b'-' } else { byte.to_ascii_lowercase() }
}

/// Returns the blocks before the first one that `ends` them.
pub(crate) fn take_until(
    blocks: &[DescriptionBlock],
    ends: impl Fn(&DescriptionBlock) -> bool,
) -> &[DescriptionBlock] {
    let end = blocks.iter().position(ends).unwrap_or(blocks.len());
    blocks.get(..end).unwrap_or_default()
}

/// Returns the lines from the first to the last on which `blocks` have text; an empty range if none has.
fn find_line_range(blocks: &[DescriptionBlock]) -> RangeInclusive<usize> {
    // No line has the number 0, and nothing is within a range that ends before it starts.
    let mut range = LineRange { first: 1, last: 0 };
    range.add_blocks(blocks);
    RangeInclusive::new(range.first, range.last)
}

/// The lines from the first to the last that were added; empty if `last` is before `first`.
struct LineRange {
    first: usize,
    last: usize,
}

impl LineRange {
    fn add_blocks(&mut self, blocks: &[DescriptionBlock]) {
        for block in blocks {
            match block {
                DescriptionBlock::Heading(_, lines)
                | DescriptionBlock::Paragraph(lines)
                | DescriptionBlock::ChangeBlock(lines) => self.add_lines(lines),
                DescriptionBlock::List(items) => {
                    for item in items {
                        self.add_blocks(&item.blocks);
                    }
                }
                DescriptionBlock::Table(rows) => {
                    for cell in rows.iter().flatten() {
                        self.add_lines(cell);
                    }
                }
                DescriptionBlock::ThematicBreak => {}
            }
        }
    }

    fn add_lines(&mut self, lines: &[DescriptionLine]) {
        for line in lines {
            if line.is_blank() {
                continue;
            }
            if self.last < self.first {
                self.first = line.number;
            }
            self.last = line.number;
        }
    }
}

/// Returns the first of `lines` that has text: what stands above it (a line break, what is struck out) is
/// not a line of the value.
fn find_first_line(lines: &[DescriptionLine]) -> Option<usize> {
    let line = lines.iter().find(|line| !line.is_blank())?;
    Some(line.number)
}

/// Adds the texts of the ticked boxes of `block`, with their lines; returns whether it has boxes.
fn collect_ticked_boxes(block: &DescriptionBlock, ticked: &mut Vec<(String, usize)>) -> bool {
    let DescriptionBlock::List(items) = block else { return false };
    let mut found = false;
    for item in items {
        found |= item.is_ticked.is_some();
        if let (Some(true), Some(DescriptionBlock::Paragraph(lines))) = (item.is_ticked, item.blocks.first())
            && let Some(line) = find_first_line(lines)
        {
            ticked.push((join_lines(lines), line));
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
            for item in items {
                for block in &item.blocks {
                    collect_text(block, text, first);
                }
            }
        }
        DescriptionBlock::Table(_) | DescriptionBlock::ChangeBlock(_) | DescriptionBlock::ThematicBreak => {}
    }
}
