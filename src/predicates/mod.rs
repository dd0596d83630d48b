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
pub(crate) mod documentation;
#[cfg(test)]
mod examples;
pub(crate) mod field_obligation;
mod map_keys;
pub(crate) mod parameters;
mod wording;

use std::cell::OnceCell;

use crate::change::{Change, FactKind, Missing, NeededFacts};
use crate::people::PeopleDirectory;
use crate::people::contributors::{ResolvedContributor, find_contributors};
use crate::verdict::{Finding, MessageTemplate, Obligation, Sentence};
use crate::vocabulary::{FieldDefinition, FieldVocabulary};
use crate::yaml::decode::unknown_word_fault;
use crate::yaml::{YamlFault, YamlKey, YamlNode};

pub use crate::predicates::condition::{Condition, ConditionTrace};
pub use crate::predicates::documentation::render_reference;

/// The messages of files that several predicates share, and of the parts of predicates that have a
/// folder.
pub(crate) const SHARED_MESSAGES: &[&[&MessageTemplate]] = &[
    field_obligation::MESSAGES,
    parameters::MESSAGES,
    ticket::late_evidence::MESSAGES,
    ticket::lookup::MESSAGES,
    wording::MESSAGES,
];

/// What the documentation of a predicate says.
#[derive(Debug)]
pub struct PredicateDoc {
    /// Its name in a policy.
    pub name: &'static str,
    /// What it asks, as one sentence.
    pub summary: &'static str,
    /// Why one would ask it.
    pub why: &'static str,
    /// Its parameters, one Markdown list item each.
    pub parameters: &'static str,
    /// A question and a change for which it holds, in YAML.
    pub passing_example: &'static str,
    /// A question and a change for which it does not hold, in YAML.
    pub failing_example: &'static str,
}

/// What a predicate may refer to when it is read.
pub struct PolicyScope<'policy> {
    /// The fields of the policy.
    pub vocabulary: &'policy FieldVocabulary,
    /// The people of the policy.
    pub people: &'policy PeopleDirectory,
    /// True where an answer may leave something owed: in `require`, and not under `not`.
    pub allows_obligations: bool,
}

/// A change, as predicates see it: with the policy's people and fields.
pub struct EvaluationContext<'judge> {
    /// The change.
    pub change: &'judge Change,
    /// The people of the policy.
    pub people: &'judge PeopleDirectory,
    /// The fields of the policy.
    pub vocabulary: &'judge FieldVocabulary,
    participants: OnceCell<(Vec<ResolvedContributor>, Option<Missing>)>,
    /// Whether somebody wants to know why something does not hold.
    wants_reasons: bool,
}

impl<'judge> EvaluationContext<'judge> {
    /// Returns `change` as seen with these people and fields.
    pub fn new(
        change: &'judge Change,
        people: &'judge PeopleDirectory,
        vocabulary: &'judge FieldVocabulary,
    ) -> Self {
        EvaluationContext { change, people, vocabulary, participants: OnceCell::new(), wants_reasons: true }
    }

    /// Returns the same as [`Seen::new`] for whoever only asks whether something holds: of the reasons
    /// why it does not, most are left empty, since putting them into words is most of the work.
    pub fn without_reasons(
        change: &'judge Change,
        people: &'judge PeopleDirectory,
        vocabulary: &'judge FieldVocabulary,
    ) -> Self {
        EvaluationContext { wants_reasons: false, ..EvaluationContext::new(change, people, vocabulary) }
    }

    /// Returns the reason why something does not hold, or an empty one if nobody wants to know.
    fn reason_or_empty(&self, reason: impl FnOnce() -> Finding) -> Finding {
        if self.wants_reasons { reason() } else { Finding::new(Sentence::default()) }
    }

    /// Returns everybody who had a hand in the change, and what is missing if it is not known who
    /// pushes; worked out once.
    pub fn participants(&self) -> (&[ResolvedContributor], Option<&Missing>) {
        let (found, missing) = self.participants.get_or_init(|| find_contributors(self.change, self.people));
        (found, missing.as_ref())
    }
}

/// What a predicate says once it has all its facts.
#[derive(Clone, Debug, PartialEq)]
pub enum PredicateOutcome {
    /// It holds.
    Holds,
    /// It holds for now, against these.
    Owed(Vec<Obligation>),
    /// It does not hold, for these reasons; never empty.
    Fails(Vec<Finding>),
}

impl PredicateOutcome {
    /// Returns the reply that holds if and only if there is no finding.
    pub fn from_findings(findings: Vec<Finding>) -> Self {
        if findings.is_empty() { PredicateOutcome::Holds } else { PredicateOutcome::Fails(findings) }
    }

    /// Returns the reply to what is asked of each of several things, some of which may be unknown:
    /// one finding settles it, and without one a gap leaves it open.
    ///
    /// # Errors
    ///
    /// Returns the fact that is missing, if it matters.
    pub fn from_findings_or_missing(
        findings: Vec<Finding>,
        missing: Option<Missing>,
    ) -> Result<Self, Missing> {
        match (findings.is_empty(), missing) {
            (true, Some(missing)) => Err(missing),
            _ => Ok(PredicateOutcome::from_findings(findings)),
        }
    }

    /// Returns the reply that holds if and only if `holds`, with `finding` as the reason otherwise.
    pub fn holds_if(holds: bool, finding: impl FnOnce() -> Finding) -> Self {
        if holds { PredicateOutcome::Holds } else { PredicateOutcome::Fails(vec![finding()]) }
    }
}

/// Registers predicates: `file::Type as Variant`, where the file's name with `-` for `_` is the
/// predicate's name in a policy. This is the only list of them.
macro_rules! predicates {
    ($($file:ident::$Type:ident as $Variant:ident),* $(,)?) => {
        $(pub mod $file;)*

        /// One predicate with its parameters.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Predicate {
            $(#[doc = concat!("`", stringify!($file), "`")] $Variant($file::$Type),)*
        }

        /// The documentation of every predicate.
        pub const PREDICATE_DOCS: &[&PredicateDoc] = &[$(&$file::DOC),*];

        /// The messages that predicates give, file by file.
        pub(crate) const PREDICATE_MESSAGES: &[&[&MessageTemplate]] = &[$($file::MESSAGES),*];

        impl Predicate {
            /// Reads the predicate called `key` with the parameters in `node`.
            pub fn read_predicate(
                key: &YamlKey,
                node: &YamlNode,
                scope: &PolicyScope<'_>,
                faults: &mut Vec<YamlFault>,
            ) -> Option<Self> {
                $(if key.text == $file::DOC.name {
                    return $file::$Type::read_parameters(node, scope, faults).map(Predicate::$Variant);
                })*
                let words = PREDICATE_DOCS.iter().map(|doc| doc.name);
                let words = words.chain(Condition::COMBINATORS.map(|(word, _)| word));
                faults.push(unknown_word_fault("predicate", key, words));
                None
            }

            /// Evaluates the predicate for one change.
            ///
            /// # Errors
            ///
            /// Returns the fact that is missing.
            pub fn evaluate(&self, context: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
                match self { $(Predicate::$Variant(predicate) => predicate.evaluate(context),)* }
            }

            /// Adds the facts that evaluating the predicate takes.
            pub fn add_needs(&self, needs: &mut NeededFacts) {
                match self { $(Predicate::$Variant(predicate) => predicate.add_needs(needs),)* }
            }

            /// Describes the predicate in words that complete "this asks that ...".
            pub fn describe(&self) -> String {
                match self { $(Predicate::$Variant(predicate) => predicate.describe(),)* }
            }

            /// Returns the documentation.
            pub fn doc(&self) -> &'static PredicateDoc {
                match self { $(Predicate::$Variant(_) => &$file::DOC,)* }
            }
        }

        #[cfg(test)]
        mod documented {
            $(#[test]
            fn $file() {
                super::examples::check_examples(stringify!($file), &super::$file::DOC);
            })*
        }
    };
}

impl Predicate {
    /// Returns the fields that the author must state for this to hold.
    fn required_fields(&self) -> Vec<&FieldDefinition> {
        match self {
            Predicate::Field(field) => field.required_fields(),
            Predicate::Ticket(ticket) => ticket.required_field().into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// Returns the field whose tickets are to be looked up for this.
    fn ticket_field(&self) -> Option<&FieldDefinition> {
        match self {
            Predicate::Ticket(ticket) => ticket.lookup_field(),
            _ => None,
        }
    }

    /// Returns the facts without which this cannot hold.
    fn required_facts(&self) -> NeededFacts {
        let mut needs = NeededFacts::new();
        self.add_needs(&mut needs);
        if matches!(self, Predicate::Ticket(ticket) if ticket.may_defer_lookup()) {
            needs.remove(&FactKind::Tickets);
        }
        needs
    }
}

predicates! {
    approvals::ApprovalsPredicate as Approvals,
    author::AuthorPredicate as Author,
    blob::BlobPredicate as Blob,
    branch::BranchPredicate as Branch,
    checks::ChecksPredicate as Checks,
    comments_resolved::CommentsResolvedPredicate as CommentsResolved,
    draft::DraftPredicate as Draft,
    field::FieldPredicate as Field,
    label::LabelPredicate as Label,
    merge::MergePredicate as Merge,
    only_touches::OnlyTouchesPredicate as OnlyTouches,
    pusher::PusherPredicate as Pusher,
    signed::SignedPredicate as Signed,
    size::SizePredicate as Size,
    subject::SubjectPredicate as Subject,
    ticket::TicketPredicate as Ticket,
    title::TitlePredicate as Title,
    touches::TouchesPredicate as Touches,
    trailers::TrailersPredicate as Trailers,
    window::WindowPredicate as Window,
}
