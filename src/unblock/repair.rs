//! One act on a change.

use crate::change::pull_request::{CheckResult, ForgeAccount};
use crate::change::{Change, Oid, Person, Text, Ticket};
use crate::verdict::{LineEdit, Message, PlannedActKind};
use crate::vocabulary::{FieldDefinition, FieldReading};
use jiff::Timestamp;

/// One act on a change.
#[derive(Clone, Debug, PartialEq)]
pub enum Repair {
    /// The field gets this value, in the place of all others.
    StateField {
        /// The field.
        field: Box<FieldDefinition>,
        /// A value that it accepts.
        value: String,
        /// What the author pastes, with what is left to fill in between `<` and `>`.
        paste: String,
        /// True if the field is stated now, in another way.
        is_replaced: bool,
        /// The ticket of that key, where one is asked about.
        ticket: Option<Box<Ticket>>,
    },
    /// The field is stated nowhere.
    RemoveField(Box<FieldDefinition>),
    /// Lines of messages are corrected, each given by the place of the commit and the number of the line.
    CorrectLines(Vec<(usize, usize, LineEdit)>),
    /// The messages of the commits, by their places, get a text below their subjects.
    AddBody(Vec<usize>),
    /// The commits get another subject.
    RewordSubject {
        /// The commits, by their places.
        commits: Vec<usize>,
        /// The line that takes the place of the first one.
        subject: String,
    },
    /// The pull request gets another title.
    Retitle(String),
    /// The change leaves these paths alone.
    LeaveOut(Vec<Text>),
    /// Every commit is signed by its author.
    Sign,
    /// The ticket is as asked.
    UpdateTicket {
        /// The ticket as it would be.
        ticket: Box<Ticket>,
        /// What is different today.
        differences: Vec<Message>,
    },
    /// A check succeeds.
    PassCheck(CheckResult),
    /// A label is added.
    AddLabel {
        /// The name of the label.
        name: String,
        /// The account that adds it; `None` if anyone can.
        by: Option<ForgeAccount>,
        /// The teams that the account has to be of; empty if anyone can add it.
        teams: Vec<String>,
    },
    /// A label is taken away.
    RemoveLabel(Text),
    /// The pull request becomes a draft, or ready.
    SetDraft(bool),
    /// All conversations are resolved.
    ResolveConversations,
    /// One of these accounts pushes, the first one where it is tried.
    PushAs {
        /// The accounts; never empty.
        accounts: Vec<String>,
    },
    /// Nothing is done until then.
    Wait {
        /// The first instant at which it is over.
        until: Timestamp,
        /// The time zone of the policy; `None` for UTC.
        zone: Option<String>,
    },
    /// A person who requested changes approves.
    Withdraw(ForgeAccount),
    /// A person takes back what they rejected with their own key.
    TakeBack {
        /// Their address.
        signer: Text,
        /// What they rejected.
        revision: Oid,
        /// The branch, if a command can hold it as it is.
        branch: Option<String>,
    },
    /// A person approves.
    Approve {
        /// The account, for a pull request.
        account: Option<ForgeAccount>,
        /// The trailer, for a push: the key and the person.
        trailer: Option<(String, Person)>,
        /// The people who can take this act, any of them; empty if everyone can.
        people: Vec<EligibleApprover>,
    },
}

/// A person who can give one approval of a plan, and how they would give it.
#[derive(Clone, Debug, PartialEq)]
pub struct EligibleApprover {
    /// The name, as the policy has it.
    pub name: String,
    /// The account, for a pull request.
    pub account: Option<ForgeAccount>,
    /// The name and the address, for a trailer.
    pub person: Option<Person>,
    /// A number that is equal for people who count for the same questions.
    pub(crate) alike: usize,
}

impl EligibleApprover {
    /// Returns true if an act is the approval of this person.
    fn gives_approval(&self, act: &Repair) -> bool {
        match act {
            Repair::Approve { account: Some(account), .. } => self.account.as_ref() == Some(account),
            Repair::Approve { trailer: Some((_, person)), .. } => self.person.as_ref() == Some(person),
            _ => false,
        }
    }

    /// Makes an approval that of this person.
    fn take_approval(&self, act: &mut Repair) {
        if let Repair::Approve { account, trailer, .. } = act {
            if account.is_some() {
                account.clone_from(&self.account);
            }
            if let (Some((_, person)), Some(own)) = (trailer, &self.person) {
                person.clone_from(own);
            }
        }
    }
}

/// Returns the acts with the approval at `place` given by the person at `chosen` of those who can give it. A person
/// approves once in a field: where another act was theirs, someone else takes that one.
///
/// `None` if there is no such person or no one else is left for the other act.
pub fn choose_approver(acts: &[Repair], place: usize, chosen: usize) -> Option<Vec<Repair>> {
    let Some(Repair::Approve { people, .. }) = acts.get(place) else { return None };
    let person = people.get(chosen)?;
    let mut changed = acts.to_vec();
    let field = acts.get(place)?.approval_field();
    let is_given =
        |one: &EligibleApprover, act: &Repair| act.approval_field() == field && one.gives_approval(act);
    let other = acts.iter().enumerate().find(|(at, act)| *at != place && is_given(person, act));
    person.take_approval(changed.get_mut(place)?);
    if let Some((at, Repair::Approve { people, .. })) = other {
        let is_free = |one: &&EligibleApprover| !changed.iter().any(|act| is_given(one, act));
        people.iter().find(is_free)?.take_approval(changed.get_mut(at)?);
    }
    Some(changed)
}

impl Repair {
    /// Returns the field in which an approval stands; `None` for a review, and for any other act.
    fn approval_field(&self) -> Option<&str> {
        match self {
            Repair::Approve { trailer: Some((field, _)), .. } => Some(field),
            _ => None,
        }
    }

    /// Returns true if the act gives a field another value than the one that its author stated, or none.
    pub(crate) fn contradicts_statement(&self, change: &Change) -> bool {
        let (Repair::StateField { field, .. } | Repair::RemoveField(field)) = self else { return false };
        matches!(field.read_from_change(change), FieldReading::Stated { .. })
    }

    /// Returns the kind of act.
    pub(crate) fn act_kind(&self) -> PlannedActKind {
        match self {
            Repair::StateField { .. } => PlannedActKind::StateField,
            Repair::RemoveField(_) => PlannedActKind::RemoveField,
            Repair::CorrectLines(_) => PlannedActKind::CorrectMessage,
            Repair::RewordSubject { .. } | Repair::AddBody(_) | Repair::Retitle(_) => PlannedActKind::Reword,
            Repair::LeaveOut(_) => PlannedActKind::LeaveOutPaths,
            Repair::Sign => PlannedActKind::Sign,
            Repair::UpdateTicket { .. } => PlannedActKind::UpdateTicket,
            Repair::PassCheck(_) => PlannedActKind::PassCheck,
            Repair::AddLabel { .. } => PlannedActKind::AddLabel,
            Repair::RemoveLabel(_) => PlannedActKind::RemoveLabel,
            Repair::SetDraft(_) => PlannedActKind::MarkReady,
            Repair::ResolveConversations => PlannedActKind::ResolveConversations,
            Repair::PushAs { .. } => PlannedActKind::PushAs,
            Repair::Wait { .. } => PlannedActKind::Wait,
            Repair::Withdraw(_) | Repair::TakeBack { .. } => PlannedActKind::WithdrawObjection,
            Repair::Approve { .. } => PlannedActKind::Approve,
        }
    }

    /// Returns the place in the order of acts: an approval is of what lands, so it comes last.
    pub(crate) fn act_turn(&self) -> u8 {
        match self {
            Repair::LeaveOut(_) => 0,
            Repair::CorrectLines(_) | Repair::RewordSubject { .. } | Repair::AddBody(_) => 1,
            Repair::RemoveField(_) => 2,
            Repair::StateField { .. } => 3,
            Repair::Sign => 4,
            Repair::Retitle(_) => 5,
            Repair::UpdateTicket { .. } => 6,
            Repair::PassCheck(_) => 7,
            Repair::SetDraft(_) | Repair::ResolveConversations => 8,
            Repair::RemoveLabel(_) | Repair::AddLabel { .. } => 9,
            Repair::Wait { .. } | Repair::PushAs { .. } => 10,
            Repair::Withdraw(_) | Repair::TakeBack { .. } => 11,
            Repair::Approve { .. } => 12,
        }
    }

    /// Returns true if both are one act, with which both of their reasons are met.
    pub(crate) fn is_same_act(&self, other: &Repair) -> bool {
        match (self, other) {
            (Repair::StateField { field: one, .. }, Repair::StateField { field: two, .. })
            | (Repair::RemoveField(one), Repair::RemoveField(two)) => one.name == two.name,
            (Repair::Wait { .. }, Repair::Wait { .. })
            | (Repair::LeaveOut(_), Repair::LeaveOut(_))
            | (Repair::PushAs { .. }, Repair::PushAs { .. })
            | (Repair::Retitle(_), Repair::Retitle(_)) => true,
            (Repair::PassCheck(one), Repair::PassCheck(two)) => one.name == two.name && one.by == two.by,
            (Repair::UpdateTicket { ticket: one, .. }, Repair::UpdateTicket { ticket: two, .. }) => {
                one.key == two.key
            }
            (one, two) => one == two,
        }
    }
}
