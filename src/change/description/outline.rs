//! The blocks of a description, with the text that can be seen and its line numbers.
//!
//! The library parses Markdown; this file only drops what states nothing.

use pulldown_cmark::{CodeBlockKind, Event, LinkType, Options, Parser, Tag, TagEnd};

use crate::change::description::block::{DescriptionBlock, OutlineItem, split_list_at_labels};
use crate::change::description::bounds::{blank_front_matter, has_too_many_cells};
use crate::change::description::html::{HtmlTracker, has_hiding_attribute, is_code_element};
use crate::change::description::line::{DescriptionLine, join_lines};
use crate::change::description::open_leaf::OpenLeaf;

/// The info string of the only code block that can state something.
const CHANGE_BLOCK_INFO: &str = "change";

/// How deep lists are read in lists; deeper ones state nothing.
const MAX_LIST_DEPTH: usize = 32;

/// Returns the blocks of `body`, in order.
pub(crate) fn read_outline(body: &str) -> Vec<DescriptionBlock> {
    // A footnote shows only where the text refers to it, and then far below: none states anything.
    let mut options = Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS | Options::ENABLE_FOOTNOTES;
    options.set(Options::ENABLE_TABLES, !has_too_many_cells(body));
    let body = blank_front_matter(body);
    let mut builder = OutlineBuilder::new(&body);
    for (event, range) in Parser::new_ext(&body, options).into_offset_iter() {
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
    italic_tags: usize,
    is_email_link: bool,
    /// What HTML has opened, and the blocks of Markdown that are open around it, by number.
    html: HtmlTracker,
    open_blocks: Vec<usize>,
    started_blocks: usize,
    /// The kind of the block of code that is open.
    code_kind: CodeKind,
}

/// What a block of code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CodeKind {
    Change,
    Other,
}

/// A container of blocks that is still open.
enum OpenContainer {
    Item(OutlineItem),
    List(Vec<OutlineItem>),
}

impl<'body> OutlineBuilder<'body> {
    fn new(body: &'body str) -> Self {
        let bytes = body.as_bytes();
        let mut starts = vec![0];
        for (at, byte) in bytes.iter().enumerate() {
            if *byte == b'\n' || (*byte == b'\r' && bytes.get(at + 1) != Some(&b'\n')) {
                starts.push(at + 1);
            }
        }
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
            italic_tags: 0,
            is_email_link: false,
            html: HtmlTracker::default(),
            open_blocks: Vec::new(),
            started_blocks: 0,
            code_kind: CodeKind::Other,
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
        self.follow_blocks(&event);
        match event {
            Event::Html(html) => self.html.read_html(&html, self.current_block()),
            Event::InlineHtml(tag) if self.muted_tags > 0 => self.html.read_html(&tag, self.current_block()),
            Event::Start(_) if self.muted_tags > 0 => self.muted_tags += 1,
            Event::End(_) if self.muted_tags > 0 => self.muted_tags -= 1,
            _ if self.muted_tags > 0 => {}
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
            Event::Rule if self.html.is_silent() => {}
            Event::Rule => self.add_block(DescriptionBlock::ThematicBreak),
            // Extensions that are not switched on.
            _ => {}
        }
    }

    fn start_tag(&mut self, tag: &Tag<'_>, at: usize) {
        match tag {
            // Nothing in one of these can close what was opened around it.
            Tag::List(_) | Tag::Table(_) | Tag::CodeBlock(_) if self.html.is_silent() => {
                self.close_implied_leaf();
                self.muted_tags = 1;
            }
            Tag::Emphasis => self.italic_tags += 1,
            Tag::Superscript | Tag::Subscript => {}
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
                if self.count_open_lists() < MAX_LIST_DEPTH {
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
            Tag::CodeBlock(kind) => {
                let is_change = matches!(kind, CodeBlockKind::Fenced(info)
                    if info.split_whitespace().next() == Some(CHANGE_BLOCK_INFO));
                self.code_kind = if is_change { CodeKind::Change } else { CodeKind::Other };
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
            TagEnd::Emphasis => self.italic_tags = self.italic_tags.saturating_sub(1),
            TagEnd::Strikethrough => self.struck_tags = self.struck_tags.saturating_sub(1),
            TagEnd::Image => self.image_tags = self.image_tags.saturating_sub(1),
            // Gives back the bracket that the markup took, as where the link begins.
            TagEnd::Link if self.is_email_link => {
                self.add_text(">", self.body.len());
                self.is_email_link = false;
            }
            TagEnd::Paragraph => self.close_paragraph(),
            TagEnd::Heading(level) => {
                let lines = self.take_visible_lines();
                // One that is quoted or struck out ends no section.
                if !self.html.is_silent() {
                    self.html.note_heading(&join_lines(&lines));
                    self.add_block(DescriptionBlock::Heading(level, lines));
                }
            }
            TagEnd::CodeBlock => {
                let lines = self.leaf.take().map(OpenLeaf::into_lines).unwrap_or_default();
                self.add_block(match self.code_kind {
                    CodeKind::Change => DescriptionBlock::ChangeBlock(lines),
                    CodeKind::Other => DescriptionBlock::Code(lines),
                });
            }
            TagEnd::Item => {
                self.close_implied_leaf();
                if let Some(OpenContainer::Item(mut item)) = self.open_containers.pop()
                    && let Some(OpenContainer::List(items)) = self.open_containers.last_mut()
                {
                    item.read_typed_box();
                    items.push(item);
                }
            }
            TagEnd::List(_) => {
                if let Some(OpenContainer::List(items)) = self.open_containers.pop() {
                    for block in split_list_at_labels(items) {
                        self.add_block(block);
                    }
                }
            }
            TagEnd::TableCell => {
                let lines = self.take_visible_lines();
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
        self.html.add_title_text(text);
        if self.struck_tags > 0 || self.image_tags > 0 || self.html.is_silent() {
            return;
        }
        let is_upright = self.italic_tags == 0 && self.current_leaf().italic_tags == 0;
        let mut at = at;
        for (index, piece) in text.split('\n').enumerate() {
            if index > 0 {
                self.end_line(false, at - 1);
            }
            if !piece.is_empty() {
                let line = self.current_line(at);
                line.push_visible(piece);
                line.has_upright_text |= is_upright && piece.chars().any(char::is_alphanumeric);
            }
            at += piece.len() + 1;
        }
    }

    /// Notes that what follows is code.
    fn note_code(&mut self, at: usize) {
        let line = self.current_line(at);
        line.code_start.get_or_insert(line.text.len());
    }

    /// Heeds the tags that change what a reader sees of the text around them.
    fn apply_html_tag(&mut self, tag: &str, at: usize) {
        let inner = tag.trim_start_matches('<');
        let name = inner.trim_start_matches('/').split(|one: char| !one.is_ascii_alphanumeric()).next();
        let name = name.unwrap_or_default().to_ascii_lowercase();
        // What an attribute hides is for the tracker alone, from its beginning to its end.
        let is_hidden = match inner.starts_with('/') {
            true => self.html.is_hiding(&name),
            false => self.html.is_hiding(&name) || has_hiding_attribute(tag),
        };
        if is_hidden {
            self.html.read_html(tag, self.current_block());
        }
        match name.as_str() {
            _ if is_hidden => {}
            "br" => self.end_line(true, at),
            "em" | "i" => {
                let leaf = self.current_leaf();
                leaf.italic_tags = match inner.starts_with('/') {
                    true => leaf.italic_tags.saturating_sub(1),
                    false => leaf.italic_tags.saturating_add(1),
                };
            }
            // Code is seen in a line, and is only no label there.
            name if is_code_element(name) => self.note_code(at),
            _ => self.html.read_html(tag, self.current_block()),
        }
    }

    /// Numbers the blocks that hold other blocks, so that each tag of HTML is known by where it stands.
    fn follow_blocks(&mut self, event: &Event<'_>) {
        match event {
            Event::Start(Tag::BlockQuote(_) | Tag::Item | Tag::TableCell | Tag::FootnoteDefinition(_)) => {
                self.started_blocks += 1;
                self.open_blocks.push(self.started_blocks);
            }
            Event::End(
                TagEnd::BlockQuote(_) | TagEnd::Item | TagEnd::TableCell | TagEnd::FootnoteDefinition,
            ) => {
                self.open_blocks.pop();
            }
            _ => {}
        }
    }

    fn current_block(&self) -> usize {
        self.open_blocks.last().copied().unwrap_or(0)
    }

    fn current_leaf(&mut self) -> &mut OpenLeaf {
        self.leaf.get_or_insert_with(|| OpenLeaf { is_implied: true, ..OpenLeaf::default() })
    }

    /// Ends the line that is being written, at `at`.
    fn end_line(&mut self, is_ended: bool, at: usize) {
        let number = self.line_number(at);
        self.current_leaf().end_line(is_ended, number);
    }

    fn count_open_lists(&self) -> usize {
        let mut count = 0;
        for open in &self.open_containers {
            count += usize::from(matches!(open, OpenContainer::List(_)));
        }
        count
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
        self.html.note_block();
        self.leaf = Some(OpenLeaf::default());
    }

    fn close_implied_leaf(&mut self) {
        if self.leaf.as_ref().is_some_and(|leaf| leaf.is_implied) {
            self.close_paragraph();
        }
    }

    fn close_paragraph(&mut self) {
        let lines = self.take_visible_lines();
        if !lines.iter().all(DescriptionLine::is_blank) {
            self.add_block(DescriptionBlock::Paragraph(lines));
        }
    }

    fn take_visible_lines(&mut self) -> Vec<DescriptionLine> {
        self.leaf.take().map(OpenLeaf::into_visible_lines).unwrap_or_default()
    }

    fn add_block(&mut self, block: DescriptionBlock) {
        self.close_implied_leaf();
        if let Some(OpenContainer::Item(item)) = self.open_containers.last_mut() {
            item.blocks.push(block);
        }
    }
}
