//! Whether a person who approves a change is independent of all who took part in it.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::change::person::{canonical_address, comparable_name};
use crate::change::pull_request::ForgeAccount;
use crate::change::{Person, Text};
use crate::people::contributors::{NotIndependent, ResolvedContributor, local_part};
use crate::people::{PeopleDirectory, ResolvedIdentity};

/// The participants in a change, by all that an approver may have in common with one of them.
pub(crate) struct ParticipantIndex<'people> {
    participants: &'people [ResolvedContributor],
    /// The place of the first participant with each key, comparable name and bare account.
    by_key: HashMap<&'people str, usize>,
    by_name: HashMap<String, usize>,
    /// The same of participants who are no known people.
    by_unresolved_name: HashMap<String, usize>,
    by_account: HashMap<&'people str, usize>,
    /// The place of the first participant with each number of an account, which stays when the login is another one.
    by_number: HashMap<u64, usize>,
}

impl<'people> ParticipantIndex<'people> {
    pub(crate) fn new(participants: &'people [ResolvedContributor]) -> Self {
        let mut index = ParticipantIndex {
            participants,
            by_key: HashMap::new(),
            by_name: HashMap::new(),
            by_unresolved_name: HashMap::new(),
            by_account: HashMap::new(),
            by_number: HashMap::new(),
        };
        for (place, participant) in participants.iter().enumerate() {
            if let ResolvedIdentity::Human(key) = &participant.identity {
                index.by_key.entry(key).or_insert(place);
            }
            let name = comparable_name(&participant.name);
            if !matches!(participant.identity, ResolvedIdentity::Human(_)) {
                index.by_unresolved_name.entry(name.clone()).or_insert(place);
            }
            index.by_name.entry(name).or_insert(place);
            if let Some(account) = &participant.account {
                index.by_account.entry(account).or_insert(place);
            }
            if let Some(number) = participant.number {
                index.by_number.entry(number).or_insert(place);
            }
        }
        index
    }

    /// Returns the first participant with this key, with this name unless that is empty, with the bare account
    /// `login`, which may start with the name of its forge, or with the account of this number.
    ///
    /// A roster says who is whom, so that two of its people may have one name.
    fn find_participant(
        &self,
        (key, people): (&str, &PeopleDirectory),
        name: &Text,
        login: &str,
        number: Option<u64>,
    ) -> Option<&'people ResolvedContributor> {
        let name = comparable_name(name);
        let named = match people.has_roster() {
            _ if name.is_empty() => None,
            true => self.by_unresolved_name.get(&name),
            false => self.by_name.get(&name),
        };
        let bare = login.split_once(':').and_then(|(_, bare)| self.by_account.get(bare));
        let numbered = number.and_then(|number| self.by_number.get(&number));
        let places = [self.by_key.get(key), named, self.by_account.get(login), bare, numbered];
        self.participants.get(*places.into_iter().flatten().min()?)
    }
}

/// Returns the key of `approver` if they are a human, not one of `participants`, and there at the time `at`.
///
/// # Errors
///
/// Returns why the approval does not count.
pub(crate) fn check_independent<'people>(
    approver: &Person,
    participants: &ParticipantIndex<'people>,
    people: &PeopleDirectory,
    at: Timestamp,
) -> Result<String, NotIndependent<'people>> {
    let key = identify_approver(approver, people)?;
    let address = canonical_address(approver.email.as_bytes()).unwrap_or_default();
    let login = local_part(&address);
    match participants.find_participant((&key, people), &approver.name, login, None) {
        Some(participant) => Err(NotIndependent::Contributor(participant)),
        None => check_present(key, people, at),
    }
}

/// Returns the key of `approver` if they are a human who is there at the time `at`, a contributor or not.
///
/// # Errors
///
/// Returns why the approval does not count.
pub(crate) fn check_human(
    approver: &Person,
    people: &PeopleDirectory,
    at: Timestamp,
) -> Result<String, NotIndependent<'static>> {
    check_present(identify_approver(approver, people)?, people, at)
}

fn identify_approver(approver: &Person, people: &PeopleDirectory) -> Result<String, NotIndependent<'static>> {
    match people.identify_person(approver) {
        ResolvedIdentity::Human(key) => Ok(key),
        ResolvedIdentity::Bot | ResolvedIdentity::ClaimedBot => Err(NotIndependent::Bot),
        ResolvedIdentity::Unknown => Err(NotIndependent::Unknown),
    }
}

/// Returns the key of the person behind the account `approver`, if they are a human and not one of
/// `participants`, and there at the time `at`.
///
/// # Errors
///
/// Returns why the approval does not count.
pub(crate) fn check_independent_account<'people>(
    approver: &ForgeAccount,
    participants: &ParticipantIndex<'people>,
    people: &PeopleDirectory,
    at: Timestamp,
) -> Result<String, NotIndependent<'people>> {
    let key = identify_approving_account(approver, people)?;
    let login = approver.id.to_lossy().to_ascii_lowercase();
    match participants.find_participant((&key, people), &Text::default(), &login, approver.number) {
        Some(participant) => Err(NotIndependent::Contributor(participant)),
        None => check_present(key, people, at),
    }
}

/// Returns the key of the person behind the account `approver`, if they are a human who is there at the time `at`, a
/// contributor or not.
///
/// # Errors
///
/// Returns why the approval does not count.
pub(crate) fn check_human_account(
    approver: &ForgeAccount,
    people: &PeopleDirectory,
    at: Timestamp,
) -> Result<String, NotIndependent<'static>> {
    check_present(identify_approving_account(approver, people)?, people, at)
}

fn identify_approving_account(
    approver: &ForgeAccount,
    people: &PeopleDirectory,
) -> Result<String, NotIndependent<'static>> {
    let is_machine = people.is_machine_account(approver);
    match people.identify_forge_account(approver) {
        ResolvedIdentity::Human(key) if !is_machine => Ok(key),
        ResolvedIdentity::Human(_) | ResolvedIdentity::Bot | ResolvedIdentity::ClaimedBot => {
            Err(NotIndependent::Bot)
        }
        ResolvedIdentity::Unknown => Err(match people.find_changed_login(approver) {
            Some((listed, found)) => NotIndependent::ChangedHands { listed, found },
            None => NotIndependent::Unknown,
        }),
    }
}

/// Returns the key of a person who is there at a time.
fn check_present<'people>(
    key: String,
    people: &PeopleDirectory,
    at: Timestamp,
) -> Result<String, NotIndependent<'people>> {
    match people.find_absence(&key, at) {
        Some(absence) => Err(NotIndependent::Absent(absence)),
        None => Ok(key),
    }
}
