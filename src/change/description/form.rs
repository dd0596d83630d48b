//! What a form asks for: the labels of a template and the boxes below each of them, so that a policy can be made to
//! read what people fill in already.

use crate::change::description::block::{DescriptionBlock, OutlineItem};
use crate::change::description::line::{DescriptionLine, join_lines, parse_whole_label};
use crate::change::description::outline::read_outline;

/// How many questions of one form are listed.
const MAX_FORM_QUESTIONS: usize = 64;

/// Something that a form asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FormQuestion {
    /// The label, without what decorates it.
    pub(crate) label: String,
    /// The texts of the boxes below it.
    pub(crate) boxes: Vec<String>,
}

/// Returns what a form asks for, in its order: each heading, bold line and labelled line.
pub(crate) fn list_form_questions(text: &str) -> Vec<FormQuestion> {
    let mut questions = Vec::new();
    add_blocks(&read_outline(text), &mut questions);
    questions
}

fn add_blocks(blocks: &[DescriptionBlock], questions: &mut Vec<FormQuestion>) {
    for block in blocks {
        match block {
            DescriptionBlock::Heading(_, lines) => match parse_whole_label(lines) {
                Some(label) => add_question(label, questions),
                None => add_lines(lines, questions),
            },
            DescriptionBlock::Paragraph(lines) => add_lines(lines, questions),
            DescriptionBlock::List(items) => {
                for item in items {
                    add_item(item, questions);
                }
            }
            DescriptionBlock::Table(rows) => {
                for label in rows.iter().skip(1).filter_map(|row| parse_whole_label(row.first()?)) {
                    add_question(label, questions);
                }
            }
            DescriptionBlock::ChangeBlock(lines) => add_lines(lines, questions),
            DescriptionBlock::Code(_) | DescriptionBlock::ThematicBreak => {}
        }
    }
}

fn add_lines(lines: &[DescriptionLine], questions: &mut Vec<FormQuestion>) {
    for line in lines {
        if let Some(labelled) = line.find_label() {
            add_question(labelled.label, questions);
        }
    }
}

/// Adds the box of an item to the last question, or what an item without a box asks.
fn add_item(item: &OutlineItem, questions: &mut Vec<FormQuestion>) {
    let mut blocks = item.blocks.as_slice();
    if item.is_ticked.is_some()
        && let Some((DescriptionBlock::Paragraph(lines), rest)) = blocks.split_first()
    {
        blocks = rest;
        if let Some(question) = questions.last_mut() {
            question.boxes.push(join_lines(lines));
        }
    }
    add_blocks(blocks, questions);
}

fn add_question(label: String, questions: &mut Vec<FormQuestion>) {
    if questions.len() < MAX_FORM_QUESTIONS {
        questions.push(FormQuestion { label, boxes: Vec::new() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Vec<String> {
        let show = |one: FormQuestion| match one.boxes.is_empty() {
            true => one.label,
            false => format!("{}: {}", one.label, one.boxes.join(" | ")),
        };
        list_form_questions(text).into_iter().map(show).collect()
    }

    #[test]
    fn headings_labels_and_boxes_are_what_a_form_asks_for() {
        let form = "<!-- Thanks! -->\n## Description\n\nFixes # (issue)\n\n## :lock: Type of change\n\nDelete what is \
                    wrong.\n\n- [ ] Bug fix (non-breaking)\n- [ ] New feature\n**Jira:** \n\n### How Has This Been \
                    Tested?\n\n- [x] by hand\n- Risk: low\n\n| | |\n|---|---|\n| Reviewer | |\n";
        assert_eq!(
            list(form),
            [
                "Description",
                "Type of change: Bug fix (non-breaking) | New feature",
                "Jira",
                "How Has This Been Tested: by hand",
                "Risk",
                "Reviewer"
            ]
        );
        assert_eq!(list("no form at all, just a sentence\n\n- [ ] a box of nothing\n"), [""; 0]);
        assert_eq!(list_form_questions(&"## A\n".repeat(100)).len(), MAX_FORM_QUESTIONS);
    }
}
