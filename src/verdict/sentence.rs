//! Sentences: our own words, with the words of contributors kept apart.
//!
//! A report escapes the one and not the other; see [`Text`] for why they must not mix.

use crate::change::Text;

/// A part of a sentence: words of ours, or a quotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SentencePart {
    /// Our own words, or the policy's: printable as they are.
    Say(String),
    /// Words of contributors: escaped for the medium, and shown as a quotation.
    Quote(Text),
}

/// A sentence, in lower case and without a full stop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sentence(pub Vec<SentencePart>);

impl Sentence {
    /// Returns a sentence that starts with our own `words`.
    pub(crate) fn from_words(words: impl Into<String>) -> Self {
        Sentence(vec![SentencePart::Say(words.into())])
    }

    /// Adds our own words at the end.
    #[must_use]
    pub(crate) fn with_words(mut self, words: impl Into<String>) -> Self {
        self.0.push(SentencePart::Say(words.into()));
        self
    }

    /// Adds words of contributors, as a quotation.
    #[must_use]
    pub(crate) fn with_quote(mut self, text: &Text) -> Self {
        self.0.push(SentencePart::Quote(text.clone()));
        self
    }

    /// Adds all parts of `other`.
    #[must_use]
    pub(crate) fn with_sentence(mut self, other: Sentence) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Appends our own words to the last part, if that is ours too.
    pub(crate) fn push_own(&mut self, words: &str) {
        match self.0.last_mut() {
            _ if words.is_empty() => {}
            Some(SentencePart::Say(before)) => before.push_str(words),
            _ => self.0.push(SentencePart::Say(words.to_owned())),
        }
    }

    /// Appends words of contributors, as a quotation.
    pub(crate) fn push_quoted(&mut self, text: &Text) {
        self.0.push(SentencePart::Quote(text.clone()));
    }
}
