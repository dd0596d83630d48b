//! Finds the known key that a misspelt one was meant to be.
//!
//! A key can be misspelt, or written with characters that look like letters, or that do not look
//! like anything. This file compares keys; `near_miss` looks at the lines of a message. It errs on the side of silence: keys that are in common use are never taken for
//! misspelt ones, and short keys have to be closer than long ones.

use crate::change::person::is_invisible;

/// Keys that projects use with a meaning of their own, however near they are to another one.
const COMMON_TRAILER_KEYS: &[&str] = &[
    "acked-by",
    "asked-by",
    "authored-by",
    "based-on",
    "cc",
    "change-id",
    "closes",
    "co-authored-by",
    "depends-on",
    "fix",
    "fixed",
    "fixes",
    "helped-by",
    "improved-by",
    "inspired-by",
    "issue",
    "liked-by",
    "link",
    "mentored-by",
    "nacked-by",
    "noticed-by",
    "pr-url",
    "proposed-by",
    "ref",
    "references",
    "refs",
    "related",
    "reported-by",
    "requested-by",
    "resolves",
    "reviewed-on",
    "revised-by",
    "see",
    "see-also",
    "signed-off-by",
    "suggested-by",
    "task",
    "tested-by",
    "tested-on",
    "tests-by",
    "ticket",
    "trusted-by",
    "verified-by",
];

/// What each ASCII character is drawn like by other alphabets, in either case.
#[rustfmt::skip]
const HOMOGLYPHS: &[(char, &str)] = &[
    ('a', "ÅАаΑαɑàáâãäåāăąÀÁÂÃÄÅĀĂĄ"), ('b', "ВвΒьЬƄƅ"), ('c', "СсϹϲçćčÇĆČ"), ('d', "ԁԀďđĎĐ"),
    ('e', "ЕеΕεЁёèéêëēėęěÈÉÊËĒĖĘĚ"), ('g', "Ԍɡցğġ"), ('h', "НнΗһҺհ"), ('i', "ІіΙιıɩӀїЇìíîïīįÌÍÎÏĪĮİ"),
    ('j', "Јјϳ"), ('k', "KКкΚκ"), ('l', "ӏłŁ"), ('m', "МмΜ"), ('n', "Νոñńňп"), ('o', "ОоΟοօòóôõöøōÒÓÔÕÖØŌ"),
    ('p', "РрΡρ"), ('q', "ԛԚզ"), ('r', "гřŕ"), ('s', "ЅѕſśšşŚŠŞ"), ('t', "ТтΤτťţ"), ('u', "υսùúûüūůÙÚÛÜŪŮ"),
    ('v', "νѵѴ"), ('w', "ԝԜω"), ('x', "ХхΧχ"), ('y', "УуΥүҮÿýÝ"), ('z', "Ζžźż"),
    ('-', "‐‑‒–—―−⁃﹘﹣－ー"), (':', "∶꞉︓﹕：ː˸׃։"), (' ', "\u{a0}\u{2002}\u{2003}\u{2007}\u{2009}\u{202f}\u{3000}"),
];

/// Returns the ASCII character, in lower case, that `character` looks like; itself if there is none.
pub(crate) fn fold_homoglyph(character: char) -> char {
    let code = u32::from(character);
    let ascii = match code {
        0..=0x7f => Some(character),
        // The forms of full width, and the alphabets of mathematics.
        0xff01..=0xff5e => char::from_u32(code - 0xfee0),
        0x1d400..=0x1d6a3 => match (code - 0x1d400) % 52 {
            upper @ 0..26 => char::from_u32(u32::from('A') + upper),
            lower => char::from_u32(u32::from('a') + lower - 26),
        },
        _ => find_homoglyph(character),
    };
    ascii.unwrap_or(character).to_ascii_lowercase()
}

fn find_homoglyph(character: char) -> Option<char> {
    for (ascii, drawn) in HOMOGLYPHS {
        if drawn.contains(character) {
            return Some(*ascii);
        }
    }
    None
}

/// The keys that a policy knows.
#[derive(Clone, Copy)]
pub(crate) struct KnownKeys<'keys, 'a>(pub(crate) &'keys [&'a str]);

impl<'a> KnownKeys<'_, 'a> {
    /// Returns the known key that is `written`, in any case.
    pub(crate) fn find_exact_key(&self, written: &[u8]) -> Option<&'a str> {
        self.0.iter().find(|key| key.as_bytes().eq_ignore_ascii_case(written)).copied()
    }

    /// Returns the known key that `written` is a misspelling of, and the number of edits between
    /// them: insertions, deletions, replacements, and exchanges of neighbours.
    ///
    /// Returns `None` for a known key and for one in common use.
    pub(crate) fn find_misspelt_key(&self, written: &str) -> Option<(&'a str, usize)> {
        // No known key is longer than this with two characters more; hostile lengths stop here.
        if self.0.iter().all(|key| key.len() + 2 < written.len()) {
            return None;
        }
        if self.0.iter().chain(COMMON_TRAILER_KEYS).any(|key| key.eq_ignore_ascii_case(written)) {
            return None;
        }
        self.find_nearest_key(&written.to_ascii_lowercase())
    }

    /// Returns the known key that `written`, which is no key to git, was meant to look like.
    ///
    /// Where nothing but ASCII is written it has to be the key itself, with blanks or underscores
    /// for hyphens, inside whatever marks a list, a quotation or emphasis.
    pub(crate) fn find_intended_key(&self, written: &str) -> Option<&'a str> {
        let bare = written.trim_matches(is_markup);
        let mut folded = String::with_capacity(bare.len());
        let mut is_gap = false;
        for character in bare.chars() {
            if is_invisible(character) {
                continue;
            }
            let ascii = fold_homoglyph(character);
            if matches!(ascii, ' ' | '_' | '-') {
                is_gap = true;
                continue;
            }
            if is_gap && !folded.is_empty() {
                folded.push('-');
            }
            is_gap = false;
            folded.push(ascii);
        }
        let same = self.find_exact_key(folded.as_bytes());
        if same.is_some() || bare.is_ascii() {
            return same;
        }
        let (key, _) = self.find_nearest_key(&folded)?;
        Some(key)
    }

    /// Returns the known key with the fewest edits, and their number; of several the first.
    fn find_nearest_key(&self, folded: &str) -> Option<(&'a str, usize)> {
        let length = folded.chars().count();
        let mask = letter_mask(folded);
        let mut nearest: Option<(&'a str, usize)> = None;
        for key in self.0 {
            let allowed: u8 = match key.len() {
                0..4 => 0,
                4..10 => 1,
                _ => 2,
            };
            // One edit changes the length by one at most, and the set of letters by two; most keys
            // are ruled out by that, without paying for the distance.
            if key.len().abs_diff(length) > usize::from(allowed)
                || (letter_mask(key) ^ mask).count_ones() > 2 * u32::from(allowed)
            {
                continue;
            }
            let distance = strsim::damerau_levenshtein(&key.to_ascii_lowercase(), folded);
            let is_nearer = nearest.is_none_or(|(_, nearest)| distance < nearest);
            if distance <= usize::from(allowed) && is_nearer {
                nearest = Some((*key, distance));
            }
        }
        nearest
    }
}

/// Returns true for what marks a list, a quotation or emphasis in plain text. Other punctuation,
/// quotation marks above all, says that a key is being talked about.
fn is_markup(character: char) -> bool {
    character.is_whitespace() || "*_`>-#\u{2022}\u{b7}\u{2023}\u{25e6}".contains(character)
}

/// Returns the set of characters of `text`, one bit for each that a key can have, in either case, and
/// one for all others together.
fn letter_mask(text: &str) -> u64 {
    let mut mask = 0;
    for byte in text.bytes() {
        let bit = match byte.to_ascii_lowercase() {
            letter @ b'a'..=b'z' => letter - b'a',
            digit @ b'0'..=b'9' => 26 + digit - b'0',
            b'-' => 36,
            _ => 37,
        };
        mask |= 1 << bit;
    }
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &[&str] = &["Reviewed-by", "Approved-by", "Risk", "Change-Type", "Id", "Refs"];

    #[test]
    fn a_slip_of_the_pen_is_recognised_and_another_word_is_not() {
        let known = KnownKeys(KEYS);
        for (written, meant) in [
            ("Aproved-by", Some(("Approved-by", 1))),
            ("approvde-by", Some(("Approved-by", 1))),
            ("Reveiwed-By", Some(("Reviewed-by", 1))),
            ("Reviewd-bye", Some(("Reviewed-by", 2))),
            ("Change-Typ", Some(("Change-Type", 1))),
            ("Rsik", Some(("Risk", 1))),
            ("Risks", Some(("Risk", 1))),
            ("Risk-level", None),
            ("Reviewed-on", None),
            ("Improved-by", None),
            ("Reviewed-By", None),
            ("Liked-by", None),
            ("It", None),
            ("https", None),
            ("fix", None),
            ("feat", None),
            ("", None),
        ] {
            assert_eq!(known.find_misspelt_key(written), meant, "{written}");
        }
        assert_eq!(known.find_misspelt_key(&"A".repeat(1 << 20)), None);
        assert_eq!(KnownKeys(&[]).find_misspelt_key("Risk"), None);
    }

    #[test]
    fn foreign_letters_do_not_hide_a_key() {
        let known = KnownKeys(KEYS);
        for written in [
            "\u{410}pproved-by",
            "App\u{200b}roved-by",
            "Approved\u{2010}by",
            "Approved-b\u{443}",
            "\u{feff}Approved-by",
            "Approved-by\u{a0}",
            "\u{ff21}\u{ff50}proved-by",
            "\u{1d400}pproved-by",
            "\u{c4}pproved-by",
            "\u{13aa}pproved-by",
            "Approved by",
            "**approved_by",
            "> - Approved-by",
        ] {
            assert_eq!(known.find_intended_key(written), Some("Approved-by"), "{written:?}");
        }
        for written in [
            "Genehmigt f\u{fc}r",
            "Aproved by",
            "approved it by",
            "\"Risk",
            "(Risk",
            "\u{2022} Rask",
            "\u{200b}",
            "",
        ] {
            assert_eq!(known.find_intended_key(written), None, "{written:?}");
        }
    }

    #[test]
    fn no_key_in_common_use_is_listed_in_a_form_that_could_not_match() {
        assert!(COMMON_TRAILER_KEYS.is_sorted());
        assert!(COMMON_TRAILER_KEYS.iter().all(|key| **key == key.to_ascii_lowercase()));
        let drawn: Vec<char> = HOMOGLYPHS.iter().flat_map(|(_, drawn)| drawn.chars()).collect();
        assert!(drawn.iter().all(|character| !character.is_ascii()));
        assert_eq!(drawn.iter().collect::<std::collections::HashSet<_>>().len(), drawn.len());
    }
}
