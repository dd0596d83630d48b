//! The words of messages, and the one place through which tests can change all of them at once.

use std::borrow::Cow;
use std::sync::OnceLock;

use super::message::MessageTemplate;

static REWORD: OnceLock<fn(&str) -> String> = OnceLock::new();

/// Has every message of this process in other words from now on: a test of what depends on wording, and
/// should not. The first call counts.
#[doc(hidden)]
pub fn reword_messages(reword: fn(&str) -> String) {
    let _ = REWORD.set(reword);
}

/// Returns the English of a message.
pub(super) fn current_text(template: &'static MessageTemplate) -> Cow<'static, str> {
    match REWORD.get() {
        Some(reword) => Cow::Owned(reword(template.text)),
        None => Cow::Borrowed(template.text),
    }
}
