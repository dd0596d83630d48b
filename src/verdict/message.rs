//! Messages: a code that never changes, values, and the sentence that is made of both when it is read.
//!
//! A [`Message`] holds no sentence, so it can be recorded, compared and judged again by a version of
//! the program that words it differently. The English stands in a [`MessageTemplate`], beside the code
//! that gives the message. A placeholder names the value that takes its place:
//!
//! - `{name}`: the value; of a list all items, with commas between them
//! - `{name/or}`, `{name/and}`: a list, with that word before its last item
//! - `{name+, and }`: a list, with these words between all items; an item that joins several by other words is in brackets
//! - `{name()}`: the value, in brackets if it joins several
//! - `{count:approval|approvals}`: the first form if the number is 1, else the second

use std::borrow::Cow;

use super::sentence::Sentence;
use crate::change::Text;

/// The code and the English of a message, as they stand in the source.
#[derive(Debug, PartialEq, Eq)]
pub struct MessageTemplate {
    /// The code in records and in JSON, such as `signed.unsigned`; it never changes.
    pub code: &'static str,
    /// The English, in lower case and without a full stop, with placeholders for the values.
    pub text: &'static str,
}

/// A value that takes the place of a placeholder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageValue {
    /// Words of the policy or of git that can be printed as they are. English of the program is `Nested`.
    Plain(String),
    /// A count, printed in decimal digits.
    Number(u64),
    /// Words of contributors or of a forge, to be escaped and shown as a quotation.
    Quoted(Text),
    /// A message that completes this one.
    Nested(Box<Message>),
    /// Several values, printed with commas between them.
    List(Vec<MessageValue>),
    /// What is shown and not recorded.
    Unrecorded(UnrecordedValue),
}

/// The words of an error, which depend on the version of the program, of a library or of the system.
///
/// They are shown to the reader of a report. A record only says that there were some, and all are equal.
#[derive(Clone, Debug)]
pub struct UnrecordedValue(Option<Box<MessageValue>>);

/// What stands in a sentence for a value that was not recorded.
pub(crate) const NOT_RECORDED: &str = "(details are not recorded)";

/// One statement of the program: a code and values.
///
/// Two messages are equal if codes and values are; neither wording nor the order of the values matters.
#[derive(Clone, Debug)]
pub struct Message {
    source: MessageSource,
    values: Vec<(Cow<'static, str>, MessageValue)>,
}

/// Where the sentence of a message comes from.
#[derive(Clone, Debug)]
enum MessageSource {
    /// This version has words for it.
    Template(&'static MessageTemplate),
    /// Another version recorded it, and this one has no words for its code.
    UnknownCode(String),
}

impl MessageTemplate {
    /// Returns the message with its first value; further ones follow by [`Message::with`].
    pub fn with(&'static self, name: &'static str, value: impl Into<MessageValue>) -> Message {
        Message::from(self).with(name, value)
    }
}

impl From<&'static MessageTemplate> for Message {
    fn from(template: &'static MessageTemplate) -> Self {
        Message { source: MessageSource::Template(template), values: Vec::new() }
    }
}

impl Message {
    /// Returns a message as it was recorded, where `template` is what this version has for its code.
    pub(crate) fn from_record(
        code: String,
        values: Vec<(String, MessageValue)>,
        template: Option<&'static MessageTemplate>,
    ) -> Self {
        let source = template.map_or(MessageSource::UnknownCode(code), MessageSource::Template);
        let values = values.into_iter().map(|(name, value)| (Cow::Owned(name), value)).collect();
        Message { source, values }
    }

    /// Adds the value that takes the place of `{name}`.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<MessageValue>) -> Self {
        self.values.push((Cow::Borrowed(name), value.into()));
        self
    }

    /// Returns the code of the message, as records have it.
    pub fn code(&self) -> &str {
        match &self.source {
            MessageSource::Template(template) => template.code,
            MessageSource::UnknownCode(code) => code,
        }
    }

    /// Returns the values with their names, in the order in which they were given.
    pub fn values(&self) -> impl Iterator<Item = (&str, &MessageValue)> {
        self.values.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// Returns the message in words.
    ///
    /// For a code that this version does not know, that is the code with its values.
    pub fn sentence(&self) -> Sentence {
        let mut sentence = Sentence::default();
        self.append_to(&mut sentence);
        sentence
    }

    /// Returns the message as plain text, with the words of others as they are: for what is no output.
    pub fn to_plain_text(&self) -> String {
        let mut text = String::new();
        for part in self.sentence().0 {
            match part {
                super::sentence::SentencePart::Say(words) => text.push_str(&words),
                super::sentence::SentencePart::Quote(words) => text.push_str(&words.to_lossy()),
            }
        }
        text
    }

    fn append_to(&self, sentence: &mut Sentence) {
        let template = match &self.source {
            MessageSource::Template(template) => template,
            MessageSource::UnknownCode(_) => return self.append_unknown(sentence),
        };
        let text = super::wording::current_text(template.text);
        let mut rest: &str = &text;
        while let Some((before, after)) = rest.split_once('{') {
            sentence.push_own(before);
            let Some((placeholder, after)) = after.split_once('}') else { break };
            self.append_placeholder(placeholder, sentence);
            rest = after;
        }
        sentence.push_own(rest);
    }

    /// Appends what `{placeholder}` stands for. One without a value stays as it is written, which the
    /// tests of all messages find.
    fn append_placeholder(&self, placeholder: &str, sentence: &mut Sentence) {
        let end = placeholder.find([':', '/', '+', '(']).unwrap_or(placeholder.len());
        let (name, form) = placeholder.split_at(end);
        let Some(value) = self.value(name) else {
            sentence.push_own(&format!("{{{placeholder}}}"));
            return;
        };
        if let Some((one, several)) = form.strip_prefix(':').and_then(|forms| forms.split_once('|')) {
            sentence.push_own(if *value == MessageValue::Number(1) { one } else { several });
        } else if let (Some(separator), MessageValue::List(items)) = (form.strip_prefix('+'), value) {
            for (index, item) in items.iter().enumerate() {
                sentence.push_own(if index == 0 { "" } else { separator });
                let is_another = |words: &str| items.len() > 1 && has_words(separator) && words != separator;
                item.append_apart(item.joining_words().is_some_and(is_another), sentence);
            }
        } else if form == "()" {
            value.append_apart(value.joining_words().is_some(), sentence);
        } else {
            value.append_to(sentence, form.strip_prefix('/'));
        }
    }

    /// Returns the words, as in `, and `, that stand between the statements which the message joins; `None` if it is one
    /// statement.
    fn joining_words(&self) -> Option<&'static str> {
        let MessageSource::Template(template) = &self.source else { return None };
        template.text.split('{').find_map(|piece| {
            let (name, separator) = piece.split_once('}')?.0.split_once('+')?;
            match self.value(name)? {
                MessageValue::List(items) if items.len() > 1 => has_words(separator).then_some(separator),
                MessageValue::List(items) => items.first()?.joining_words(),
                _ => None,
            }
        })
    }

    fn append_unknown(&self, sentence: &mut Sentence) {
        sentence.push_own(&format!("message `{}` of another version", self.code().escape_default()));
        for (index, (name, value)) in self.values().enumerate() {
            sentence.push_own(if index == 0 { ": " } else { ", " });
            sentence.push_own(&format!("{} ", name.escape_default()));
            value.append_to(sentence, None);
        }
    }

    fn sorted_values(&self) -> Vec<(&str, &MessageValue)> {
        let mut values: Vec<_> = self.values().collect();
        values.sort_by_key(|(name, _)| *name);
        values
    }

    fn value(&self, name: &str) -> Option<&MessageValue> {
        self.values().find(|(other, _)| *other == name).map(|(_, value)| value)
    }
}

impl MessageValue {
    /// Returns a value that is shown and not recorded: the words of an error.
    pub fn unrecorded(shown: impl Into<MessageValue>) -> Self {
        MessageValue::Unrecorded(UnrecordedValue(Some(Box::new(shown.into()))))
    }

    /// Returns the value for a place in a sentence where nothing stands.
    pub(crate) fn empty() -> Self {
        MessageValue::Plain(String::new())
    }

    /// Returns what a record has in place of a value that is not recorded.
    pub(crate) fn left_out() -> Self {
        MessageValue::Unrecorded(UnrecordedValue(None))
    }

    fn joining_words(&self) -> Option<&'static str> {
        match self {
            MessageValue::Nested(message) => message.joining_words(),
            _ => None,
        }
    }

    /// Appends the value, in brackets if it `is_apart`: without them, it would be open what belongs together.
    fn append_apart(&self, is_apart: bool, sentence: &mut Sentence) {
        sentence.push_own(if is_apart { "(" } else { "" });
        self.append_to(sentence, None);
        sentence.push_own(if is_apart { ")" } else { "" });
    }

    /// Appends the value; `last` is the word before the last item of a list.
    fn append_to(&self, sentence: &mut Sentence, last: Option<&str>) {
        match self {
            MessageValue::Plain(words) => sentence.push_own(words),
            MessageValue::Number(number) => sentence.push_own(&number.to_string()),
            MessageValue::Quoted(text) => sentence.push_quoted(text),
            MessageValue::Nested(message) => message.append_to(sentence),
            MessageValue::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        let is_last = index + 1 == items.len();
                        match last.filter(|_| is_last) {
                            Some(word) => sentence.push_own(&format!(" {word} ")),
                            None => sentence.push_own(", "),
                        }
                    }
                    item.append_to(sentence, last);
                }
            }
            MessageValue::Unrecorded(UnrecordedValue(Some(shown))) => shown.append_to(sentence, last),
            MessageValue::Unrecorded(UnrecordedValue(None)) => sentence.push_own(NOT_RECORDED),
        }
    }
}

/// Returns true if what stands between the items of a list says how they go together.
fn has_words(separator: &str) -> bool {
    separator.contains(char::is_alphabetic)
}

impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        // A record keeps the values in the order of their names, whatever the order in which they were given.
        self.code() == other.code() && self.sorted_values() == other.sorted_values()
    }
}

impl Eq for Message {}

impl UnrecordedValue {
    /// Returns what is shown; `None` if the message was read from a record.
    pub(crate) fn shown(&self) -> Option<&MessageValue> {
        self.0.as_deref()
    }
}

impl PartialEq for UnrecordedValue {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for UnrecordedValue {}

impl From<&str> for MessageValue {
    fn from(words: &str) -> Self {
        MessageValue::Plain(words.to_owned())
    }
}

impl From<String> for MessageValue {
    fn from(words: String) -> Self {
        MessageValue::Plain(words)
    }
}

impl From<usize> for MessageValue {
    fn from(number: usize) -> Self {
        MessageValue::Number(number as u64)
    }
}

impl From<u64> for MessageValue {
    fn from(number: u64) -> Self {
        MessageValue::Number(number)
    }
}

impl From<&Text> for MessageValue {
    fn from(text: &Text) -> Self {
        MessageValue::Quoted(text.clone())
    }
}

impl From<Text> for MessageValue {
    fn from(text: Text) -> Self {
        MessageValue::Quoted(text)
    }
}

impl From<Message> for MessageValue {
    fn from(message: Message) -> Self {
        MessageValue::Nested(Box::new(message))
    }
}

impl From<&'static MessageTemplate> for MessageValue {
    fn from(template: &'static MessageTemplate) -> Self {
        MessageValue::Nested(Box::new(template.into()))
    }
}

impl<T: Into<MessageValue>> From<Vec<T>> for MessageValue {
    fn from(items: Vec<T>) -> Self {
        MessageValue::List(items.into_iter().map(Into::into).collect())
    }
}

/// Declares the messages of a file: a constant for each, with its code and its English, and `MESSAGES`,
/// the list of them that [`crate::ledger`] finds recorded codes in and `docs/messages.md` is made of.
macro_rules! messages {
    ($($name:ident = $code:literal: $text:literal;)*) => {
        $(pub(crate) const $name: $crate::verdict::message::MessageTemplate =
            $crate::verdict::message::MessageTemplate { code: $code, text: $text };)*

        /// Every message of this file.
        pub(crate) const MESSAGES: &[&$crate::verdict::message::MessageTemplate] = &[$(&$name),*];
    };
}

pub(crate) use messages;

#[cfg(test)]
mod tests {
    use super::*;

    const PAIR: MessageTemplate = MessageTemplate { code: "test.pair", text: "{one} and {other}" };
    const CLAUSES: MessageTemplate =
        MessageTemplate { code: "test.clauses", text: "either {parts+, or }; {parts/or}; {parts}" };
    const BROKEN: MessageTemplate = MessageTemplate { code: "test.broken", text: "it failed: {reason}" };

    #[test]
    fn messages_are_equal_in_whichever_order_their_values_are_given() {
        let one = PAIR.with("one", "a").with("other", "b");
        assert_eq!(one, PAIR.with("other", "b").with("one", "a"));
        assert_ne!(one, PAIR.with("other", "a").with("one", "b"));
        let values = vec![("other".to_owned(), "b".into()), ("one".to_owned(), "a".into())];
        assert_eq!(one, Message::from_record("test.pair".into(), values, None));
    }

    #[test]
    fn a_list_is_said_as_the_placeholder_asks() {
        let message = CLAUSES.with("parts", vec!["a", "b", "c"]);
        assert_eq!(message.to_plain_text(), "either a, or b, or c; a, b or c; a, b, c");
    }

    #[test]
    fn what_is_joined_by_other_words_stands_in_brackets() {
        const BOTH: MessageTemplate = MessageTemplate { code: "test.both", text: "{parts+, and }" };
        const ONE: MessageTemplate = MessageTemplate { code: "test.one", text: "either {parts+, or }" };
        const NOT: MessageTemplate = MessageTemplate { code: "test.not", text: "not {part()}" };
        const PLAIN: MessageTemplate = MessageTemplate { code: "test.plain", text: "{word}" };
        let word = |word: &str| PLAIN.with("word", word);
        let both = |parts: Vec<Message>| BOTH.with("parts", parts);
        let one = |parts: Vec<Message>| ONE.with("parts", parts);
        let not = |part: Message| NOT.with("part", part);
        for (message, told) in [
            (one(vec![word("a"), both(vec![word("b"), word("c")])]), "either a, or (b, and c)"),
            (both(vec![one(vec![word("a"), word("b")]), word("c")]), "(either a, or b), and c"),
            (both(vec![both(vec![word("a"), word("b")]), word("c")]), "a, and b, and c"),
            (both(vec![both(vec![one(vec![word("a"), word("b")])]), word("c")]), "(either a, or b), and c"),
            (both(vec![one(vec![word("a"), word("b")])]), "either a, or b"),
            (one(vec![word("a"), both(vec![word("b")])]), "either a, or b"),
            (not(both(vec![not(word("a")), word("b")])), "not (not a, and b)"),
            (both(vec![not(not(word("a"))), word("b")]), "not not a, and b"),
            (not(both(vec![word("a")])), "not a"),
        ] {
            assert_eq!(message.to_plain_text(), told);
        }
    }

    #[test]
    fn the_words_of_an_error_are_shown_and_make_no_difference() {
        let shown = BROKEN.with("reason", MessageValue::unrecorded("disk full (28)"));
        assert_eq!(shown.to_plain_text(), "it failed: disk full (28)");
        let recorded = BROKEN.with("reason", MessageValue::left_out());
        assert_eq!(recorded.to_plain_text(), "it failed: (details are not recorded)");
        assert_eq!(shown, recorded);
    }
}
