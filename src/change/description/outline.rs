//! The blocks of a description, with the text that can be seen and the lines on which it stands.
//!
//! The parser knows what Markdown is; this file only drops what does not speak.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd};

use crate::change::description::bounds::has_too_many_cells;
use crate::change::description::line::DescriptionLine;

/// The info string of the one kind of code block that speaks.
const CHANGE_BLOCK_INFO: &str = "change";

/// How deep lists may stand in lists; below that they say nothing.
const MAX_LIST_DEPTH: usize = 32;

/// A block that may speak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DescriptionBlock {
    /// A heading.
    Heading(HeadingLevel, Vec<DescriptionLine>),
    /// A paragraph, or the text of a list item.
    Paragraph(Vec<DescriptionLine>),
    /// A list of either kind.
    List(Vec<OutlineItem>),
    /// A table: its rows, the header first, each of cells.
    Table(Vec<Vec<Vec<DescriptionLine>>>),
    /// The lines of a block of code that is called `change`.
    ChangeBlock(Vec<DescriptionLine>),
    /// A line from side to side.
    ThematicBreak,
}

/// An item of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OutlineItem {
    /// Whether its box is ticked; `None` if it has none.
    pub(crate) is_ticked: Option<bool>,
    /// What it holds.
    pub(crate) blocks: Vec<DescriptionBlock>,
}

/// Returns the blocks of `body`.
pub(crate) fn read_outline(body: &str) -> Vec<DescriptionBlock> {
    let mut options = Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    options.set(Options::ENABLE_TABLES, !has_too_many_cells(body));
    let mut builder = OutlineBuilder::new(body);
    for (event, range) in Parser::new_ext(body, options).into_offset_iter() {
        builder.take_event(event, range.start);
    }
    builder.finish_outline()
}

/// What is made of the parser's events.
struct OutlineBuilder<'body> {
    body: &'body str,
    /// Where each line begins.
    line_starts: Vec<usize>,
    /// How many tags are open inside of what says nothing, that one included.
    muted_tags: usize,
    /// What is open, outermost first; the first one is the description itself.
    open_containers: Vec<OpenContainer>,
    leaf: Option<OpenLeaf>,
    table_rows: Vec<Vec<Vec<DescriptionLine>>>,
    /// How many tags of each kind are open around the text.
    bold_tags: usize,
    struck_tags: usize,
    image_tags: usize,
    is_email_link: bool,
}

/// What holds blocks.
enum OpenContainer {
    Item(OutlineItem),
    List(Vec<OutlineItem>),
}

/// Text that is being collected.
#[derive(Default)]
struct OpenLeaf {
    finished_lines: Vec<DescriptionLine>,
    current_line: DescriptionLine,
    /// The column at which the first line begins.
    first_column: Option<usize>,
    /// True if nothing in the description has opened it: the text of a tight list item.
    is_implied: bool,
    /// Where the bold text at the start of the line begins, while it goes on.
    bold_from: Option<usize>,
    /// How many HTML tags that strike out are open.
    struck_tags: usize,
}

impl<'body> OutlineBuilder<'body> {
    fn new(body: &'body str) -> Self {
        let bytes = body.as_bytes();
        let ends = bytes
            .iter()
            .enumerate()
            .filter(|(at, byte)| **byte == b'\n' || (**byte == b'\r' && bytes.get(at + 1) != Some(&b'\n')));
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        OutlineBuilder {
            body,
            line_starts: starts,
            muted_tags: 0,
            open_containers: vec![OpenContainer::Item(OutlineItem::default())],
            leaf: None,
            table_rows: Vec::new(),
            bold_tags: 0,
            struck_tags: 0,
            image_tags: 0,
            is_email_link: false,
        }
    }

    fn finish_outline(mut self) -> Vec<DescriptionBlock> {
        self.close_implied_leaf();
        match self.open_containers.into_iter().next() {
            Some(OpenContainer::Item(item)) => item.blocks,
            _ => Vec::new(),
        }
    }

    fn take_event(&mut self, event: Event<'_>, at: usize) {
        match event {
            Event::Start(_) if 0 < self.muted_tags => self.muted_tags += 1,
            Event::End(_) if 0 < self.muted_tags => self.muted_tags -= 1,
            _ if 0 < self.muted_tags => {}
            Event::Start(tag) => self.start_tag(&tag, at),
            Event::End(tag) => self.end_tag(tag),
            Event::Text(text) => self.add_text(&text, at),
            Event::Code(text) => {
                self.note_code(at);
                self.add_text(&text, at);
            }
            Event::InlineHtml(tag) => self.apply_html_tag(&tag, at),
            Event::SoftBreak => self.end_line(false, at),
            Event::HardBreak => self.end_line(true, at),
            Event::TaskListMarker(ticked) => {
                if let Some(OpenContainer::Item(item)) = self.open_containers.last_mut() {
                    item.is_ticked = Some(ticked);
                }
            }
            Event::Rule => self.add_block(DescriptionBlock::ThematicBreak),
            // Extensions that are not switched on, and HTML, which is muted from its start.
            _ => {}
        }
    }

    fn start_tag(&mut self, tag: &Tag<'_>, at: usize) {
        match tag {
            Tag::Emphasis | Tag::Superscript | Tag::Subscript => {}
            Tag::Strong => {
                self.bold_tags += 1;
                if self.bold_tags == 1 {
                    let line = self.current_line(at);
                    let from = line.is_only_decoration().then_some(line.text.len());
                    self.current_leaf().bold_from = from;
                }
            }
            Tag::Strikethrough => self.struck_tags += 1,
            Tag::Image { .. } => self.image_tags += 1,
            Tag::Link { link_type, .. } => {
                self.is_email_link = *link_type == LinkType::Email;
                if self.is_email_link {
                    // The brackets of `Ana <ana@example.com>` are markup here, and part of a person.
                    self.add_text("<", at);
                }
            }
            Tag::Paragraph | Tag::Heading { .. } | Tag::TableCell => self.open_leaf(),
            Tag::List(_) => {
                self.close_implied_leaf();
                let lists =
                    self.open_containers.iter().filter(|open| matches!(open, OpenContainer::List(_))).count();
                if lists < MAX_LIST_DEPTH {
                    self.open_containers.push(OpenContainer::List(Vec::new()));
                } else {
                    self.muted_tags = 1;
                }
            }
            Tag::Item => self.open_containers.push(OpenContainer::Item(OutlineItem::default())),
            Tag::Table(_) => {
                self.close_implied_leaf();
                self.table_rows = Vec::new();
            }
            Tag::TableHead | Tag::TableRow => self.table_rows.push(Vec::new()),
            Tag::CodeBlock(CodeBlockKind::Fenced(info))
                if info.split_whitespace().next() == Some(CHANGE_BLOCK_INFO) =>
            {
                self.open_leaf();
            }
            _ => {
                self.close_implied_leaf();
                self.muted_tags = 1;
            }
        }
    }

    fn end_tag(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Strong => {
                self.bold_tags = self.bold_tags.saturating_sub(1);
                if self.bold_tags == 0 {
                    self.current_leaf().end_bold();
                }
            }
            TagEnd::Strikethrough => self.struck_tags = self.struck_tags.saturating_sub(1),
            TagEnd::Image => self.image_tags = self.image_tags.saturating_sub(1),
            TagEnd::Link if self.is_email_link => {
                self.add_text(">", self.body.len());
                self.is_email_link = false;
            }
            TagEnd::Paragraph => self.close_leaf(DescriptionBlock::Paragraph),
            TagEnd::Heading(level) => self.close_leaf(|lines| DescriptionBlock::Heading(level, lines)),
            TagEnd::CodeBlock => {
                let lines = self.leaf.take().map(OpenLeaf::into_lines).unwrap_or_default();
                self.add_block(DescriptionBlock::ChangeBlock(lines));
            }
            TagEnd::Item => {
                self.close_implied_leaf();
                if let Some(OpenContainer::Item(item)) = self.open_containers.pop()
                    && let Some(OpenContainer::List(items)) = self.open_containers.last_mut()
                {
                    items.push(item);
                }
            }
            TagEnd::List(_) => {
                if let Some(OpenContainer::List(items)) = self.open_containers.pop() {
                    self.add_block(DescriptionBlock::List(items));
                }
            }
            TagEnd::TableCell => {
                let lines = self.leaf.take().map(OpenLeaf::into_visible_lines).unwrap_or_default();
                if let Some(row) = self.table_rows.last_mut() {
                    row.push(lines);
                }
            }
            TagEnd::Table => {
                let rows = std::mem::take(&mut self.table_rows);
                self.add_block(DescriptionBlock::Table(rows));
            }
            _ => {}
        }
    }

    /// Adds what is written at `at`, where it can be seen; in a block of code it may be several lines.
    fn add_text(&mut self, text: &str, at: usize) {
        if 0 < self.struck_tags || 0 < self.image_tags || 0 < self.current_leaf().struck_tags {
            return;
        }
        let mut at = at;
        for (index, piece) in text.split('\n').enumerate() {
            if 0 < index {
                self.end_line(false, at - 1);
            }
            if !piece.is_empty() {
                self.current_line(at).push_visible(piece);
            }
            at += piece.len() + 1;
        }
    }

    /// Notes that what follows is code.
    fn note_code(&mut self, at: usize) {
        let line = self.current_line(at);
        line.code_start.get_or_insert(line.text.len());
    }

    /// Heeds the few tags that change what a reader sees of the text around them.
    fn apply_html_tag(&mut self, tag: &str, at: usize) {
        let inner = tag.trim_start_matches('<');
        let name = inner.trim_start_matches('/').split(|one: char| !one.is_ascii_alphanumeric()).next();
        let leaf = self.current_leaf();
        match name.unwrap_or_default().to_ascii_lowercase().as_str() {
            "br" => self.end_line(true, at),
            "del" | "s" | "strike" if inner.starts_with('/') => {
                leaf.struck_tags = leaf.struck_tags.saturating_sub(1)
            }
            "del" | "s" | "strike" => leaf.struck_tags += 1,
            "code" | "kbd" | "pre" | "samp" | "tt" => self.note_code(at),
            _ => {}
        }
    }

    fn current_leaf(&mut self) -> &mut OpenLeaf {
        self.leaf.get_or_insert_with(|| OpenLeaf { is_implied: true, ..OpenLeaf::default() })
    }

    /// Ends the line that is being written, at `at`.
    fn end_line(&mut self, is_ended: bool, at: usize) {
        let number = self.line_number(at);
        self.current_leaf().end_line(is_ended, number);
    }

    /// Returns the number of the line in which `at` is.
    fn line_number(&self, at: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= at)
    }

    /// Returns the line that is being written, which what stands at `at` may begin.
    fn current_line(&mut self, at: usize) -> &mut DescriptionLine {
        let number = self.line_number(at);
        let start = number.checked_sub(1).and_then(|index| self.line_starts.get(index));
        let column = at.saturating_sub(start.copied().unwrap_or(0));
        let leaf = self.current_leaf();
        if leaf.current_line.number == 0 {
            leaf.current_line.number = number;
            leaf.current_line.is_indented = leaf.first_column.is_some_and(|first| first < column);
            leaf.first_column.get_or_insert(column);
        }
        &mut leaf.current_line
    }

    fn open_leaf(&mut self) {
        self.close_implied_leaf();
        self.leaf = Some(OpenLeaf::default());
    }

    fn close_implied_leaf(&mut self) {
        if self.leaf.as_ref().is_some_and(|leaf| leaf.is_implied) {
            self.close_leaf(DescriptionBlock::Paragraph);
        }
    }

    fn close_leaf(&mut self, block: impl FnOnce(Vec<DescriptionLine>) -> DescriptionBlock) {
        let lines = self.leaf.take().map(OpenLeaf::into_visible_lines).unwrap_or_default();
        match block(lines) {
            DescriptionBlock::Paragraph(lines) if lines.iter().all(|line| line.text.trim().is_empty()) => {}
            block => self.add_block(block),
        }
    }

    fn add_block(&mut self, block: DescriptionBlock) {
        self.close_implied_leaf();
        if let Some(OpenContainer::Item(item)) = self.open_containers.last_mut() {
            item.blocks.push(block);
        }
    }
}

impl OpenLeaf {
    /// Ends a line; `number` is its own if nothing has been written on it.
    fn end_line(&mut self, is_ended: bool, number: usize) {
        let goes_on = self.bold_from.is_some();
        self.end_bold();
        self.bold_from = goes_on.then_some(0);
        let line = std::mem::take(&mut self.current_line);
        let number = if line.number == 0 { number } else { line.number };
        self.finished_lines.push(DescriptionLine { is_hard_break: is_ended, number, ..line });
    }

    fn end_bold(&mut self) {
        if let Some(from) = self.bold_from.take()
            && from < self.current_line.text.len()
        {
            self.current_line.bold_range = Some(from..self.current_line.text.len());
        }
    }

    fn into_lines(mut self) -> Vec<DescriptionLine> {
        if 0 < self.current_line.number {
            self.finished_lines.push(self.current_line);
        }
        self.finished_lines
    }

    /// Returns the lines up to where a comment begins that nobody has closed. To Markdown that is
    /// text; to whoever wrote it, it was a comment.
    fn into_visible_lines(self) -> Vec<DescriptionLine> {
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
