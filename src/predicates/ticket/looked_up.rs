//! What `ticket` asks of the ticket itself, once a ticket system has been asked about it.

use std::sync::Arc;

use super::super::field::read_within;
use super::super::parameters::either;
use super::super::{Known, Seen};
use crate::calendar::Within;
use crate::change::ticket::Timing;
use crate::change::{Missing, Text, Ticket};
use crate::verdict::{Finding, Line};
use crate::vocabulary::{Claim, Field, Reading};
use crate::yaml::decode::{Map, choice, items, text, texts, truth};
use crate::yaml::{Fault, Node, Value};

/// What is asked; all of it is meant.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Asked {
    projects: Vec<String>,
    kinds: Vec<String>,
    labels: Vec<String>,
    state: Option<State>,
    timely: Option<Timely>,
}

/// The state that a ticket is to be in.
#[derive(Clone, Debug, PartialEq)]
enum State {
    Open,
    Closed,
    OneOf(Vec<String>),
}

/// When a ticket is to have been made.
#[derive(Clone, Debug, PartialEq)]
struct Timely {
    within: Within,
    about: Vec<Arc<Field>>,
}

impl Asked {
    /// Reads what is asked; `None` if that is nothing.
    pub(super) fn read(map: &mut Map<'_>, known: &Known<'_>, faults: &mut Vec<Fault>) -> Option<Self> {
        let exists = map.get("exists").inspect(|node| {
            if truth(node, faults) == Some(false) {
                let help = "put the whole question under `not`";
                faults.push(Fault::new(node.at, "`exists` can only be `true`").help(help));
            }
        });
        let mut words = |key: &'static str| -> Vec<String> {
            let words = map.get(key).map(|node| texts(node, faults)).unwrap_or_default();
            words.into_iter().map(str::to_owned).collect()
        };
        let (projects, kinds, labels) = (words("project"), words("type"), words("label"));
        let state = map.get("state").and_then(|node| State::read(node, faults));
        let timely = Timely::read(map, known, faults);
        let asked = Asked { projects, kinds, labels, state, timely };
        (exists.is_some() || !asked.is_bare()).then_some(asked)
    }

    /// Returns true if an older ticket would only have to name what stands in `field`.
    pub(super) fn is_about(&self, field: &Field) -> bool {
        self.timely.iter().flat_map(|timely| &timely.about).any(|about| about.name == field.name)
    }

    /// Returns how long after the change a ticket may be made, if that is asked.
    pub(super) fn within(&self) -> Option<Within> {
        self.timely.as_ref().map(|timely| timely.within)
    }

    /// Returns the fields one of which an older ticket has to name, if the policy says which.
    pub(super) fn about(&self) -> Option<&[Arc<Field>]> {
        self.timely.as_ref().map(|timely| timely.about.as_slice())
    }

    fn is_bare(&self) -> bool {
        let lists = [&self.projects, &self.kinds, &self.labels];
        lists.iter().all(|list| list.is_empty()) && self.state.is_none() && self.timely.is_none()
    }

    /// Returns what is asked, each in words that follow `refers to a ticket`.
    pub(super) fn words(&self) -> Vec<String> {
        let mut words = vec!["that is there".to_owned()];
        let mut add = |list: &[String], start: &str| {
            if !list.is_empty() {
                words.push(format!("{start} {}", either(list)));
            }
        };
        add(&self.projects, "in the project");
        add(&self.kinds, "of the type");
        add(&self.labels, "with the label");
        if let Some(state) = &self.state {
            words.push(state.words());
        }
        if let Some(Timely { within, about }) = &self.timely {
            let about = either(&names(about));
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
    pub(super) fn wrong(
        &self,
        claim: &Claim<'_>,
        field: &Field,
        seen: &Seen<'_>,
    ) -> Result<Vec<Line>, Missing> {
        let Some(ticket) = seen.change.ticket(claim.value)? else {
            let what = Line::say(format!("`{}` names ", field.name)).quote(claim.value);
            return Ok(vec![what.and(", and there is no such ticket, or none that the gate may see")]);
        };
        let mut wrong = self.unlike(claim.value, ticket);
        if let Some(timely) = &self.timely {
            match timely.wrong(ticket, seen) {
                Ok(why) => {
                    wrong.extend(why.map(|why| Line::say("the ticket ").quote(claim.value).then(why)));
                }
                Err(missing) if wrong.is_empty() => return Err(missing),
                Err(_) => {}
            }
        }
        Ok(wrong)
    }

    /// Returns in what a ticket, which was asked for as `named`, is unlike what is asked of every
    /// ticket, whenever it was made.
    pub(super) fn unlike(&self, named: &Text, ticket: &Ticket) -> Vec<Line> {
        let the = || Line::say("the ticket ").quote(named);
        let mut wrong = Vec::new();
        if !self.projects.is_empty() && !is_one_of(&ticket.project, &self.projects) {
            let what = the().and(" is in the project ").quote(&ticket.project);
            wrong.push(what.and(format!(", and not in {}", either(&self.projects))));
        }
        if !self.kinds.is_empty() && !is_one_of(&ticket.kind, &self.kinds) {
            let what = the().and(" is of the type ").quote(&ticket.kind);
            wrong.push(what.and(format!(", and not {}", either(&self.kinds))));
        }
        if !self.labels.is_empty() && !ticket.labels.iter().any(|label| is_one_of(label, &self.labels)) {
            wrong.push(the().and(format!(" does not have the label {}", either(&self.labels))));
        }
        if let Some(state) = &self.state
            && let Some(asked) = state.mismatch(ticket)
        {
            wrong.push(the().and(" is ").quote(&ticket.state).and(format!(", and {asked}")));
        }
        wrong
    }
}

impl State {
    fn read(node: &Node, faults: &mut Vec<Fault>) -> Option<Self> {
        if let Value::Map(_) = &node.value {
            let mut map = Map::new(node, faults)?;
            let names = map.require("one-of", faults).map(|node| texts(node, faults)).unwrap_or_default();
            map.finish(faults);
            return Some(State::OneOf(names.into_iter().map(str::to_owned).collect()));
        }
        let words = [("open", State::Open), ("closed", State::Closed)];
        let before = faults.len();
        let state = choice(node, &words, faults);
        if let Some(fault) = faults.get_mut(before..).and_then(|new| new.first_mut()) {
            fault.help = Some("the names of a ticket system go under `one-of: [names]`".into());
        }
        state
    }

    fn words(&self) -> String {
        match self {
            State::Open => "that is open".into(),
            State::Closed => "that is closed".into(),
            State::OneOf(names) => format!("in the state {}", either(names)),
        }
    }

    /// Returns what is asked instead, in words that follow the state; `None` if it is as asked.
    fn mismatch(&self, ticket: &Ticket) -> Option<String> {
        match (self, ticket.is_closed) {
            (State::Open, Some(false)) | (State::Closed, Some(true)) => None,
            (State::Open | State::Closed, None) => Some("nobody says whether that is open or closed".into()),
            (State::Open, Some(true)) => Some("is asked to be open".into()),
            (State::Closed, Some(false)) => Some("is asked to be closed".into()),
            (State::OneOf(names), _) if is_one_of(&ticket.state, names) => None,
            (State::OneOf(names), _) => Some(format!("is asked to be {}", either(names))),
        }
    }
}

impl Timely {
    fn read(map: &mut Map<'_>, known: &Known<'_>, faults: &mut Vec<Fault>) -> Option<Self> {
        let within = map.get("created-within");
        let about = map.get("about");
        let fields = about.map(|node| {
            let mut fields = Vec::new();
            for item in items(node, faults) {
                let Some(name) = text(item, faults) else { continue };
                fields.extend(known.vocabulary.find(item, name, faults).cloned());
            }
            fields
        });
        match (within, about) {
            (Some(node), None) => {
                let what = "`created-within` takes `about`: the fields whose value a ticket that is older than the \
                            change has to name";
                faults.push(Fault::new(node.at, what).help("as in `about: [Incident]`"));
            }
            (None, Some(node)) => faults.push(Fault::new(node.at, "`about` belongs to `created-within`")),
            _ => {}
        }
        // Nothing is owed by this, so that it may stand anywhere.
        let anywhere = Known { may_owe: true, ..*known };
        let within = within.and_then(|node| read_within(node, &anywhere, faults))?;
        Some(Timely { within, about: fields? })
    }

    /// Returns what is wrong with when the ticket was made, in words that follow the ticket.
    fn wrong(&self, ticket: &Ticket, seen: &Seen<'_>) -> Result<Option<Line>, Missing> {
        let since = seen.change.seen_at;
        let mut about: Vec<&Text> = Vec::new();
        for field in &self.about {
            if let Reading::Stated { claims, .. } = field.reading(seen.change) {
                about.extend(claims.iter().map(|claim| claim.value));
            }
        }
        Ok(match ticket.timing(since, self.within.due(since), &about)? {
            Timing::InTime { .. } => None,
            Timing::Late { by } => {
                let (made, within) = (ticket.created, self.within);
                Some(Line::say(format!(
                    " was made at {made}, which is {by:#} after the {within} that it had"
                )))
            }
            Timing::Unrelated => {
                let about = either(&names(&self.about));
                let made = ticket.created;
                Some(Line::say(format!(
                    " is about something else: it was made at {made}, before this change, and does not name what \
                     {about} says"
                )))
            }
            Timing::BackDated(why) => {
                let made = ticket.created;
                Some(Line::say(format!(" says that it was made at {made}, which cannot be believed: {why}")))
            }
        })
    }
}

/// Returns the finding that `what` is wrong with the ticket that `claim` names.
pub(super) fn finding(what: Line, claim: &Claim<'_>, seen: &Seen<'_>) -> Finding {
    claim.place(Finding::new(what), seen.change)
}

fn names(fields: &[Arc<Field>]) -> Vec<&str> {
    fields.iter().map(|field| field.name.as_str()).collect()
}

/// Returns true if and only if this is one of the names, in any case.
fn is_one_of(said: &Text, names: &[String]) -> bool {
    said.as_utf8().is_some_and(|said| names.iter().any(|name| name.to_lowercase() == said.to_lowercase()))
}
