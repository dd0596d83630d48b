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

/// How many words a misspelt one is compared with.
const MAX_CANDIDATES: usize = 1_000;

/// How long the words are that are compared.
const MAX_COMPARED_BYTES: usize = 200;

/// Returns the word of `known` that is nearest to `word`, if one is near enough for a typing mistake.
pub(crate) fn find_nearest_word<'known>(
    word: &str,
    known: impl IntoIterator<Item = &'known str>,
) -> Option<&'known str> {
    let folded = word.to_lowercase().replace('_', "-");
    let mut nearest: Option<(usize, &'known str)> = None;
    for candidate in known.into_iter().take(MAX_CANDIDATES) {
        // So long a word is hardly misspelt, and takes long to compare.
        if folded.len().max(candidate.len()) > MAX_COMPARED_BYTES {
            continue;
        }
        if !may_be_near(&folded, candidate) {
            continue;
        }
        let distance = strsim::damerau_levenshtein(&folded, &candidate.to_lowercase());
        let is_near_enough = distance <= 1 + candidate.len() / 4;
        if is_near_enough && nearest.is_none_or(|(least, _)| distance < least) {
            nearest = Some((distance, candidate));
        }
    }
    nearest.map(|(_, candidate)| candidate)
}

/// Returns false for a word that has too many other letters than the folded one; it is faster than to compare them in
/// order.
fn may_be_near(folded: &str, candidate: &str) -> bool {
    if !folded.is_ascii() || !candidate.is_ascii() {
        return true;
    }
    let most = 1 + candidate.len() / 4;
    if folded.len().abs_diff(candidate.len()) > most {
        return false;
    }
    // Each letter of the candidate takes one of the word, if there is one left.
    let mut counts = [0_u8; 128];
    for byte in folded.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count = count.saturating_add(1);
        }
    }
    let mut missing = 0;
    for byte in candidate.bytes() {
        match counts.get_mut(usize::from(byte.to_ascii_lowercase())) {
            Some(count) if *count > 0 => *count -= 1,
            _ => missing += 1,
        }
    }
    missing <= most
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
