//! Words for Markdown as GitHub has it.
//!
//! GitHub makes links, mentions, references and pictures out of plain text, and some of that after
//! the Markdown has been read, so that no backslash and no entity is of any use against it. What it
//! leaves alone is code. Hence: what somebody outside wrote is always code, and of our own words
//! and the policy's each one that holds more than letters, digits and harmless marks.

use crate::verdict::{Line, Part};

use super::{MOST, terminal, words};

/// The marks that mean nothing to Markdown inside a line, nor to GitHub.
const HARMLESS: &str = ".,;?'\"()/%+=-";

/// What may stand before a word, and is not part of it.
const BEFORE: [char; 3] = ['(', '"', '\''];

/// What may stand after a word, and is not part of it.
const AFTER: [char; 9] = ['.', ',', ';', ':', '?', '!', ')', '"', '\''];

/// How many hexadecimal digits GitHub takes for a commit.
const SHORTEST_ID: usize = 7;

/// Text for one line of Markdown, as it grows.
#[derive(Clone, Debug, Default)]
pub struct Inline {
    text: String,
    /// True if it goes into a cell of a table, which a `|` would end even inside code.
    cell: bool,
}

impl Inline {
    /// Returns an empty text.
    pub fn new() -> Self {
        Inline::default()
    }

    /// Returns an empty text for a cell of a table.
    pub fn cell() -> Self {
        Inline { text: String::new(), cell: true }
    }

    /// Adds Markdown of our own, as it is.
    #[must_use]
    pub fn own(mut self, markdown: &str) -> Self {
        self.text.push_str(markdown);
        self
    }

    /// Adds our own words or the policy's: what stands between backticks there is code here too.
    #[must_use]
    pub fn words(mut self, own: &str) -> Self {
        let own = words(own);
        // An odd number of backticks are characters like any other.
        let paired = own.matches('`').count().is_multiple_of(2);
        let mut rest = own.as_str();
        while paired && let Some((before, quoted)) = rest.split_once('`') {
            let (quoted, after) = quoted.split_once('`').unwrap_or((quoted, ""));
            self = self.prose(before).code(quoted);
            rest = after;
        }
        self.prose(rest)
    }

    /// Adds our own words or the policy's, in bold.
    #[must_use]
    pub fn bold(self, own: &str) -> Self {
        // A space beside the stars would leave them stars.
        let bold = Inline { text: String::new(), cell: self.cell }.words(own).done();
        self.own(&format!("**{bold}**"))
    }

    /// Adds words of somebody else, as code, and at most `MOST` columns of them.
    #[must_use]
    pub fn quote(self, bytes: &[u8]) -> Self {
        self.code(&terminal(bytes, MOST))
    }

    /// Adds a sentence.
    #[must_use]
    pub fn sentence(mut self, line: &Line) -> Self {
        // Parts of our own words are read as one: `GH-` and `12` are harmless only apart.
        let mut own = String::new();
        for part in &line.0 {
            match part {
                Part::Say(more) => own.push_str(more),
                Part::Quote(quoted) => {
                    self = self.words(&std::mem::take(&mut own)).quote(quoted.as_bytes());
                }
            }
        }
        self.words(&own)
    }

    /// Adds printable text as code, between more backticks than it holds in one place.
    #[must_use]
    pub fn code(mut self, printable: &str) -> Self {
        let printable = if self.cell { printable.replace('|', "\\x7c") } else { printable.to_owned() };
        if printable.is_empty() {
            return self.own("(nothing)");
        }
        if self.text.ends_with('`') {
            // Two fences side by side would be one fence of another length.
            self.text.push(' ');
        }
        let fence = "`".repeat(longest_run(&printable) + 1);
        let apart = printable.starts_with('`')
            || printable.ends_with('`')
            || (printable.starts_with(' ') && printable.ends_with(' '));
        let space = if apart { " " } else { "" };
        self.text.push_str(&format!("{fence}{space}{printable}{space}{fence}"));
        self
    }

    /// Returns the Markdown.
    pub fn done(self) -> String {
        self.text.trim().to_owned()
    }

    /// Adds printable words without backticks of any meaning.
    fn prose(mut self, printable: &str) -> Self {
        for (index, word) in printable.split(' ').enumerate() {
            if 0 < index {
                self.text.push(' ');
            }
            if word.is_empty() {
                continue;
            }
            let starts = self.text.trim().is_empty();
            if is_harmless(word, starts) {
                self.text.push_str(word);
                continue;
            }
            // The marks around a word belong to the sentence.
            let core = word.trim_start_matches(BEFORE);
            let bracket = core.contains('(');
            let core = core.trim_end_matches(|one| AFTER.contains(&one) && !(bracket && one == ')'));
            let (before, after) = match core {
                "" => ("", ""),
                _ => word.split_once(core).unwrap_or_default(),
            };
            self = self.own(before).code(if core.is_empty() { word } else { core }).own(after);
        }
        self
    }
}

/// Returns a fence that none of these lines can end.
pub fn fence(lines: &[String]) -> String {
    let longest = lines.iter().map(|line| longest_run(line)).max().unwrap_or_default();
    "`".repeat(longest.max(2) + 1)
}

fn longest_run(text: &str) -> usize {
    text.split(|character| character != '`').map(str::len).max().unwrap_or_default()
}

/// Returns true for a word that neither Markdown nor GitHub makes anything of; `starts` says that
/// it may stand where a line starts, and so where lists and rules do.
fn is_harmless(word: &str, starts: bool) -> bool {
    // Sentences have one of these at the end of a word; inside, they make `https:` and `:tada:`.
    let bare = word.strip_suffix([':', '!']).unwrap_or(word);
    let plain = |one: char| !one.is_ascii() || one.is_ascii_alphanumeric() || HARMLESS.contains(one);
    let lower = bare.to_ascii_lowercase();
    let list = bare.starts_with(['-', '+', '='])
        || bare.trim_start_matches(|one: char| one.is_ascii_digit()).starts_with(['.', ')']);
    let acts = lower.contains("www.") || has_reference(&lower) || has_id(&lower) || (starts && list);
    bare.chars().all(plain) && !acts
}

/// Returns true if GitHub could read `gh-12` in it, which stands for an issue.
fn has_reference(lower: &str) -> bool {
    lower.match_indices("gh-").any(|(at, gh)| {
        lower.get(at + gh.len()..).is_some_and(|rest| rest.starts_with(|next: char| next.is_ascii_digit()))
    })
}

/// Returns true if GitHub could read an id of a commit in it.
fn has_id(lower: &str) -> bool {
    lower
        .split(|one: char| !one.is_ascii_alphanumeric())
        .any(|part| SHORTEST_ID <= part.len() && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words_of(own: &str) -> String {
        Inline::new().words(own).done()
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
        let code = |text: &str| Inline::new().code(text).done();
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("``"), "``` `` ```");
        assert_eq!(Inline::new().code("a").code("b").done(), "`a` `b`");
        assert_eq!(Inline::cell().code("a|b`").done(), "`` a\\x7cb` ``");
        assert_eq!(fence(&["````".into(), "a".into()]), "`````");
    }
}
