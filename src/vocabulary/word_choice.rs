//! Which word of a field's list a value is, where people give a reason behind it.
//!
//! A reason follows a `;`, and then may say anything. People also write `low: only docs`, `low (only
//! docs)`, `low, only docs` or `low - only docs`. There the reason counts as one only if it takes nothing
//! back: no other word of the list is in it, and nothing that makes the word one of several.

use crate::vocabulary::field::FieldDefinition;

/// Words that leave open whether the word before them is meant.
const DOUBTFUL_WORDS: [&str; 14] = [
    "or",
    "maybe",
    "perhaps",
    "possibly",
    "probably",
    "unless",
    "except",
    "otherwise",
    "if",
    "unsure",
    "unclear",
    "unknown",
    "versus",
    "vs",
];

impl FieldDefinition {
    /// Returns the place of the word that `written` states, with or without a reason; `None` if it
    /// states none, or perhaps another.
    pub(crate) fn find_stated_level(&self, written: &str) -> Option<usize> {
        let stated = written.split(';').next().unwrap_or_default().trim();
        if let Some(level) = self.find_level(stated) {
            return Some(level);
        }
        let words = self.allowed_words()?;
        let mut found: Option<(usize, &str)> = None;
        for (level, word) in words.iter().enumerate() {
            let is_longer =
                found.is_none_or(|(known, _)| words.get(known).is_some_and(|known| known.len() < word.len()));
            if is_longer
                && let Some(start) = stated.get(..word.len())
                && start.eq_ignore_ascii_case(word)
                && let Some(reason) = stated.get(word.len()..).and_then(strip_reason_mark)
            {
                found = Some((level, reason));
            }
        }
        let (level, reason) = found?;
        (!takes_back(reason, words, level)).then_some(level)
    }
}

/// Returns the reason behind a word, without what marks it as one.
fn strip_reason_mark(rest: &str) -> Option<&str> {
    let trimmed = rest.trim_start();
    let reason = if let Some(inside) = trimmed.strip_prefix('(') {
        let inside = inside.trim_end_matches('.').strip_suffix(')')?;
        if inside.contains(['(', ')']) {
            return None;
        }
        inside
    } else if let Some(reason) = trimmed.strip_prefix(':') {
        reason
    } else if let Some(reason) = rest.strip_prefix(',') {
        reason
    } else if let Some(reason) = rest.strip_prefix('.') {
        // A full stop needs no reason.
        return (reason.is_empty() || reason.starts_with(' ')).then_some(reason);
    } else if trimmed.len() < rest.len()
        && let Some(reason) = trimmed.strip_prefix(['-', '\u{2013}', '\u{2014}'])
        && reason.starts_with(' ')
    {
        reason
    } else {
        return None;
    };
    reason.chars().any(char::is_alphanumeric).then_some(reason)
}

/// Returns true if a reason names another word of the list, or leaves open which one is meant.
fn takes_back(reason: &str, words: &[String], level: usize) -> bool {
    if reason.contains(['?', '/', '|', '\u{ff1f}']) {
        return true;
    }
    let said = split_letters(reason);
    let is_denied = said.len() < 3 && said.iter().any(|word| word == "not" || word == "no");
    if is_denied || said.iter().any(|word| DOUBTFUL_WORDS.contains(&word.as_str())) {
        return true;
    }
    words.iter().enumerate().any(|(other, word)| {
        let other_word = split_letters(word);
        other != level && said.windows(other_word.len().max(1)).any(|window| window == other_word)
    })
}

/// Returns the words of a text in small letters.
fn split_letters(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for word in text.split(|one: char| !one.is_alphanumeric()) {
        if !word.is_empty() {
            words.push(word.to_lowercase());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::vocabulary::field::{ConflictResolution, FieldKind};

    const WORDS: [&str; 5] = ["none", "low", "medium", "high", "very high"];

    fn level(written: &str) -> Option<&'static str> {
        let field = FieldDefinition {
            name: "Risk".into(),
            aliases: Vec::new(),
            kind: FieldKind::Ordered(WORDS.map(str::to_owned).to_vec()),
            is_repeatable: false,
            on_conflict: ConflictResolution::Refuse,
            stated_by_bots: Vec::new(),
            surroundings: std::sync::Arc::default(),
            levels: Default::default(),
        };
        field.find_stated_level(written).map(|level| WORDS[level])
    }

    #[test]
    fn a_reason_may_follow_a_word() {
        for written in [
            "low",
            "LOW",
            "low.",
            "low; high some day",
            "low: only docs",
            "low (only docs)",
            "low, only docs",
            "LOW - docs",
            "low \u{2013} no users yet, as ever",
            "low. Only docs.",
            "low (not used in production)",
        ] {
            assert_eq!(level(written), Some("low"), "{written}");
        }
        assert_eq!(level("very high: it holds money"), Some("very high"));
        assert_eq!(level("high: it holds money"), Some("high"));
    }

    #[test]
    fn what_may_mean_another_word_is_none() {
        for written in [
            "low or high",
            "not low",
            "low, high",
            "low/high",
            "low|high",
            "low - high",
            "low: or so",
            "low (not)",
            "low, not really",
            "low (maybe)",
            "low, if all goes well",
            "low?",
            "low: is it?",
            "low high",
            "lower",
            "low-ish",
            "low only docs",
            "low:",
            "low (a) and (b)",
            "lowest: of all",
            "low, very  HIGH for some",
            "",
            "(low)",
            ": low",
        ] {
            assert_eq!(level(written), None, "{written}");
        }
    }

    proptest! {
        #[test]
        fn no_two_words_are_one(
            one in prop::sample::select(WORDS.to_vec()),
            other in prop::sample::select(WORDS.to_vec()),
            mark in prop::sample::select(vec![" ", ": ", ", ", " (", " - ", " \u{2014} ", ". ", " or ", "/", " to ", " and "]),
            between in "[a-z ]{0,6}[ ,(]",
            after in "[ ).,][a-z ]{0,6}",
        ) {
            prop_assume!(one != other && !one.contains(other) && !other.contains(one));
            let written = format!("{one}{mark}{between}{other}{after}");
            prop_assert_eq!(level(&written), None, "{}", written);
        }

        #[test]
        fn a_word_is_stated_only_by_what_begins_with_it(written in "(not |no |maybe |[a-z]{1,5} )(none|low|high)[:,. ;]{0,2}[a-z ]{0,9}") {
            let found = level(&written);
            prop_assert!(found.is_none_or(|word| written.starts_with(word)), "{} {:?}", written, found);
        }
    }
}
