//! Bytes that contributors or a forge wrote: a subject, a trailer, a path, a name, a ref.
//!
//! Such bytes are hostile until they have passed through the escape of the medium that they are
//! about to reach, so [`Text`] has no `Display`: code that prints one must say where it is going.
//! The escapes themselves belong to `report`, which knows the media; this file only keeps the bytes
//! and offers what a rule needs to compare them.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes written by a contributor or a forge, kept exactly as they came, in no known encoding.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Text(Vec<u8>);

impl Text {
    /// Returns a text of these bytes, as they are.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Text(bytes.into())
    }

    /// Returns the bytes as they came.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the beginning of the text, of at most `limit` bytes; a character is not cut in two.
    pub(crate) fn cut_to(&self, limit: usize) -> Text {
        let mut length = self.0.len().min(limit);
        // The bytes after the first of a character begin with the bits 10.
        while length > 0 && self.0.get(length).is_some_and(|next| next & 0xC0 == 0x80) {
            length -= 1;
        }
        Text::new(self.0.get(..length).unwrap_or_default())
    }

    /// Returns the text if it is UTF-8, and `None` if it is not.
    pub(crate) fn as_utf8(&self) -> Option<&str> {
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
pub(crate) fn is_git_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Returns `bytes` without git's white space at both ends.
pub(crate) fn trim_git_space(bytes: &[u8]) -> &[u8] {
    let bytes = trim_git_space_end(bytes);
    bytes.get(count_leading_space(bytes)..).unwrap_or_default()
}

/// Returns `bytes` without git's white space at the end.
pub(crate) fn trim_git_space_end(bytes: &[u8]) -> &[u8] {
    match bytes.iter().rposition(|byte| !is_git_space(*byte)) {
        Some(last) => bytes.get(..=last).unwrap_or_default(),
        None => &[],
    }
}

/// Returns how many bytes of git's white space `bytes` begin with.
pub(crate) fn count_leading_space(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| !is_git_space(*byte)).unwrap_or(bytes.len())
}

/// Returns `bytes` as lower-case hexadecimal digits.
pub(crate) fn encode_hex(bytes: &[u8]) -> String {
    let mut digits = vec![0; bytes.len() * 2];
    String::from_utf8(if write_hex(bytes, &mut digits).is_some() { digits } else { Vec::new() })
        .unwrap_or_default()
}

/// Writes `bytes` as lower-case hexadecimal digits, as far as there is room, and returns them.
pub(crate) fn write_hex<'a>(bytes: &[u8], room: &'a mut [u8]) -> Option<&'a str> {
    for (pair, byte) in room.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[hex_digit(byte >> 4), hex_digit(byte & 15)]);
    }
    std::str::from_utf8(room.get(..bytes.len() * 2)?).ok()
}

fn hex_digit(half: u8) -> u8 {
    if half < 10 { b'0' + half } else { b'a' + half - 10 }
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
            SerialisedText::Hex { hex } => match decode_hex(&hex) {
                Some(bytes) => Ok(Text(bytes)),
                None => Err(serde::de::Error::custom("`hex` is not pairs of hexadecimal digits")),
            },
        }
    }
}

/// Returns the bytes that pairs of hexadecimal `digits` stand for, or `None` for anything else.
pub(crate) fn decode_hex(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() / 2);
    for pair in digits.chunks_exact(2) {
        let [high, low] = pair else { return None };
        let high = char::from(*high).to_digit(16)?;
        let low = char::from(*low).to_digit(16)?;
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    Some(bytes)
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
