//! Follows HTML through a description, across empty lines and blocks, to tell what it quotes, strikes out or
//! hides.
//!
//! Markdown between two tags is Markdown, and shows inside of what the tags open. So the tags are
//! read in the order of the text, with the rules of HTML where they matter, and on the silent side
//! where they are involved: what is not closed, or is closed elsewhere than it was opened, stays open.

use crate::change::description::pasted_title::{MAX_TITLE_BYTES, is_pasted_heading, is_pasted_summary};

/// The elements in which nothing is stated: quotations, what is struck out, code, tables, forms, and what
/// browsers do not show.
const SILENT_ELEMENTS: [&str; 35] = [
    "blockquote",
    "q",
    "cite",
    "del",
    "s",
    "strike",
    "table",
    "pre",
    "code",
    "kbd",
    "samp",
    "tt",
    "var",
    "script",
    "style",
    "textarea",
    "title",
    "xmp",
    "iframe",
    "noembed",
    "noframes",
    "noscript",
    "plaintext",
    "template",
    "svg",
    "math",
    "select",
    "object",
    "video",
    "audio",
    "canvas",
    "datalist",
    "dialog",
    "head",
    "rp",
];

/// The elements that have no content, so that nothing can be hidden in them.
const VOID_ELEMENTS: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track",
    "wbr",
];

/// The attribute by which a browser does not show an element, whatever its value is.
const HIDING_ATTRIBUTE: &str = "hidden";

/// The elements whose state inside of a paragraph is kept by the reader of lines.
const CODE_ELEMENTS: [&str; 5] = ["code", "kbd", "pre", "samp", "tt"];

/// How many elements are followed at the same time; with more, nothing is read any more.
const MAX_OPEN_ELEMENTS: usize = 1_000;

/// The headings of HTML.
const HEADING_ELEMENTS: [&str; 6] = ["h1", "h2", "h3", "h4", "h5", "h6"];

/// What of a description's HTML is open.
#[derive(Default)]
pub(crate) struct HtmlTracker {
    open: Vec<OpenElement>,
    /// How many of them are silent.
    silent_count: usize,
    state: TagState,
    /// The tag that is being read, while it may still turn out to hide its element.
    pending_tag: Option<PendingTag>,
    /// The text of a summary, while it is being read.
    summary: Option<String>,
    /// The text of a heading, while it is being read.
    heading: Option<String>,
    /// True if the last heading announced what others wrote.
    is_below_pasted_title: bool,
    has_too_many: bool,
}

/// A tag that opens an element, as far as it is read.
struct PendingTag {
    name: String,
    container: usize,
    /// The name of the attribute that is being read, in lower case.
    attribute: String,
    is_hidden: bool,
}

impl PendingTag {
    /// Adds a byte to the name of the attribute that is being read.
    fn add_attribute_byte(&mut self, byte: u8, begins: bool) {
        if begins {
            self.attribute.clear();
        }
        // One byte more than is looked for shows that it is another name.
        if self.attribute.len() <= HIDING_ATTRIBUTE.len() {
            self.attribute.push(char::from(byte.to_ascii_lowercase()));
        }
    }

    fn end_attribute(&mut self) {
        self.is_hidden |= self.attribute == HIDING_ATTRIBUTE;
    }
}

/// An element that is open.
struct OpenElement {
    name: String,
    is_silent: bool,
    /// True if an attribute hides it.
    is_hidden: bool,
    /// The block of Markdown that it was opened in.
    container: usize,
}

/// Where the reader of tags stands at the end of a piece of HTML.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum TagState {
    #[default]
    Text,
    Comment,
    /// In something like `<?a ...`, which ends with the next `>`.
    Declaration,
    /// Behind the name of a tag.
    Attributes(AttributeState),
}

/// Where the reader of tags stands in the attributes of one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AttributeState {
    BeforeName,
    Name,
    AfterName,
    BeforeValue,
    PlainValue,
    /// In a value, up to this quotation mark.
    Quoted(u8),
}

impl HtmlTracker {
    /// Returns true if what is written now states nothing.
    pub(crate) fn is_silent(&self) -> bool {
        self.silent_count > 0 || self.state != TagState::Text || self.has_too_many
    }

    /// Notes a heading, below which a folded part may hold what others wrote.
    pub(crate) fn note_heading(&mut self, text: &str) {
        self.is_below_pasted_title = is_pasted_heading(text);
    }

    /// Reads a piece of HTML that stands in the block of Markdown with the number `container`.
    pub(crate) fn read_html(&mut self, html: &str, container: usize) {
        let mut rest = html;
        while !rest.is_empty() {
            rest = match self.state {
                TagState::Comment => match rest.split_once("-->") {
                    Some((_, after)) => self.enter_text(after),
                    None => return,
                },
                TagState::Declaration => match rest.split_once('>') {
                    Some((_, after)) => self.enter_text(after),
                    None => return,
                },
                TagState::Attributes(state) => self.skip_attributes(rest, state),
                TagState::Text => {
                    let Some(at) = rest.find('<') else {
                        self.add_title_text(rest);
                        return;
                    };
                    self.add_title_text(rest.get(..at).unwrap_or_default());
                    self.read_tag(rest.get(at + 1..).unwrap_or_default(), container)
                }
            };
        }
    }

    fn enter_text<'html>(&mut self, after: &'html str) -> &'html str {
        self.state = TagState::Text;
        after
    }

    /// Reads what stands behind a `<`, and returns what follows the tag.
    fn read_tag<'html>(&mut self, rest: &'html str, container: usize) -> &'html str {
        if let Some(comment) = rest.strip_prefix("!--") {
            // To HTML `<!-->` and `<!--->` are whole comments.
            if let Some(after) = comment.strip_prefix('>').or_else(|| comment.strip_prefix("->")) {
                return after;
            }
            self.state = TagState::Comment;
            return comment;
        }
        let (is_end, named) = match rest.strip_prefix('/') {
            Some(named) => (true, named),
            None => (false, rest),
        };
        if !named.starts_with(|one: char| one.is_ascii_alphabetic()) {
            if is_end || named.starts_with(['!', '?']) {
                self.state = TagState::Declaration;
            }
            return rest;
        }
        let end =
            named.find(|one: char| one.is_whitespace() || one == '/' || one == '>').unwrap_or(named.len());
        let name = named.get(..end).unwrap_or_default().to_ascii_lowercase();
        if is_end {
            self.close_element(&name, container);
        } else {
            // It is opened at the end of the tag, when its attributes are known.
            self.pending_tag =
                Some(PendingTag { name, container, attribute: String::new(), is_hidden: false });
        }
        self.skip_attributes(named.get(end..).unwrap_or_default(), AttributeState::BeforeName)
    }

    /// Returns what follows the `>` of a tag. A tag without one goes on with the next piece of HTML.
    fn skip_attributes<'html>(&mut self, rest: &'html str, state: AttributeState) -> &'html str {
        let mut state = state;
        for (at, byte) in rest.bytes().enumerate() {
            let is_space = byte.is_ascii_whitespace();
            let before = state;
            state = match (state, byte) {
                (AttributeState::Quoted(mark), _) if byte == mark => AttributeState::BeforeName,
                (AttributeState::Quoted(_), _) => state,
                (_, b'>') => {
                    self.end_tag();
                    return self.enter_text(rest.get(at + 1..).unwrap_or_default());
                }
                (AttributeState::BeforeValue, b'"' | b'\'') => AttributeState::Quoted(byte),
                (AttributeState::BeforeValue, _) if is_space => state,
                (AttributeState::BeforeValue, _) => AttributeState::PlainValue,
                (AttributeState::PlainValue, _) if is_space => AttributeState::BeforeName,
                (AttributeState::PlainValue, _) => state,
                (_, b'/') => AttributeState::BeforeName,
                (AttributeState::BeforeName, _) if is_space => state,
                (AttributeState::Name | AttributeState::AfterName, b'=') => AttributeState::BeforeValue,
                (_, _) if is_space => AttributeState::AfterName,
                _ => AttributeState::Name,
            };
            if let Some(tag) = &mut self.pending_tag {
                match (before, state) {
                    (_, AttributeState::Name) => {
                        tag.add_attribute_byte(byte, before != AttributeState::Name);
                    }
                    (AttributeState::Name, _) => tag.end_attribute(),
                    _ => {}
                }
            }
        }
        self.state = TagState::Attributes(state);
        ""
    }

    /// Opens the element of the tag that ends here.
    fn end_tag(&mut self) {
        if let Some(mut tag) = self.pending_tag.take() {
            tag.end_attribute();
            self.open_element(&tag.name, tag.container, tag.is_hidden);
        }
    }

    fn open_element(&mut self, name: &str, container: usize, is_hidden: bool) {
        let is_hidden = is_hidden && !VOID_ELEMENTS.contains(&name);
        let is_silent = is_hidden || SILENT_ELEMENTS.contains(&name);
        if name == "summary" {
            self.summary = Some(String::new());
        } else if HEADING_ELEMENTS.contains(&name) {
            self.heading = Some(String::new());
        }
        // Inside of a hidden element, one of the same name is followed too: its end is not that of the other.
        if !is_silent && name != "details" && !self.is_hiding(name) {
            return;
        }
        if self.open.len() >= MAX_OPEN_ELEMENTS {
            self.has_too_many = true;
            return;
        }
        self.open.push(OpenElement { name: name.to_owned(), is_silent, is_hidden, container });
        self.silent_count += usize::from(is_silent);
        if name == "details" && self.is_below_pasted_title {
            self.silence_details();
        }
    }

    /// Closes the innermost element of a name, if it was opened in the same block of Markdown: a tag in
    /// a list or a quotation cannot close what was opened outside of it.
    fn close_element(&mut self, name: &str, container: usize) {
        if name == "summary"
            && let Some(summary) = self.summary.take()
            && is_pasted_summary(&summary)
        {
            self.silence_details();
        }
        // A heading of a folded part that is silent is none of the author's.
        if HEADING_ELEMENTS.contains(&name)
            && let Some(heading) = self.heading.take()
            && self.silent_count == 0
        {
            self.note_heading(&heading);
        }
        let Some(at) = self.open.iter().rposition(|element| element.name == name) else { return };
        if self.open.get(at).is_some_and(|element| element.container == container) {
            let element = self.open.remove(at);
            self.silent_count -= usize::from(element.is_silent);
        }
    }

    /// Returns true if an element of this name is open that an attribute hides.
    pub(crate) fn is_hiding(&self, name: &str) -> bool {
        self.open.iter().any(|element| element.is_hidden && element.name == name)
    }

    /// Makes the innermost folded part one in which nothing is stated.
    fn silence_details(&mut self) {
        if let Some(element) = self.open.iter_mut().rev().find(|element| element.name == "details")
            && !element.is_silent
        {
            element.is_silent = true;
            self.silent_count += 1;
        }
    }

    /// Notes a new block of Markdown: a summary that is not closed says by its first one what it announces.
    pub(crate) fn note_block(&mut self) {
        if self.summary.as_ref().is_some_and(|summary| !summary.trim().is_empty())
            && let Some(summary) = self.summary.take()
            && is_pasted_summary(&summary)
        {
            self.silence_details();
        }
    }

    /// Adds what stands in a summary or a heading, as Markdown or in HTML.
    pub(crate) fn add_title_text(&mut self, text: &str) {
        for title in [&mut self.summary, &mut self.heading].into_iter().flatten() {
            if title.len() < MAX_TITLE_BYTES {
                title.push_str(text);
            }
        }
    }
}

/// Returns true for a whole tag that hides its element.
pub(crate) fn has_hiding_attribute(tag: &str) -> bool {
    let mut tracker = HtmlTracker::default();
    tracker.read_html(tag, 0);
    tracker.open.iter().any(|element| element.is_hidden)
}

/// Returns true for a tag that begins code.
pub(crate) fn is_code_element(name: &str) -> bool {
    CODE_ELEMENTS.contains(&name)
}
