//! Names as file systems compare them that ignore case: without case, and in one composition of their letters.

use unicode_normalization::UnicodeNormalization as _;

/// Returns a name in a form in which two names are equal if a file system that ignores case takes them for one.
///
/// Such file systems fold all letters of Unicode, and most take a letter and its accent for the letter with the
/// accent. So `ſ` is `s`, `ß` is `ss`, and the sign for kelvin is `k`.
pub(crate) fn fold_file_name(name: &str) -> String {
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(name.len());
    for letter in name.nfd() {
        // No fold makes an `i` of the `i` without a dot, whose capital is the usual one.
        if letter == '\u{131}' {
            folded.push(letter);
            continue;
        }
        // What has no small letter of its own has a capital.
        for small in letter.to_lowercase() {
            for capital in small.to_uppercase() {
                folded.extend(capital.to_lowercase());
            }
        }
    }
    folded.nfd().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_one_file_has_are_equal() {
        for (one, other) in [
            ("Main", "main"),
            ("gesch\u{e4}ft", "GESCH\u{c4}FT"),
            ("gesch\u{e4}ft", "gescha\u{308}ft"),
            ("stra\u{df}e", "STRASSE"),
            ("stra\u{df}e", "stra\u{1e9e}e"),
            ("strasse", "\u{17f}tra\u{df}e"),
            ("\u{212a}ern", "kern"),
            ("\u{3c2}", "\u{3c3}"),
            ("\u{212b}", "a\u{30a}"),
            ("\u{fb01}x", "FIX"),
            ("\u{e9}", "E\u{301}"),
        ] {
            assert_eq!(fold_file_name(one), fold_file_name(other), "{one} {other}");
        }
        for (one, other) in [("main", "ma\u{131}n"), ("main", "m\u{430}in"), ("a", "\u{e4}"), ("ss", "s")] {
            assert_ne!(fold_file_name(one), fold_file_name(other), "{one} {other}");
        }
    }
}
