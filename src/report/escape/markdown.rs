//! Words for Markdown as GitHub has it.
//!
//! GitHub makes links, mentions, references and pictures out of plain text, and some of that after
//! the Markdown has been read, so that no backslash and no entity is of any use against it. What it
//! leaves alone is code. Hence: what contributors wrote is always code, and of our own words
//! and the policy's each one that holds more than letters, digits and harmless marks.

use crate::verdict::{Sentence, SentencePart};

use crate::report::escape::{MAX_QUOTE_COLUMNS, escape_terminal, escape_words};

/// The marks that mean nothing to Markdown inside a line, nor to GitHub.
const HARMLESS_MARKS: &str = ".,;?'\"()/%+=-";

/// The marks that may stand before a word and are not part of it.
const LEADING_MARKS: [char; 3] = ['(', '"', '\''];

/// The marks that may stand after a word and are not part of it.
const TRAILING_MARKS: [char; 9] = ['.', ',', ';', ':', '?', '!', ')', '"', '\''];

/// The hexadecimal digits from which on GitHub takes a word for a commit.
const MIN_COMMIT_ID_DIGITS: usize = 7;

/// One line of Markdown that grows piece by piece.
#[derive(Clone, Debug, Default)]
pub(crate) struct MarkdownInline {
    markdown: String,
    /// True if it goes into a cell of a table, which a `|` would end even inside code.
    is_cell: bool,
}

impl MarkdownInline {
    /// Returns an empty Markdown text, to which escaped pieces are added.
    pub(crate) fn new() -> Self {
        MarkdownInline::default()
    }

    /// Returns an empty text for a cell of a table.
    pub(crate) fn new_cell() -> Self {
        MarkdownInline { markdown: String::new(), is_cell: true }
    }

    /// Adds Markdown of our own, as it is.
    #[must_use]
    pub(crate) fn with_markdown(mut self, markdown: &str) -> Self {
        self.markdown.push_str(markdown);
        self
    }

    /// Adds our own words or the policy's: what stands between backticks there is code here too.
    #[must_use]
    pub(crate) fn with_words(mut self, own: &str) -> Self {
        let own = escape_words(own);
        // An odd number of backticks are characters like any other.
        let paired = own.matches('`').count().is_multiple_of(2);
        let mut rest = own.as_str();
        while paired && let Some((before, quoted)) = rest.split_once('`') {
            let (quoted, after) = quoted.split_once('`').unwrap_or((quoted, ""));
            self = self.with_prose(before).with_code(quoted);
            rest = after;
        }
        self.with_prose(rest)
    }

    /// Adds our own words or the policy's, in bold.
    #[must_use]
    pub(crate) fn with_bold(self, own: &str) -> Self {
        // A space beside the stars would leave them stars.
        let bold =
            MarkdownInline { markdown: String::new(), is_cell: self.is_cell }.with_words(own).into_markdown();
        self.with_markdown(&format!("**{bold}**"))
    }

    /// Adds words of contributors, as code, and at most [`MAX_QUOTE_COLUMNS`] of them.
    #[must_use]
    pub(crate) fn with_quote(self, bytes: &[u8]) -> Self {
        self.with_code(&escape_terminal(bytes, MAX_QUOTE_COLUMNS))
    }

    /// Adds a sentence, with its quotations as code.
    #[must_use]
    pub(crate) fn with_sentence(mut self, line: &Sentence) -> Self {
        // Parts of our own words are read as one: `GH-` and `12` are harmless only apart.
        let mut own = String::new();
        for part in &line.0 {
            match part {
                SentencePart::Say(more) => own.push_str(more),
                SentencePart::Quote(quoted) => {
                    self = self.with_words(&std::mem::take(&mut own)).with_quote(quoted.as_bytes());
                }
            }
        }
        self.with_words(&own)
    }

    /// Adds printable text as code, between more backticks than it holds in one place.
    #[must_use]
    pub(crate) fn with_code(mut self, printable: &str) -> Self {
        let printable = if self.is_cell { printable.replace('|', "\\x7c") } else { printable.to_owned() };
        if printable.is_empty() {
            return self.with_markdown("(nothing)");
        }
        if self.markdown.ends_with('`') {
            // Two fences side by side would be one fence of another length.
            self.markdown.push(' ');
        }
        let fence = "`".repeat(longest_backtick_run(&printable) + 1);
        let apart = printable.starts_with('`')
            || printable.ends_with('`')
            || (printable.starts_with(' ') && printable.ends_with(' '));
        let space = if apart { " " } else { "" };
        self.markdown.push_str(&format!("{fence}{space}{printable}{space}{fence}"));
        self
    }

    /// Returns the Markdown without spaces around it.
    pub(crate) fn into_markdown(self) -> String {
        self.markdown.trim().to_owned()
    }

    /// Adds printable words without backticks of any meaning.
    fn with_prose(mut self, printable: &str) -> Self {
        for (index, word) in printable.split(' ').enumerate() {
            if index > 0 {
                self.markdown.push(' ');
            }
            if word.is_empty() {
                continue;
            }
            let starts = self.markdown.trim().is_empty();
            if is_harmless(word, starts) {
                self.markdown.push_str(word);
                continue;
            }
            // The marks around a word belong to the sentence.
            let core = word.trim_start_matches(LEADING_MARKS);
            let bracket = core.contains('(');
            let core = core.trim_end_matches(|one| TRAILING_MARKS.contains(&one) && !(bracket && one == ')'));
            let (before, after) = match core {
                "" => ("", ""),
                _ => word.split_once(core).unwrap_or_default(),
            };
            self = self
                .with_markdown(before)
                .with_code(if core.is_empty() { word } else { core })
                .with_markdown(after);
        }
        self
    }
}

/// Returns a fence that this text, of one line or several, cannot end.
pub(crate) fn build_fence(text: &str) -> String {
    "`".repeat(longest_backtick_run(text).max(2) + 1)
}

fn longest_backtick_run(text: &str) -> usize {
    text.split(|character| character != '`').map(str::len).max().unwrap_or_default()
}

/// Returns true for a word that neither Markdown nor GitHub makes anything of; `starts` says that
/// it may stand where a line starts, and so where lists and rules do.
fn is_harmless(word: &str, starts: bool) -> bool {
    // Sentences have one of these at the end of a word; inside, they make `https:` and `:tada:`.
    let bare = word.strip_suffix([':', '!']).unwrap_or(word);
    let lower = bare.to_ascii_lowercase();
    let list = bare.starts_with(['-', '+', '='])
        || bare.trim_start_matches(|one: char| one.is_ascii_digit()).starts_with(['.', ')']);
    let acts =
        lower.contains("www.") || has_issue_reference(&lower) || has_commit_id(&lower) || (starts && list);
    bare.chars().all(is_plain) && !acts
}

/// Returns true for a character that means nothing to Markdown inside a line, nor to GitHub.
fn is_plain(one: char) -> bool {
    !one.is_ascii() || one.is_ascii_alphanumeric() || HARMLESS_MARKS.contains(one)
}

/// Returns true if GitHub could read `gh-12` in it, which stands for an issue.
fn has_issue_reference(lower: &str) -> bool {
    lower.match_indices("gh-").any(|(at, gh)| {
        lower.get(at + gh.len()..).is_some_and(|rest| rest.starts_with(|next: char| next.is_ascii_digit()))
    })
}

/// Returns true if GitHub could read an id of a commit in it.
fn has_commit_id(lower: &str) -> bool {
    lower
        .split(|one: char| !one.is_ascii_alphanumeric())
        .any(|part| part.len() >= MIN_COMMIT_ID_DIGITS && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words_of(own: &str) -> String {
        MarkdownInline::new().with_words(own).into_markdown()
    }

    #[test]
    fn plain_words_stay_plain_and_others_are_code() {
        for (own, expected) in [
            ("the risk of the change is stated", "the risk of the change is stated"),
            ("`Risk` is missing", "`Risk` is missing"),
            ("ask @security about #12, please", "ask `@security` about `#12`, please"),
            (
                "see https://example.com and www.example.com",
                "see `https://example.com` and `www.example.com`",
            ),
            ("[a](b) ![c](d) <b> *x* _y_ ~z~ a|b", "`[a](b)` `![c](d)` `<b>` `*x*` `_y_` `~z~` `a|b`"),
            ("GH-12 gh-x :tada: $x$ &amp; a\\", "`GH-12` gh-x `:tada`: `$x$` `&amp`; `a\\`"),
            ("1. one", "`1`. one"),
            ("- one", "`-` one"),
            ("one - two 1. three", "one - two 1. three"),
            ("--- +x ===", "`---` +x ==="),
            ("odd ` one", "odd `` ` `` one"),
            ("ana@example.com, (kim@example.com)", "`ana@example.com`, (`kim@example.com`)"),
            ("at 0123abc and 2026-03-04", "at `0123abc` and 2026-03-04"),
            ("two``fences", "two(nothing)fences"),
            ("it is done! note: x", "it is done! note: x"),
            ("a\nb\u{202e}", "a `b\\u{202e}`"),
            (":: !! \"", "`::` `!!` \""),
        ] {
            assert_eq!(words_of(own), expected);
        }
    }

    #[test]
    fn code_is_fenced_by_more_than_it_holds() {
        let code = |text: &str| MarkdownInline::new().with_code(text).into_markdown();
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("``"), "``` `` ```");
        assert_eq!(MarkdownInline::new().with_code("a").with_code("b").into_markdown(), "`a` `b`");
        assert_eq!(MarkdownInline::new_cell().with_code("a|b`").into_markdown(), "`` a\\x7cb` ``");
        assert_eq!(build_fence("````\na`"), "`````");
    }
}
