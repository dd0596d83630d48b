//! Translates contributors, the statements that close an obligation, and break-glass requests.

use crate::gate::break_glass::{AuthorisedRequest, ParsedRequest};
use crate::gate::obligations::{
    ChangeContributors, ClosingStatement, LateStatement, MergedPull, ObligationClosing,
};
use crate::ledger::record::convert::convert_all;
use crate::ledger::record::wire::{
    OwingChange, PullLanding, RecordedClosing, RecordedContributor, RecordedLateStatement, RecordedRequest,
    RecordedStatement, RequestedAction,
};
use crate::people::contributors::Contributor;
use crate::verdict::RuleId;

impl From<&Contributor> for RecordedContributor {
    fn from(one: &Contributor) -> Self {
        let number = one.number;
        RecordedContributor {
            key: one.key.clone(),
            name: one.name.clone(),
            account: one.account.clone(),
            number,
        }
    }
}

impl From<&RecordedContributor> for Contributor {
    fn from(one: &RecordedContributor) -> Self {
        let number = one.number;
        Contributor { key: one.key.clone(), name: one.name.clone(), account: one.account.clone(), number }
    }
}

impl RecordedContributor {
    /// Returns whether both may be one person, as [`Contributor::may_be_same`] decides.
    pub(crate) fn may_be_same(&self, other: &Contributor) -> bool {
        Contributor::from(self).may_be_same(other)
    }
}

impl From<&ChangeContributors> for OwingChange {
    fn from(made: &ChangeContributors) -> Self {
        OwingChange {
            change: made.change,
            contributors: convert_all(&made.by),
            contributors_known: made.is_complete,
        }
    }
}

impl From<&MergedPull> for PullLanding {
    fn from(pull: &MergedPull) -> Self {
        PullLanding {
            change: pull.change,
            pull: pull.pull.clone(),
            landed_as: pull.landed_as,
            reviewable_rules: pull.reviewable.iter().map(RuleId::to_string).collect(),
        }
    }
}

impl From<&ObligationClosing> for RecordedClosing {
    fn from(closing: &ObligationClosing) -> Self {
        RecordedClosing {
            change: closing.made.change,
            contributors: convert_all(&closing.made.by),
            contributors_known: closing.made.is_complete,
            for_changes: closing.speaks_for.clone(),
            statements: convert_all(&closing.states),
            late_statement: closing.late_statement.as_ref().map(RecordedLateStatement::from),
        }
    }
}

impl From<&RecordedClosing> for ObligationClosing {
    fn from(closing: &RecordedClosing) -> Self {
        let made = ChangeContributors {
            change: closing.change,
            by: convert_all(&closing.contributors),
            is_complete: closing.contributors_known,
        };
        ObligationClosing {
            made,
            speaks_for: closing.for_changes.clone(),
            states: convert_all(&closing.statements),
            late_statement: closing.late_statement.as_ref().map(LateStatement::from),
        }
    }
}

impl From<&ClosingStatement> for RecordedStatement {
    fn from(stated: &ClosingStatement) -> Self {
        RecordedStatement {
            field: stated.field.clone(),
            people: stated.people.as_ref().map(convert_all),
            tickets: stated.tickets.clone(),
        }
    }
}

impl From<&RecordedStatement> for ClosingStatement {
    fn from(stated: &RecordedStatement) -> Self {
        ClosingStatement {
            field: stated.field.clone(),
            people: stated.people.as_ref().map(convert_all),
            tickets: stated.tickets.clone(),
        }
    }
}

impl From<&LateStatement> for RecordedLateStatement {
    fn from(late: &LateStatement) -> Self {
        RecordedLateStatement { by: RecordedContributor::from(&late.by), is_complete: late.is_stated }
    }
}

impl From<&RecordedLateStatement> for LateStatement {
    fn from(late: &RecordedLateStatement) -> Self {
        LateStatement { by: Contributor::from(&late.by), is_stated: late.is_complete }
    }
}

impl From<&AuthorisedRequest> for RecordedRequest {
    fn from(request: &AuthorisedRequest) -> Self {
        let action = match &request.asks {
            ParsedRequest::Open { incident, reason, until } => {
                RequestedAction::Open { incident: incident.clone(), reason: reason.clone(), until: *until }
            }
            ParsedRequest::Close { session, note } => {
                RequestedAction::Close { session: session.clone(), note: note.clone() }
            }
        };
        RecordedRequest {
            id: request.id.clone(),
            by: RecordedContributor::from(&request.by),
            is_in_team: request.is_in_team,
            action,
        }
    }
}

impl From<&RecordedRequest> for AuthorisedRequest {
    fn from(request: &RecordedRequest) -> Self {
        let asks = match &request.action {
            RequestedAction::Open { incident, reason, until } => {
                ParsedRequest::Open { incident: incident.clone(), reason: reason.clone(), until: *until }
            }
            RequestedAction::Close { session, note } => {
                ParsedRequest::Close { session: session.clone(), note: note.clone() }
            }
        };
        AuthorisedRequest {
            id: request.id.clone(),
            by: Contributor::from(&request.by),
            is_in_team: request.is_in_team,
            asks,
        }
    }
}
