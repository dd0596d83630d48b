//! What `ticket` asks of the ticket itself, once a ticket system has been asked about it.

use std::sync::Arc;

use crate::calendar::TimeLimit;
use crate::change::ticket::TicketTiming;
use crate::change::{Missing, Text, Ticket};
use crate::predicates::field::read_within;
use crate::predicates::parameters::format_alternatives;
use crate::predicates::{EvaluationContext, PolicyScope};
use crate::verdict::{Finding, Sentence};
use crate::vocabulary::{FieldClaim, FieldDefinition, FieldReading};
use crate::yaml::decode::{MapReader, read_bool, read_choice, read_items, read_text, read_texts};
use crate::yaml::{YamlFault, YamlNode, YamlValue};

/// What is asked; all of it is meant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TicketRequirement {
    projects: Vec<String>,
    kinds: Vec<String>,
    labels: Vec<String>,
    state: Option<RequiredTicketState>,
    creation: Option<CreationRequirement>,
}

/// The state that a ticket is to be in.
#[derive(Clone, Debug, PartialEq)]
enum RequiredTicketState {
    Open,
    Closed,
    OneOf(Vec<String>),
}

/// When a ticket is to have been made.
#[derive(Clone, Debug, PartialEq)]
struct CreationRequirement {
    time_limit: TimeLimit,
    about_fields: Vec<Arc<FieldDefinition>>,
}

impl TicketRequirement {
    /// Reads what is asked; `None` if that is nothing.
    pub(crate) fn read_requirement(
        map: &mut MapReader<'_>,
        known: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let exists = map.find_key("exists").inspect(|node| {
            if read_bool(node, faults) == Some(false) {
                let help = "put the whole question under `not`";
                faults.push(YamlFault::new(node.at, "`exists` can only be `true`").with_help(help));
            }
        });
        let mut words = |key: &'static str| -> Vec<String> {
            let words = map.find_key(key).map(|node| read_texts(node, faults)).unwrap_or_default();
            words.into_iter().map(str::to_owned).collect()
        };
        let (projects, kinds, labels) = (words("project"), words("type"), words("label"));
        let state = map.find_key("state").and_then(|node| RequiredTicketState::read_state(node, faults));
        let timely = CreationRequirement::read_creation(map, known, faults);
        let asked = TicketRequirement { projects, kinds, labels, state, creation: timely };
        (exists.is_some() || !asked.asks_nothing()).then_some(asked)
    }

    /// Returns true if an older ticket would only have to name what stands in `field`.
    pub(crate) fn is_about_field(&self, field: &FieldDefinition) -> bool {
        self.creation.iter().flat_map(|timely| &timely.about_fields).any(|about| about.name == field.name)
    }

    /// Returns how long after the change a ticket may be made, if that is asked.
    pub(crate) fn creation_limit(&self) -> Option<TimeLimit> {
        self.creation.as_ref().map(|timely| timely.time_limit)
    }

    /// Returns the fields one of which an older ticket has to name, if the policy says which.
    pub(crate) fn about_fields(&self) -> Option<&[Arc<FieldDefinition>]> {
        self.creation.as_ref().map(|timely| timely.about_fields.as_slice())
    }

    fn asks_nothing(&self) -> bool {
        let lists = [&self.projects, &self.kinds, &self.labels];
        lists.iter().all(|list| list.is_empty()) && self.state.is_none() && self.creation.is_none()
    }

    /// Returns what is asked, each in words that follow `refers to a ticket`.
    pub(crate) fn describe_parts(&self) -> Vec<String> {
        let mut words = vec!["that is there".to_owned()];
        let mut add = |list: &[String], start: &str| {
            if !list.is_empty() {
                words.push(format!("{start} {}", format_alternatives(list)));
            }
        };
        add(&self.projects, "in the project");
        add(&self.kinds, "of the type");
        add(&self.labels, "with the label");
        if let Some(state) = &self.state {
            words.push(state.describe_state());
        }
        if let Some(CreationRequirement { time_limit: within, about_fields: about }) = &self.creation {
            let about = format_alternatives(&field_names(about));
            words.push(format!(
                "made within {within}, and naming what {about} says if it is older than the change"
            ));
        }
        words
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
        seen: &EvaluationContext<'_>,
    ) -> Result<Vec<Sentence>, Missing> {
        let Some(ticket) = seen.change.find_ticket(claim.value)? else {
            let what = Sentence::from_words(format!("`{}` names ", field.name)).with_quote(claim.value);
            return Ok(vec![what.with_words(", and there is no such ticket, or none that the gate may see")]);
        };
        let mut wrong = self.find_differences(claim.value, ticket);
        if let Some(timely) = &self.creation {
            match timely.find_violation(ticket, seen) {
                Ok(why) => {
                    wrong.extend(why.map(|why| {
                        Sentence::from_words("the ticket ").with_quote(claim.value).with_sentence(why)
                    }));
                }
                Err(missing) if wrong.is_empty() => return Err(missing),
                Err(_) => {}
            }
        }
        Ok(wrong)
    }

    /// Returns in what a ticket, which was asked for as `named`, is unlike what is asked of every
    /// ticket, whenever it was made.
    pub(crate) fn find_differences(&self, named: &Text, ticket: &Ticket) -> Vec<Sentence> {
        let the = || Sentence::from_words("the ticket ").with_quote(named);
        let mut wrong = Vec::new();
        if !self.projects.is_empty() && !matches_any_name(&ticket.project, &self.projects) {
            let what = the().with_words(" is in the project ").with_quote(&ticket.project);
            wrong.push(what.with_words(format!(", and not in {}", format_alternatives(&self.projects))));
        }
        if !self.kinds.is_empty() && !matches_any_name(&ticket.kind, &self.kinds) {
            let what = the().with_words(" is of the type ").with_quote(&ticket.kind);
            wrong.push(what.with_words(format!(", and not {}", format_alternatives(&self.kinds))));
        }
        if !self.labels.is_empty() && !ticket.labels.iter().any(|label| matches_any_name(label, &self.labels))
        {
            wrong.push(
                the().with_words(format!(" does not have the label {}", format_alternatives(&self.labels))),
            );
        }
        if let Some(state) = &self.state
            && let Some(asked) = state.describe_mismatch(ticket)
        {
            wrong.push(
                the().with_words(" is ").with_quote(&ticket.state).with_words(format!(", and {asked}")),
            );
        }
        wrong
    }
}

impl RequiredTicketState {
    fn read_state(node: &YamlNode, faults: &mut Vec<YamlFault>) -> Option<Self> {
        if let YamlValue::Map(_) = &node.value {
            let mut map = MapReader::new(node, faults)?;
            let names =
                map.require_key("one-of", faults).map(|node| read_texts(node, faults)).unwrap_or_default();
            map.refuse_unknown_keys(faults);
            return Some(RequiredTicketState::OneOf(names.into_iter().map(str::to_owned).collect()));
        }
        let words = [("open", RequiredTicketState::Open), ("closed", RequiredTicketState::Closed)];
        let before = faults.len();
        let state = read_choice(node, &words, faults);
        if let Some(fault) = faults.get_mut(before..).and_then(|new| new.first_mut()) {
            fault.help = Some("the names of a ticket system go under `one-of: [names]`".into());
        }
        state
    }

    fn describe_state(&self) -> String {
        match self {
            RequiredTicketState::Open => "that is open".into(),
            RequiredTicketState::Closed => "that is closed".into(),
            RequiredTicketState::OneOf(names) => format!("in the state {}", format_alternatives(names)),
        }
    }

    /// Returns what is asked instead, in words that follow the state; `None` if it is as asked.
    fn describe_mismatch(&self, ticket: &Ticket) -> Option<String> {
        match (self, ticket.is_closed) {
            (RequiredTicketState::Open, Some(false)) | (RequiredTicketState::Closed, Some(true)) => None,
            (RequiredTicketState::Open | RequiredTicketState::Closed, None) => {
                Some("nobody says whether that is open or closed".into())
            }
            (RequiredTicketState::Open, Some(true)) => Some("is asked to be open".into()),
            (RequiredTicketState::Closed, Some(false)) => Some("is asked to be closed".into()),
            (RequiredTicketState::OneOf(names), _) if matches_any_name(&ticket.state, names) => None,
            (RequiredTicketState::OneOf(names), _) => {
                Some(format!("is asked to be {}", format_alternatives(names)))
            }
        }
    }
}

impl CreationRequirement {
    fn read_creation(
        map: &mut MapReader<'_>,
        known: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let within = map.find_key("created-within");
        let about = map.find_key("about");
        let fields = about.map(|node| {
            let mut fields = Vec::new();
            for item in read_items(node, faults) {
                let Some(name) = read_text(item, faults) else { continue };
                fields.extend(known.vocabulary.resolve_field(item, name, faults).cloned());
            }
            fields
        });
        match (within, about) {
            (Some(node), None) => {
                let what = "`created-within` takes `about`: the fields whose value a ticket that is older than the \
                            change has to name";
                faults.push(YamlFault::new(node.at, what).with_help("as in `about: [Incident]`"));
            }
            (None, Some(node)) => faults.push(YamlFault::new(node.at, "`about` belongs to `created-within`")),
            _ => {}
        }
        // Nothing is owed by this, so that it may stand anywhere.
        let anywhere = PolicyScope { allows_obligations: true, ..*known };
        let within = within.and_then(|node| read_within(node, &anywhere, faults))?;
        Some(CreationRequirement { time_limit: within, about_fields: fields? })
    }

    /// Returns what is wrong with when the ticket was made, in words that follow the ticket.
    fn find_violation(
        &self,
        ticket: &Ticket,
        seen: &EvaluationContext<'_>,
    ) -> Result<Option<Sentence>, Missing> {
        let since = seen.change.seen_at;
        let mut about: Vec<&Text> = Vec::new();
        for field in &self.about_fields {
            if let FieldReading::Stated { claims, .. } = field.read_from_change(seen.change) {
                about.extend(claims.iter().map(|claim| claim.value));
            }
        }
        Ok(match ticket.check_timing(since, self.time_limit.due_after(since), &about)? {
            TicketTiming::InTime { .. } => None,
            TicketTiming::Late { late_by: by } => {
                let (made, within) = (ticket.created, self.time_limit);
                Some(Sentence::from_words(format!(
                    " was made at {made}, which is {by:#} after the {within} that it had"
                )))
            }
            TicketTiming::Unrelated => {
                let about = format_alternatives(&field_names(&self.about_fields));
                let made = ticket.created;
                Some(Sentence::from_words(format!(
                    " is about something else: it was made at {made}, before this change, and does not name what \
                     {about} says"
                )))
            }
            TicketTiming::BackDated(why) => {
                let made = ticket.created;
                Some(Sentence::from_words(format!(
                    " says that it was made at {made}, which cannot be believed: {why}"
                )))
            }
        })
    }
}

/// Returns the finding that `what` is wrong with the ticket that `claim` names.
pub(crate) fn ticket_finding(
    what: Sentence,
    claim: &FieldClaim<'_>,
    seen: &EvaluationContext<'_>,
) -> Finding {
    claim.locate_finding(Finding::new(what), seen.change)
}

fn field_names(fields: &[Arc<FieldDefinition>]) -> Vec<&str> {
    fields.iter().map(|field| field.name.as_str()).collect()
}

/// Returns true if and only if this is one of the names, in any case.
fn matches_any_name(said: &Text, names: &[String]) -> bool {
    said.as_utf8().is_some_and(|said| names.iter().any(|name| name.to_lowercase() == said.to_lowercase()))
}
