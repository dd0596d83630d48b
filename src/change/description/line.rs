//! A line of a description as it is seen, and the label that it begins with.

use std::ops::Range;

use crate::change::description::tick::strip_box;
use crate::change::person::is_invisible;

/// How long a label is at most, in bytes.
const MAX_LABEL_BYTES: usize = 64;

/// How far a label is looked for, with what may decorate it.
const LABEL_SEARCH_BYTES: usize = 4 * MAX_LABEL_BYTES;

/// One line of text, without its markup and without anything that cannot be seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DescriptionLine {
    /// The text that can be seen.
    pub(crate) text: String,
    /// Its number in the description, counted from 1.
    pub(crate) number: usize,
    /// The part at its start that is bold.
    pub(crate) bold_range: Option<Range<usize>>,
    /// Where the first code in it begins.
    pub(crate) code_start: Option<usize>,
    /// True if it stands further to the right than the first line of its paragraph.
    pub(crate) is_indented: bool,
    /// True if its author has ended it, rather than gone on to the next.
    pub(crate) is_hard_break: bool,
    /// True if some of its words are not in italics.
    pub(crate) has_upright_text: bool,
}

/// A line that begins with a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LabelledLine<'line> {
    /// The label, without what decorates it.
    pub(crate) label: String,
    /// What stands beside it, trimmed; perhaps nothing.
    pub(crate) value: &'line str,
    /// True if the label is bold, which prose is not by accident.
    pub(crate) is_bold: bool,
}

impl DescriptionLine {
    /// Adds what can be seen of `text`.
    pub(crate) fn push_visible(&mut self, text: &str) {
        for character in text.chars() {
            if character.is_whitespace() {
                self.text.push(' ');
            } else if !is_invisible(character) {
                self.text.push(character);
            }
        }
    }

    /// Returns true if the line has no text.
    pub(crate) fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// Returns true if nothing stands here, or nothing but a picture or a bullet.
    pub(crate) fn is_only_decoration(&self) -> bool {
        self.text.chars().all(is_decoration)
    }

    /// Returns true for a line of several words that are all in italics, as forms write instructions.
    pub(crate) fn is_instruction(&self) -> bool {
        !self.has_upright_text && self.text.split_whitespace().count() > 2
    }

    /// Removes the first `length` bytes, and the space behind them.
    pub(crate) fn remove_start(&mut self, length: usize) {
        let rest = self.text.get(length..).unwrap_or_default().trim_start().to_owned();
        let removed = self.text.len() - rest.len();
        self.text = rest;
        self.bold_range = self.bold_range.take().and_then(|bold| {
            let end = bold.end.checked_sub(removed)?;
            (end > 0).then_some(bold.start.saturating_sub(removed)..end)
        });
        self.code_start = self.code_start.map(|code| code.saturating_sub(removed));
    }

    /// Returns true if a sentence can begin on the line below.
    pub(crate) fn ends_sentence(&self) -> bool {
        let text = self.text.trim_end();
        self.is_hard_break || text.is_empty() || text.ends_with(['.', '!', '?', ':', ';'])
    }

    /// Returns true if the line goes on with what the line above says.
    pub(crate) fn continues_sentence(&self) -> bool {
        self.is_indented || self.text.trim_start().chars().next().is_some_and(char::is_lowercase)
    }

    /// Returns true if the line begins with a label, and does not go on with the sentence above.
    pub(crate) fn begins_label(&self) -> bool {
        self.find_label().is_some_and(|labelled| labelled.is_bold || !self.continues_sentence())
    }

    /// Returns the label that the line begins with; none behind a box that is not ticked.
    pub(crate) fn find_label(&self) -> Option<LabelledLine<'_>> {
        if strip_box(&self.text).is_some_and(|boxed| !boxed.is_ticked) {
            return None;
        }
        if let Some(bold) = &self.bold_range
            && let (Some(inside), Some(after)) = (self.text.get(bold.clone()), self.text.get(bold.end..))
        {
            let after = after.trim();
            let value = match after.strip_prefix(':') {
                Some(value) => Some(value),
                None if after.is_empty() && !inside.contains(':') => Some(after),
                None => inside.trim_end().ends_with([':', '?']).then_some(after),
            };
            if let Some(value) = value {
                let label = self.parse_label_until(bold.end)?;
                return Some(LabelledLine { label, value: value.trim(), is_bold: true });
            }
        }
        let start = self.text.len() - strip_shortcodes(&self.text).len();
        let colon = start + self.text.get(start..)?.find(':')?;
        let value = self.text.get(colon + 1..)?;
        if value.starts_with("//") || value.starts_with(':') {
            return None;
        }
        let label = self.parse_label_until(colon)?;
        let is_bold = self.bold_range.as_ref().is_some_and(|bold| bold.contains(&colon));
        Some(LabelledLine { label, value: value.trim(), is_bold })
    }

    /// Returns the label that is everything up to `end`, unless it is written as code.
    fn parse_label_until(&self, end: usize) -> Option<String> {
        if self.code_start.is_some_and(|code| code < end) { None } else { parse_label(self.text.get(..end)?) }
    }
}

/// Returns the lines as one, with single spaces.
pub(crate) fn join_lines<'line>(lines: impl IntoIterator<Item = &'line DescriptionLine>) -> String {
    let mut text = String::new();
    for word in lines.into_iter().flat_map(|line| line.text.split_whitespace()) {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(word);
    }
    text
}

/// Returns the label that some lines are as a whole, unless a part of them is code.
pub(crate) fn parse_whole_label(lines: &[DescriptionLine]) -> Option<String> {
    for line in lines {
        if line.code_start.is_some() {
            return None;
        }
    }
    parse_label(&join_lines(lines))
}

/// Returns `written` as a label: without pictures and a number in front, without a hint in
/// parentheses, a colon, a question mark or the star of a required answer behind. `None` if what is
/// left is no label: letters, digits, spaces and hyphens of ASCII, as in the names of fields.
pub(crate) fn parse_label(written: &str) -> Option<String> {
    if written.len() > LABEL_SEARCH_BYTES {
        return None;
    }
    let mut label = strip_shortcodes(written).trim_start_matches(is_decoration);
    let unnumbered = label.trim_start_matches(|character: char| character.is_ascii_digit());
    if unnumbered.len() < label.len()
        && let Some(rest) = unnumbered.strip_prefix(". ").or_else(|| unnumbered.strip_prefix(") "))
    {
        label = rest.trim_start_matches(is_decoration);
    }
    loop {
        let shorter = label
            .trim_end_matches(|character| matches!(character, ':' | '?' | '*') || is_decoration(character));
        let shorter = strip_hint(shorter);
        if shorter.len() == label.len() {
            break;
        }
        label = shorter;
    }
    if label.len() > MAX_LABEL_BYTES || !is_field_name(label) {
        return None;
    }
    Some(label.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Returns `label` without a hint in parentheses at its end.
fn strip_hint(label: &str) -> &str {
    let Some(hinted) = label.strip_suffix(')') else { return label };
    match hinted.rfind('(') {
        Some(at) => label.get(..at).unwrap_or(label),
        None => label,
    }
}

/// Returns true for letters and digits of ASCII with spaces and hyphens, as in the names of fields.
fn is_field_name(label: &str) -> bool {
    let mut has_letter = false;
    for byte in label.bytes() {
        match byte {
            b' ' | b'-' => {}
            _ if byte.is_ascii_alphanumeric() => has_letter = true,
            _ => return false,
        }
    }
    has_letter
}

/// Returns true for white space and for pictures, which decorate and do not speak.
fn is_decoration(character: char) -> bool {
    character.is_whitespace() || !(character.is_ascii() || character.is_alphanumeric())
}

/// Returns `text` without pictures such as `:warning:` in front.
fn strip_shortcodes(text: &str) -> &str {
    let mut rest = text;
    loop {
        let bare = rest.trim_start_matches(is_decoration);
        let Some((name, after)) = bare.strip_prefix(':').and_then(|rest| rest.split_once(':')) else {
            return bare;
        };
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'+' | b'-');
        if name.is_empty() || !name.bytes().all(is_name) {
            return bare;
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_decorates_a_label_is_no_part_of_it() {
        for (written, expected) in [
            ("Risk", Some("Risk")),
            ("  Risk : ", Some("Risk")),
            ("Risk (low/medium/high):", Some("Risk")),
            ("Risk (a) (b) *", Some("Risk")),
            ("\u{26a0}\u{fe0f} Risk?", Some("Risk")),
            (":warning: :+1: Risk", Some("Risk")),
            ("3. Back-out  plan", Some("Back-out plan")),
            ("2) Risk", Some("Risk")),
            ("24 hours", Some("24 hours")),
            ("Risk, and more", None),
            ("the_risk", None),
            ("(hint)", None),
            ("-", None),
            ("", None),
            ("R\u{456}sk", None),
        ] {
            assert_eq!(parse_label(written).as_deref(), expected, "{written:?}");
        }
        assert_eq!(parse_label(&"a".repeat(64)), Some("a".repeat(64)));
        assert_eq!(parse_label(&"a".repeat(65)), None);
    }
}
