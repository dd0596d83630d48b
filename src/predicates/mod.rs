//! The questions that a policy can ask about a change.
//!
//! The same predicates serve in `when`, in `classes`, in `exemptions` and in `require`. Each is one
//! file that holds its parameters, its documentation with an example that passes and one that fails,
//! the check, and its tests. The line in `predicates!` below registers it everywhere and creates the
//! test that runs its examples. What predicates share is in `support`.
//!
//! Invariant: a predicate neither fetches nor prints, and does not know the level of the rule that
//! asks it. It answers from the change alone, and returns a missing fact by `?`.

pub mod support;

use crate::change::{FactKind, Missing, NeededFacts};
use crate::verdict::{Finding, Message, MessageTemplate};
use crate::vocabulary::FieldDefinition;
use crate::yaml::decode::unknown_word_fault;
use crate::yaml::{YamlFault, YamlKey, YamlNode};

pub use crate::predicates::support::context::{EvaluationContext, PolicyScope};
pub use crate::predicates::support::documentation::{COMBINATORS, PredicateDoc, render_reference};
pub(crate) use crate::predicates::support::field_obligation::DeferredField;
pub(crate) use crate::predicates::support::outcome::PredicateOutcome;

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
            pub(crate) fn read_predicate(
                key: &YamlKey,
                node: &YamlNode,
                scope: &PolicyScope<'_>,
                faults: &mut Vec<YamlFault>,
            ) -> Option<Self> {
                $(if key.text == $file::DOC.name {
                    return $file::$Type::read_parameters(node, scope, faults).map(Predicate::$Variant);
                })*
                let words = PREDICATE_DOCS.iter().map(|doc| doc.name);
                let words = words.chain(COMBINATORS.map(|(word, _)| word));
                let mut fault = unknown_word_fault("predicate", key, words);
                if ["require", "when", "for", "not-for", "level", "until", "reason"].contains(&key.text.as_str()) {
                    fault.help = Some(format!("`{}` is a key of the rule itself; indent it less", key.text));
                }
                faults.push(fault);
                None
            }

            /// Evaluates the predicate for one change, by the members of teams that are known.
            ///
            /// # Errors
            ///
            /// Returns the fact that is missing.
            fn evaluate_as_known(&self, context: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
                match self { $(Predicate::$Variant(predicate) => predicate.evaluate(context),)* }
            }

            /// Adds the facts that evaluating the predicate takes.
            pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
                match self { $(Predicate::$Variant(predicate) => predicate.add_needs(needs),)* }
            }

            /// Returns the name that policies have for it.
            pub(crate) fn predicate_name(&self) -> &'static str {
                match self { $(Predicate::$Variant(_) => $file::DOC.name,)* }
            }

            /// Describes the predicate in words that complete "this asks that ...".
            pub(crate) fn describe(&self) -> Message {
                match self { $(Predicate::$Variant(predicate) => predicate.describe(),)* }
            }
        }

        #[cfg(test)]
        mod documented {
            $(#[test]
            fn $file() {
                super::support::examples::check_examples(stringify!($file), &super::$file::DOC);
            })*
        }
    };
}

impl Predicate {
    /// Returns the fields that the author must state for this predicate to hold.
    fn required_fields(&self) -> Vec<&FieldDefinition> {
        match self {
            Predicate::Field(field) => field.asked_fields(false),
            Predicate::Ticket(ticket) => ticket.required_field().into_iter().collect(),
            Predicate::StandardChange(standard) => vec![standard.entry_field()],
            _ => Vec::new(),
        }
    }

    /// Returns the fields that may be stated after the change has landed.
    fn owed_fields(&self) -> Vec<&FieldDefinition> {
        match self {
            Predicate::Field(field) => field.asked_fields(true),
            Predicate::Ticket(ticket) => ticket.owed_field().into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// Returns what may be stated after the change has landed, with its deadlines.
    pub(crate) fn list_late_statements(&self) -> Vec<DeferredField<'_>> {
        match self {
            Predicate::Field(field) => field.list_late_statements(),
            Predicate::Ticket(ticket) => ticket.find_late_statement().into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// Returns what the predicate accepts that its description does not say.
    pub(crate) fn list_allowances(&self) -> Vec<Message> {
        match self {
            Predicate::Approvals(approvals) => approvals.list_allowances(),
            Predicate::Checks(checks) => checks.list_allowances(),
            Predicate::DigestOf(digest) => digest.list_allowances(),
            Predicate::Label(label) => label.list_allowances(),
            Predicate::Size(size) => size.list_allowances(),
            Predicate::Ticket(ticket) => ticket.list_allowances(),
            _ => Vec::new(),
        }
    }

    /// Describes the contrary of the predicate, if one sentence says it.
    fn describe_contrary(&self) -> Option<Message> {
        match self {
            Predicate::AddsLines(added) => Some(added.describe_contrary()),
            Predicate::Agents(agents) => agents.describe_contrary(),
            Predicate::Branch(branch) => Some(branch.describe_contrary()),
            Predicate::Draft(draft) => Some(draft.describe_contrary()),
            Predicate::Field(field) => field.describe_contrary(),
            Predicate::ForLandedChange(asked) => Some(asked.describe_contrary()),
            Predicate::Merge(merge) => merge.describe_contrary(),
            Predicate::PolicyLoosened(loosened) => Some(loosened.describe_contrary()),
            Predicate::Touches(touches) => Some(touches.describe_contrary()),
            _ => None,
        }
    }

    /// Returns what makes the predicate hold, where it must not, place by place; nothing if one sentence says it.
    fn list_forbidden(&self, context: &EvaluationContext<'_>) -> Vec<Finding> {
        match self {
            Predicate::AddsLines(added) => added.list_forbidden(context),
            _ => Vec::new(),
        }
    }

    /// Returns the field whose tickets have to be looked up for this predicate.
    fn ticket_field(&self) -> Option<&FieldDefinition> {
        match self {
            Predicate::Ticket(ticket) => ticket.lookup_field(),
            _ => None,
        }
    }

    /// Returns true if this asks for the check `name` without a wildcard.
    pub(crate) fn asks_check(&self, name: &str) -> bool {
        matches!(self, Predicate::Checks(checks) if checks.asks_exactly(name))
    }

    /// Returns the teams that the predicate names for the people it asks about.
    pub(crate) fn asked_teams(&self) -> &[String] {
        match self {
            Predicate::Approvals(approvals) => approvals.asked_teams(),
            Predicate::Author(author) => author.asked_teams(),
            Predicate::Label(label) => label.asked_teams(),
            Predicate::Pusher(pusher) => pusher.asked_teams(),
            Predicate::Signed(signed) => signed.asked_teams(),
            _ => &[],
        }
    }

    /// Returns the facts without which this predicate cannot hold.
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
    adds_lines::AddsLinesPredicate as AddsLines,
    agents::AgentsPredicate as Agents,
    approvals::ApprovalsPredicate as Approvals,
    author::AuthorPredicate as Author,
    blob::BlobPredicate as Blob,
    branch::BranchPredicate as Branch,
    checks::ChecksPredicate as Checks,
    comments_resolved::CommentsResolvedPredicate as CommentsResolved,
    digest_of::DigestOfPredicate as DigestOf,
    draft::DraftPredicate as Draft,
    field::FieldPredicate as Field,
    for_landed_change::ForLandedChangePredicate as ForLandedChange,
    label::LabelPredicate as Label,
    merge::MergePredicate as Merge,
    only_touches::OnlyTouchesPredicate as OnlyTouches,
    policy_loosened::PolicyLoosenedPredicate as PolicyLoosened,
    pusher::PusherPredicate as Pusher,
    signed::SignedPredicate as Signed,
    size::SizePredicate as Size,
    standard_change::StandardChangePredicate as StandardChange,
    subject::SubjectPredicate as Subject,
    ticket::TicketPredicate as Ticket,
    title::TitlePredicate as Title,
    touches::TouchesPredicate as Touches,
    trailers::TrailersPredicate as Trailers,
    window::WindowPredicate as Window,
}
