//! What `ticket` asks of the ticket itself, once a ticket system has been asked about it.

use std::sync::Arc;

use jiff::Timestamp;

use crate::calendar::TimeLimit;
use crate::change::folded_name::fold_name;
use crate::change::ticket::{CreationDoubt, TicketTiming};
use crate::change::{Missing, Text, Ticket};
use crate::predicates::support::context::{EvaluationContext, PolicyScope};
use crate::predicates::support::field_obligation::read_time_limit;
use crate::predicates::support::map_keys::{read_key, read_texts_key};
use crate::predicates::support::parameters::quote_patterns;
use crate::verdict::{Message, duration_message, messages};
use crate::vocabulary::{FieldClaim, FieldDefinition, FieldReading};
use crate::yaml::decode::{MapReader, read_bool, read_choice, read_items, read_text, read_texts};
use crate::yaml::{YamlFault, YamlNode, YamlValue};

messages! {
    LOWER_KEY_IS_LATER = "ticket.lower-key-is-later": "{lower} has a lower number and was created later, at {created}; this ticket was imported, moved or back-dated";
    IMPORTED = "ticket.imported": "the export says that the ticket was imported; its creation time is not proved";
    THAT_EXISTS = "ticket.that-exists": "that exists";
    IN_PROJECT = "ticket.in-project": "in the project {names/or}";
    OF_TYPE = "ticket.of-type": "of the type {names/or}";
    WITH_LABEL = "ticket.with-label": "with the label {names/or}";
    THAT_IS_OPEN = "ticket.that-is-open": "that is open";
    THAT_IS_CLOSED = "ticket.that-is-closed": "that is closed";
    IN_STATE = "ticket.in-state": "in the state {names/or}";
    CREATED_WITHIN = "ticket.created-within": "created within {limit}, and mentioning the value of {fields/or} if it is older than the change";
    NOT_FOUND = "ticket.not-found": "`{field}` names {ticket}, which does not exist or is not visible to the gate";
    OTHER_PROJECT = "ticket.other-project": "the ticket {ticket} is in the project {project}, not in {projects/or}";
    OTHER_TYPE = "ticket.other-type": "the ticket {ticket} is of the type {type}, not {types/or}";
    LABEL_MISSING = "ticket.label-missing": "the ticket {ticket} does not have the label {labels/or}";
    OTHER_STATE = "ticket.other-state": "the ticket {ticket} is {state}; it must be {states/or}";
    NOT_OPEN = "ticket.not-open": "the ticket {ticket} is {state}; it must be open";
    NOT_CLOSED = "ticket.not-closed": "the ticket {ticket} is {state}; it must be closed";
    STATE_UNKNOWN = "ticket.state-unknown": "the ticket {ticket} is {state}, and the ticket system does not say whether that is open or closed";
    CREATED_LATE = "ticket.created-late": "the ticket {ticket} was created at {created}, {excess} after its limit of {limit}";
    UNRELATED = "ticket.unrelated": "the ticket {ticket} is about something else: it was created at {created}, before this change, and does not mention the value of {fields/or}";
    BACKDATED = "ticket.backdated": "the ticket {ticket} says that it was created at {created}, which cannot be trusted: {reason}";
}

/// What the ticket itself has to be like; all parameters that are given apply.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TicketRequirement {
    projects: Vec<String>,
    kinds: Vec<String>,
    labels: Vec<String>,
    state: Option<RequiredTicketState>,
    creation: Option<CreationRequirement>,
}

/// The state that a ticket has to be in.
#[derive(Clone, Debug, PartialEq)]
enum RequiredTicketState {
    Open,
    Closed,
    OneOf(Vec<String>),
}

/// When a ticket has to be created.
#[derive(Clone, Debug, PartialEq)]
struct CreationRequirement {
    time_limit: TimeLimit,
    about_fields: Vec<Arc<FieldDefinition>>,
}

impl TicketRequirement {
    /// Reads what is asked of the ticket itself; `None` if that is nothing.
    pub(crate) fn read_requirement(
        map: &mut MapReader<'_>,
        scope: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let exists = map.find_key("exists");
        if let Some(node) = exists
            && read_bool(node, faults) == Some(false)
        {
            let fault = YamlFault::new(node.at, "`exists` can only be `true`");
            faults.push(fault.with_help("put the whole predicate under `not`"));
        }
        let requirement = TicketRequirement {
            projects: read_texts_key(map, "project", faults),
            kinds: read_texts_key(map, "type", faults),
            labels: read_texts_key(map, "label", faults),
            state: read_key(map, "state", faults, RequiredTicketState::read_state),
            creation: CreationRequirement::read_creation(map, scope, faults),
        };
        (exists.is_some() || !requirement.is_empty()).then_some(requirement)
    }

    /// Returns true if an older ticket would only have to mention what stands in `field`.
    pub(crate) fn is_about_field(&self, field: &FieldDefinition) -> bool {
        let Some(creation) = &self.creation else { return false };
        creation.about_fields.iter().any(|about| about.name == field.name)
    }

    /// Returns how long after the change a ticket may be created, if the policy limits that.
    pub(crate) fn creation_limit(&self) -> Option<TimeLimit> {
        Some(self.creation.as_ref()?.time_limit)
    }

    /// Returns the fields one of which an older ticket has to mention, if the policy says which.
    pub(crate) fn about_fields(&self) -> Option<&[Arc<FieldDefinition>]> {
        Some(&self.creation.as_ref()?.about_fields)
    }

    /// Returns what would make a ticket of when it was created: words that it lacks, or that nothing does.
    pub(crate) fn find_creation_repair(
        &self,
        ticket: &Ticket,
        context: &EvaluationContext<'_>,
    ) -> CreationRepair {
        let Some(creation) = &self.creation else { return CreationRepair::NotNeeded };
        let about = creation.list_about_words(context);
        match creation.check_ticket(ticket, &about, context) {
            Ok(TicketTiming::InTime { .. }) | Err(_) => CreationRepair::NotNeeded,
            Ok(TicketTiming::Unrelated) => match about.into_iter().next() {
                Some(word) => CreationRepair::Mention(word),
                None => CreationRepair::OtherTicket,
            },
            // When a ticket was created does not change.
            Ok(TicketTiming::Late { .. } | TicketTiming::BackDated(_)) => CreationRepair::OtherTicket,
        }
    }

    /// Returns a ticket of this key that is as asked, made at `created`.
    pub(crate) fn sample_ticket(&self, key: &Text, created: Timestamp) -> Ticket {
        let first =
            |names: &[String], otherwise: &str| Text::from(names.first().map_or(otherwise, String::as_str));
        let prefix = key.to_lossy().split('-').next().unwrap_or_default().to_owned();
        let (state, is_closed) = match &self.state {
            Some(RequiredTicketState::Closed) => (Text::from("closed"), true),
            Some(RequiredTicketState::OneOf(names)) => (first(names, "open"), false),
            Some(RequiredTicketState::Open) | None => (Text::from("open"), false),
        };
        Ticket {
            key: key.clone(),
            project: first(&self.projects, &prefix),
            created,
            backdated: Ok(None),
            kind: first(&self.kinds, "task"),
            labels: self.labels.first().map(|label| Text::from(label.as_str())).into_iter().collect(),
            state,
            is_closed: Some(is_closed),
            assignee: None,
            text: Text::default(),
            url: Text::default(),
            source: Text::default(),
            outsider: None,
        }
    }

    fn is_empty(&self) -> bool {
        self.projects.is_empty()
            && self.kinds.is_empty()
            && self.labels.is_empty()
            && self.state.is_none()
            && self.creation.is_none()
    }

    /// Returns what is asked, each to follow `refers to a ticket`.
    pub(crate) fn describe_parts(&self) -> Vec<Message> {
        let mut parts = vec![Message::from(&THAT_EXISTS)];
        for (names, template) in
            [(&self.projects, &IN_PROJECT), (&self.kinds, &OF_TYPE), (&self.labels, &WITH_LABEL)]
        {
            if !names.is_empty() {
                parts.push(template.with("names", quote_patterns(names)));
            }
        }
        if let Some(state) = &self.state {
            parts.push(state.describe_state());
        }
        if let Some(creation) = &self.creation {
            let fields = quote_patterns(&field_names(&creation.about_fields));
            parts.push(CREATED_WITHIN.with("limit", creation.time_limit).with("fields", fields));
        }
        parts
    }

    /// Returns what is wrong with the ticket that `claim` names.
    ///
    /// # Errors
    ///
    /// Returns the fact that is missing.
    pub(crate) fn find_violations(
        &self,
        claim: &FieldClaim<'_>,
        field: &FieldDefinition,
        context: &EvaluationContext<'_>,
    ) -> Result<Vec<Message>, Missing> {
        let Some(ticket) = context.change.find_ticket(&claim.value)? else {
            return Ok(vec![NOT_FOUND.with("field", field.name.as_str()).with("ticket", &*claim.value)]);
        };
        let mut violations = self.find_differences(&claim.value, ticket);
        if let Some(creation) = &self.creation {
            match creation.find_violation(&claim.value, ticket, context) {
                Ok(violation) => violations.extend(violation),
                Err(missing) if violations.is_empty() => return Err(missing),
                Err(_) => {}
            }
        }
        Ok(violations)
    }

    /// Returns how a ticket, which was asked for as `named`, differs from what is asked of every
    /// ticket, whenever it was created.
    pub(crate) fn find_differences(&self, named: &Text, ticket: &Ticket) -> Vec<Message> {
        let mut differences = Vec::new();
        if !self.projects.is_empty() && !matches_any_name(&ticket.project, &self.projects) {
            let message = OTHER_PROJECT.with("ticket", named).with("project", &ticket.project);
            differences.push(message.with("projects", quote_patterns(&self.projects)));
        }
        if !self.kinds.is_empty() && !matches_any_name(&ticket.kind, &self.kinds) {
            let message = OTHER_TYPE.with("ticket", named).with("type", &ticket.kind);
            differences.push(message.with("types", quote_patterns(&self.kinds)));
        }
        let has_label = ticket.labels.iter().any(|label| matches_any_name(label, &self.labels));
        if !self.labels.is_empty() && !has_label {
            let message = LABEL_MISSING.with("ticket", named);
            differences.push(message.with("labels", quote_patterns(&self.labels)));
        }
        if let Some(state) = &self.state {
            differences.extend(state.find_mismatch(named, ticket));
        }
        differences
    }
}

/// What would make a ticket count that was created at another time than is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CreationRepair {
    /// Nothing is wrong with when it was created, or that is not known.
    NotNeeded,
    /// It has to mention this.
    Mention(Text),
    /// Only another ticket would count.
    OtherTicket,
}

impl RequiredTicketState {
    fn read_state(node: &YamlNode, faults: &mut Vec<YamlFault>) -> Option<Self> {
        if let YamlValue::Map(_) = &node.value {
            let mut map = MapReader::new(node, faults)?;
            let names = match map.require_key("one-of", faults) {
                Some(node) => read_texts(node, faults),
                None => Vec::new(),
            };
            map.refuse_unknown_keys(faults);
            return Some(RequiredTicketState::OneOf(names.into_iter().map(str::to_owned).collect()));
        }
        let words = [("open", RequiredTicketState::Open), ("closed", RequiredTicketState::Closed)];
        let before = faults.len();
        let state = read_choice(node, &words, faults);
        if let Some(fault) = faults.get_mut(before..).and_then(<[YamlFault]>::first_mut) {
            fault.help = Some("the names of a ticket system go under `one-of: [names]`".into());
        }
        state
    }

    fn describe_state(&self) -> Message {
        match self {
            RequiredTicketState::Open => Message::from(&THAT_IS_OPEN),
            RequiredTicketState::Closed => Message::from(&THAT_IS_CLOSED),
            RequiredTicketState::OneOf(names) => IN_STATE.with("names", quote_patterns(names)),
        }
    }

    /// Returns why the ticket's state is wrong; `None` if it is as asked.
    fn find_mismatch(&self, named: &Text, ticket: &Ticket) -> Option<Message> {
        let template = match (self, ticket.is_closed) {
            (RequiredTicketState::Open, Some(false)) | (RequiredTicketState::Closed, Some(true)) => {
                return None;
            }
            (RequiredTicketState::Open | RequiredTicketState::Closed, None) => &STATE_UNKNOWN,
            (RequiredTicketState::Open, Some(true)) => &NOT_OPEN,
            (RequiredTicketState::Closed, Some(false)) => &NOT_CLOSED,
            (RequiredTicketState::OneOf(names), _) => {
                if matches_any_name(&ticket.state, names) {
                    return None;
                }
                let message = OTHER_STATE.with("ticket", named).with("state", &ticket.state);
                return Some(message.with("states", quote_patterns(names)));
            }
        };
        Some(template.with("ticket", named).with("state", &ticket.state))
    }
}

impl CreationRequirement {
    fn read_creation(
        map: &mut MapReader<'_>,
        scope: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let within = map.find_key("created-within");
        let about = map.find_key("about");
        let mut about_fields = Vec::new();
        if let Some(node) = about {
            for item in read_items(node, faults) {
                let Some(name) = read_text(item, faults) else { continue };
                about_fields.extend(scope.vocabulary.resolve_field(item, name, faults).cloned());
            }
        }
        match (within, about) {
            (Some(node), None) => {
                let what = "`created-within` needs `about`: the fields whose value a ticket must mention if it is older \
                            than the change";
                faults.push(YamlFault::new(node.at, what).with_help("as in `about: [Incident]`"));
            }
            (None, Some(node)) => faults.push(YamlFault::new(node.at, "`about` needs `created-within`")),
            _ => {}
        }
        // Nothing is owed by this, so that it may stand anywhere.
        let anywhere = PolicyScope { allows_obligations: true, ..*scope };
        let time_limit = read_time_limit(within?, &anywhere, faults)?;
        about.map(|_| CreationRequirement { time_limit, about_fields })
    }

    /// Returns what the change says in the fields one of which an older ticket has to mention.
    fn list_about_words(&self, context: &EvaluationContext<'_>) -> Vec<Text> {
        let mut about: Vec<Text> = Vec::new();
        for field in &self.about_fields {
            if let FieldReading::Stated { claims, .. } = field.read_from_change(context.change) {
                about.extend(claims.into_iter().map(|claim| claim.value.into_owned()));
            }
        }
        about
    }

    fn check_ticket(
        &self,
        ticket: &Ticket,
        about: &[Text],
        context: &EvaluationContext<'_>,
    ) -> Result<TicketTiming, Missing> {
        let since = context.change.seen_at;
        let due = self.time_limit.due_after(since, context.people.holidays());
        ticket.check_timing(since, due, &about.iter().collect::<Vec<_>>())
    }

    /// Returns what is wrong with when the ticket was created.
    fn find_violation(
        &self,
        named: &Text,
        ticket: &Ticket,
        context: &EvaluationContext<'_>,
    ) -> Result<Option<Message>, Missing> {
        let timing = self.check_ticket(ticket, &self.list_about_words(context), context)?;
        let message = match timing {
            TicketTiming::InTime { .. } => return Ok(None),
            TicketTiming::Late { late_by } => {
                CREATED_LATE.with("excess", duration_message(late_by)).with("limit", self.time_limit)
            }
            TicketTiming::Unrelated => {
                UNRELATED.with("fields", quote_patterns(&field_names(&self.about_fields)))
            }
            TicketTiming::BackDated(doubt) => BACKDATED.with("reason", doubt_message(&doubt)),
        };
        Ok(Some(message.with("ticket", named).with("created", ticket.created.to_string())))
    }
}

/// Returns the evidence against a ticket's time as a message.
pub(crate) fn doubt_message(doubt: &CreationDoubt) -> Message {
    match doubt {
        CreationDoubt::LowerKeyIsLater { lower, lower_created } => {
            LOWER_KEY_IS_LATER.with("lower", lower.as_str()).with("created", lower_created.to_string())
        }
        CreationDoubt::Imported => Message::from(&IMPORTED),
    }
}

fn field_names(fields: &[Arc<FieldDefinition>]) -> Vec<&str> {
    fields.iter().map(|field| field.name.as_str()).collect()
}

/// Returns true if and only if this is one of the names, in any case.
fn matches_any_name(written: &Text, names: &[String]) -> bool {
    let Some(written) = written.as_utf8() else { return false };
    let written = fold_name(written);
    names.iter().any(|name| fold_name(name) == written)
}
