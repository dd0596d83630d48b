//! `ticket`: the reference by which the change is found in a ticket system.
//!
//! It asks for the reference, not whether the ticket is there or what it says.

use std::sync::Arc;

use super::field::{absent, owes, read_within};
use super::parameters::allowed;
use super::{Doc, Known, Reply, Seen};
use crate::calendar::Within;
use crate::change::{Missing, Needs};
use crate::verdict::{Finding, Line};
use crate::vocabulary::{Claim, Field, Kind, Reading};
use crate::yaml::decode::{Map, count, text};
use crate::yaml::{Fault, Node};

/// What a policy's author reads about it.
pub const DOC: Doc = Doc {
    name: "ticket",
    asks: "The change refers to a ticket, in the form that the policy's vocabulary accepts.",
    why: "The ticket holds what a commit cannot: who asked, what was discussed, when it was closed. Without the \
          reference nobody gets from the one to the other. An emergency may bring it later.",
    parameters: "\
- `field: NAME`: the field with the reference, one of those with `matches`;
- `within: 24h` or `within: 5 business days`: it may still be missing, and is owed until then; one that is there \
and wrong is refused at once;
- `max: N`: at most so many different references.",
    passes: "
ask: { ticket: { field: Ticket, max: 2 } }
fields: { Ticket: { matches: '[A-Z]+-[0-9]+', many: true } }
change:
  commits:
    - message: |
        Cache the tenant lookup

        Ticket: PAY-412
",
    fails: "
ask: { ticket: { field: Ticket } }
fields: { Ticket: { matches: '[A-Z]+-[0-9]+' } }
change:
  commits:
    - message: |
        Cache the tenant lookup (PAY-412)
",
};

/// The question.
#[derive(Clone, Debug, PartialEq)]
pub struct Ticket {
    field: Arc<Field>,
    within: Option<Within>,
    max: Option<u64>,
}

impl Ticket {
    pub(super) fn read(node: &Node, known: &Known<'_>, faults: &mut Vec<Fault>) -> Option<Self> {
        let before = faults.len();
        let mut map = Map::new(node, faults)?;
        let named = map.require("field", faults);
        let field = named.and_then(|node| {
            let name = text(node, faults)?;
            let field = known.vocabulary.find(node, name, faults)?;
            if !matches!(field.kind, Kind::Matches { .. }) {
                let what = format!("`{}` has no `matches`, so it cannot hold a reference", field.name);
                faults.push(Fault::new(node.at, what));
            }
            Some(field.clone())
        });
        let within = map.get("within").and_then(|node| read_within(node, known, faults));
        let max = map.get("max").and_then(|node| count(node, 1, 1_000, faults));
        map.finish(faults);
        let field = field?;
        (before == faults.len()).then_some(Ticket { field, within, max })
    }

    pub(super) fn needs(&self, _: &mut Needs) {}

    /// Returns the field, if it must be stated now.
    pub(super) fn stated(&self) -> Option<&Field> {
        self.within.is_none().then_some(&self.field)
    }

    pub(super) fn words(&self) -> String {
        let within = self.within.map(|within| format!(" within {within}")).unwrap_or_default();
        let max = self.max.map(|max| format!(", at most {max} of them")).unwrap_or_default();
        format!("`{}` refers to a ticket{within}{max}", self.field.name)
    }

    pub(super) fn ask(&self, seen: &Seen<'_>) -> Result<Reply, Missing> {
        Ok(match (self.field.reading(seen.change), self.within) {
            (Reading::Absent, Some(within)) => Reply::Owed(vec![owes(&self.field, within, seen)]),
            (Reading::Absent, None) => Reply::Fails(vec![absent(&self.field, self.field.template(), seen)]),
            (Reading::Invalid(reasons), _) => Reply::Fails(reasons),
            (Reading::Stated { claims, .. }, _) => {
                Reply::from_findings(self.too_many(&claims, seen).into_iter().collect())
            }
        })
    }

    fn too_many(&self, claims: &[Claim<'_>], seen: &Seen<'_>) -> Option<Finding> {
        let max = usize::try_from(self.max?).unwrap_or(usize::MAX);
        let mut different: Vec<&Claim<'_>> = Vec::new();
        for claim in claims {
            if !different.iter().any(|known| known.value == claim.value) {
                different.push(claim);
            }
        }
        let first_too_many = different.get(max)?;
        let (found, most) = (different.len(), allowed(self.max?));
        let what = format!("`{}` names {found} tickets, and {most}", self.field.name);
        Some(first_too_many.place(Finding::new(Line::say(what)), seen.change))
    }
}

#[cfg(test)]
mod tests {
    use super::super::examples::{answer, faults, findings};
    use crate::verdict::Answer;

    const FIELDS: &str = "
fields:
  Ticket: { matches: '[A-Z]+-[0-9]+', aliases: [Refs], many: true }
  One: { matches: '[A-Z]+-[0-9]+' }
  Plan: { text: { min-length: 10 } }
";

    fn says(question: &str, messages: &[&str]) -> Vec<String> {
        findings(&format!("ask: {{ ticket: {question} }}{FIELDS}"), messages)
    }

    #[test]
    fn a_reference_counts_where_git_sees_it() {
        assert_eq!(says("{ field: Ticket }", &["x\n\nRefs: PAY-1\n"]), [""; 0]);
        assert_eq!(says("{ field: Ticket }", &["x\n\nTicket: PAY-1\n\nmore\n"]), ["`Ticket` is missing"]);
        assert_eq!(says("{ field: Ticket }", &["x PAY-1\n"]), ["`Ticket` is missing"]);
    }

    #[test]
    fn a_reference_of_another_form_is_none() {
        for value in
            ["soon", "pay-1", "PAY-\u{661}", "PAY-1 ", "PAY-1\u{200b}", "PAY-1, PAY-2", "n/a", "\u{420}AY-1"]
        {
            let message = format!("x\n\nTicket: {value}.\n");
            assert_eq!(says("{ field: Ticket }", &[&message]).len(), 1, "{value}");
        }
    }

    #[test]
    fn several_references_are_counted_once_each() {
        let twice = ["x\n\nTicket: PAY-1\n", "y\n\nTicket: PAY-1\nTicket: PAY-2\n"];
        assert_eq!(says("{ field: Ticket, max: 2 }", &twice), [""; 0]);
        assert_eq!(
            says("{ field: Ticket, max: 1 }", &twice),
            ["`Ticket` names 2 tickets, and at most 1 is allowed"]
        );
        assert_eq!(says("{ field: One }", &["x\n\nOne: PAY-1\nOne: PAY-2\n"]).len(), 1);
    }

    #[test]
    fn a_reference_may_be_owed_and_a_wrong_one_may_not() {
        let question = format!("ask: {{ ticket: {{ field: Ticket, within: 24h }} }}{FIELDS}");
        let Answer::Holds(owed) = answer(&question, &["x\n"]) else { panic!() };
        assert_eq!(owed[0].due.unwrap().to_string(), "2026-01-02T00:00:00Z");
        assert_eq!(owed[0].what, "`Ticket` within 24 hours");
        assert_eq!(findings(&question, &["x\n\nTicket: soon\n"]).len(), 1);
        assert_eq!(answer(&question, &["x\n\nTicket: PAY-1\n"]), Answer::Holds(Vec::new()));
    }

    #[test]
    fn a_question_about_something_else_than_references_is_refused() {
        for question in [
            "{}",
            "{ field: Plan }",
            "{ field: Tickt }",
            "{ field: Ticket, max: 0 }",
            "{ field: Ticket, within: soon }",
            "Ticket",
        ] {
            assert_eq!(faults(&format!("ask: {{ ticket: {question} }}{FIELDS}")).len(), 1, "{question}");
        }
        let owed = "{ not: { ticket: { field: Ticket, within: 24h } } }";
        assert_eq!(faults(&format!("ask: {owed}{FIELDS}")).len(), 1);
    }
}
