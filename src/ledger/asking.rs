//! Asking about the tickets that are owed in a repository on a forge.
//!
//! It is [`super::confirming`] with what a server has at hand taken from elsewhere: the change that owes
//! and what later ones say from the ledger, the policy from the forge, as each ref holds it now.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use jiff::Timestamp;

use super::confirming::{Answer, On, ask_all, is_asked};
use super::recalled::Recalled;
use super::state::{Owed, State, key};
use super::workflow::{Keeping, failed};
use crate::change::Text;
use crate::gate::Loaded;
use crate::report::escape;
use crate::tickets::Access;

/// The policies by which evidence is judged, each with its ref.
#[derive(Default)]
pub struct Policies {
    by_ref: Vec<(Text, Loaded)>,
    /// The refs of which nobody knows the policy, as sentences.
    pub problems: Vec<String>,
}

impl Policies {
    /// Reads the policies of the refs on which something is owed that a ticket may close.
    pub fn of(keeping: &Keeping<'_>, state: &State) -> Policies {
        let open = state.owed.values().filter(|owed| owed.closed.is_none() && owed.stray.is_none());
        let names: BTreeSet<&Text> = open.filter(|owed| owed.field.is_some()).map(|owed| &owed.on).collect();
        let mut policies = Policies::default();
        for name in names {
            match policy(keeping, state, name) {
                Ok(Some(loaded)) => policies.by_ref.push((name.clone(), loaded)),
                Ok(None) => {}
                Err(why) => {
                    let name = escape::terminal(name.as_bytes(), escape::MOST);
                    let what = format!("nobody was asked about the tickets that are owed on {name}: {why:#}");
                    policies.problems.push(what);
                }
            }
        }
        policies
    }

    /// Returns whether what is owed is a ticket that somebody can be asked about.
    pub fn is_asked(&self, owed: &Owed) -> bool {
        self.by_ref.iter().any(|(name, loaded)| *name == owed.on && is_asked(owed, &loaded.policy))
    }
}

/// Asks about every ticket that is owed, by the ids of what is owed.
pub fn ask(
    keeping: &Keeping<'_>,
    state: &State,
    policies: &Policies,
    recalled: &Recalled,
    now: Timestamp,
) -> Vec<(String, Answer)> {
    let Some(access) = &keeping.options.tickets else { return Vec::new() };
    let access = Access { repository: Some(keeping.repo.to_string()), ..access.clone() };
    let owing = |owed: &Owed| {
        let owing = recalled.decision(owed)?.owing(owed);
        owing.context("what was judged is not kept in the ledger")
    };
    let mut answers = Vec::new();
    for (name, loaded) in &policies.by_ref {
        let on = On { name, policy: &loaded.policy, landed: &recalled.closings(name), now };
        answers.extend(ask_all(&on, state, &owing, || access.clone()));
    }
    answers
}

/// Returns the policy by which evidence on a ref is judged: its own, or, where it has none, that of the
/// default branch; `None` for a ref that is gone.
fn policy(keeping: &Keeping<'_>, state: &State, name: &Text) -> Result<Option<Loaded>> {
    let base = keeping.base()?;
    let own = match state.tips.get(&key(name)) {
        None => return Ok(None),
        Some(_) if base.is_some_and(|(_, default)| default == name) => None,
        Some(tip) => {
            keeping.session.policy_at(keeping.repo, *tip, &keeping.options.policy).map_err(failed)?
        }
    };
    let base = base.map(|(loaded, _)| loaded.clone());
    own.or(base).map(Some).context("the default branch has no policy that can be used")
}
