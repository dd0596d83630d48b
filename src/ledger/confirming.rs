//! Asking ticket systems about what is owed: is there a ticket, when was it made, does it belong?
//!
//! There are two ways to a ticket. A change names it, the one that owes or a later one; or it names the
//! change itself. Either way it counts for what its system says of it, and for nothing that a
//! contributor has typed. A system that does not answer closes nothing, and its silence is told.

use std::time::Duration;

use jiff::Timestamp;

use super::obligation::{WhyNot, closes, late_by};
use super::record::Evidence;
use super::state::{Owed, State};
use crate::change::ticket::Key;
use crate::change::{Change, LookedUp, Oid, Text, Ticket};
use crate::gate::dues::{Closing, values};
use crate::policy::Policy;
use crate::predicates::{Seen, ticket};
use crate::tickets::{Access, Sources};
use crate::verdict::Line;

/// How long all that is owed on a ref may take to ask about.
const ALL: Duration = Duration::from_secs(120);

/// The ref on which tickets are owed.
#[derive(Clone, Copy, Debug)]
pub struct On<'a> {
    /// Its name.
    pub name: &'a Text,
    /// The policy by which evidence is judged.
    pub policy: &'a Policy,
    /// What the changes there say for earlier ones.
    pub landed: &'a [Closing],
    /// What time it is.
    pub now: Timestamp,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// What is owed.
    pub owed: &'a Owed,
    /// The change that owes it, as it was when it was seen.
    pub owing: &'a Change,
    /// What later changes on the same ref say.
    pub landed: &'a [Closing],
    /// The policy by which evidence is judged.
    pub policy: &'a Policy,
    /// What time it is.
    pub now: Timestamp,
}

/// What asking came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// What closes it.
    pub found: Option<Evidence>,
    /// Why the tickets that were looked at do not.
    pub against: Vec<Line>,
    /// What could not be asked, and why.
    pub unanswered: Vec<Line>,
}

/// Returns whether what is owed is a ticket that a system of the policy can be asked about.
pub fn is_asked(owed: &Owed, policy: &Policy) -> bool {
    owed.closed.is_none() && owed.field.as_deref().is_some_and(|field| policy.confirms(field))
}

/// Asks about every ticket that is owed on a ref, by the ids of what is owed. `owing` returns the change
/// that owes something, and `access` what it takes to ask, if anybody has to be asked.
pub fn ask_all(
    on: &On<'_>,
    state: &State,
    owing: &dyn Fn(&Owed) -> anyhow::Result<Change>,
    access: impl Fn() -> Access,
) -> Vec<(String, Answer)> {
    let mut sources: Option<Sources> = None;
    let mut answers = Vec::new();
    let is_here = |owed: &Owed| owed.on == *on.name && is_asked(owed, on.policy);
    for (id, owed) in state.owed.iter().filter(|(_, owed)| is_here(owed)) {
        let new = || Sources::new(on.policy.tickets.clone(), access()).within(ALL);
        let sources = sources.get_or_insert_with(new);
        let answer = match owing(owed) {
            Ok(owing) => {
                let On { policy, landed, now, .. } = *on;
                ask(&Question { owed, owing: &owing, landed, policy, now }, sources)
            }
            Err(why) => Answer { unanswered: vec![Line::say(format!("{why:#}"))], ..Answer::default() },
        };
        answers.push((id.clone(), answer));
    }
    answers
}

/// Asks about one thing that is owed.
pub fn ask(question: &Question<'_>, sources: &mut Sources) -> Answer {
    let Question { owed, owing, policy, .. } = *question;
    let mut run = Run { question, answer: Answer::default(), best: None };
    let field = owed.field.as_deref().unwrap_or_default();
    let Some(rule) = policy.ticket_asked(Some(&owed.rule), field) else { return run.answer };
    let seen = Seen::new(owing, &policy.people, &policy.vocabulary);
    let named = run.named(rule);
    let keys: Vec<Text> = named.iter().map(|(key, _)| key.clone()).collect();
    for (LookedUp { key, found }, (_, by)) in sources.look_up(&keys).into_iter().zip(&named) {
        match found {
            Ok(Some(ticket)) => run.weigh(rule, &key, ticket, *by, &seen),
            Ok(None) => run
                .answer
                .against
                .push(Line::say("there is no ticket ").quote(&key).and(", or none that the gate may see")),
            Err(missing) => {
                run.answer.unanswered.push(Line::say("").quote(&key).and(format!(": {missing}")));
            }
        }
    }
    // Nobody has to say which ticket it is, if the ticket does; but then anybody could have made it.
    let is_late = run.best.as_ref().is_none_or(|(created, _)| late_by(owed.due, *created).is_some());
    if let Some(id) = owed.change.filter(|_| is_late && !owed.by_others) {
        for (system, found) in sources.naming(id) {
            match found {
                Ok(found) => {
                    let known = |ticket: &Ticket| keys.contains(&ticket.key) || !rule.accepts(&ticket.key);
                    for ticket in found.into_iter().filter(|ticket| !known(ticket)) {
                        run.weigh(rule, &ticket.key.clone(), ticket, None, &seen);
                    }
                }
                Err(missing) => {
                    run.answer.unanswered.push(Line::say(format!("what names it in {system}: {missing}")));
                }
            }
        }
    }
    run.answer.found = run.best.map(|(_, evidence)| evidence);
    run.answer
}

struct Run<'a> {
    question: &'a Question<'a>,
    answer: Answer,
    /// The ticket that was made first, of those that count.
    best: Option<(Timestamp, Evidence)>,
}

impl Run<'_> {
    /// Returns the tickets that changes name, each once, with the change.
    fn named(&mut self, rule: &ticket::Ticket) -> Vec<(Text, Option<Oid>)> {
        let Question { owed, owing, landed, policy, .. } = *self.question;
        let mut named: Vec<(Text, Option<Oid>)> = Vec::new();
        let mut said = vec![(values(owing, rule.field()), owed.change)];
        for closing in landed.iter().filter(|one| closes(owed, one, &owed.on) == Err(WhyNot::Unconfirmed)) {
            let states = closing.states.iter().filter(|one| one.field == rule.field().name);
            said.extend(
                states.map(|one| (one.tickets.clone().unwrap_or_default(), Some(closing.made.change))),
            );
        }
        for (keys, by) in said {
            if let Some(most) = rule.most().filter(|most| *most < keys.len()) {
                let by = by.map(|id| id.short()).unwrap_or_default();
                let what = format!("{by} names {} tickets, and at most {most} may be named", keys.len());
                self.answer.against.push(Line::say(what));
                continue;
            }
            for key in keys {
                let system = Key::read(&key).and_then(|key| policy.tickets.find(&key).cloned());
                if system.is_none() {
                    let what = Line::say("").quote(&key);
                    self.answer.against.push(what.and(" is in none of the policy's ticket systems"));
                } else if !named.iter().any(|(known, _)| *known == key) {
                    named.push((key, by));
                }
            }
        }
        named
    }

    /// Keeps a ticket if nothing speaks against it and it was made before the others.
    fn weigh(
        &mut self,
        rule: &ticket::Ticket,
        named: &Text,
        ticket: Ticket,
        by: Option<Oid>,
        seen: &Seen<'_>,
    ) {
        match rule.against(named, &ticket, seen, self.question.now) {
            Ok(against) if against.is_empty() => {
                if self.best.as_ref().is_none_or(|(created, _)| ticket.created < *created) {
                    let Ticket { key, source, created, url, .. } = ticket;
                    self.best = Some((created, Evidence::Ticket { key, source, created, url, by }));
                }
            }
            Ok(against) => self.answer.against.extend(against),
            Err(missing) => {
                self.answer.unanswered.push(Line::say("").quote(named).and(format!(": {missing}")));
            }
        }
    }
}
