//! The questions that a policy can ask about a change.
//!
//! One vocabulary serves everywhere a policy asks something: in `when`, in `classes`, in
//! `exemptions` and in `require`. Each predicate is one file that holds its parameters, its
//! documentation with an example that passes and one that fails, the check, and its tests; the line
//! in `predicates!` below registers it everywhere and creates the test that runs its examples.
//!
//! Invariant: a predicate neither fetches nor prints, and does not know how hard the rule is that
//! asks it. It answers from the change alone, and a fact that is missing leaves it by `?`.

mod condition;
#[cfg(test)]
mod examples;
pub(crate) mod parameters;
mod reference;
mod wording;

use std::cell::OnceCell;

use crate::change::{Change, Missing, Need, Needs};
use crate::people::People;
use crate::people::participants::{Participant, participants};
use crate::verdict::{Finding, Line, Obligation};
use crate::vocabulary::{Field, Vocabulary};
use crate::yaml::decode::unknown;
use crate::yaml::{Fault, Key, Node};

pub use condition::{Condition, Trace};
pub use reference::reference;

/// What the documentation of a predicate says.
#[derive(Debug)]
pub struct Doc {
    /// Its name in a policy.
    pub name: &'static str,
    /// What it asks, as one sentence.
    pub asks: &'static str,
    /// Why one would ask it.
    pub why: &'static str,
    /// Its parameters, one Markdown list item each.
    pub parameters: &'static str,
    /// A question and a change for which it holds, in YAML.
    pub passes: &'static str,
    /// A question and a change for which it does not hold, in YAML.
    pub fails: &'static str,
}

/// What a predicate may refer to when it is read.
pub struct Known<'policy> {
    /// The fields of the policy.
    pub vocabulary: &'policy Vocabulary,
    /// The people of the policy.
    pub people: &'policy People,
    /// True where an answer may leave something owed: in `require`, and not under `not`.
    pub may_owe: bool,
}

/// A change, as predicates see it: with the policy's people and fields.
pub struct Seen<'judge> {
    /// The change.
    pub change: &'judge Change,
    /// The people of the policy.
    pub people: &'judge People,
    /// The fields of the policy.
    pub vocabulary: &'judge Vocabulary,
    participants: OnceCell<(Vec<Participant>, Option<Missing>)>,
    /// Whether somebody wants to know why something does not hold.
    reasons: bool,
}

impl<'judge> Seen<'judge> {
    /// Returns `change` as seen with these people and fields.
    pub fn new(change: &'judge Change, people: &'judge People, vocabulary: &'judge Vocabulary) -> Self {
        Seen { change, people, vocabulary, participants: OnceCell::new(), reasons: true }
    }

    /// Returns the same as [`Seen::new`] for whoever only asks whether something holds: of the reasons
    /// why it does not, most are left empty, since putting them into words is most of the work.
    pub fn without_reasons(
        change: &'judge Change,
        people: &'judge People,
        vocabulary: &'judge Vocabulary,
    ) -> Self {
        Seen { reasons: false, ..Seen::new(change, people, vocabulary) }
    }

    /// Returns the reason why something does not hold, or an empty one if nobody wants to know.
    fn because(&self, reason: impl FnOnce() -> Finding) -> Finding {
        if self.reasons { reason() } else { Finding::new(Line::default()) }
    }

    /// Returns everybody who had a hand in the change, and what is missing if it is not known who
    /// pushes; worked out once.
    pub fn participants(&self) -> (&[Participant], Option<&Missing>) {
        let (found, missing) = self.participants.get_or_init(|| participants(self.change, self.people));
        (found, missing.as_ref())
    }
}

/// What a predicate says once it has all its facts.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// It holds.
    Holds,
    /// It holds for now, against these.
    Owed(Vec<Obligation>),
    /// It does not hold, for these reasons; never empty.
    Fails(Vec<Finding>),
}

impl Reply {
    /// Returns the reply that holds if and only if there is no finding.
    pub fn from_findings(findings: Vec<Finding>) -> Self {
        if findings.is_empty() { Reply::Holds } else { Reply::Fails(findings) }
    }

    /// Returns the reply to what is asked of each of several things, some of which may be unknown:
    /// one finding settles it, and without one a gap leaves it open.
    ///
    /// # Errors
    ///
    /// Returns the fact that is missing, if it matters.
    pub fn settle(findings: Vec<Finding>, missing: Option<Missing>) -> Result<Self, Missing> {
        match (findings.is_empty(), missing) {
            (true, Some(missing)) => Err(missing),
            _ => Ok(Reply::from_findings(findings)),
        }
    }

    /// Returns the reply that holds if and only if `holds`, with `finding` as the reason otherwise.
    pub fn when(holds: bool, finding: impl FnOnce() -> Finding) -> Self {
        if holds { Reply::Holds } else { Reply::Fails(vec![finding()]) }
    }
}

/// Registers predicates: `file::Type`, where the file's name with `-` for `_` is the predicate's
/// name in a policy. This is the only list of them.
macro_rules! predicates {
    ($($file:ident::$Type:ident),* $(,)?) => {
        $(pub mod $file;)*

        /// One predicate with its parameters.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Predicate {
            $(#[doc = concat!("`", stringify!($file), "`")] $Type($file::$Type),)*
        }

        /// The documentation of every predicate.
        pub const DOCS: &[&Doc] = &[$(&$file::DOC),*];

        impl Predicate {
            /// Reads the predicate called `key` with the parameters in `node`.
            pub fn read(key: &Key, node: &Node, known: &Known<'_>, faults: &mut Vec<Fault>) -> Option<Self> {
                $(if key.text == $file::DOC.name {
                    return $file::$Type::read(node, known, faults).map(Predicate::$Type);
                })*
                let words = DOCS.iter().map(|doc| doc.name).chain(Condition::WORDS.map(|(word, _)| word));
                faults.push(unknown("predicate", key, words));
                None
            }

            /// Answers the question.
            ///
            /// # Errors
            ///
            /// Returns the fact that is missing.
            pub fn ask(&self, seen: &Seen<'_>) -> Result<Reply, Missing> {
                match self { $(Predicate::$Type(predicate) => predicate.ask(seen),)* }
            }

            /// Adds the facts that the question takes.
            pub fn needs(&self, needs: &mut Needs) {
                match self { $(Predicate::$Type(predicate) => predicate.needs(needs),)* }
            }

            /// Returns the question in words that complete "this asks that ...".
            pub fn words(&self) -> String {
                match self { $(Predicate::$Type(predicate) => predicate.words(),)* }
            }

            /// Returns the documentation.
            pub fn doc(&self) -> &'static Doc {
                match self { $(Predicate::$Type(_) => &$file::DOC,)* }
            }
        }

        #[cfg(test)]
        mod documented {
            $(#[test]
            fn $file() {
                super::examples::run(stringify!($file), &super::$file::DOC);
            })*
        }
    };
}

impl Predicate {
    /// Returns the fields that the author must state for this to hold.
    fn fields(&self) -> Vec<&Field> {
        match self {
            Predicate::FieldHolds(field) => field.stated(),
            Predicate::Ticket(ticket) => ticket.stated().into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// Returns the field whose tickets are to be looked up for this.
    fn tickets(&self) -> Option<&Field> {
        match self {
            Predicate::Ticket(ticket) => ticket.looked_up(),
            _ => None,
        }
    }

    /// Returns the facts without which this cannot hold.
    fn hangs_on(&self) -> Needs {
        let mut needs = Needs::new();
        self.needs(&mut needs);
        if matches!(self, Predicate::Ticket(ticket) if ticket.may_wait()) {
            needs.remove(&Need::Tickets);
        }
        needs
    }
}

predicates! {
    approvals::Approvals,
    author::Author,
    blob::BlobHolds,
    branch::Branch,
    checks::Checks,
    comments_resolved::CommentsResolved,
    draft::Draft,
    field::FieldHolds,
    label::Labelled,
    merge::Merge,
    only_touches::OnlyTouches,
    pusher::PushedBy,
    signed::Signed,
    size::Size,
    subject::Subject,
    ticket::Ticket,
    title::Title,
    touches::Touches,
    trailers::Trailers,
    window::Window,
}
