//! From needs to acts: one value for each field that is wanted, one approval for several questions.

use crate::change::{Change, Text};
use crate::predicates::Predicate;
use crate::predicates::field::WantedField;
use crate::unblock::court::{AskedApprovals, Court};
use crate::unblock::needs::Need;
use crate::unblock::pusher_choice::search_with_pushers;
use crate::unblock::repair::Repair;
use crate::unblock::sample_value::{find_sample_value, list_accepted_words};
use crate::verdict::ObstacleReason;
use crate::vocabulary::{ClaimSource, FieldDefinition, FieldReading};

/// What meeting a list of needs comes to.
pub(super) enum RealisedNeeds {
    /// These acts meet them.
    Acts(Vec<Repair>),
    /// No act of a person does.
    Blocked(ObstacleReason),
    /// It is not known.
    Open,
}

/// What is wanted of one field, by all needs together.
struct FieldDemand<'needs, 'policy> {
    field: &'policy FieldDefinition,
    wanted: Vec<WantedField<'policy>>,
    ticket: Option<&'needs Predicate>,
    /// The only value that will do, where it is known.
    value: Option<&'needs str>,
}

/// Returns the fewest acts that meet all of these needs of a change.
pub(super) fn realise_needs(court: Court<'_>, change: &Change, needs: &[Need<'_>]) -> RealisedNeeds {
    let mut acts: Vec<Repair> = Vec::new();
    let mut questions: AskedApprovals<'_> = Vec::new();
    for need in needs {
        match need {
            Need::Act(act) => match acts.iter_mut().find(|known| known.is_same_act(act)) {
                Some(known) => merge_acts(known, act),
                None => acts.push(act.clone()),
            },
            Need::Approvals { policy, asked } => {
                if !questions.iter().any(|(known, other)| known == policy && *other == *asked) {
                    questions.push((*policy, *asked));
                }
            }
            Need::Field { .. } | Need::Value { .. } => {}
        }
    }
    match build_field_acts(needs, change) {
        Some(stated) => acts.extend(stated),
        None => return RealisedNeeds::Open,
    }
    // Not everybody who may push by one rule may by all others.
    let is_pushed_anew = acts.iter().any(|act| matches!(act, Repair::PushAs { .. }));
    if questions.is_empty() && !is_pushed_anew {
        return RealisedNeeds::Acts(acts);
    }
    // Approvals are of what lands, so that they are looked for after everything else.
    match search_with_pushers(court, change, acts, &questions) {
        Ok(acts) => RealisedNeeds::Acts(acts),
        Err(Some(reason)) => RealisedNeeds::Blocked(reason),
        Err(None) => RealisedNeeds::Open,
    }
}

/// Returns the acts that give the fields what these needs want of them; `None` if no value does.
pub(super) fn build_field_acts(needs: &[Need<'_>], change: &Change) -> Option<Vec<Repair>> {
    list_demands(needs).iter().map(|demand| demand.choose_act(change)).collect()
}

/// Makes one act of two that are the same for a person.
fn merge_acts(known: &mut Repair, other: &Repair) {
    match (known, other) {
        (one @ Repair::Wait { .. }, two @ Repair::Wait { .. }) if is_later(two, one) => *one = two.clone(),
        (Repair::LeaveOut(one), Repair::LeaveOut(two)) => {
            one.extend(two.iter().cloned());
            one.sort_unstable();
            one.dedup();
        }
        // Where nobody can be both, the first one is tried, and does not help.
        (Repair::PushAs { accounts: one }, Repair::PushAs { accounts: two })
            if one.iter().any(|account| two.contains(account)) =>
        {
            one.retain(|account| two.contains(account));
        }
        (Repair::PassCheck(one), Repair::PassCheck(two)) => one.tests = one.tests.max(two.tests),
        _ => {}
    }
}

fn is_later(one: &Repair, other: &Repair) -> bool {
    matches!((one, other), (Repair::Wait { until: one, .. }, Repair::Wait { until: other, .. }) if one > other)
}

fn list_demands<'needs, 'policy>(needs: &'needs [Need<'policy>]) -> Vec<FieldDemand<'needs, 'policy>> {
    let mut demands: Vec<FieldDemand<'needs, 'policy>> = Vec::new();
    for need in needs {
        let (field, wanted, ticket, value) = match need {
            Need::Field { wanted, ticket } => (wanted.field, Some(*wanted), *ticket, None),
            Need::Value { field, value } => (*field, None, None, Some(value.as_str())),
            Need::Act(_) | Need::Approvals { .. } => continue,
        };
        match demands.iter_mut().find(|demand| demand.field.name == field.name) {
            Some(demand) => {
                demand.wanted.extend(wanted);
                demand.ticket = demand.ticket.or(ticket);
                demand.value = demand.value.or(value);
            }
            None => {
                let wanted = wanted.into_iter().collect();
                demands.push(FieldDemand { field, wanted, ticket, value });
            }
        }
    }
    demands
}

impl FieldDemand<'_, '_> {
    /// Returns the act that gives the field what is wanted of it; `None` if no value does.
    fn choose_act(&self, change: &Change) -> Option<Repair> {
        let absent = self.wanted.iter().filter(|wanted| wanted.must_be_absent()).count();
        if absent == self.wanted.len() && self.value.is_none() {
            return Some(Repair::RemoveField(Box::new(self.field.clone())));
        }
        if absent > 0 {
            return None;
        }
        let accepts = |level: Option<usize>| self.wanted.iter().all(|wanted| wanted.accepts_value(level));
        let words = list_accepted_words(self.field, &accepts);
        let (value, form) = match words {
            _ if self.value.is_some() => (self.value?.to_owned(), self.value.map(str::to_owned)),
            Some(words) => (words.first()?.clone(), Some(words.join("|"))),
            None if accepts(None) => {
                let source = match &change.pull {
                    Ok(pull) if self.field.may_be_stated_by(pull) => ClaimSource::Description,
                    _ => ClaimSource::Commit(change.commits.len().saturating_sub(1)),
                };
                (find_sample_value(self.field, change, source)?, None)
            }
            None => return None,
        };
        let paste = match form {
            Some(form) if form == value => format!("{}: {value}", self.field.name),
            Some(form) => format!("{}: <{form}>", self.field.name),
            None => self.field.trailer_template(),
        };
        let ticket = match self.ticket {
            Some(Predicate::Ticket(asked)) => asked.sample_ticket(&Text::from(value.as_str()), change),
            _ => None,
        };
        Some(Repair::StateField {
            field: Box::new(self.field.clone()),
            value,
            paste,
            is_replaced: self.field.read_from_change(change) != FieldReading::Absent,
            ticket: ticket.map(Box::new),
        })
    }
}
