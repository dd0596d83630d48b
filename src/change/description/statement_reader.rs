//! The forms in which people state something: trailers, labelled lines, headings, tables, boxes.
//!
//! What stands beside a label is read here; `label_content` reads what stands below one (a heading, a
//! bold line, a list item).

use std::collections::BTreeSet;

use crate::change::description::block::{DescriptionBlock, OutlineItem};
use crate::change::description::label_content::{LabelContent, take_until};
use crate::change::description::label_extent::LabelExtents;
use crate::change::description::line::{DescriptionLine, parse_whole_label};
use crate::change::description::open_label::OpenLabel;
use crate::change::description::statement::{DescriptionStatement, StatementScope, UnreadStatement};
use crate::change::description::template::TemplateText;
use crate::change::description::tick::split_boxes;
use crate::change::description::value_part::{PartKind, ValueFilter, ValuePart};
use crate::change::message::trailers::{self, TrailerReader};

/// What `blocks` state, and what of them was not read.
pub(crate) struct ReadStatements {
    /// The statements, in the order of their lines.
    pub(crate) stated: Vec<DescriptionStatement>,
    /// What looks like a statement and is none.
    pub(crate) unread: Vec<UnreadStatement>,
    /// The lines of the labels that what stands below them is read for.
    pub(crate) label_lines: BTreeSet<usize>,
    /// What the text would be as a template.
    pub(crate) own_text: Option<TemplateText>,
}

/// Returns what `blocks` state beside what the template says; `is_template` if the text is wanted as a
/// template itself.
pub(crate) fn collect_statements(
    mut blocks: Vec<DescriptionBlock>,
    template: &TemplateText,
    is_template: bool,
) -> ReadStatements {
    let mut filter = ValueFilter::new(template);
    if is_template {
        let mut own_text = TemplateText::default();
        own_text.add_blocks(&blocks);
        filter.own_text = Some(own_text);
    }
    let mut reader = StatementReader {
        stated: Vec::new(),
        label_contents: Vec::new(),
        label_lines: BTreeSet::new(),
        extents: LabelExtents::default(),
        filter,
    };
    reader.take_trailers(&mut blocks);
    reader.read_blocks(&blocks);
    reader.finish_statements()
}

struct StatementReader<'template> {
    /// What is stated on a line of its own.
    stated: Vec<DescriptionStatement>,
    /// What stands below labels, and their lines.
    label_contents: Vec<LabelContent>,
    label_lines: BTreeSet<usize>,
    /// The lines that belong to each label.
    extents: LabelExtents,
    /// Tells the author's answers from the words of a form.
    filter: ValueFilter<'template>,
}

/// A label that has no value beside it.
struct BareLabel {
    label: String,
    /// Its line.
    line: usize,
    /// True if it is bold, which people use as a heading.
    is_bold: bool,
}

impl StatementReader<'_> {
    fn finish_statements(self) -> ReadStatements {
        let StatementReader {
            stated: mut found,
            label_contents: below,
            label_lines,
            mut extents,
            mut filter,
        } = self;
        extents.sort_extents();
        found.sort_by_key(|statement| statement.line);
        let mut stated = Vec::new();
        for below in below {
            stated.extend(below.into_statements(&found, &extents, &mut filter));
        }
        found.append(&mut stated);
        found.sort_by_key(|statement| statement.line);
        ReadStatements { stated: found, unread: filter.unread, label_lines, own_text: filter.own_text }
    }

    /// Adds what stands below the label on the line `line`.
    fn add_label_content(&mut self, label: &str, line: usize, blocks: &[DescriptionBlock]) {
        self.label_lines.insert(line);
        let content = LabelContent::read_content(label, blocks, &mut self.filter);
        content.add_extent(line, &mut self.extents);
        self.label_contents.push(content);
    }

    /// Adds what stands beside a label, without the lines that are the template's.
    fn add_lines(&mut self, label: String, lines: Vec<(String, usize)>) {
        let lines = self.filter.keep_lines(&label, lines);
        let first = lines.iter().find(|(text, _)| !text.trim().is_empty());
        let Some((first, number)) = first else { return };
        let number = *number;
        let boxes = split_boxes(first);
        if lines.len() == 1 && !boxes.is_empty() {
            // `Risk: [ ] low [x] high`: each ticked box is a value.
            let mut parts = Vec::new();
            for boxed in boxes {
                let kind = if boxed.is_ticked { PartKind::TickedBox } else { PartKind::EmptyBox };
                parts.push(ValuePart::new(boxed.text.to_owned(), number, 0, kind));
            }
            if !parts.iter().any(|part| part.kind == PartKind::TickedBox) {
                self.filter.note_unticked(&label, &parts);
            }
            for part in parts {
                if part.kind == PartKind::TickedBox {
                    self.add_statement(label.clone(), &part.text, number);
                }
            }
            return;
        }
        let mut value = String::new();
        for (text, _) in &lines {
            value.push_str(text);
            value.push(' ');
        }
        self.add_statement(label, &value, number);
    }

    fn add_statement(&mut self, label: String, value: &str, line: usize) {
        self.stated.extend(self.filter.make_statement(label, value, line, StatementScope::Any));
    }

    /// Reads the trailers at the end, where the last paragraph holds some, and takes them away.
    ///
    /// The reader of messages decides, on the lines as they are seen. So neither a comment among
    /// them nor code can make a trailer of what does not look like one.
    fn take_trailers(&mut self, blocks: &mut Vec<DescriptionBlock>) {
        let Some(at) = blocks.iter().rposition(|block| {
            !matches!(block, DescriptionBlock::ChangeBlock(_) | DescriptionBlock::Code(_))
        }) else {
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
        for (index, trailer) in block.trailers.iter().enumerate() {
            let from = trailer.line.saturating_sub(3);
            let next = block.trailers.get(index + 1).map(|next| next.line.saturating_sub(3));
            let own_lines = lines.get(from..next.unwrap_or(lines.len())).unwrap_or_default();
            let Some((first, more)) = own_lines.split_first() else { continue };
            let beside = first.text.split_once(':').map_or("", |(_, value)| value.trim());
            let mut value_lines = vec![(beside.to_owned(), first.number)];
            // What git reads as prose between two trailers is no part of the first.
            for line in more.iter().take_while(|line| line.is_indented) {
                value_lines.push((line.text.clone(), line.number));
            }
            let is_whole = value_lines.iter().map(|(text, _)| text.trim()).collect::<Vec<_>>().join(" ");
            let value = trailer.value.to_lossy();
            if !is_whole.split_whitespace().eq(value.split_whitespace()) {
                value_lines = vec![(value.into_owned(), first.number)];
            }
            self.add_lines(trailer.key.clone(), value_lines);
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
                        self.add_label_content(&label, first_line(lines), section);
                    }
                }
                DescriptionBlock::Paragraph(lines) => {
                    if let Some(bare) = self.read_lines(lines) {
                        match after {
                            after if bare.is_bold => self.add_label_content(
                                &bare.label,
                                bare.line,
                                take_until(after, ends_bold_section),
                            ),
                            [list, ..] if list.is_list() => {
                                self.add_label_content(&bare.label, bare.line, std::slice::from_ref(list))
                            }
                            _ => {}
                        }
                    }
                }
                DescriptionBlock::List(items) => self.read_items(items),
                DescriptionBlock::Table(rows) => self.read_table(rows),
                DescriptionBlock::ChangeBlock(lines) => self.read_change_block(lines),
                DescriptionBlock::Code(_) | DescriptionBlock::ThematicBreak => {}
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
            self.add_label_content(&label, first_line(lines), item.blocks.get(1..).unwrap_or_default());
        }
        self.read_blocks(&item.blocks);
    }

    /// Reads the labelled lines of a paragraph; returns the last one if nothing stands beside it.
    ///
    /// A label in plain letters counts at the start of a paragraph, below another one, and where a
    /// sentence can begin: never in the middle of one that happens to be wrapped there.
    fn read_lines(&mut self, lines: &[DescriptionLine]) -> Option<BareLabel> {
        let mut open: Option<OpenLabel> = None;
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
                    open = Some(OpenLabel::new(labelled, line.number));
                }
                (_, Some(label)) => {
                    let is_first = label.lines.len() == 1 && label.is_empty();
                    if is_first || (!is_ended && line.continues_sentence()) {
                        label.add_line(&line.text, line.number);
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
            Some(label) if label.is_empty() => {
                label.add_extent(&mut self.extents);
                let line = label.first_line();
                Some(BareLabel { label: label.label, line, is_bold: label.is_bold })
            }
            open => {
                self.close_label(open);
                None
            }
        }
    }

    fn close_label(&mut self, open: Option<OpenLabel>) {
        if let Some(open) = open {
            open.add_extent(&mut self.extents);
            self.add_lines(open.label, open.lines);
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
        let Some(label) = parse_whole_label(label) else { return };
        let mut lines = Vec::new();
        for line in value {
            lines.push((line.text.trim().to_owned(), line.number));
        }
        if let (Some((_, first)), Some((_, last))) = (lines.first(), lines.last()) {
            self.extents.add_extent(&label, *first, *last);
        }
        self.add_lines(label, lines);
    }

    /// Reads the lines of a block that is called `change`, of which indented ones go on.
    fn read_change_block(&mut self, lines: &[DescriptionLine]) {
        let mut open: Option<OpenLabel> = None;
        for line in lines {
            match (&mut open, line.find_label()) {
                (Some(label), _) if line.text.starts_with(' ') => label.add_line(&line.text, line.number),
                (_, labelled) => {
                    self.close_label(open.take());
                    if let Some(labelled) = labelled {
                        open = Some(OpenLabel::new(labelled, line.number));
                    }
                }
            }
        }
        self.close_label(open);
    }
}

/// Returns the number of the first line; 0 if there is none.
fn first_line(lines: &[DescriptionLine]) -> usize {
    lines.first().map_or(0, |line| line.number)
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
