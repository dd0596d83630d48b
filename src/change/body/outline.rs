//! The blocks of a description, with the text that can be seen and the lines on which it stands.
//!
//! The parser knows what Markdown is; this file only drops what does not speak. It bounds what could
//! cost the parser more than the length of its input, before the parser sees it.

use memchr::memchr_iter;
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd};

use super::line::Line;

/// The info string of the one kind of code block that speaks.
const RECORD: &str = "change";

/// How deep lists may stand in lists; below that they say nothing.
const DEEPEST_LIST: usize = 32;

/// How many quotations and lists may begin on one line. The parser goes through all that are open
/// with every further line.
const DEEPEST_LINE: usize = 100;

/// How many cells a table may be completed with. The parser makes a cell of each that is not there.
const MOST_CELLS: usize = 1 << 15;

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

/// Returns true if some line of `body` opens more quotations and lists than anybody reads.
pub(super) fn is_too_deep(body: &str) -> bool {
    body.split(['\n', '\r']).any(|line| {
        let mut opened = 0;
        let mut bytes = line.bytes().peekable();
        while let Some(byte) = bytes.next() {
            let is_marker = matches!(byte, b'-' | b'*' | b'+' | b'.' | b')');
            match byte {
                b'>' => opened += 1,
                _ if is_marker && matches!(bytes.peek(), Some(b' ' | b'\t')) => opened += 1,
                b' ' | b'\t' | b'0'..=b'9' => {}
                _ => break,
            }
        }
        DEEPEST_LINE < opened
    })
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

/// Returns true if a table of `body` could be completed with more cells than anybody reads.
fn is_too_wide(body: &str) -> bool {
    let is_delimiter = |line: &&str| {
        let at = |byte: u8| matches!(byte, b'|' | b'-' | b':' | b' ' | b'\t' | b'>');
        line.bytes().all(at)
    };
    let delimiters = body.split(['\n', '\r']).filter(is_delimiter);
    let columns = delimiters.map(|line| memchr_iter(b'|', line.as_bytes()).count() + 1).max().unwrap_or(0);
    let rows = memchr_iter(b'\n', body.as_bytes()).count() + memchr_iter(b'\r', body.as_bytes()).count();
    MOST_CELLS < rows.saturating_mul(columns.saturating_sub(3))
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
            Event::SoftBreak => self.leaf().next_line(false),
            Event::HardBreak => self.leaf().next_line(true),
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
                self.leaf().next_line(false);
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
            "br" => leaf.next_line(true),
            "del" | "s" | "strike" if inner.starts_with('/') => leaf.struck = leaf.struck.saturating_sub(1),
            "del" | "s" | "strike" => leaf.struck += 1,
            "code" | "kbd" | "pre" | "samp" | "tt" => self.code(at),
            _ => {}
        }
    }

    fn leaf(&mut self) -> &mut Leaf {
        self.leaf.get_or_insert_with(|| Leaf { is_implied: true, ..Leaf::default() })
    }

    /// Returns the line that is being written, which what stands at `at` may begin.
    fn line(&mut self, at: usize) -> &mut Line {
        let number = self.starts.partition_point(|start| *start <= at);
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
    fn next_line(&mut self, is_ended: bool) {
        let goes_on = self.bold_from.is_some();
        self.end_bold();
        self.bold_from = goes_on.then_some(0);
        let line = std::mem::take(&mut self.line);
        self.above.push(Line { is_ended, ..line });
    }

    fn end_bold(&mut self) {
        if let Some(from) = self.bold_from.take()
            && from < self.line.text.len()
        {
            self.line.bold = Some(from..self.line.text.len());
        }
    }

    fn lines(mut self) -> Vec<Line> {
        self.above.push(self.line);
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
