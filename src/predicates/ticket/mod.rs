//! `ticket`: the reference by which the change is found in a ticket system.
//!
//! By itself it asks for the reference alone. With one of the parameters about the ticket itself, the
//! ticket system has to confirm it, and no answer is no ticket.

pub(crate) mod late_evidence;
pub(crate) mod lookup;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use crate::calendar::TimeLimit;
use crate::change::{Change, FactKind, Missing, NeededFacts, Text, Ticket};
use crate::predicates::support::context::{EvaluationContext, PolicyScope};
use crate::predicates::support::documentation::PredicateDoc;
use crate::predicates::support::field_obligation::{
    DeferredField, FieldDeadline, limit_obligation, missing_field_finding, read_time_limit,
};
use crate::predicates::support::outcome::PredicateOutcome;
use crate::predicates::ticket::lookup::{CreationRepair, TicketRequirement};
use crate::verdict::{Finding, Message, Obligation, messages};
use crate::vocabulary::{FieldClaim, FieldDefinition, FieldKind, FieldReading};
use crate::yaml::decode::{MapReader, read_choice, read_count, read_text};
use crate::yaml::{YamlFault, YamlNode};

messages! {
    QUESTION = "ticket.question": "`{field}` refers to a ticket{parts+}";
    QUESTION_WITHIN = "ticket.question-within": ", which may follow within {limit}";
    QUESTION_AT_MOST = "ticket.question-at-most": ", at most {limit} of them";
    QUESTION_REQUIREMENTS = "ticket.question-requirements": ", {requirements}";
    UNSEEN_IS_OWED = "ticket.unseen-is-owed": "a ticket that no system can be asked about is owed until then";
    TOO_MANY = "ticket.too-many": "`{field}` names {count} tickets; at most {limit} {limit:is|are} allowed";
    OWED_WITHIN = "obligation.ticket-within": "`{field}` within {limit}: a ticket {requirements}";
    ANSWER = "ticket.answer-of-ticket-system": "the ticket system's answer";
}

/// The documentation for policy authors.
pub(crate) const DOC: PredicateDoc = PredicateDoc {
    name: "ticket",
    summary: "The change refers to a ticket, in the form that the policy's vocabulary accepts, and if asked, to one that \
           exists.",
    why: "The ticket holds what a commit cannot: who asked, what was discussed, when it was closed. The reference is the \
          only way from one to the other. An emergency may bring it later.",
    parameters: "\
- `field: NAME`: the field with the reference, one of those with `matches`;
- `within: 24h` or `within: 5 business days`: it may still be missing, and is owed until then; a reference that is wrong \
is refused at once;
- `max: N`: at most that many different references;
- `exists: true`: the ticket system has each of these tickets. This and the following ask a system that the policy \
names under `tickets`; a pull request, `changegate tickets` and a sweep do so, and no hook does;
- `project: [names]`, `type: [names]`, `label: [names]`: it is in one of these projects, is of one of these types, has \
one of these labels; names compare in any case;
- `state: open`, `state: closed`, or `state: { one-of: [names] }`: it is in such a state now;
- `created-within: 24h`: it was created at most this long after the change was seen, by the system's own clock, and \
nothing speaks against that time; the limit is inclusive;
- `about: [fields]`: with `created-within`, a ticket that is older than the change counts only if its title, description, \
labels or key mention what one of these fields says;
- `unseen: owe`: with `within`, a ticket that no ticket system can be asked about now is owed until then instead of \
refused.",
    passing_example: "
ask: { ticket: { field: Ticket, max: 2 } }
fields: { Ticket: { matches: '[A-Z]+-[0-9]+', many: true } }
change:
  commits:
    - message: |
        Cache the tenant lookup

        Ticket: PAY-412
",
    failing_example: "
ask: { ticket: { field: Ticket } }
fields: { Ticket: { matches: '[A-Z]+-[0-9]+' } }
change:
  commits:
    - message: |
        Cache the tenant lookup (PAY-412)
",
};

/// The parameters of `ticket`.
#[derive(Clone, Debug, PartialEq)]
pub struct TicketPredicate {
    field: Arc<FieldDefinition>,
    time_limit: Option<TimeLimit>,
    max_tickets: Option<u64>,
    requirement: Option<TicketRequirement>,
    may_defer_lookup: bool,
}

impl TicketPredicate {
    /// Reads the parameters, and refuses those that need another one which is not given.
    pub(crate) fn read_parameters(
        node: &YamlNode,
        scope: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let before = faults.len();
        let mut map = MapReader::new(node, faults)?;
        let field = match map.require_key("field", faults) {
            Some(node) => read_reference_field(node, scope, faults),
            None => None,
        };
        let time_limit = match map.find_key("within") {
            Some(node) => read_time_limit(node, scope, faults),
            None => None,
        };
        let max_tickets = match map.find_key("max") {
            Some(node) => read_count(node, 1, 1_000, faults),
            None => None,
        };
        let requirement = TicketRequirement::read_requirement(&mut map, scope, faults);
        let about = map.find_key("about");
        let unseen = map.find_key("unseen");
        let may_defer_lookup = match unseen {
            Some(node) => read_choice(node, &[("owe", true)], faults).unwrap_or(false),
            None => false,
        };
        map.refuse_unknown_keys(faults);
        // With another fault, what is lacking may have been given and only be unreadable.
        if let Some(node) = unseen
            && before == faults.len()
            && (time_limit.is_none() || requirement.is_none())
        {
            let what = "`unseen` needs `within`, and a parameter about the ticket itself";
            let help = "as in `within: 24h, exists: true, unseen: owe`";
            faults.push(YamlFault::new(node.at, what).with_help(help));
        }
        let field = field?;
        if let (Some(node), Some(requirement)) = (about, &requirement)
            && requirement.is_about_field(&field)
        {
            let what = format!("`about` cannot be `{}`: every ticket mentions itself", field.name);
            let help = "name the field of the incident, as in `about: [Incident]`";
            faults.push(YamlFault::new(node.at, what).with_help(help));
        }
        (before == faults.len()).then_some(TicketPredicate {
            field,
            time_limit,
            max_tickets,
            requirement,
            may_defer_lookup,
        })
    }

    pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
        if self.requirement.is_some() {
            needs.insert(FactKind::Tickets);
        }
    }

    /// Returns the field that refers to the ticket.
    pub(crate) fn reference_field(&self) -> &FieldDefinition {
        &self.field
    }

    /// Returns a ticket of this key that is as asked; `None` if nothing is asked of the ticket itself.
    pub(crate) fn sample_ticket(&self, key: &Text, change: &Change) -> Option<Ticket> {
        Some(self.requirement.as_ref()?.sample_ticket(key, change.seen_at))
    }

    /// Returns what would make a ticket count, as to when it was created.
    pub(crate) fn find_creation_repair(
        &self,
        ticket: &Ticket,
        context: &EvaluationContext<'_>,
    ) -> CreationRepair {
        let requirement = self.requirement.as_ref();
        requirement.map_or(CreationRepair::NotNeeded, |asked| asked.find_creation_repair(ticket, context))
    }

    /// Returns how the ticket of a claim differs from what is asked of it; nothing if it is not known.
    pub(crate) fn find_ticket_differences(
        &self,
        claim: &FieldClaim<'_>,
        context: &EvaluationContext<'_>,
    ) -> Vec<Message> {
        let violations = self
            .requirement
            .as_ref()
            .and_then(|requirement| requirement.find_violations(claim, &self.field, context).ok());
        violations.unwrap_or_default()
    }

    /// Returns true if a ticket system is asked about the ticket.
    pub(crate) fn asks_ticket_system(&self) -> bool {
        self.requirement.is_some()
    }

    /// Returns true if a ticket that cannot be looked up now is owed.
    pub(crate) fn may_defer_lookup(&self) -> bool {
        self.may_defer_lookup
    }

    /// Returns the field whose tickets have to be looked up, if any have.
    pub(crate) fn lookup_field(&self) -> Option<&FieldDefinition> {
        if self.asks_ticket_system() { Some(&self.field) } else { None }
    }

    /// Returns what may be stated after the change has landed, with its deadline.
    pub(crate) fn find_late_statement(&self) -> Option<DeferredField<'_>> {
        let deadline = FieldDeadline::describe_limit(self.time_limit?);
        Some(DeferredField { field: &self.field, deadline, by_others: false })
    }

    /// Returns how long after the change its ticket may be created.
    pub(crate) fn creation_limit(&self) -> Option<TimeLimit> {
        self.requirement.as_ref().and_then(TicketRequirement::creation_limit)
    }

    /// Returns the field, if it must be stated now.
    pub(crate) fn required_field(&self) -> Option<&FieldDefinition> {
        if self.time_limit.is_none() { Some(&self.field) } else { None }
    }

    /// Returns the field, if it may be stated after the change has landed.
    pub(crate) fn owed_field(&self) -> Option<&FieldDefinition> {
        if self.time_limit.is_some() { Some(&self.field) } else { None }
    }

    /// Returns what is owed instead of refused.
    pub(crate) fn list_allowances(&self) -> Vec<Message> {
        if self.may_defer_lookup { vec![Message::from(&UNSEEN_IS_OWED)] } else { Vec::new() }
    }

    pub(crate) fn describe(&self) -> Message {
        let mut parts = Vec::new();
        if let Some(max) = self.max_tickets {
            parts.push(QUESTION_AT_MOST.with("limit", max));
        }
        if self.requirement.is_some() {
            parts.push(QUESTION_REQUIREMENTS.with("requirements", self.describe_requirement()));
        }
        if let Some(limit) = self.time_limit {
            parts.push(QUESTION_WITHIN.with("limit", limit));
        }
        QUESTION.with("field", self.field.name.as_str()).with("parts", parts)
    }

    /// Answers for the reference, and for each ticket that it names. What no system can be asked about now
    /// is unknown, or owed if the policy lets it be.
    pub(crate) fn evaluate(&self, context: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let claims = match (self.field.read_from_change(context.change), self.time_limit) {
            (FieldReading::Absent, Some(limit)) => {
                let limit = self.sooner_limit(limit, context);
                return Ok(PredicateOutcome::Owed(vec![limit_obligation(&self.field, limit, context)]));
            }
            (FieldReading::Absent, None) => {
                let paste = self.field.trailer_template();
                let finding = missing_field_finding(&self.field, paste, context);
                return Ok(PredicateOutcome::Fails(vec![finding]));
            }
            (FieldReading::Invalid(reasons), _) => return Ok(PredicateOutcome::Fails(reasons)),
            (FieldReading::Unknown(missing), _) => return Err(missing),
            (FieldReading::Stated { claims, .. }, _) => claims,
        };
        let mut different: Vec<FieldClaim<'_>> = Vec::new();
        for claim in claims {
            if !different.iter().any(|known| known.value == claim.value) {
                different.push(claim);
            }
        }
        let mut findings = Vec::new();
        findings.extend(self.find_excess_ticket(&different, context));
        let mut missing = None;
        if let Some(requirement) = &self.requirement {
            for claim in &different {
                match requirement.find_violations(claim, &self.field, context) {
                    Ok(violations) => {
                        for message in violations {
                            findings.push(claim.locate_finding(Finding::new(message), context.change));
                        }
                    }
                    Err(gap) => missing = Some(gap),
                }
            }
        }
        // A violation is certain whatever the system would answer, so only a clean lookup is put off.
        if let Some(limit) = self.time_limit
            && self.may_defer_lookup
            && missing.is_some()
            && findings.is_empty()
        {
            let limit = self.sooner_limit(limit, context);
            return Ok(PredicateOutcome::Owed(vec![self.lookup_obligation(limit, context)]));
        }
        PredicateOutcome::from_findings_or_missing(findings, missing)
    }

    /// Returns the limit for a ticket that has to be created in time, too: the sooner limit counts.
    fn sooner_limit(&self, limit: TimeLimit, context: &EvaluationContext<'_>) -> TimeLimit {
        match self.creation_limit() {
            Some(created) if due_or_never(created, context) < due_or_never(limit, context) => created,
            _ => limit,
        }
    }

    /// Returns the obligation to have the ticket system confirm what it could not be asked about now.
    fn lookup_obligation(&self, limit: TimeLimit, context: &EvaluationContext<'_>) -> Obligation {
        Obligation {
            what: OWED_WITHIN
                .with("field", self.field.name.as_str())
                .with("limit", limit)
                .with("requirements", self.describe_requirement()),
            evidence: Message::from(&ANSWER),
            ..limit_obligation(&self.field, limit, context)
        }
    }

    /// Returns how many different tickets may be named, if these are more.
    pub(crate) fn exceeded_limit(&self, claims: &[FieldClaim<'_>]) -> Option<u64> {
        let limit = self.max_tickets?;
        let values: BTreeSet<&Text> = claims.iter().map(|claim| claim.value.as_ref()).collect();
        (u64::try_from(values.len()).unwrap_or(u64::MAX) > limit).then_some(limit)
    }

    fn find_excess_ticket(
        &self,
        different: &[FieldClaim<'_>],
        context: &EvaluationContext<'_>,
    ) -> Option<Finding> {
        let limit = self.max_tickets?;
        let first_too_many = different.get(usize::try_from(limit).unwrap_or(usize::MAX))?;
        let message = TOO_MANY
            .with("field", self.field.name.as_str())
            .with("count", different.len())
            .with("limit", limit);
        Some(first_too_many.locate_finding(Finding::new(message), context.change))
    }

    /// Returns what is asked of the ticket itself, each to follow `a ticket`.
    fn describe_requirement(&self) -> Vec<Message> {
        match &self.requirement {
            Some(requirement) => requirement.describe_parts(),
            None => Vec::new(),
        }
    }
}

/// Reads the name of the field that holds the reference.
fn read_reference_field(
    node: &YamlNode,
    scope: &PolicyScope<'_>,
    faults: &mut Vec<YamlFault>,
) -> Option<Arc<FieldDefinition>> {
    let name = read_text(node, faults)?;
    let field = scope.vocabulary.resolve_field(node, name, faults)?;
    if !matches!(field.kind, FieldKind::Matches { .. }) {
        let what = format!("`{}` has no `matches`, so it cannot hold a reference", field.name);
        faults.push(YamlFault::new(node.at, what));
    }
    Some(field.clone())
}

/// Returns the last instant that is in time; the end of all time for a limit beyond all calendars.
fn due_or_never(limit: TimeLimit, context: &EvaluationContext<'_>) -> Timestamp {
    let holidays = context.people.holidays();
    limit.due_after(context.change.seen_at, holidays).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use crate::predicates::support::examples::{
        answer_example, answer_for_messages, finding_texts, findings_for_messages, question_faults,
    };
    use crate::verdict::PredicateAnswer;

    const FIELDS: &str = "
fields:
  Ticket: { matches: '[A-Z]+-[0-9]+', aliases: [Refs], many: true }
  One: { matches: '[A-Z]+-[0-9]+' }
  Plan: { text: { min-length: 10 } }
";

    fn says(question: &str, messages: &[&str]) -> Vec<String> {
        findings_for_messages(&format!("ask: {{ ticket: {question} }}{FIELDS}"), messages)
    }

    #[test]
    fn a_reference_counts_where_git_sees_it() {
        assert_eq!(says("{ field: Ticket }", &["x\n\nRefs: PAY-1\n"]), [""; 0]);
        assert_eq!(says("{ field: Ticket }", &["x\n\nTicket: PAY-1\n\nmore\n"]), ["`Ticket` is missing"]);
        assert_eq!(says("{ field: Ticket }", &["x PAY-1\n"]), ["`Ticket` is missing"]);
    }

    #[test]
    fn an_example_of_a_form_or_a_document_is_no_reference() {
        let says = |fields: &str, value: &str| {
            let question = format!("ask: {{ ticket: {{ field: Ticket }} }}\nfields: {{ Ticket: {fields} }}");
            findings_for_messages(&question, &[&format!("x\n\nTicket: {value}\n")])
        };
        let open = "{ matches: '[A-Z]+-[0-9]+|([a-zA-Z-]+/[a-zA-Z-]+)?#[0-9]+|https://[!-~]+' }";
        for example in [
            "https://example.com/browse/PAY-1",
            "https://your-company.atlassian.net/browse/PAY-1",
            "https://foo.invalid/PAY-1",
            "https://localhost/PAY-1",
            "https://github.com/OWNER/REPO/issues/1",
            "https://acme.atlassian.net/browse/PAY-___",
            "OWNER/REPO#1",
            "#0",
            "PAY-000",
        ] {
            assert_eq!(says(open, example), [format!("`Ticket` is `{example}`, which is a placeholder")]);
        }
        for real in ["https://acme.atlassian.net/browse/PAY-1", "PAY-100", "acme/shop#10"] {
            assert_eq!(says(open, real), [""; 0], "{real}");
        }
        // A host that the policy names, and a scale from zero.
        let named =
            r"{ matches: 'https://[a-z]+\.example\.com/[A-Z0-9-]+', example: 'https://t.example.com/A-1' }";
        assert_eq!(says(named, "https://tickets.example.com/PAY-1"), [""; 0]);
        assert_eq!(says("{ matches: 'SEV-[0-4]' }", "SEV-0"), [""; 0]);
    }

    #[test]
    fn several_references_may_stand_on_a_line_where_several_may_be_stated() {
        for value in
            ["PAY-1, PAY-2", "PAY-1 PAY-2", "PAY-1; PAY-2;", "PAY-1 and PAY-2", "PAY-1,PAY-2 & PAY-1"]
        {
            let message = format!("x\n\nTicket: {value}\n");
            assert_eq!(says("{ field: Ticket, max: 2 }", &[&message]), [""; 0], "{value}");
            assert_eq!(says("{ field: Ticket, max: 1 }", &[&message]).len(), 1, "{value}");
            assert_eq!(says("{ field: One }", &[&message.replace("Ticket", "One")]).len(), 1, "{value}");
        }
        let many = "PAY-1 ".repeat(101);
        assert_eq!(says("{ field: Ticket }", &[&format!("x\n\nTicket: {many}\n")]).len(), 1);
    }

    #[test]
    fn a_reference_of_another_form_is_none() {
        for value in [
            "soon",
            "pay-1",
            "PAY-\u{661}",
            "PAY-1 ",
            "PAY-1\u{200b}",
            "PAY-1, soon",
            "PAY-1 PAY",
            "n/a",
            "\u{420}AY-1",
        ] {
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
            ["`Ticket` names 2 tickets; at most 1 is allowed"]
        );
        assert_eq!(says("{ field: One }", &["x\n\nOne: PAY-1\nOne: PAY-2\n"]).len(), 1);
    }

    #[test]
    fn a_reference_may_be_owed_and_a_wrong_one_may_not() {
        let question = format!("ask: {{ ticket: {{ field: Ticket, within: 24h }} }}{FIELDS}");
        let PredicateAnswer::Holds(owed) = answer_for_messages(&question, &["x\n"]) else { panic!() };
        assert_eq!(owed[0].due.unwrap().to_string(), "2026-01-02T00:00:00Z");
        assert_eq!(owed[0].what.to_plain_text(), "`Ticket` within 24 hours");
        assert_eq!(findings_for_messages(&question, &["x\n\nTicket: soon\n"]).len(), 1);
        assert_eq!(
            answer_for_messages(&question, &["x\n\nTicket: PAY-1\n"]),
            PredicateAnswer::Holds(Vec::new())
        );
    }

    const INCIDENT: &str = "  Incident: { matches: '[A-Z]+-[0-9]+' }\n";

    /// Asks `question` about PAY-1, of which `tickets` says what the system says.
    fn looked_up(question: &str, tickets: &str) -> PredicateAnswer {
        let message = r#"message: "x\n\nTicket: PAY-1\nIncident: INC-1\n""#;
        let change =
            format!("at: 2026-03-01T10:00:00Z, tickets: {{ {tickets} }}, commits: [{{ {message} }}]");
        answer_example(&format!(
            "ask: {{ ticket: {{ field: Ticket, {question} }} }}{FIELDS}{INCIDENT}change: {{ {change} }}\n"
        ))
    }

    #[test]
    fn a_ticket_that_is_asked_for_has_to_be_there() {
        let says = |question: &str, tickets: &str| finding_texts(&looked_up(question, tickets));
        assert_eq!(says("exists: true", "PAY-1: {}"), [""; 0]);
        assert_eq!(
            says("exists: true", "PAY-1: absent"),
            ["`Ticket` names `PAY-1`, which does not exist or is not visible to the gate"]
        );
        for tickets in ["PAY-1: unknown", "PAY-2: {}", ""] {
            let found = says("exists: true", tickets);
            assert!(found[0].starts_with("unknown: tickets"), "{found:?}");
        }
        assert_eq!(says("max: 1", "PAY-1: absent"), [""; 0]);
    }

    #[test]
    fn project_type_state_and_label_are_what_the_system_says() {
        let bug = "PAY-1: { project: PAY, type: Bug, state: In Review, labels: [p1, token] }";
        let says = |question: &str| finding_texts(&looked_up(question, bug));
        for question in [
            "project: [OPS, pay]",
            "type: bug",
            "label: [P1]",
            "state: open",
            "state: { one-of: [done, in review] }",
        ] {
            assert_eq!(says(question), [""; 0], "{question}");
        }
        assert_eq!(says("project: OPS"), ["the ticket `PAY-1` is in the project `PAY`, not in `OPS`"]);
        assert_eq!(says("type: [Incident]"), ["the ticket `PAY-1` is of the type `Bug`, not `Incident`"]);
        assert_eq!(says("label: p"), ["the ticket `PAY-1` does not have the label `p`"]);
        assert_eq!(says("state: closed"), ["the ticket `PAY-1` is `In Review`; it must be closed"]);
        assert_eq!(
            says("state: { one-of: [Done] }"),
            ["the ticket `PAY-1` is `In Review`; it must be `Done`"]
        );
        assert_eq!(says("project: OPS, type: Task, label: x, state: closed").len(), 4);
        let closed = finding_texts(&looked_up("state: open", "PAY-1: { closed: true, state: Rejected }"));
        assert_eq!(closed, ["the ticket `PAY-1` is `Rejected`; it must be open"]);
    }

    /// The vectors for emergencies: when a change was seen, when its ticket was made, what is said.
    #[test]
    fn a_ticket_is_made_in_time_or_not() {
        let question = "created-within: 24h, about: [Incident]";
        let says = |ticket: &str| finding_texts(&looked_up(question, &format!("PAY-1: {{ {ticket} }}")));
        for (ticket, wrong) in [
            ("created: 2026-03-02T10:00:00Z", None),
            (
                "created: 2026-03-02T10:00:01Z",
                Some(" was created at 2026-03-02T10:00:01Z, 1s after its limit of 24 hours"),
            ),
            ("created: 2026-03-01T10:00:00Z", None),
            (
                "created: 2026-02-26T10:00:00Z, text: about INC-12",
                Some(
                    " is about something else: it was created at 2026-02-26T10:00:00Z, before this change, and does not \
                     mention the value of `Incident`",
                ),
            ),
            ("created: 2026-02-26T10:00:00Z, text: about INC-1", None),
            (
                "created: 2026-02-26T10:00:00Z, text: INC-1, doubt: PAY-0",
                Some(
                    " says that it was created at 2026-02-26T10:00:00Z, which cannot be trusted: PAY-0 has a lower \
                     number and was created later, at 2026-03-01T10:00:00Z; this ticket was imported, moved or back-dated",
                ),
            ),
        ] {
            let wrong: Vec<String> = wrong.iter().map(|wrong| format!("the ticket `PAY-1`{wrong}")).collect();
            assert_eq!(says(ticket), wrong, "{ticket}");
        }
        let unknown = says("created: 2026-03-01T11:00:00Z, doubt: unknown");
        assert!(unknown[0].starts_with("unknown: "), "{unknown:?}");
        // Existence is no question of time.
        assert_eq!(finding_texts(&looked_up("exists: true", "PAY-1: { doubt: odd }")), [""; 0]);
    }

    /// Without a ticket the change passes against an obligation, which is in time for 23 hours and
    /// overdue after 25.
    #[test]
    fn without_a_ticket_it_is_owed_until_the_limit() {
        let text = "within: 24h, exists: true, created-within: 24h, about: Incident";
        let question = format!("ask: {{ ticket: {{ field: Ticket, {text} }} }}{FIELDS}{INCIDENT}");
        let PredicateAnswer::Holds(owed) = answer_for_messages(&question, &["x\n\nIncident: INC-1\n"]) else {
            panic!()
        };
        let due = owed[0].due.unwrap();
        let after = |hours| {
            "2026-01-01T00:00:00Z".parse::<jiff::Timestamp>().unwrap()
                + jiff::SignedDuration::from_hours(hours)
        };
        assert!(after(23) <= due && after(24) == due && due < after(25));
    }

    #[test]
    fn what_nobody_can_be_asked_about_is_owed_only_if_the_policy_says_so() {
        let strict = looked_up("within: 24h, exists: true", "PAY-1: unknown");
        assert!(matches!(strict, PredicateAnswer::Unknown(_)), "{strict:?}");
        let lenient = "within: 24h, exists: true, unseen: owe";
        let PredicateAnswer::Holds(owed) = looked_up(lenient, "PAY-1: unknown") else { panic!() };
        assert_eq!(owed[0].what.to_plain_text(), "`Ticket` within 24 hours: a ticket that exists");
        assert_eq!(owed[0].due.unwrap().to_string(), "2026-03-02T10:00:00Z");
        assert_eq!(looked_up(lenient, "PAY-1: {}"), PredicateAnswer::Holds(Vec::new()));
        assert!(matches!(looked_up(lenient, "PAY-1: absent"), PredicateAnswer::Fails(_)));
    }

    #[test]
    fn every_ticket_that_is_named_is_asked_about() {
        let question = format!(
            "ask: {{ ticket: {{ field: Ticket, exists: true }} }}{FIELDS}change:\n  tickets: {{ PAY-1: {{}}, PAY-2: absent, PAY-3: unknown }}\n  \
             commits: [{{ message: \"x\\n\\nTicket: PAY-1\\nTicket: PAY-2\\nTicket: PAY-3\\n\" }}]\n"
        );
        assert_eq!(finding_texts(&answer_example(&question)).len(), 1);
        let question = question.replace("PAY-2: absent", "PAY-2: {}");
        assert!(matches!(answer_example(&question), PredicateAnswer::Unknown(_)));
    }

    #[test]
    fn a_question_about_something_else_than_references_is_refused() {
        for question in [
            "{}",
            "{ field: Plan }",
            "{ field: Tickt }",
            "{ field: Ticket, max: 0 }",
            "{ field: Ticket, within: soon }",
            "{ field: Ticket, exists: false }",
            "{ field: Ticket, state: done }",
            "{ field: Ticket, state: {} }",
            "{ field: Ticket, project: [] }",
            "{ field: Ticket, created-within: 24h }",
            "{ field: Ticket, created-within: 24h, about: [Incidnt] }",
            "{ field: Ticket, about: [One] }",
            "{ field: Ticket, created-within: 24h, about: [One, Refs] }",
            "{ field: Ticket, exists: true, unseen: owe }",
            "{ field: Ticket, within: 24h, unseen: owe }",
            "{ field: Ticket, within: 24h, exists: true, unseen: pass }",
            "Ticket",
        ] {
            assert_eq!(
                question_faults(&format!("ask: {{ ticket: {question} }}{FIELDS}")).len(),
                1,
                "{question}"
            );
        }
        let owed = "{ not: { ticket: { field: Ticket, within: 24h } } }";
        assert_eq!(question_faults(&format!("ask: {owed}{FIELDS}")).len(), 1);
    }
}
