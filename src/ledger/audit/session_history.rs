//! The break-glass sessions that a ledger tells of, each from its opening to its end.

use serde::{Deserialize, Serialize};

use crate::ledger::record::{BreakGlassEvent, SessionClosure, SessionOpening};

/// A break-glass session from its opening to its end.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SessionHistory {
    /// How it was opened, and each time that it was extended.
    pub openings: Vec<SessionOpening>,
    /// How it was closed; `None` while it is open.
    pub closure: Option<SessionClosure>,
}

/// Adds the next event to the sessions that it belongs to.
pub(crate) fn add_session_event(sessions: &mut Vec<SessionHistory>, event: &BreakGlassEvent) {
    let id = match event {
        BreakGlassEvent::Opened(opened) => &opened.session,
        BreakGlassEvent::Closed(closed) => &closed.session,
    };
    let known = sessions.iter().position(|one| one.openings.iter().any(|opened| opened.session == *id));
    let known = known.and_then(|place| sessions.get_mut(place));
    match (event, known) {
        (BreakGlassEvent::Opened(opened), Some(session)) => session.openings.push(opened.clone()),
        (BreakGlassEvent::Closed(closed), Some(session)) => session.closure = Some(closed.clone()),
        (BreakGlassEvent::Opened(opened), None) => {
            sessions.push(SessionHistory { openings: vec![opened.clone()], closure: None });
        }
        (BreakGlassEvent::Closed(closed), None) => {
            sessions.push(SessionHistory { openings: Vec::new(), closure: Some(closed.clone()) });
        }
    }
}
