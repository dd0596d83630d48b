//! Words for the text of an HTML element, and for the value of an attribute between quotation marks.

/// Returns printable text so that no character of it can begin a tag, an entity or the end of an attribute.
///
/// What is not printable has to be escaped before: this knows HTML only.
pub(crate) fn escape_html(printable: &str) -> String {
    let mut escaped = String::with_capacity(printable.len());
    for character in printable.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
