//! Bytes that somebody outside wrote: a subject, a trailer, a path, a name, a ref.
//!
//! Such bytes are hostile until they have passed through the escape of the medium that they are
//! about to reach, so [`Text`] has no `Display`: whoever wants to print one must say where it is
//! going. The escapes themselves belong to `report`, which knows the media; this file only keeps
//! the bytes and offers what a rule needs to compare them.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes written by a contributor or a forge, kept exactly as they came, in no known encoding.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Text(Vec<u8>);

impl Text {
    /// Wraps `bytes` as they are.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Text(bytes.into())
    }

    /// Returns the bytes as they came.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the text if it is UTF-8, and `None` if it is not.
    pub fn as_utf8(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// Returns the text with each malformed part replaced by U+FFFD: for looking at, never for
    /// comparing, since two different texts may look the same.
    pub fn to_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

/// Returns true for the four bytes that git takes as white space: SP, TAB, LF, CR.
///
/// This is git's own `isspace`, narrower than Rust's (which adds form feed) and than Unicode's.
pub fn is_git_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Returns `bytes` without git's white space at both ends.
pub fn trim_git_space(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| !is_git_space(*byte)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|byte| !is_git_space(*byte)).map_or(start, |last| last + 1);
    bytes.get(start..end).unwrap_or_default()
}

/// Returns `bytes` as lower-case hexadecimal digits.
pub fn encode_hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from(if half < 10 { b'0' + half } else { b'a' + half - 10 });
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `escape_ascii` leaves nothing that a terminal could act on.
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Text(text.as_bytes().to_vec())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Text(text.into_bytes())
    }
}

impl From<&[u8]> for Text {
    fn from(bytes: &[u8]) -> Self {
        Text(bytes.to_vec())
    }
}

/// A text travels as a string where it is UTF-8, and as `{"hex": "..."}` where it is not, so that
/// nothing is lost either way.
impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.as_utf8() {
            Some(text) => serializer.serialize_str(text),
            None => {
                use serde::ser::SerializeMap;
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("hex", &encode_hex(&self.0))?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum SerialisedText {
            Utf8(String),
            Hex { hex: String },
        }
        match SerialisedText::deserialize(deserializer)? {
            SerialisedText::Utf8(text) => Ok(Text(text.into_bytes())),
            SerialisedText::Hex { hex } => decode_hex(&hex)
                .map(Text)
                .ok_or_else(|| serde::de::Error::custom("`hex` is not pairs of hexadecimal digits")),
        }
    }
}

/// Returns the bytes that pairs of hexadecimal `digits` stand for, or `None` for anything else.
pub fn decode_hex(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    digits
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => {
                let high = char::from(*high).to_digit(16)?;
                let low = char::from(*low).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()
            }
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_utf8_survive_a_journey() {
        for bytes in [&b"plain"[..], b"\xff\x00\x80", b"", "\u{202e}abc".as_bytes()] {
            let text = Text::new(bytes);
            let json = serde_json::to_string(&text).unwrap();
            assert_eq!(serde_json::from_str::<Text>(&json).unwrap(), text, "{json}");
        }
        assert!(serde_json::from_str::<Text>(r#"{"hex":"0"}"#).is_err());
        assert!(serde_json::from_str::<Text>(r#"{"hex":"zz"}"#).is_err());
    }

    #[test]
    fn white_space_is_what_git_says_it_is() {
        assert_eq!(trim_git_space(b" \t\r\n a\x0cb \n"), b"a\x0cb");
        assert_eq!(trim_git_space(b"\x0c"), b"\x0c");
        assert_eq!(trim_git_space(b" \n"), b"");
    }
}
