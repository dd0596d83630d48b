//! The words of messages, and the one place through which tests can change all of them at once.

use std::borrow::Cow;
use std::sync::OnceLock;

static REWORD: OnceLock<fn(&str) -> String> = OnceLock::new();

/// Rewords every message of this process from now on, for a test that nothing depends on wording. Only
/// the first call has an effect.
#[doc(hidden)]
pub fn reword_messages(reword: fn(&str) -> String) {
    let _ = REWORD.set(reword);
}

/// Returns the English of a message, or what a test has made of it.
pub(super) fn current_text(text: &'static str) -> Cow<'static, str> {
    match REWORD.get() {
        Some(reword) => Cow::Owned(reword(text)),
        None => Cow::Borrowed(text),
    }
}
