//! The forms in which people state something: trailers, labelled lines, headings, tables, boxes.
//!
//! What stands beside a label is read here; what stands below one (a heading, a bold line, a list
//! item), in `below`.

use super::Statement;
use super::below::{Below, until};
use super::line::{Labelled, Line, joined, whole_label};
use super::outline::{Block, Item};
use crate::change::trailers::{self, Like};

/// Returns what `blocks` state, in the order of their lines.
pub(super) fn read(mut blocks: Vec<Block>) -> Vec<Statement> {
    let mut reader = Reader::default();
    reader.trailers(&mut blocks);
    reader.blocks(&blocks);
    reader.finish()
}

#[derive(Default)]
struct Reader {
    /// What is stated on a line of its own.
    found: Vec<Statement>,
    /// What stands below labels.
    below: Vec<Below>,
}

/// A label that has no value beside it.
struct Bare {
    label: String,
    /// True if it is bold, which people use as a heading.
    is_bold: bool,
}

impl Reader {
    fn finish(self) -> Vec<Statement> {
        let Reader { mut found, below } = self;
        found.sort_by_key(|statement| statement.line);
        let mut stated = Vec::new();
        below.into_iter().for_each(|below| stated.extend(below.statements(&found)));
        found.append(&mut stated);
        found.sort_by_key(|statement| statement.line);
        found
    }

    fn below(&mut self, label: &str, blocks: &[Block]) {
        self.below.push(Below::read(label, blocks));
    }

    fn state(&mut self, label: String, value: &str, line: usize) {
        self.found.extend(Statement::new(label, value, line));
    }

    /// Reads the trailers at the end, where the last paragraph holds some, and takes them away.
    ///
    /// The reader of messages decides, on the lines as they are seen. So neither a comment among
    /// them nor code can make a trailer of what nobody takes for one.
    fn trailers(&mut self, blocks: &mut Vec<Block>) {
        let Some(at) = blocks.iter().rposition(|block| !matches!(block, Block::Record(_))) else { return };
        let Some(Block::Paragraph(lines)) = blocks.get(at).filter(|_| 0 < at) else { return };
        let mut message = "subject\n\n".to_owned();
        for line in lines {
            // Code is not a key; nor are a line's own stars, which this would hide.
            let is_code =
                line.code.is_some_and(|code| line.text.get(..code).is_some_and(|key| !key.contains(':')));
            let before = if line.is_indented {
                " "
            } else if is_code {
                "`"
            } else {
                ""
            };
            message.push_str(before);
            message.push_str(line.text.trim());
            message.push('\n');
        }
        let block = trailers::read(message.as_bytes(), Like::Log);
        let is_answer = matches!(blocks.get(at - 1), Some(Block::Heading(..))) && block.trailers.len() == 1;
        if block.trailers.is_empty() || is_answer {
            // Below a heading, one line such as `low: nobody uses it yet` is what the heading asks for.
            return;
        }
        let Block::Paragraph(lines) = blocks.remove(at) else { return };
        if block.mixed_at.is_some() {
            // Git lets prose be among its own trailers. What that prose states counts as elsewhere.
            let trailer =
                |index: usize| block.trailers.binary_search_by_key(&(index + 3), |one| one.line).is_ok();
            let others = lines.iter().enumerate().filter(|(index, _)| !trailer(*index));
            let others: Vec<Line> = others.map(|(_, line)| line.clone()).collect();
            self.lines(&others);
        }
        for trailer in block.trailers {
            let index = trailer.line.saturating_sub(3);
            let is_beside =
                |line: &&Line| line.text.split_once(':').is_none_or(|(_, value)| !value.trim().is_empty());
            let mut from = lines.iter().skip(index);
            let first = from.next();
            let line = first.filter(is_beside).or_else(|| from.next()).or(first);
            let line = line.map_or(0, |line| line.number);
            self.state(trailer.key, &trailer.value.to_lossy(), line);
        }
    }

    fn blocks(&mut self, blocks: &[Block]) {
        for (index, block) in blocks.iter().enumerate() {
            let after = blocks.get(index + 1..).unwrap_or_default();
            match block {
                Block::Heading(level, lines) => {
                    let is_stated =
                        lines.iter().any(|line| line.labelled().is_some_and(|it| !it.value.is_empty()));
                    if is_stated {
                        self.lines(lines);
                    } else if let Some(label) = whole_label(lines) {
                        let ends = |block: &Block| match block {
                            Block::Heading(next, _) => next <= level,
                            Block::Rule => true,
                            _ => false,
                        };
                        self.below(&label, until(after, ends));
                    }
                }
                Block::Paragraph(lines) => {
                    if let Some(bare) = self.lines(lines) {
                        let ends = |block: &Block| match block {
                            Block::Heading(..) | Block::Rule => true,
                            Block::Paragraph(lines) => {
                                lines.first().is_some_and(|line| line.labelled().is_some())
                            }
                            _ => false,
                        };
                        let is_list = |block: &Block| matches!(block, Block::List(_));
                        match after {
                            after if bare.is_bold => self.below(&bare.label, until(after, ends)),
                            [list, ..] if is_list(list) => {
                                self.below(&bare.label, std::slice::from_ref(list))
                            }
                            _ => {}
                        }
                    }
                }
                Block::List(items) => items.iter().for_each(|item| self.item(item)),
                Block::Table(rows) => self.table(rows),
                Block::Record(lines) => self.record(lines),
                Block::Rule => {}
            }
        }
    }

    fn item(&mut self, item: &Item) {
        if item.ticked == Some(false) {
            // Its own text is an offer that was not taken; the boxes below it are answers of their own.
            for block in &item.blocks {
                if let Block::List(items) = block {
                    items.iter().for_each(|item| self.item(item));
                }
            }
            return;
        }
        if let [Block::Paragraph(lines), Block::List(items), ..] = item.blocks.as_slice()
            && !lines.iter().any(|line| line.labelled().is_some())
            && items.iter().any(|item| item.ticked.is_some())
            && let Some(label) = whole_label(lines)
        {
            // `- Risk` above boxes is a label, even without a colon.
            self.below(&label, item.blocks.get(1..).unwrap_or_default());
        }
        self.blocks(&item.blocks);
    }

    /// Reads the labelled lines of a paragraph; returns the last one if nothing stands beside it.
    ///
    /// A label in plain letters counts at the start of a paragraph, below another one, and where a
    /// sentence can begin: never in the middle of one that happens to be wrapped there.
    fn lines(&mut self, lines: &[Line]) -> Option<Bare> {
        let mut open: Option<(Labelled<'_>, String, usize)> = None;
        let mut may_begin = true;
        let mut is_list = false;
        let mut is_ended = false;
        for line in lines {
            let labelled = line.labelled().filter(|labelled| {
                let goes_on = open.is_some() && line.is_indented;
                !goes_on && (labelled.is_bold || may_begin || is_list)
            });
            match (labelled, &mut open) {
                (Some(labelled), _) => {
                    self.close(open.take());
                    is_list = true;
                    let value = labelled.value.to_owned();
                    open = Some((labelled, value, line.number));
                }
                (None, Some((_, value, number))) => {
                    if value.trim().is_empty() {
                        *number = line.number;
                    }
                    if value.is_empty() || (!is_ended && line.goes_on()) {
                        value.push(' ');
                        value.push_str(&line.text);
                    } else {
                        self.close(open.take());
                    }
                }
                (None, None) => {}
            }
            may_begin = line.ends_a_sentence();
            is_ended = line.is_ended;
        }
        match open {
            Some((labelled, value, _)) if value.trim().is_empty() => {
                Some(Bare { label: labelled.label, is_bold: labelled.is_bold })
            }
            open => {
                self.close(open);
                None
            }
        }
    }

    fn close(&mut self, open: Option<(Labelled<'_>, String, usize)>) {
        if let Some((labelled, value, line)) = open {
            self.state(labelled.label, &value, line);
        }
    }

    /// Reads a table: a label and a value in each row of two columns, or labels in the header and
    /// values in the only row.
    ///
    /// The header of two columns is never read: `Risk | Mitigation` is about both, and states neither.
    fn table(&mut self, rows: &[Vec<Vec<Line>>]) {
        let mut cell = |label: &[Line], value: &[Line]| {
            let line = value.iter().find(|line| !line.text.trim().is_empty());
            if let (Some(label), Some(line)) = (whole_label(label), line) {
                self.state(label, &joined(value), line.number);
            }
        };
        match rows {
            [header, rows @ ..] if header.len() == 2 => {
                for row in rows {
                    if let [label, value, ..] = row.as_slice() {
                        cell(label, value);
                    }
                }
            }
            [header, row] if 2 < header.len() => {
                header.iter().zip(row).for_each(|(label, value)| cell(label, value));
            }
            _ => {}
        }
    }

    /// Reads the lines of a block that is called `change`, of which indented ones go on.
    fn record(&mut self, lines: &[Line]) {
        let mut open: Option<(Labelled<'_>, String, usize)> = None;
        for line in lines {
            match (&mut open, line.labelled()) {
                (Some((_, value, number)), _) if line.text.starts_with(' ') => {
                    if value.trim().is_empty() {
                        *number = line.number;
                    }
                    value.push(' ');
                    value.push_str(&line.text);
                }
                (_, labelled) => {
                    self.close(open.take());
                    open = labelled.map(|labelled| {
                        let value = labelled.value.to_owned();
                        (labelled, value, line.number)
                    });
                }
            }
        }
        self.close(open);
    }
}
