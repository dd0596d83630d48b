//! Reads what stands below a label: the ticked boxes, or the text.
//!
//! Whether it is a value depends on what is stated inside of it: a heading above a line with the same
//! label adds nothing to that line.

use std::ops::RangeInclusive;

use crate::change::description::block::{DescriptionBlock, OutlineItem};
use crate::change::description::label_extent::{LabelExtents, PlacedPart};
use crate::change::description::line::{DescriptionLine, join_lines};
use crate::change::description::statement::{DescriptionStatement, StatementScope};
use crate::change::description::tick::split_boxes;
use crate::change::description::value_part::{PartKind, ValueFilter, ValuePart};

/// The content below a label, and the lines that belong to it.
pub(crate) struct LabelContent {
    label: String,
    lines: RangeInclusive<usize>,
    values: Vec<ContentValue>,
}

/// A value below a label, which is one for the fields of its scope.
struct ContentValue {
    text: String,
    line: usize,
    scope: StatementScope,
    /// The lines that the text is made of.
    parts: Vec<PlacedPart>,
}

impl LabelContent {
    /// Reads what stands below `label`: the ticked boxes if there are boxes, and else the text. What
    /// stands below headings of its own counts only where there is nothing above them. What `filter`
    /// takes out states nothing.
    pub(crate) fn read_content(
        label: &str,
        blocks: &[DescriptionBlock],
        filter: &mut ValueFilter<'_>,
    ) -> LabelContent {
        let above = take_until(blocks, DescriptionBlock::is_heading);
        let mut scope = above;
        let mut lines = find_line_range(above);
        if lines.is_empty() {
            scope = blocks;
            lines = find_line_range(blocks);
        }
        let mut below = LabelContent { label: label.to_owned(), lines, values: Vec::new() };
        let mut parts = Vec::new();
        for (index, block) in scope.iter().enumerate() {
            collect_parts(block, index, &mut parts);
        }
        let has_boxes = parts.iter().any(|part| part.is_box());
        let parts = filter.keep_answers(label, parts);
        if has_boxes {
            below.add_boxes(label, &parts, filter);
        } else {
            below.add_text(label, &parts, filter);
        }
        below
    }

    /// Adds the text; with code and tables for prose.
    fn add_text(&mut self, label: &str, parts: &[ValuePart], filter: &mut ValueFilter<'_>) {
        let text: Vec<&ValuePart> = parts.iter().filter(|part| part.kind == PartKind::Text).collect();
        if text.len() == parts.len() {
            self.add_value(&text, StatementScope::Any);
            return;
        }
        if text.is_empty() {
            filter.note_code(label, parts);
        }
        self.add_value(&text, StatementScope::NotProse);
        self.add_value(&parts.iter().collect::<Vec<_>>(), StatementScope::Prose);
    }

    /// Adds the ticked boxes; for prose also what stands below the first box.
    ///
    /// What stands above the boxes is how to choose among them.
    fn add_boxes(&mut self, label: &str, parts: &[ValuePart], filter: &mut ValueFilter<'_>) {
        let first_box = parts.iter().position(ValuePart::is_box).unwrap_or(parts.len());
        let mut answers: Vec<&ValuePart> = Vec::new();
        let mut has_text = false;
        for (index, part) in parts.iter().enumerate() {
            let is_ticked = part.kind == PartKind::TickedBox;
            if is_ticked || (!part.is_box() && index > first_box) {
                has_text |= !is_ticked;
                answers.push(part);
            }
        }
        let mut has_ticked = false;
        for part in parts {
            if part.kind == PartKind::TickedBox {
                has_ticked = true;
                let scope = if has_text { StatementScope::NotProse } else { StatementScope::Any };
                self.add_value(&[part], scope);
            }
        }
        if !has_ticked {
            filter.note_unticked(label, parts);
        }
        if has_text {
            self.add_value(&answers, StatementScope::Prose);
        }
    }

    /// Adds the parts as one value.
    fn add_value(&mut self, parts: &[&ValuePart], scope: StatementScope) {
        let Some(first) = parts.first() else { return };
        let mut value = String::new();
        let mut placed = Vec::new();
        let mut block = first.block;
        for part in parts {
            let text = part.text.split_whitespace().collect::<Vec<_>>().join(" ");
            if text.is_empty() {
                continue;
            }
            if !value.is_empty() {
                // What follows a first paragraph is the reason for it, as behind the `;` of a trailer. The
                // items of a list are all alike: an offer of `low` and `high` is no `low; high`.
                let is_reason = first.is_paragraph && part.block != block;
                let is_whole = value.ends_with(['.', '!', '?', ':', ';', ',']);
                value.push_str(if is_reason && !is_whole { "; " } else { " " });
            }
            block = part.block;
            let start = value.len();
            value.push_str(&text);
            placed.push(PlacedPart { line: part.line, start, end: value.len() });
        }
        self.values.push(ContentValue { text: value, line: first.line, scope, parts: placed });
    }

    /// Adds the label and its lines, from the line `label_line` on, to those that are known.
    pub(crate) fn add_extent(&self, label_line: usize, extents: &mut LabelExtents) {
        if !self.lines.is_empty() {
            extents.add_extent(&self.label, label_line, *self.lines.end());
        }
    }

    /// Returns what is stated by it, given what is `found` on lines with a label of their own, in
    /// the order of lines.
    pub(crate) fn into_statements(
        self,
        found: &[DescriptionStatement],
        extents: &LabelExtents,
        filter: &mut ValueFilter<'_>,
    ) -> Vec<DescriptionStatement> {
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
        for value in &self.values {
            let made = filter.make_statement(self.label.clone(), &value.text, value.line, value.scope);
            let Some(mut statement) = made else { continue };
            statement.nested = extents.find_nested_labels(*self.lines.start(), &value.parts);
            statements.push(statement);
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

/// Returns the lines from the first to the last on which `blocks` have text, or code where they have no
/// text; an empty range if they have neither.
fn find_line_range(blocks: &[DescriptionBlock]) -> RangeInclusive<usize> {
    // No line has the number 0, and nothing is within a range that ends before it starts.
    let mut range = LineRange { first: 1, last: 0, with_code: false };
    range.add_blocks(blocks);
    if range.last < range.first {
        range.with_code = true;
        range.add_blocks(blocks);
    }
    RangeInclusive::new(range.first, range.last)
}

/// The lines from the first to the last that were added; empty if `last` is before `first`.
struct LineRange {
    first: usize,
    last: usize,
    /// True if lines of code count as well.
    with_code: bool,
}

impl LineRange {
    fn add_blocks(&mut self, blocks: &[DescriptionBlock]) {
        for block in blocks {
            match block {
                DescriptionBlock::Heading(_, lines)
                | DescriptionBlock::Paragraph(lines)
                | DescriptionBlock::ChangeBlock(lines) => self.add_lines(lines),
                DescriptionBlock::Code(lines) if self.with_code => self.add_lines(lines),
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
                DescriptionBlock::Code(_) | DescriptionBlock::ThematicBreak => {}
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

/// Adds the parts of the value that are in `block`, the one with the number `index`.
fn collect_parts(block: &DescriptionBlock, index: usize, parts: &mut Vec<ValuePart>) {
    match block {
        DescriptionBlock::Heading(_, lines) => add_line_parts(lines, index, PartKind::Text, parts),
        DescriptionBlock::Paragraph(lines) => {
            let from = parts.len();
            add_line_parts(lines, index, PartKind::Text, parts);
            for part in parts.iter_mut().skip(from) {
                part.is_paragraph = true;
            }
        }
        DescriptionBlock::List(items) => {
            for item in items {
                collect_item_parts(item, index, parts);
            }
        }
        DescriptionBlock::Code(lines) => add_line_parts(lines, index, PartKind::Code, parts),
        // The header of a table says what its columns are.
        DescriptionBlock::Table(rows) => {
            for cell in rows.iter().skip(1).flatten() {
                add_line_parts(cell, index, PartKind::Code, parts);
            }
        }
        DescriptionBlock::ChangeBlock(_) | DescriptionBlock::ThematicBreak => {}
    }
}

fn collect_item_parts(item: &OutlineItem, index: usize, parts: &mut Vec<ValuePart>) {
    let mut blocks = item.blocks.as_slice();
    if let (Some(is_ticked), Some((DescriptionBlock::Paragraph(lines), rest))) =
        (item.is_ticked, item.blocks.split_first())
    {
        blocks = rest;
        // What stands above the text (a line break, what is struck out) is not a line of the value.
        if let Some(line) = lines.iter().find(|line| !line.is_blank()) {
            let kind = if is_ticked { PartKind::TickedBox } else { PartKind::EmptyBox };
            let mut part = ValuePart::new(join_lines(lines), line.number, index, kind);
            part.is_instruction = false;
            parts.push(part);
        }
    }
    for block in blocks {
        let from = parts.len();
        collect_parts(block, index, parts);
        for part in parts.iter_mut().skip(from) {
            part.is_paragraph = false;
            // What stands below a box that is not ticked was not chosen with it.
            if item.is_ticked == Some(false) && part.kind != PartKind::TickedBox {
                part.kind = PartKind::EmptyBox;
            }
        }
    }
}

/// Adds each line; a line of boxes as so many.
fn add_line_parts(lines: &[DescriptionLine], index: usize, kind: PartKind, parts: &mut Vec<ValuePart>) {
    for line in lines {
        let text = join_lines(std::slice::from_ref(line));
        if text.is_empty() {
            continue;
        }
        let boxes = if kind == PartKind::Text { split_boxes(&text) } else { Vec::new() };
        for boxed in &boxes {
            let kind = if boxed.is_ticked { PartKind::TickedBox } else { PartKind::EmptyBox };
            parts.push(ValuePart::new(boxed.text.to_owned(), line.number, index, kind));
        }
        if boxes.is_empty() {
            let mut part = ValuePart::new(text, line.number, index, kind);
            part.is_instruction = kind == PartKind::Text && line.is_instruction();
            parts.push(part);
        }
    }
}
