//! The words of messages, and the one place through which tests can change all of them at once.

use std::borrow::Cow;
use std::fmt::Display;
use std::sync::OnceLock;

static REWORD: OnceLock<fn(&str) -> String> = OnceLock::new();

/// Rewords every message of this process from now on, for a test that nothing depends on wording. Only
/// the first call has an effect.
#[doc(hidden)]
pub fn reword_messages(reword: fn(&str) -> String) {
    let _ = REWORD.set(reword);
}

/// Returns a number of things in words: `1 commit`, `2 commits`.
pub(crate) fn format_count<N: Display + PartialEq + From<u8>>(number: N, thing: &str) -> String {
    let ending = if number == N::from(1) { "" } else { "s" };
    format!("{number} {thing}{ending}")
}

/// Returns the English of a message, or what a test has made of it.
pub(super) fn current_text(text: &'static str) -> Cow<'static, str> {
    match REWORD.get() {
        Some(reword) => Cow::Owned(reword(text)),
        None => Cow::Borrowed(text),
    }
}
