//! The parts of a value, and which of them are the author's own answer.

use crate::change::description::statement::{
    DescriptionStatement, MAX_UNREAD_STATEMENTS, StatementScope, UnreadReason, UnreadStatement,
};
use crate::change::description::template::TemplateText;
use crate::change::placeholder::is_unfilled;

/// A line of a value, or a box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ValuePart {
    /// The text, with single spaces.
    pub(crate) text: String,
    /// Its line in the description.
    pub(crate) line: usize,
    /// The number of its block below the label.
    pub(crate) block: usize,
    /// What kind of part it is.
    pub(crate) kind: PartKind,
    /// True for a line of a paragraph that is in no list.
    pub(crate) is_paragraph: bool,
    /// True for a line in italics, as forms write instructions.
    pub(crate) is_instruction: bool,
}

/// What kind of part of a value it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PartKind {
    Text,
    TickedBox,
    EmptyBox,
    /// Code, or the cell of a table.
    Code,
}

impl ValuePart {
    pub(crate) fn new(text: String, line: usize, block: usize, kind: PartKind) -> Self {
        ValuePart { text, line, block, kind, is_paragraph: false, is_instruction: false }
    }

    /// Returns true for a box, ticked or not.
    pub(crate) fn is_box(&self) -> bool {
        matches!(self.kind, PartKind::TickedBox | PartKind::EmptyBox)
    }
}

/// Takes out what is not the author's answer, and notes why.
pub(crate) struct ValueFilter<'template> {
    template: &'template TemplateText,
    /// What the text itself would be as a template, if that is wanted.
    pub(crate) own_text: Option<TemplateText>,
    /// What was taken out.
    pub(crate) unread: Vec<UnreadStatement>,
}

impl<'template> ValueFilter<'template> {
    pub(crate) fn new(template: &'template TemplateText) -> Self {
        ValueFilter { template, own_text: None, unread: Vec::new() }
    }

    /// Returns the parts below `label` that are an answer, and the boxes that are not ticked.
    pub(crate) fn keep_answers(&mut self, label: &str, parts: Vec<ValuePart>) -> Vec<ValuePart> {
        let mut kept: Vec<ValuePart> = Vec::new();
        for part in parts {
            if part.kind == PartKind::EmptyBox {
                kept.push(part);
                continue;
            }
            let is_ticked = part.kind == PartKind::TickedBox;
            if let Some(own_text) = &mut self.own_text {
                own_text.add_answer(label, is_ticked, &part.text);
            }
            // A line of code may be anything; the whole of it is looked at in the end.
            let is_prompt = part.kind != PartKind::Code && is_unfilled(&part.text);
            // Behind an answer it takes something back, or adds to it: `low`, and below it `or is it high?`.
            let is_below_answer = kept.last().is_some_and(|last| {
                last.kind == PartKind::Text && part.kind == PartKind::Text && last.block == part.block
            });
            let reason = if self.template.says(label, is_ticked, &part.text) {
                UnreadReason::Template
            } else if (part.is_instruction || is_prompt) && !is_below_answer {
                UnreadReason::Placeholder
            } else {
                kept.push(part);
                continue;
            };
            self.note_unread(label, &part.text, part.line, reason);
        }
        kept
    }

    /// Returns the lines beside `label` that are the author's.
    pub(crate) fn keep_lines(&mut self, label: &str, lines: Vec<(String, usize)>) -> Vec<(String, usize)> {
        let mut kept = Vec::new();
        for (text, line) in lines {
            if let Some(own_text) = &mut self.own_text {
                own_text.add_answer(label, false, &text);
            }
            if !text.trim().is_empty() && self.template.says(label, false, &text) {
                self.note_unread(label, &text, line, UnreadReason::Template);
            } else {
                kept.push((text, line));
            }
        }
        kept
    }

    /// Returns the statement with its value in one line, or `None` if the value says nothing.
    pub(crate) fn make_statement(
        &mut self,
        label: String,
        value: &str,
        line: usize,
        scope: StatementScope,
    ) -> Option<DescriptionStatement> {
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        if is_unfilled(&value) {
            self.note_unread(&label, &value, line, UnreadReason::Placeholder);
            return None;
        }
        Some(DescriptionStatement { label, value: value.into(), line, scope, nested: Vec::new() })
    }

    /// Notes that there is only code.
    pub(crate) fn note_code(&mut self, label: &str, parts: &[ValuePart]) {
        if let Some(first) = parts.first() {
            self.note_unread(label, &first.text, first.line, UnreadReason::Code);
        }
    }

    /// Notes that no box is ticked.
    pub(crate) fn note_unticked(&mut self, label: &str, parts: &[ValuePart]) {
        if let Some(first) = parts.iter().find(|part| part.kind == PartKind::EmptyBox) {
            self.note_unread(label, &format!("[ ] {}", first.text), first.line, UnreadReason::Unticked);
        }
    }

    fn note_unread(&mut self, label: &str, written: &str, line: usize, reason: UnreadReason) {
        if self.unread.len() < MAX_UNREAD_STATEMENTS && written.chars().any(char::is_alphanumeric) {
            self.unread.push(UnreadStatement::new(label, written, line, reason));
        }
    }
}
