//! A secret: a token, or an address that is one.

/// A secret of fewer bytes is not replaced: it is in every other word, and no server gives out such a token.
const MIN_REDACTED_BYTES: usize = 4;

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
        if self.0.len() < MIN_REDACTED_BYTES { text.to_owned() } else { text.replace(&self.0, "***") }
    }

    /// Returns an answer without the secret, in case the server repeated it.
    pub(crate) fn redact_bytes(&self, bytes: Vec<u8>) -> Vec<u8> {
        if self.0.len() < MIN_REDACTED_BYTES || memchr::memmem::find(&bytes, self.0.as_bytes()).is_none() {
            return bytes;
        }
        let mut redacted = Vec::with_capacity(bytes.len());
        let mut rest = bytes.as_slice();
        while let Some(at) = memchr::memmem::find(rest, self.0.as_bytes()) {
            redacted.extend_from_slice(rest.get(..at).unwrap_or_default());
            redacted.extend_from_slice(b"***");
            rest = rest.get(at + self.0.len()..).unwrap_or_default();
        }
        redacted.extend_from_slice(rest);
        redacted
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
        assert_eq!(token.redact_bytes(b"s3crets3cret\xff s3cre".to_vec()), b"******\xff s3cre");
    }
}
