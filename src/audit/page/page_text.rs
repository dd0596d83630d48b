//! How texts get into the page: those from outside in visible characters, and none as markup.

use std::io::{self, Write};

use serde::Serialize;

use crate::change::Text;
use crate::report::escape::escape_terminal;

/// How many columns of a text from outside the page shows.
pub(crate) const MAX_TEXT_COLUMNS: usize = 500;

/// How many columns of a title, a name or a key the page shows.
pub(crate) const MAX_NAME_COLUMNS: usize = 200;

/// The first byte of the characters U+2028 and U+2029, which end a line in a script.
const LINE_END_START: u8 = 0xe2;

/// Returns a text from outside in characters that can be seen, on one line.
pub(crate) fn show_text(text: &Text) -> String {
    escape_terminal(text.as_bytes(), MAX_TEXT_COLUMNS)
}

/// Returns a short text from outside, such as a name, in characters that can be seen.
pub(crate) fn show_name(text: &Text) -> String {
    escape_terminal(text.as_bytes(), MAX_NAME_COLUMNS)
}

/// Returns words of the program, which may quote what others wrote, in characters that can be seen.
pub(crate) fn show_words(words: &str) -> String {
    escape_terminal(words.as_bytes(), MAX_TEXT_COLUMNS)
}

/// Returns a text as it stands in HTML, between tags and in the value of an attribute alike.
pub(crate) fn escape_html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// Returns words that may hold those of others, for HTML: visible, and no markup.
pub(crate) fn show_html(words: &str) -> String {
    escape_html(&show_words(words))
}

/// Returns a value as JSON that can stand in an element `script`: nothing in it ends the element or begins another,
/// and no character of it ends a line.
///
/// # Errors
///
/// Fails if the value has no JSON.
pub(crate) fn encode_script_json(value: &impl Serialize) -> serde_json::Result<String> {
    let json = serde_json::to_string(value)?;
    // Outside of strings, JSON has none of these.
    let mut escaped = String::with_capacity(json.len() + json.len() / 8);
    let mut rest = json.as_str();
    while let Some(at) = memchr::memchr3(b'<', b'>', b'&', rest.as_bytes()) {
        let (before, from) = rest.split_at_checked(at).unwrap_or_default();
        escaped.push_str(before);
        escaped.push_str(match from.as_bytes().first() {
            Some(b'<') => "\\u003c",
            Some(b'>') => "\\u003e",
            _ => "\\u0026",
        });
        rest = from.get(1..).unwrap_or_default();
    }
    escaped.push_str(rest);
    if memchr::memchr(LINE_END_START, escaped.as_bytes()).is_none() {
        return Ok(escaped);
    }
    Ok(escaped.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029"))
}

/// Writes a value as an element `script` that holds data and no program; `attributes` are markup.
///
/// # Errors
///
/// Passes on what the writer says.
pub(crate) fn write_data_block(
    attributes: &str,
    value: &impl Serialize,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "<script type=\"application/json\" {attributes}>{}</script>", encode_script_json(value)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_the_element_that_it_stands_in() {
        let hostile = "</script><!--<img src=x onerror=alert(1)>&\u{2028}\u{2029}";
        let json = encode_script_json(&hostile).unwrap();
        assert!(!json.contains(['<', '>', '&', '\u{2028}', '\u{2029}']), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), hostile);
        assert_eq!(escape_html("<b a=\"1\" b='2'>&amp;"), "&lt;b a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;amp;");
    }

    #[test]
    fn what_cannot_be_seen_is_shown() {
        let text = Text::new(b"a\0b\xe2\x80\xaec\xff\n".as_slice());
        assert_eq!(show_text(&text), "a\\x00b\\u{202e}c\\xff\\n");
        assert!(show_text(&Text::from("x".repeat(100_000))).len() <= MAX_TEXT_COLUMNS);
    }
}
