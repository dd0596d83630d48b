//! People as they appear in commits and trailers: a name and an address, nothing proved.
//!
//! Only the grammar is here: what counts as `Name <address>`, and the one form in which two spellings
//! of an address are compared. Identities, teams and bots are known to `people`.

use serde::{Deserialize, Serialize};

use crate::change::text::{Text, trim_git_space};

/// A name and an address, as they are written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Person {
    /// The name, which proves nothing and may be empty.
    pub name: Text,
    /// The address between `<` and `>`.
    pub email: Text,
}

/// The pusher, as the transport or the server in front of git knows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PusherIdentity {
    /// The account of the pusher on the server.
    Account(Text),
    /// The administrator has said that this server cannot tell people apart.
    Unidentified,
}

/// The reason why a text does not name one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonError {
    /// There is no `<address>`.
    NoAddress,
    /// There is more than one `<` or `>`.
    SeveralAddresses,
    /// What stands between `<` and `>` is not `local@domain` in plain ASCII.
    MalformedAddress,
    /// Something follows the address that is neither `(...)` nor a `# comment`.
    TextAfterAddress,
    /// A character that cannot be seen, or that changes the direction of text.
    InvisibleCharacter,
}

impl PersonError {
    /// Returns the reason in words that complete the sentence "this is not a person: ...".
    pub fn reason(self) -> &'static str {
        match self {
            PersonError::NoAddress => "it has no `<address>`",
            PersonError::SeveralAddresses => "it has more than one address",
            PersonError::MalformedAddress => "its address is not of the form `name@domain` in plain ASCII",
            PersonError::TextAfterAddress => "something follows the address",
            PersonError::InvisibleCharacter => "it contains characters that cannot be seen",
        }
    }
}

impl Person {
    /// Reads `Name <local@domain>`, optionally followed by `(parameters)` and by `# comment`.
    ///
    /// The grammar is strict because an approval rests on it: exactly one address, plain ASCII
    /// between the brackets, no invisible characters anywhere.
    ///
    /// # Errors
    ///
    /// Says which part of the grammar the text breaks.
    pub(crate) fn parse_person(value: &[u8]) -> Result<Person, PersonError> {
        let Ok(text) = std::str::from_utf8(value) else { return Err(PersonError::InvisibleCharacter) };
        let has_invisible = if text.is_ascii() {
            value.iter().any(u8::is_ascii_control)
        } else {
            text.chars().any(is_invisible)
        };
        if has_invisible {
            return Err(PersonError::InvisibleCharacter);
        }
        let (name, rest) = text.split_once('<').ok_or(PersonError::NoAddress)?;
        let (email, after) = rest.split_once('>').ok_or(PersonError::NoAddress)?;
        if name.contains('>') || email.contains('<') || after.contains(['<', '>']) {
            return Err(PersonError::SeveralAddresses);
        }
        if canonical_address(email.as_bytes()).is_none() {
            return Err(PersonError::MalformedAddress);
        }
        let after = after.trim();
        if !after.is_empty() && !after.starts_with(['(', '#']) {
            return Err(PersonError::TextAfterAddress);
        }
        let name = trim_git_space(name.as_bytes());
        if name.contains(&b'@') {
            // An address in the place of the name reads as a second address.
            return Err(PersonError::SeveralAddresses);
        }
        Ok(Person { name: name.into(), email: email.into() })
    }
}

/// Returns true for characters that a reader does not see or that reorder the text: controls,
/// zero-width and bidirectional marks, fillers, tags and variation selectors.
pub(crate) fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{61c}' |
        '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' |
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' |
        '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' |
        '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Returns the one form in which spellings of an address are compared, or `None` for what is not a
/// plain ASCII `local@domain`.
///
/// Lower case throughout, a dot at the end of the domain and a `+tag` in the local part dropped.
/// GitHub's `ID+LOGIN@users.noreply.github.com` becomes `github:login`, with the id dropped. Two
/// addresses that some server tells apart only by case or tag are taken for one person: that can
/// refuse an approval, and can never grant one.
pub(crate) fn canonical_address(address: &[u8]) -> Option<String> {
    let at = address.iter().rposition(|byte| *byte == b'@')?;
    let (local, domain) = (address.get(..at)?, address.get(at + 1..)?);
    let domain = domain.strip_suffix(b".").unwrap_or(domain);
    if local.is_empty() || domain.is_empty() || local.contains(&b'@') {
        return None;
    }
    // Forges put `[bot]` into local parts, so brackets are let through there and nowhere else.
    if !local.iter().all(is_local_byte) || !domain.iter().all(is_address_byte) {
        return None;
    }
    // All of it is ASCII by now.
    let (local, domain) = (std::str::from_utf8(local).ok()?, std::str::from_utf8(domain).ok()?);
    if domain.eq_ignore_ascii_case("users.noreply.github.com") {
        let login = match local.split_once('+') {
            Some((id, login)) if id.bytes().all(|byte| byte.is_ascii_digit()) => login,
            _ => local,
        };
        return if login.is_empty() { None } else { Some(lowercase_parts(["github:", login, ""])) };
    }
    let local = match local.split_once('+') {
        Some((base, _)) if !base.is_empty() => base,
        _ => local,
    };
    Some(lowercase_parts([local, "@", domain]))
}

/// Returns true for a byte that an address has without quoting.
fn is_address_byte(byte: &u8) -> bool {
    let is_special =
        matches!(byte, b'<' | b'>' | b'(' | b')' | b'[' | b']' | b',' | b';' | b':' | b'\\' | b'"');
    byte.is_ascii_graphic() && !is_special
}

fn is_local_byte(byte: &u8) -> bool {
    is_address_byte(byte) || matches!(byte, b'[' | b']')
}

fn lowercase_parts(parts: [&str; 3]) -> String {
    let mut joined = parts.concat();
    joined.make_ascii_lowercase();
    joined
}

/// Returns the form in which two names are compared, in order to *refuse* people who review their own
/// change under a second address; names never grant anything. Empty for a name without letters.
pub(crate) fn comparable_name(name: &Text) -> String {
    if name.as_bytes().is_ascii() {
        let mut letters = String::with_capacity(name.as_bytes().len());
        for byte in name.as_bytes() {
            if byte.is_ascii_alphanumeric() {
                letters.push(char::from(byte.to_ascii_lowercase()));
            }
        }
        return letters;
    }
    let mut letters = String::new();
    for character in name.to_lossy().chars() {
        if character.is_alphanumeric() {
            letters.extend(character.to_lowercase());
        }
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_and_one_address_is_a_person() {
        let person = Person::parse_person(b"Ana Ruiz <ana@example.com> (role=ciso) # by phone").unwrap();
        assert_eq!(person, Person { name: "Ana Ruiz".into(), email: "ana@example.com".into() });
        assert!(Person::parse_person(b"<ana@example.com>").is_ok());
        assert!(
            Person::parse_person(b"dependabot[bot] <1+dependabot[bot]@users.noreply.github.com>").is_ok()
        );
    }

    #[test]
    fn anything_else_is_not() {
        for (text, reason) in [
            ("Ana", PersonError::NoAddress),
            ("Ana <ana@example.com", PersonError::NoAddress),
            ("Bob <bob@x.example> <mallory@x.example>", PersonError::SeveralAddresses),
            ("bob@x.example <mallory@x.example>", PersonError::SeveralAddresses),
            ("Ana <>", PersonError::MalformedAddress),
            ("Ana <ana at example.com>", PersonError::MalformedAddress),
            ("Bob <b\u{43e}b@example.com>", PersonError::MalformedAddress),
            ("Ana <ana@example.com> and others", PersonError::TextAfterAddress),
            ("Ana\u{200b} <ana@example.com>", PersonError::InvisibleCharacter),
        ] {
            assert_eq!(Person::parse_person(text.as_bytes()), Err(reason), "{text}");
        }
    }

    #[test]
    fn spellings_of_one_address_compare_equal() {
        for spelling in ["MALLORY@EXAMPLE.COM", "mallory+review@example.com", "mallory@example.com."] {
            assert_eq!(canonical_address(spelling.as_bytes()).as_deref(), Some("mallory@example.com"));
        }
        for spelling in ["1004+Mallory@users.noreply.github.com", "mallory@users.noreply.github.com"] {
            assert_eq!(canonical_address(spelling.as_bytes()).as_deref(), Some("github:mallory"));
        }
        assert_eq!(canonical_address(b"bob@example.com.evil").as_deref(), Some("bob@example.com.evil"));
        for broken in ["", "@", "a@", "@b", "a@b@c", "a b@c", "\u{ff20}b@c", "a@b,c"] {
            assert_eq!(canonical_address(broken.as_bytes()), None, "{broken}");
        }
    }

    #[test]
    fn the_short_ways_through_ascii_say_what_the_long_ones_do() {
        for byte in 0..128u8 {
            let character = char::from(byte);
            let name = format!("A{character}z");
            let long = comparable_name(&Text::from(format!("{name}\u{e9}").as_str()));
            assert_eq!(
                comparable_name(&Text::from(name.as_str())),
                long.trim_end_matches('\u{e9}'),
                "{name:?}"
            );
            let read = |rest: &str| Person::parse_person(format!("{name}{rest} <a@example.com>").as_bytes());
            assert_eq!(read("").is_ok(), read("\u{e9}").is_ok(), "{name:?}");
        }
    }

    #[test]
    fn the_canonical_form_is_a_fixed_point() {
        for address in ["Ana+x@Example.com.", "a@b", "x+y+z@q"] {
            let once = canonical_address(address.as_bytes()).unwrap();
            assert_eq!(canonical_address(once.as_bytes()), Some(once.clone()));
        }
    }
}
