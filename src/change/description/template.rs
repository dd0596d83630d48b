//! The text of a template, which is not the words of the people who open pull requests with it.
//!
//! A template is read like a description. What then stands unchanged below or beside the same label
//! is the template's; a line of several words is so wherever it stands.

use std::collections::HashSet;

use crate::change::description::block::{DescriptionBlock, OutlineItem};
use crate::change::description::line::DescriptionLine;

/// From how many words on a line is known wherever it stands.
const MIN_KNOWN_WORDS: usize = 3;

/// What templates say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TemplateText {
    /// What stands at a label: the label, whether it is a ticked box, and the text.
    answers: HashSet<(String, bool, String)>,
    /// Lines of several words, without punctuation.
    long_lines: HashSet<String>,
}

impl TemplateText {
    /// Adds what stands at a label.
    pub(crate) fn add_answer(&mut self, label: &str, is_ticked: bool, text: &str) {
        self.answers.insert((fold_label(label), is_ticked, fold_spaces(text)));
        self.add_long_line(text);
    }

    /// Adds every line of `blocks`, but for the text of boxes: to tick one is to say something.
    pub(crate) fn add_blocks(&mut self, blocks: &[DescriptionBlock]) {
        for block in blocks {
            match block {
                DescriptionBlock::Heading(_, lines)
                | DescriptionBlock::Paragraph(lines)
                | DescriptionBlock::ChangeBlock(lines)
                | DescriptionBlock::Code(lines) => self.add_lines(lines),
                DescriptionBlock::List(items) => {
                    for item in items {
                        self.add_item(item);
                    }
                }
                DescriptionBlock::Table(rows) => {
                    for cell in rows.iter().flatten() {
                        self.add_lines(cell);
                    }
                }
                DescriptionBlock::ThematicBreak => {}
            }
        }
    }

    fn add_item(&mut self, item: &OutlineItem) {
        self.add_blocks(&item.blocks);
    }

    fn add_lines(&mut self, lines: &[DescriptionLine]) {
        for line in lines {
            self.add_long_line(&line.text);
        }
    }

    fn add_long_line(&mut self, text: &str) {
        if let Some(words) = fold_words(text) {
            self.long_lines.insert(words);
        }
    }

    /// Adds what another template says.
    pub(crate) fn add_template(&mut self, other: TemplateText) {
        self.answers.extend(other.answers);
        self.long_lines.extend(other.long_lines);
    }

    /// Returns true if `text` is what the template says at this label. A box that the template leaves
    /// empty and a person ticks is no longer the template's.
    pub(crate) fn says(&self, label: &str, is_ticked: bool, text: &str) -> bool {
        if self.answers.is_empty() && self.long_lines.is_empty() {
            return false;
        }
        let is_known_line = || fold_words(text).is_some_and(|words| self.long_lines.contains(&words));
        (!is_ticked && is_known_line())
            || self.answers.contains(&(fold_label(label), is_ticked, fold_spaces(text)))
    }
}

/// Returns a label in the one form in which its spellings are compared.
pub(crate) fn fold_label(label: &str) -> String {
    label.replace(' ', "-").to_ascii_lowercase()
}

fn fold_spaces(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the words of a line in small letters, or `None` for fewer than make it known by themselves.
fn fold_words(text: &str) -> Option<String> {
    let mut words = Vec::new();
    for word in text.split(|one: char| !one.is_alphanumeric()) {
        if !word.is_empty() {
            words.push(word.to_lowercase());
        }
    }
    (words.len() >= MIN_KNOWN_WORDS).then(|| words.join(" "))
}
