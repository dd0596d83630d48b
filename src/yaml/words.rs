//! Words of a policy in error messages: shortened, and the nearest right one.

use crate::change::person::is_invisible;

/// How many characters of a value an error message shows.
const MAX_SHOWN_CHARACTERS: usize = 60;

/// Returns `text` as an error message shows it: at most 60 characters, nothing invisible.
pub(crate) fn shorten_for_message(text: &str) -> String {
    let mut shown = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == MAX_SHOWN_CHARACTERS {
            shown.push_str("...");
            break;
        }
        shown.push(if is_invisible(character) { char::REPLACEMENT_CHARACTER } else { character });
    }
    shown
}

/// Returns the word of `known` that is nearest to `word`, if one is near enough for a typing mistake.
pub(crate) fn find_nearest_word<'known>(
    word: &str,
    known: impl IntoIterator<Item = &'known str>,
) -> Option<&'known str> {
    let folded = word.to_lowercase().replace('_', "-");
    let mut nearest: Option<(usize, &'known str)> = None;
    for candidate in known {
        let distance = strsim::damerau_levenshtein(&folded, &candidate.to_lowercase());
        let is_near_enough = distance <= 1 + candidate.len() / 4;
        if is_near_enough && nearest.is_none_or(|(least, _)| distance < least) {
            nearest = Some((distance, candidate));
        }
    }
    nearest.map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_offered_only_if_it_is_near() {
        assert_eq!(find_nearest_word("aproval", ["approvals", "ticket"]), Some("approvals"));
        assert_eq!(find_nearest_word("one_of", ["one-of", "ordered"]), Some("one-of"));
        assert_eq!(find_nearest_word("zebra", ["approvals", "ticket"]), None);
    }
}
