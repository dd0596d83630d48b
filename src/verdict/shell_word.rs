//! Words of a POSIX shell, as commands to paste hold them.

/// Returns a text as one word of a shell.
pub(crate) fn quote_for_shell(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+@:=%,^~".contains(&byte);
    let starts_plain = !text.starts_with('~') && !text.is_empty();
    if starts_plain && text.bytes().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_word() {
        for (text, word) in
            [("a/b-c", "a/b-c"), ("a b", "'a b'"), ("", "''"), ("~a", "'~a'"), ("it's", "'it'\\''s'")]
        {
            assert_eq!(quote_for_shell(text), word);
        }
    }
}
