//! Texts that fill a form and say nothing: slots with words around them, and excuses.

/// The longest text that is taken for filler: nothing that long is left in a form.
const MAX_FILLER_BYTES: usize = 1000;

/// The most characters between the marks of a slot.
const MAX_SLOT_NAME: usize = 80;

/// What encloses a slot that is to be replaced, longest first.
const SLOT_MARKS: [(&str, &str); 6] =
    [("${", "}"), ("{{", "}}"), ("@@", "@@"), ("__", "__"), ("%", "%"), ("<", ">")];

/// The boxes that stand before an option that was not chosen.
const EMPTY_BOXES: [&str; 7] = ["( )", "()", "[ ]", "[]", "\u{2610}", "\u{25a1}", "\u{25ef}"];

/// What an excuse begins with.
const EXCUSES: [&str; 22] = [
    "not applicable",
    "n a",
    "na",
    "none",
    "nothing",
    "not needed",
    "not required",
    "not necessary",
    "not relevant",
    "not available",
    "unknown",
    "see above",
    "see below",
    "as above",
    "as below",
    "same as above",
    "same as below",
    "ditto",
    "no plan",
    "no",
    "later",
    "placeholder",
];

/// Words that add nothing to a slot or an excuse.
const FILLER_WORDS: [&str; 50] = [
    "a",
    "above",
    "add",
    "added",
    "an",
    "answer",
    "as",
    "at",
    "be",
    "below",
    "case",
    "change",
    "changes",
    "commit",
    "description",
    "field",
    "filled",
    "for",
    "goes",
    "here",
    "i",
    "in",
    "insert",
    "is",
    "it",
    "later",
    "needed",
    "now",
    "of",
    "our",
    "placeholder",
    "plan",
    "please",
    "pr",
    "promised",
    "pull",
    "put",
    "request",
    "required",
    "section",
    "sorry",
    "text",
    "thanks",
    "the",
    "there",
    "this",
    "to",
    "value",
    "yet",
    "your",
];

/// The verbs with which a form asks for something to be written.
const REQUEST_VERBS: [&str; 12] = [
    "add", "describe", "document", "enter", "explain", "give", "insert", "paste", "provide", "put", "type",
    "write",
];

/// Returns true for a text without a statement of its own: a slot with words of a form around it, an
/// option that was not chosen, an excuse, or a request to write something here.
pub(crate) fn is_filler(value: &str) -> bool {
    if value.len() > MAX_FILLER_BYTES {
        return false;
    }
    if is_option_unchosen(value) {
        return true;
    }
    if let Some(rest) = remove_slots(value) {
        return split_words(&rest).iter().all(|word| is_filler_word(word));
    }
    // Most texts are told from filler by their first word, without a list of all of them.
    let Some(first) = value.split(|one: char| !one.is_alphanumeric()).find(|word| !word.is_empty()) else {
        return false;
    };
    if !may_begin_filler(first) {
        return false;
    }
    let words = split_words(value);
    is_excuse(&words) || is_request(&words)
}

/// Returns true for the first word of an excuse or a request.
fn may_begin_filler(word: &str) -> bool {
    let is_first = |excuse: &&str| {
        excuse.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
            && excuse.get(word.len()..).is_none_or(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    EXCUSES.iter().any(is_first)
        || word.eq_ignore_ascii_case("please")
        || REQUEST_VERBS.iter().any(|verb| verb.eq_ignore_ascii_case(word))
}

/// Returns true for one line that begins with an empty box.
fn is_option_unchosen(value: &str) -> bool {
    let value = value.trim_start_matches(['-', '*', '+', ' ']);
    !value.contains(['\n', '\r'])
        && EMPTY_BOXES.iter().any(|empty| {
            value.strip_prefix(empty).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        })
}

/// Returns a text without its slots, `$NAME` too; `None` if it has none.
fn remove_slots(value: &str) -> Option<String> {
    if !value.contains(['$', '{', '@', '_', '%', '<']) {
        return None;
    }
    let mut rest = value;
    let mut left = String::new();
    let mut has_slot = false;
    while let Some(first) = rest.chars().next() {
        let skipped = find_slot_end(rest);
        has_slot |= skipped.is_some();
        if skipped.is_none() {
            left.push(first);
        }
        rest = rest.get(skipped.unwrap_or(first.len_utf8())..)?;
    }
    has_slot.then_some(left)
}

/// Returns where the slot ends that a text begins with.
fn find_slot_end(text: &str) -> Option<usize> {
    for (open, close) in SLOT_MARKS {
        let Some(inner) = text.strip_prefix(open) else { continue };
        let reach = inner.char_indices().nth(MAX_SLOT_NAME).map_or(inner.len(), |(at, _)| at);
        let Some((name, _)) = inner.get(..reach).and_then(|near| near.split_once(close)) else { continue };
        // `<ana@example.com>` is an address.
        let is_name = match open {
            "<" | "{{" | "${" => !name.contains(['@', '\n', '<']),
            _ => name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')),
        };
        if is_name && name.contains(char::is_alphabetic) {
            return Some(open.len().saturating_add(name.len()).saturating_add(close.len()));
        }
    }
    let name = text.strip_prefix('$')?;
    let is_name_byte = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
    let length = name.bytes().take_while(is_name_byte).count();
    let is_name = length > 1 && !name.get(..length)?.bytes().all(|byte| byte.is_ascii_digit());
    is_name.then(|| length.saturating_add(1))
}

/// Returns true for an excuse, repeated or with words that add no reason: `see above see above`, `not
/// applicable for this change`.
fn is_excuse(words: &[String]) -> bool {
    let mut rest = words;
    let mut has_excuse = false;
    while !rest.is_empty() {
        match EXCUSES.iter().filter_map(|excuse| strip_excuse(rest, excuse)).min_by_key(|after| after.len()) {
            Some(after) => {
                rest = after;
                has_excuse = true;
            }
            None => match rest.split_first() {
                Some((word, after)) if has_excuse && is_filler_word(word) => rest = after,
                _ => return false,
            },
        }
    }
    // One word by itself is for the vocabulary to refuse: `none` can be a word of a field.
    has_excuse && words.len() > 2
}

fn strip_excuse<'words>(words: &'words [String], excuse: &str) -> Option<&'words [String]> {
    let mut rest = words;
    for wanted in excuse.split(' ') {
        rest = rest.split_first().filter(|(word, _)| *word == wanted)?.1;
    }
    Some(rest)
}

/// Returns true for `insert the plan here`, with or without `please`.
fn is_request(words: &[String]) -> bool {
    let polite = |word: &&String| word.as_str() != "please";
    let words: Vec<&String> = words.iter().filter(polite).collect();
    words.first().is_some_and(|verb| REQUEST_VERBS.contains(&verb.as_str()))
        && words.last().is_some_and(|last| matches!(last.as_str(), "here" | "below"))
}

fn is_filler_word(word: &str) -> bool {
    FILLER_WORDS.contains(&word)
}

fn split_words(text: &str) -> Vec<String> {
    text.split(|one: char| !one.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_form_that_is_filled_with_its_own_words_states_nothing() {
        for filler in [
            "$BACK_OUT_PLAN_HERE goes here",
            "${BACK_OUT_PLAN} ${BACK_OUT_PLAN}",
            "%BACK_OUT_PLAN% text here",
            "@@BACK_OUT_PLAN@@ placeholder",
            "{{ plan }}, {{ plan }}",
            "__PLAN__ to be added",
            "<plan> in your section, please",
            "( ) revert the merge",
            "[ ] revert the merge",
            "- [ ] revert the merge",
            "\u{2610} revert the merge",
            "see above see above see above",
            "See above. See above!",
            "Insert the back-out plan here, please",
            "Please enter your plan below",
            "not applicable for this change",
            "N/A in this case, sorry",
            "None needed for this change",
            "no plan required yet",
        ] {
            assert!(is_filler(filler), "{filler}");
        }
        for stated in [
            "none",
            "Run $ROLLBACK_SCRIPT on each host",
            "Set %PATH% back, then sign in again",
            "Reinstall <tool> 1.4",
            "Not applicable: only comments change, so the binary stays the same",
            "see above for the old image, and deploy it again",
            "Insert the rows again from last night's copy",
            "No data is lost; revert the merge",
            "The plan: revert the merge",
            "[x] revert the merge",
            "(a) revert the merge, (b) tell the operators",
            "- [ ] revert\n- [ ] deploy",
            "Write to <ana@example.com>",
            "5 % of hosts first, then 100 % of hosts",
            "It costs $15 and $20",
        ] {
            assert!(!is_filler(stated), "{stated}");
        }
    }

    proptest! {
        #[test]
        fn a_slot_is_no_statement_in_whatever_form(
            name in "[A-Z]{2,8}(_[A-Z]{2,8}){0,2}", form in 0_usize..7, times in 1_usize..4,
            filler in "( goes here| text here| placeholder|, please)?",
        ) {
            let slot = match form {
                0 => ["$", &name].concat(),
                1 => ["${", &name, "}"].concat(),
                2 => ["%", &name, "%"].concat(),
                3 => ["@@", &name, "@@"].concat(),
                4 => ["__", &name, "__"].concat(),
                5 => ["{{ ", &name, " }}"].concat(),
                _ => ["<", &name, ">"].concat(),
            };
            let text = [vec![slot.as_str(); times].join(" "), filler].concat();
            prop_assert!(is_filler(&text), "{}", text);
            let stated = ["Revert it: ", &text].concat();
            prop_assert!(!is_filler(&stated), "{}", stated);
        }

        #[test]
        fn any_text_can_be_asked_about(text in "[$%@_<>{} ()\\[\\]a-zA-Z\u{e9}\n]{0,30}") {
            is_filler(&text);
        }
    }
}
