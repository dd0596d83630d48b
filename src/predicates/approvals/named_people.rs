//! What is said of people whose approvals do not count, and of those whom a text names.

use crate::change::{Person, Text};
use crate::people::PeopleDirectory;
use crate::people::contributors::{NotIndependent, ResolvedContributor};
use crate::people::service::PersonAbsence;
use crate::verdict::{Message, messages};
use crate::vocabulary::value_check::person_error;

messages! {
    BY_CONTRIBUTOR = "approvals.by-contributor": "{name} is {role} of this change and cannot approve it";
    BY_BOT = "approvals.by-bot": "a bot cannot approve";
    NOT_IN_ROSTER = "approvals.not-in-roster": "the approver is not in the roster";
    LOOKS_LIKE = "approvals.looks-like": "the approver is not in the roster, and looks like `{person}`";
    LOGIN_CHANGED_HANDS = "approvals.login-changed-hands": "this login is listed for the account with number {listed}, and belongs to number {found} now";
    APPROVER_LEFT = "approvals.approver-left": "the approver had left by then: their last day was {day}";
    APPROVER_NOT_JOINED = "approvals.approver-not-joined": "the approver had not joined by then: their first day is {day}";
    NOT_A_PERSON = "approvals.not-a-person": "this is not a person: {reason}";
    NAMED_CONTRIBUTOR = "approvals.named-contributor":
        "`{key}`: {person} is {role} of this change and cannot approve it";
    NAMED = "approvals.named": "`{key}` names {person}: {reason}";
}

/// Returns why a person's approval does not count.
pub(super) fn describe_dependence(why: &NotIndependent<'_>) -> Message {
    match why {
        NotIndependent::Contributor(ResolvedContributor { name, role, .. }) => {
            BY_CONTRIBUTOR.with("name", name).with("role", *role)
        }
        NotIndependent::Bot => Message::from(&BY_BOT),
        NotIndependent::Unknown => Message::from(&NOT_IN_ROSTER),
        NotIndependent::Absent(PersonAbsence::Left(day)) => APPROVER_LEFT.with("day", day.to_string()),
        NotIndependent::Absent(PersonAbsence::NotJoined(day)) => {
            APPROVER_NOT_JOINED.with("day", day.to_string())
        }
        NotIndependent::ChangedHands { listed, found } => {
            LOGIN_CHANGED_HANDS.with("listed", listed.to_string()).with("found", found.to_string())
        }
    }
}

/// Returns why an approver whom the roster does not know does not count, and whom they look like.
pub(super) fn describe_unknown(name: &Text, address: Option<&Text>, people: &PeopleDirectory) -> Message {
    match people.find_look_alike(name, address) {
        Some(person) => LOOKS_LIKE.with("person", people.name_person(person)),
        None => Message::from(&NOT_IN_ROSTER),
    }
}

/// Returns the person that a trailer or a line of a description names.
///
/// # Errors
///
/// Returns why it does not name one.
pub(super) fn read_named_person(value: &Text) -> Result<Person, Message> {
    Person::parse_person(value.as_bytes()).map_err(|error| NOT_A_PERSON.with("reason", person_error(error)))
}

/// Returns the message that a trailer or a line of a description names a person in vain.
pub(super) fn named_message(key: &str, person: &Text, reason: Message) -> Message {
    // A contributor is the person named, who would be named twice.
    if reason.code() == BY_CONTRIBUTOR.code
        && let Some((_, role)) = reason.values().find(|(name, _)| *name == "role")
    {
        return NAMED_CONTRIBUTOR.with("key", key).with("person", person).with("role", role.clone());
    }
    NAMED.with("key", key).with("person", person).with("reason", reason)
}
