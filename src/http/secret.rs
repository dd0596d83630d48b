//! A secret: a token, or an address that is one.

/// A value that must never be shown.
///
/// It has no `Debug` and no `Display`, so that no message can hold it.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Reads a token as it was found, without the space around it.
    ///
    /// # Errors
    ///
    /// Refuses what no header can carry; the reason does not repeat it.
    pub fn parse_token(token: &str) -> Result<Secret, String> {
        let token = token.trim();
        if token.is_empty() {
            return Err("is empty".into());
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("holds a character that no token has, such as a space".into());
        }
        Ok(Secret(token.to_owned()))
    }

    /// Takes a value that need not be a token, such as an address with a password in it.
    pub(crate) fn from_value(value: String) -> Secret {
        Secret(value)
    }

    /// Returns the secret, for the one place that sends it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Returns `text` without the secret, in case a server or a library repeated it.
    pub(crate) fn redact(&self, text: &str) -> String {
        text.replace(&self.0, "***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_is_none_is_not_repeated() {
        for bad in ["", " ", "a b", "a\nb", "\u{e9}"] {
            let Err(why) = Secret::parse_token(bad) else { panic!("{bad}") };
            assert!(bad.trim().is_empty() || !why.contains(bad.trim()), "{why}");
        }
        let token = Secret::parse_token(" s3cret\n").unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(token.expose(), "s3cret");
        assert_eq!(token.redact("x s3cret y"), "x *** y");
    }
}
