//! The forms in which people state something: trailers, labelled lines, headings, tables, boxes.
//!
//! What stands beside a label is read here; `label_content` reads what stands below one (a heading, a
//! bold line, a list item).

use crate::change::description::label_content::{LabelContent, take_until};
use crate::change::description::line::{DescriptionLine, LabelledLine, join_lines, parse_whole_label};
use crate::change::description::outline::{DescriptionBlock, OutlineItem};
use crate::change::description::statement::DescriptionStatement;
use crate::change::message::trailers::{self, TrailerReader};

/// Returns what `blocks` state, in the order of their lines.
pub(crate) fn collect_statements(mut blocks: Vec<DescriptionBlock>) -> Vec<DescriptionStatement> {
    let mut reader = StatementReader::default();
    reader.take_trailers(&mut blocks);
    reader.read_blocks(&blocks);
    reader.finish_statements()
}

#[derive(Default)]
struct StatementReader {
    /// What is stated on a line of its own.
    stated: Vec<DescriptionStatement>,
    /// What stands below labels.
    label_contents: Vec<LabelContent>,
}

/// A label that has no value beside it.
struct BareLabel {
    label: String,
    /// True if it is bold, which people use as a heading.
    is_bold: bool,
}

impl StatementReader {
    fn finish_statements(self) -> Vec<DescriptionStatement> {
        let StatementReader { stated: mut found, label_contents: below } = self;
        found.sort_by_key(|statement| statement.line);
        let mut stated = Vec::new();
        for below in below {
            stated.extend(below.into_statements(&found));
        }
        found.append(&mut stated);
        found.sort_by_key(|statement| statement.line);
        found
    }

    fn add_label_content(&mut self, label: &str, blocks: &[DescriptionBlock]) {
        self.label_contents.push(LabelContent::read_content(label, blocks));
    }

    fn add_statement(&mut self, label: String, value: &str, line: usize) {
        self.stated.extend(DescriptionStatement::new(label, value, line));
    }

    /// Reads the trailers at the end, where the last paragraph holds some, and takes them away.
    ///
    /// The reader of messages decides, on the lines as they are seen. So neither a comment among
    /// them nor code can make a trailer of what does not look like one.
    fn take_trailers(&mut self, blocks: &mut Vec<DescriptionBlock>) {
        let Some(at) = blocks.iter().rposition(|block| !matches!(block, DescriptionBlock::ChangeBlock(_)))
        else {
            return;
        };
        let Some(DescriptionBlock::Paragraph(lines)) = blocks.get(at) else { return };
        if at == 0 {
            return;
        }
        let mut message = "subject\n\n".to_owned();
        for line in lines {
            // Code is not a key; nor are a line's own stars, which this would hide.
            let before = match line.code_start {
                _ if line.is_indented => " ",
                Some(code) if line.text.get(..code).is_some_and(|key| !key.contains(':')) => "`",
                _ => "",
            };
            message.push_str(before);
            message.push_str(line.text.trim());
            message.push('\n');
        }
        let block = trailers::read_trailers(message.as_bytes(), TrailerReader::Log);
        let is_answer =
            blocks.get(at - 1).is_some_and(DescriptionBlock::is_heading) && block.trailers.len() == 1;
        if block.trailers.is_empty() || is_answer {
            // Below a heading, one line such as `low: no users yet` is what the heading asks for.
            return;
        }
        let DescriptionBlock::Paragraph(lines) = blocks.remove(at) else { return };
        if block.mixed_line.is_some() {
            // Git lets prose be among its own trailers. What that prose states counts as elsewhere.
            let mut others = Vec::new();
            for (index, line) in lines.iter().enumerate() {
                if block.trailers.binary_search_by_key(&(index + 3), |trailer| trailer.line).is_err() {
                    others.push(line.clone());
                }
            }
            self.read_lines(&others);
        }
        for trailer in block.trailers {
            let index = trailer.line.saturating_sub(3);
            let line = match lines.get(index..) {
                Some([first, second, ..]) if is_bare_key(first) => second.number,
                Some([first, ..]) => first.number,
                _ => 0,
            };
            self.add_statement(trailer.key, &trailer.value.to_lossy(), line);
        }
    }

    fn read_blocks(&mut self, blocks: &[DescriptionBlock]) {
        for (index, block) in blocks.iter().enumerate() {
            let after = blocks.get(index + 1..).unwrap_or_default();
            match block {
                DescriptionBlock::Heading(level, lines) => {
                    // `## Risk: low` states its value itself; `## Risk` has it in the section below.
                    if has_stated_label(lines) {
                        self.read_lines(lines);
                    } else if let Some(label) = parse_whole_label(lines) {
                        let section = take_until(after, |block| match block {
                            DescriptionBlock::Heading(next, _) => next <= level,
                            DescriptionBlock::ThematicBreak => true,
                            _ => false,
                        });
                        self.add_label_content(&label, section);
                    }
                }
                DescriptionBlock::Paragraph(lines) => {
                    if let Some(bare) = self.read_lines(lines) {
                        match after {
                            after if bare.is_bold => {
                                self.add_label_content(&bare.label, take_until(after, ends_bold_section))
                            }
                            [list, ..] if list.is_list() => {
                                self.add_label_content(&bare.label, std::slice::from_ref(list))
                            }
                            _ => {}
                        }
                    }
                }
                DescriptionBlock::List(items) => self.read_items(items),
                DescriptionBlock::Table(rows) => self.read_table(rows),
                DescriptionBlock::ChangeBlock(lines) => self.read_change_block(lines),
                DescriptionBlock::ThematicBreak => {}
            }
        }
    }

    fn read_items(&mut self, items: &[OutlineItem]) {
        for item in items {
            self.read_item(item);
        }
    }

    fn read_item(&mut self, item: &OutlineItem) {
        if item.is_ticked == Some(false) {
            // Its own text is an offer that was not taken; the boxes below it are answers of their own.
            for block in &item.blocks {
                if let DescriptionBlock::List(items) = block {
                    self.read_items(items);
                }
            }
            return;
        }
        if let [DescriptionBlock::Paragraph(lines), DescriptionBlock::List(items), ..] =
            item.blocks.as_slice()
            && !lines.iter().any(|line| line.find_label().is_some())
            && items.iter().any(|item| item.is_ticked.is_some())
            && let Some(label) = parse_whole_label(lines)
        {
            // `- Risk` above boxes is a label, even without a colon.
            self.add_label_content(&label, item.blocks.get(1..).unwrap_or_default());
        }
        self.read_blocks(&item.blocks);
    }

    /// Reads the labelled lines of a paragraph; returns the last one if nothing stands beside it.
    ///
    /// A label in plain letters counts at the start of a paragraph, below another one, and where a
    /// sentence can begin: never in the middle of one that happens to be wrapped there.
    fn read_lines(&mut self, lines: &[DescriptionLine]) -> Option<BareLabel> {
        let mut open: Option<(LabelledLine<'_>, String, usize)> = None;
        let mut may_begin = true;
        let mut is_list = false;
        let mut is_ended = false;
        for line in lines {
            // An indented line continues the value above, even if it looks like a label.
            let goes_on = open.is_some() && line.is_indented;
            match (line.find_label(), &mut open) {
                (Some(labelled), _) if !goes_on && (labelled.is_bold || may_begin || is_list) => {
                    self.close_label(open.take());
                    is_list = true;
                    let value = labelled.value.to_owned();
                    open = Some((labelled, value, line.number));
                }
                (_, Some((_, value, number))) => {
                    if value.trim().is_empty() {
                        *number = line.number;
                    }
                    if value.is_empty() || (!is_ended && line.continues_sentence()) {
                        value.push(' ');
                        value.push_str(&line.text);
                    } else {
                        self.close_label(open.take());
                    }
                }
                (_, None) => {}
            }
            may_begin = line.ends_sentence();
            is_ended = line.is_hard_break;
        }
        match open {
            Some((labelled, value, _)) if value.trim().is_empty() => {
                Some(BareLabel { label: labelled.label, is_bold: labelled.is_bold })
            }
            open => {
                self.close_label(open);
                None
            }
        }
    }

    fn close_label(&mut self, open: Option<(LabelledLine<'_>, String, usize)>) {
        if let Some((labelled, value, line)) = open {
            self.add_statement(labelled.label, &value, line);
        }
    }

    /// Reads a table: a label and a value in each row of two columns, or labels in the header and
    /// values in the only row.
    ///
    /// The header of two columns is never read: `Risk | Mitigation` is about both, and states neither.
    fn read_table(&mut self, rows: &[Vec<Vec<DescriptionLine>>]) {
        match rows {
            [header, rows @ ..] if header.len() == 2 => {
                for row in rows {
                    if let [label, value, ..] = row.as_slice() {
                        self.read_cells(label, value);
                    }
                }
            }
            [header, row] if header.len() > 2 => {
                for (label, value) in header.iter().zip(row) {
                    self.read_cells(label, value);
                }
            }
            _ => {}
        }
    }

    fn read_cells(&mut self, label: &[DescriptionLine], value: &[DescriptionLine]) {
        let line = value.iter().find(|line| !line.is_blank());
        if let (Some(label), Some(line)) = (parse_whole_label(label), line) {
            self.add_statement(label, &join_lines(value), line.number);
        }
    }

    /// Reads the lines of a block that is called `change`, of which indented ones go on.
    fn read_change_block(&mut self, lines: &[DescriptionLine]) {
        let mut open: Option<(LabelledLine<'_>, String, usize)> = None;
        for line in lines {
            match (&mut open, line.find_label()) {
                (Some((_, value, number)), _) if line.text.starts_with(' ') => {
                    if value.trim().is_empty() {
                        *number = line.number;
                    }
                    value.push(' ');
                    value.push_str(&line.text);
                }
                (_, labelled) => {
                    self.close_label(open.take());
                    if let Some(labelled) = labelled {
                        let value = labelled.value.to_owned();
                        open = Some((labelled, value, line.number));
                    }
                }
            }
        }
        self.close_label(open);
    }
}

/// Returns true for a key with nothing behind its colon, so that its value begins on the next line.
fn is_bare_key(line: &DescriptionLine) -> bool {
    line.text.split_once(':').is_some_and(|(_, value)| value.trim().is_empty())
}

/// Returns true if one of the lines has a label with a value beside it.
fn has_stated_label(lines: &[DescriptionLine]) -> bool {
    for line in lines {
        if let Some(labelled) = line.find_label()
            && !labelled.value.is_empty()
        {
            return true;
        }
    }
    false
}

/// Returns true for the first block that does not belong to a bold label above it.
fn ends_bold_section(block: &DescriptionBlock) -> bool {
    match block {
        DescriptionBlock::Heading(..) | DescriptionBlock::ThematicBreak => true,
        DescriptionBlock::Paragraph(lines) => lines.first().is_some_and(|line| line.find_label().is_some()),
        _ => false,
    }
}
