//! The parts of a history that one policy judges.

use anyhow::Result;

use crate::audit::population::ref_chain::RefChain;
use crate::change::{FactKind, NeededFacts};
use crate::gate::{LoadedPolicy, UnusablePolicy, find_history_spans};
use crate::git::Repository;

/// What judges changes that no record holds the verdict of.
#[derive(Clone, Copy)]
pub enum AuditPolicy<'a> {
    /// The policy that the ref held before each change, at this path.
    OfItsTime(&'a str),
    /// This one, for all changes.
    One(&'a LoadedPolicy),
}

/// Steps that follow one another, and the policy that judges them.
pub(crate) struct JudgedPart<'a> {
    /// The place of the first step.
    pub(crate) first: usize,
    /// The place of the last step.
    pub(crate) last: usize,
    policy: PartPolicy<'a>,
}

enum PartPolicy<'a> {
    Own(Box<LoadedPolicy>),
    Given(&'a LoadedPolicy),
    Unusable(String),
}

impl JudgedPart<'_> {
    /// Returns the policy, if there is one that can be used.
    pub(crate) fn loaded(&self) -> Option<&LoadedPolicy> {
        match &self.policy {
            PartPolicy::Own(loaded) => Some(loaded),
            PartPolicy::Given(loaded) => Some(loaded),
            PartPolicy::Unusable(_) => None,
        }
    }

    /// Returns what the policy is called, or why there is none.
    pub(crate) fn describe(&self) -> String {
        match &self.policy {
            PartPolicy::Own(loaded) => loaded.source.clone(),
            PartPolicy::Given(loaded) => loaded.source.clone(),
            PartPolicy::Unusable(why) => why.clone(),
        }
    }

    /// Returns the facts that the policy asks for, and the paths, which the change log counts.
    pub(crate) fn needed_facts(&self) -> NeededFacts {
        let mut needs = self.loaded().map(|loaded| loaded.policy.needed_facts()).unwrap_or_default();
        needs.insert(FactKind::Paths);
        needs
    }
}

/// Divides the steps from `first` to `last` by the policies that judge them, oldest part first.
///
/// # Errors
///
/// Fails if the history cannot be read.
pub(crate) fn divide_by_policy<'a>(
    repository: &Repository,
    chain: &RefChain,
    (first, last): (usize, usize),
    policy: &AuditPolicy<'a>,
) -> Result<Vec<JudgedPart<'a>>> {
    let path = match policy {
        AuditPolicy::One(loaded) => {
            return Ok(vec![JudgedPart { first, last, policy: PartPolicy::Given(loaded) }]);
        }
        AuditPolicy::OfItsTime(path) => path,
    };
    let Some(tip) = chain.steps.get(last) else { return Ok(Vec::new()) };
    if chain.cut.is_some() {
        let why = "the history is cut off, so the policies of its time are not known".to_owned();
        return Ok(vec![JudgedPart { first, last, policy: PartPolicy::Unusable(why) }]);
    }
    let mut parts = Vec::new();
    let mut place = 0;
    for span in find_history_spans(repository, tip.id, path)? {
        let (from, to) = (place.max(first), place + span.steps);
        place = to;
        let Some(to) = to.checked_sub(1).filter(|to| *to >= first) else { continue };
        let policy = match span.policy {
            Ok(loaded) => PartPolicy::Own(Box::new(loaded)),
            Err(UnusablePolicy::Absent) => {
                PartPolicy::Unusable(format!("the ref held no `{path}` before it"))
            }
            Err(UnusablePolicy::Faulty(_)) => {
                PartPolicy::Unusable(format!("`{path}` could not be used at the time"))
            }
        };
        parts.push(JudgedPart { first: from, last: to, policy });
    }
    Ok(parts)
}
