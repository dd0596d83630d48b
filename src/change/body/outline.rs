//! The blocks of a description, with the text that can be seen and the lines on which it stands.
//!
//! The parser knows what Markdown is; this file only drops what does not speak.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd};

use super::bounds::is_too_wide;
use super::line::Line;

/// The info string of the one kind of code block that speaks.
const RECORD: &str = "change";

/// How deep lists may stand in lists; below that they say nothing.
const DEEPEST_LIST: usize = 32;

/// A block that may speak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// A heading.
    Heading(HeadingLevel, Vec<Line>),
    /// A paragraph, or the text of a list item.
    Paragraph(Vec<Line>),
    /// A list of either kind.
    List(Vec<Item>),
    /// A table: its rows, the header first, each of cells.
    Table(Vec<Vec<Vec<Line>>>),
    /// The lines of a block of code that is called `change`.
    Record(Vec<Line>),
    /// A line from side to side.
    Rule,
}

/// An item of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Item {
    /// Whether its box is ticked; `None` if it has none.
    pub(super) ticked: Option<bool>,
    /// What it holds.
    pub(super) blocks: Vec<Block>,
}

/// Returns the blocks of `body`.
pub(super) fn read(body: &str) -> Vec<Block> {
    let mut options = Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    options.set(Options::ENABLE_TABLES, !is_too_wide(body));
    let mut builder = Builder::new(body);
    for (event, range) in Parser::new_ext(body, options).into_offset_iter() {
        builder.take(event, range.start);
    }
    builder.finish()
}

/// What is made of the parser's events.
struct Builder<'body> {
    body: &'body str,
    /// Where each line begins.
    starts: Vec<usize>,
    /// How many tags are open inside of what says nothing, that one included.
    muted: usize,
    /// What is open, outermost first; the first one is the description itself.
    open: Vec<Open>,
    leaf: Option<Leaf>,
    rows: Vec<Vec<Vec<Line>>>,
    /// How many tags of each kind are open around the text.
    strong: usize,
    struck: usize,
    pictures: usize,
    is_address: bool,
}

/// What holds blocks.
enum Open {
    Item(Item),
    List(Vec<Item>),
}

/// Text that is being collected.
#[derive(Default)]
struct Leaf {
    above: Vec<Line>,
    line: Line,
    /// The column at which the first line begins.
    column: Option<usize>,
    /// True if nothing in the description has opened it: the text of a tight list item.
    is_implied: bool,
    /// Where the bold text at the start of the line begins, while it goes on.
    bold_from: Option<usize>,
    /// How many HTML tags that strike out are open.
    struck: usize,
}

impl<'body> Builder<'body> {
    fn new(body: &'body str) -> Self {
        let bytes = body.as_bytes();
        let ends = bytes
            .iter()
            .enumerate()
            .filter(|(at, byte)| **byte == b'\n' || (**byte == b'\r' && bytes.get(at + 1) != Some(&b'\n')));
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        Builder {
            body,
            starts,
            muted: 0,
            open: vec![Open::Item(Item::default())],
            leaf: None,
            rows: Vec::new(),
            strong: 0,
            struck: 0,
            pictures: 0,
            is_address: false,
        }
    }

    fn finish(mut self) -> Vec<Block> {
        self.close_implied();
        match self.open.into_iter().next() {
            Some(Open::Item(item)) => item.blocks,
            _ => Vec::new(),
        }
    }

    fn take(&mut self, event: Event<'_>, at: usize) {
        match event {
            Event::Start(_) if 0 < self.muted => self.muted += 1,
            Event::End(_) if 0 < self.muted => self.muted -= 1,
            _ if 0 < self.muted => {}
            Event::Start(tag) => self.start(&tag, at),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.text(&text, at),
            Event::Code(text) => {
                self.code(at);
                self.text(&text, at);
            }
            Event::InlineHtml(tag) => self.html(&tag, at),
            Event::SoftBreak => self.next_line(false, at),
            Event::HardBreak => self.next_line(true, at),
            Event::TaskListMarker(ticked) => {
                if let Some(Open::Item(item)) = self.open.last_mut() {
                    item.ticked = Some(ticked);
                }
            }
            Event::Rule => self.put(Block::Rule),
            // Extensions that are not switched on, and HTML, which is muted from its start.
            _ => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>, at: usize) {
        match tag {
            Tag::Emphasis | Tag::Superscript | Tag::Subscript => {}
            Tag::Strong => {
                self.strong += 1;
                if self.strong == 1 {
                    let line = self.line(at);
                    let from = line.begins_here().then_some(line.text.len());
                    self.leaf().bold_from = from;
                }
            }
            Tag::Strikethrough => self.struck += 1,
            Tag::Image { .. } => self.pictures += 1,
            Tag::Link { link_type, .. } => {
                self.is_address = *link_type == LinkType::Email;
                if self.is_address {
                    // The brackets of `Ana <ana@example.com>` are markup here, and part of a person.
                    self.text("<", at);
                }
            }
            Tag::Paragraph | Tag::Heading { .. } | Tag::TableCell => self.open_leaf(),
            Tag::List(_) => {
                self.close_implied();
                let lists = self.open.iter().filter(|open| matches!(open, Open::List(_))).count();
                if lists < DEEPEST_LIST {
                    self.open.push(Open::List(Vec::new()));
                } else {
                    self.muted = 1;
                }
            }
            Tag::Item => self.open.push(Open::Item(Item::default())),
            Tag::Table(_) => {
                self.close_implied();
                self.rows = Vec::new();
            }
            Tag::TableHead | Tag::TableRow => self.rows.push(Vec::new()),
            Tag::CodeBlock(CodeBlockKind::Fenced(info)) if info.split_whitespace().next() == Some(RECORD) => {
                self.open_leaf();
            }
            _ => {
                self.close_implied();
                self.muted = 1;
            }
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Strong => {
                self.strong = self.strong.saturating_sub(1);
                if self.strong == 0 {
                    self.leaf().end_bold();
                }
            }
            TagEnd::Strikethrough => self.struck = self.struck.saturating_sub(1),
            TagEnd::Image => self.pictures = self.pictures.saturating_sub(1),
            TagEnd::Link if self.is_address => {
                self.text(">", self.body.len());
                self.is_address = false;
            }
            TagEnd::Paragraph => self.close_leaf(Block::Paragraph),
            TagEnd::Heading(level) => self.close_leaf(|lines| Block::Heading(level, lines)),
            TagEnd::CodeBlock => {
                let lines = self.leaf.take().map(Leaf::lines).unwrap_or_default();
                self.put(Block::Record(lines));
            }
            TagEnd::Item => {
                self.close_implied();
                if let Some(Open::Item(item)) = self.open.pop()
                    && let Some(Open::List(items)) = self.open.last_mut()
                {
                    items.push(item);
                }
            }
            TagEnd::List(_) => {
                if let Some(Open::List(items)) = self.open.pop() {
                    self.put(Block::List(items));
                }
            }
            TagEnd::TableCell => {
                let lines = self.leaf.take().map(Leaf::seen).unwrap_or_default();
                if let Some(row) = self.rows.last_mut() {
                    row.push(lines);
                }
            }
            TagEnd::Table => {
                let rows = std::mem::take(&mut self.rows);
                self.put(Block::Table(rows));
            }
            _ => {}
        }
    }

    /// Adds what is written at `at`, where it can be seen; in a block of code it may be several lines.
    fn text(&mut self, text: &str, at: usize) {
        if 0 < self.struck || 0 < self.pictures || 0 < self.leaf().struck {
            return;
        }
        let mut at = at;
        for (index, piece) in text.split('\n').enumerate() {
            if 0 < index {
                self.next_line(false, at - 1);
            }
            if !piece.is_empty() {
                self.line(at).push(piece);
            }
            at += piece.len() + 1;
        }
    }

    /// Notes that what follows is code.
    fn code(&mut self, at: usize) {
        let line = self.line(at);
        line.code.get_or_insert(line.text.len());
    }

    /// Heeds the few tags that change what a reader sees of the text around them.
    fn html(&mut self, tag: &str, at: usize) {
        let inner = tag.trim_start_matches('<');
        let name = inner.trim_start_matches('/').split(|one: char| !one.is_ascii_alphanumeric()).next();
        let leaf = self.leaf();
        match name.unwrap_or_default().to_ascii_lowercase().as_str() {
            "br" => self.next_line(true, at),
            "del" | "s" | "strike" if inner.starts_with('/') => leaf.struck = leaf.struck.saturating_sub(1),
            "del" | "s" | "strike" => leaf.struck += 1,
            "code" | "kbd" | "pre" | "samp" | "tt" => self.code(at),
            _ => {}
        }
    }

    fn leaf(&mut self) -> &mut Leaf {
        self.leaf.get_or_insert_with(|| Leaf { is_implied: true, ..Leaf::default() })
    }

    /// Ends the line that is being written, at `at`.
    fn next_line(&mut self, is_ended: bool, at: usize) {
        let number = self.number(at);
        self.leaf().next_line(is_ended, number);
    }

    /// Returns the number of the line in which `at` is.
    fn number(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at)
    }

    /// Returns the line that is being written, which what stands at `at` may begin.
    fn line(&mut self, at: usize) -> &mut Line {
        let number = self.number(at);
        let start = number.checked_sub(1).and_then(|index| self.starts.get(index));
        let column = at.saturating_sub(start.copied().unwrap_or(0));
        let leaf = self.leaf();
        if leaf.line.number == 0 {
            leaf.line.number = number;
            leaf.line.is_indented = leaf.column.is_some_and(|first| first < column);
            leaf.column.get_or_insert(column);
        }
        &mut leaf.line
    }

    fn open_leaf(&mut self) {
        self.close_implied();
        self.leaf = Some(Leaf::default());
    }

    fn close_implied(&mut self) {
        if self.leaf.as_ref().is_some_and(|leaf| leaf.is_implied) {
            self.close_leaf(Block::Paragraph);
        }
    }

    fn close_leaf(&mut self, block: impl FnOnce(Vec<Line>) -> Block) {
        let lines = self.leaf.take().map(Leaf::seen).unwrap_or_default();
        match block(lines) {
            Block::Paragraph(lines) if lines.iter().all(|line| line.text.trim().is_empty()) => {}
            block => self.put(block),
        }
    }

    fn put(&mut self, block: Block) {
        self.close_implied();
        if let Some(Open::Item(item)) = self.open.last_mut() {
            item.blocks.push(block);
        }
    }
}

impl Leaf {
    /// Ends a line; `number` is its own if nothing has been written on it.
    fn next_line(&mut self, is_ended: bool, number: usize) {
        let goes_on = self.bold_from.is_some();
        self.end_bold();
        self.bold_from = goes_on.then_some(0);
        let line = std::mem::take(&mut self.line);
        let number = if line.number == 0 { number } else { line.number };
        self.above.push(Line { is_ended, number, ..line });
    }

    fn end_bold(&mut self) {
        if let Some(from) = self.bold_from.take()
            && from < self.line.text.len()
        {
            self.line.bold = Some(from..self.line.text.len());
        }
    }

    fn lines(mut self) -> Vec<Line> {
        if 0 < self.line.number {
            self.above.push(self.line);
        }
        self.above
    }

    /// Returns the lines up to where a comment begins that nobody has closed. To Markdown that is
    /// text; to whoever wrote it, it was a comment.
    fn seen(self) -> Vec<Line> {
        let mut lines = self.lines();
        if let Some(index) = lines.iter().position(|line| line.text.contains("<!--")) {
            lines.truncate(index + 1);
            if let Some(line) = lines.last_mut() {
                let kept = line.text.find("<!--").unwrap_or(0);
                line.text.truncate(kept);
                line.bold = line.bold.take().filter(|bold| bold.end <= kept);
            }
        }
        lines
    }
}
