//! Translates messages and the roles that can fix something.

use std::collections::BTreeMap;

use crate::ledger::catalogue::find_template;
use crate::ledger::record::convert::convert_all;
use crate::ledger::record::wire::{RecordedFixer, RecordedMessage, RecordedValue};
use crate::verdict::{Fixer, Message, MessageTemplate, MessageValue};

impl From<&Message> for RecordedMessage {
    fn from(message: &Message) -> Self {
        let mut values = BTreeMap::new();
        for (name, value) in message.values() {
            values.insert(name.to_owned(), RecordedValue::from(value));
        }
        RecordedMessage { code: message.code().to_owned(), values }
    }
}

impl From<&'static MessageTemplate> for RecordedMessage {
    fn from(template: &'static MessageTemplate) -> Self {
        RecordedMessage::from(&Message::from(template))
    }
}

impl From<&RecordedMessage> for Message {
    fn from(recorded: &RecordedMessage) -> Self {
        read_message(&recorded.code, &recorded.values)
    }
}

impl RecordedMessage {
    /// Returns the message in words, with the words of contributors as they are; to be escaped.
    pub fn to_plain_text(&self) -> String {
        Message::from(self).to_plain_text()
    }
}

/// Returns the message that a code and its values stand for.
pub(super) fn read_message(code: &str, recorded: &BTreeMap<String, RecordedValue>) -> Message {
    let mut values = Vec::new();
    for (name, value) in recorded {
        values.push((name.clone(), MessageValue::from(value)));
    }
    Message::from_record(code.to_owned(), values, find_template(code))
}

impl From<&MessageValue> for RecordedValue {
    fn from(value: &MessageValue) -> Self {
        match value {
            MessageValue::Plain(words) => RecordedValue::Plain(words.clone()),
            MessageValue::Number(number) => RecordedValue::Number(*number),
            MessageValue::Quoted(text) => RecordedValue::Quoted(text.clone()),
            MessageValue::Nested(message) => RecordedValue::Nested(RecordedMessage::from(message.as_ref())),
            MessageValue::List(items) => RecordedValue::List(convert_all(items)),
            MessageValue::Unrecorded(_) => RecordedValue::Unrecorded,
        }
    }
}

impl From<&RecordedValue> for MessageValue {
    fn from(value: &RecordedValue) -> Self {
        match value {
            RecordedValue::Plain(words) => MessageValue::Plain(words.clone()),
            RecordedValue::Number(number) => MessageValue::Number(*number),
            RecordedValue::Quoted(text) => MessageValue::Quoted(text.clone()),
            RecordedValue::Nested(message) => MessageValue::Nested(Box::new(Message::from(message))),
            RecordedValue::List(items) => MessageValue::List(convert_all(items)),
            RecordedValue::Unrecorded => MessageValue::left_out(),
        }
    }
}

impl From<&Fixer> for RecordedFixer {
    fn from(fixer: &Fixer) -> Self {
        match fixer {
            Fixer::Author => RecordedFixer::Author,
            Fixer::Reviewer => RecordedFixer::Reviewer,
            Fixer::NamedPerson => RecordedFixer::NamedPerson,
            Fixer::Committer => RecordedFixer::Committer,
            Fixer::Pusher => RecordedFixer::Pusher,
            Fixer::Labeller => RecordedFixer::Labeller,
            Fixer::TeamMember(teams) => RecordedFixer::TeamMember(teams.clone()),
            Fixer::ObligationOwner => RecordedFixer::ObligationOwner,
            Fixer::PipelineOwner => RecordedFixer::PipelineOwner,
            Fixer::PolicyOwner => RecordedFixer::PolicyOwner,
            Fixer::RosterOwner => RecordedFixer::RosterOwner,
            Fixer::ServerAdministrator => RecordedFixer::ServerAdministrator,
            Fixer::GateAdministrator => RecordedFixer::GateAdministrator,
            Fixer::NotNeeded => RecordedFixer::NotNeeded,
        }
    }
}

impl From<&RecordedFixer> for Fixer {
    fn from(fixer: &RecordedFixer) -> Self {
        match fixer {
            RecordedFixer::Author => Fixer::Author,
            RecordedFixer::Reviewer => Fixer::Reviewer,
            RecordedFixer::NamedPerson => Fixer::NamedPerson,
            RecordedFixer::Committer => Fixer::Committer,
            RecordedFixer::Pusher => Fixer::Pusher,
            RecordedFixer::Labeller => Fixer::Labeller,
            RecordedFixer::TeamMember(teams) => Fixer::TeamMember(teams.clone()),
            RecordedFixer::ObligationOwner => Fixer::ObligationOwner,
            RecordedFixer::PipelineOwner => Fixer::PipelineOwner,
            RecordedFixer::PolicyOwner => Fixer::PolicyOwner,
            RecordedFixer::RosterOwner => Fixer::RosterOwner,
            RecordedFixer::ServerAdministrator => Fixer::ServerAdministrator,
            RecordedFixer::GateAdministrator => Fixer::GateAdministrator,
            RecordedFixer::NotNeeded => Fixer::NotNeeded,
        }
    }
}
