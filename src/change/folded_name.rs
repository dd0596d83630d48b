//! Names in any case, as forges and ticket systems compare them.

/// Returns `name` in lower case, in which two names are the same.
///
/// A letter of another alphabet whose lower case is one of ASCII, such as the sign for Kelvin, stays what it
/// is: it only looks like the letter that a policy means.
pub(crate) fn fold_name(name: &str) -> String {
    let mut folded = String::with_capacity(name.len());
    for character in name.chars() {
        let is_look_alike = !character.is_ascii() && character.to_lowercase().any(|lower| lower.is_ascii());
        if is_look_alike {
            folded.push(character);
        } else {
            folded.extend(character.to_lowercase());
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_matter_and_look_alikes_do() {
        assert_eq!(fold_name("Bug"), fold_name("bUG"));
        assert_eq!(fold_name("ÄRGER"), fold_name("ärger"));
        assert_ne!(fold_name("o\u{212a}"), fold_name("ok"));
        assert_ne!(fold_name("R\u{130}sk"), fold_name("risk"));
    }
}
