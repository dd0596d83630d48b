//! What stands in a form before it is filled in, and whose words it therefore is: those of the form.
//!
//! Full-width forms are compared as the ASCII that they stand for, so that a placeholder does not
//! pass for an answer by its spelling.

use crate::change::filler::is_filler;

/// The brackets in which forms put what is to be replaced.
const SLOT_BRACKETS: [(char, char); 9] = [
    ('<', '>'),
    ('[', ']'),
    ('{', '}'),
    ('\u{2039}', '\u{203a}'),
    ('\u{ab}', '\u{bb}'),
    ('\u{3008}', '\u{3009}'),
    ('\u{300a}', '\u{300b}'),
    ('\u{3010}', '\u{3011}'),
    ('\u{3014}', '\u{3015}'),
];

/// The words that say that an answer is still to come.
const DUE_WORDS: [&str; 5] = ["todo", "tbd", "tba", "tbc", "fixme"];

/// What an instruction of a form begins with, or a promise to follow it later; letters and single spaces.
const PROMPT_STARTS: [&str; 44] = [
    "to be added",
    "to be confirmed",
    "to be decided",
    "to be defined",
    "to be determined",
    "to be filled",
    "to be described",
    "to be done",
    "to be provided",
    "to be supplied",
    "to be written",
    "to follow",
    "will be added",
    "will be defined",
    "will be described",
    "will be documented",
    "will be filled",
    "will be provided",
    "will be supplied",
    "will be written",
    "will follow",
    "added later",
    "coming later",
    "lorem ipsum",
    "coming soon",
    "fill in",
    "fill me in",
    "fill this",
    "fill out",
    "describe how",
    "describe the",
    "describe what",
    "describe your",
    "describe here",
    "insert here",
    "tell us",
    "explain how",
    "explain what",
    "explain why",
    "please describe",
    "please explain",
    "please fill",
    "please provide",
    "please list",
];

/// Returns `text` trimmed, with full-width forms as ASCII.
fn fold_width(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for character in text.chars() {
        folded.push(match character {
            '\u{3000}' => ' ',
            '\u{ff01}'..='\u{ff5e}' => {
                char::from_u32(u32::from(character).saturating_sub(0xfee0)).unwrap_or(character)
            }
            _ => character,
        });
    }
    folded.trim().to_owned()
}

/// Returns true for what a form holds before it is filled in: nothing, `...`, `TODO`, `<describe>`,
/// `[describe it]`, `$NAME_HERE`, `{{ name }}`, `No response`, and a question or an instruction of the
/// form.
///
/// Anything else that only looks like an answer (`n/a`) is for the vocabulary to refuse.
pub(crate) fn is_unfilled(value: &str) -> bool {
    if !value.chars().any(char::is_alphanumeric) {
        return true;
    }
    let value = fold_width(value);
    is_folded_slot(&value) || is_due_folded(&value) || is_prompt(&value) || is_filler(&value)
}

fn is_folded_slot(value: &str) -> bool {
    for (open, close) in SLOT_BRACKETS {
        let is_between = value.len() > 1 && value.starts_with(open) && value.ends_with(close);
        // `<ana@example.com>` is an address, and `[a] and [b]` is a text.
        if is_between && !value.contains('@') && value.matches(open).count() == count_leading(value, open) {
            return true;
        }
    }
    is_variable(value)
}

fn count_leading(value: &str, character: char) -> usize {
    value.chars().take_while(|one| *one == character).count()
}

/// Returns true for the name of a variable that was never replaced: `$NAME_HERE`, `${NAME}`, `%NAME%`,
/// `__NAME__`.
fn is_variable(value: &str) -> bool {
    let name = if let Some(name) = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
        name
    } else if let Some(name) = value.strip_prefix('$') {
        name
    } else if let Some(name) = value.strip_prefix('%').and_then(|rest| rest.strip_suffix('%')) {
        name
    } else if let Some(name) = value.strip_prefix("__").and_then(|rest| rest.strip_suffix("__")) {
        name
    } else {
        return false;
    };
    let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    name.bytes().any(|byte| byte.is_ascii_alphabetic()) && name.bytes().all(is_name_byte)
}

/// Returns true for a value that only says that it is still to come. In small letters that is so where
/// nothing or a colon follows: `Todo lists are cached` is an answer.
fn is_due_folded(value: &str) -> bool {
    let value = value.trim_start_matches(|one: char| !one.is_alphanumeric());
    let end = value.find(|one: char| !one.is_alphanumeric()).unwrap_or(value.len());
    let (word, mut rest) = value.split_at_checked(end).unwrap_or((value, ""));
    let mut word = word.to_owned();
    if word.eq_ignore_ascii_case("to") {
        let after = rest.trim_start_matches([' ', '-']);
        if let Some(second) = after.get(..2)
            && second.eq_ignore_ascii_case("do")
            && !after.get(2..).unwrap_or_default().starts_with(char::is_alphanumeric)
        {
            word.push_str(second);
            rest = after.get(2..).unwrap_or_default();
        }
    }
    let rest = rest.trim_start();
    // `TODO-12` is the key of a ticket.
    let is_key =
        rest.strip_prefix('-').is_some_and(|number| number.starts_with(|one: char| one.is_ascii_digit()));
    let is_due = !is_key && DUE_WORDS.contains(&word.to_ascii_lowercase().as_str());
    let is_loud = word.bytes().all(|byte| byte.is_ascii_uppercase());
    let is_alone =
        !rest.chars().any(char::is_alphanumeric) || rest.starts_with([':', '-', '\u{2013}', '\u{2014}']);
    (is_due && (is_loud || is_alone)) || value.eq_ignore_ascii_case("no response")
}

/// Returns true for a question, and for an instruction that a form begins with.
fn is_prompt(value: &str) -> bool {
    if is_question(value) {
        return true;
    }
    let mut words = String::new();
    for word in value.split(|one: char| !one.is_alphanumeric()).filter(|word| !word.is_empty()).take(4) {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(&word.to_lowercase());
    }
    PROMPT_STARTS
        .iter()
        .any(|start| words.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with(' ')))
}

/// Returns true if every sentence of a text asks something: what is said beside a question is an answer.
fn is_question(value: &str) -> bool {
    let is_said = value.contains([';', ':']) || value.contains(". ") || value.contains("! ");
    value.ends_with(['?', '\u{61f}']) && !is_said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unfilled_form_is_no_answer_and_other_excuses_are_left_to_the_vocabulary() {
        for unfilled in [
            "",
            "...",
            "\u{2026}",
            "-",
            "TODO",
            "todo",
            "TBD: ask Sam",
            "# TODO",
            "(tbd)",
            "<describe>",
            "<low|high>",
            "[describe the plan]",
            "\u{ff3b}describe\u{ff3d}",
            "\u{ff1c}low\u{ff1e}",
            "\u{3010}ticket\u{3011}",
            "\u{ff34}\u{ff2f}\u{ff24}\u{ff2f}",
            "$NAME_HERE",
            "${plan}",
            "{{ plan }}",
            "{plan}",
            "%PLAN%",
            "__PLAN__",
            "TO DO: fill in later",
            "to do: fill in later",
            "To-do",
            "to be determined",
            "Fill in before the merge.",
            "Tell us how to undo it.",
            "Describe how it is taken back",
            "When do we go back?",
            "When do we go back? Who runs it?",
            "no response",
            "will be added later, promised",
            "Lorem ipsum dolor sit amet, consectetur",
            "( ) revert the merge",
            "\u{ff1c}plan\u{ff1e} goes here",
            "see above see above see above",
        ] {
            assert!(is_unfilled(unfilled), "{unfilled:?}");
        }
        for filled in [
            "N/A",
            "none",
            "low",
            "<ana@example.com>",
            "Todo lists are cached",
            "To do it again, run the job",
            "1",
            "[a] and then [b]",
            "$5 a month are at stake",
            "Please revert the merge and run the job again",
            "Fillings are dropped",
            "Revert it. Is that enough?",
            "low; or is it?",
            "Run {{ job }} again",
        ] {
            assert!(!is_unfilled(filled), "{filled:?}");
        }
    }
}
