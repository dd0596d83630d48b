//! The policy of the policy ref, as far as there is one.

use std::rc::Rc;

use super::settings::Settings;
use super::source::{Loaded, Unusable};
use super::telling::no_policy;
use crate::verdict::Judgement;

/// The policy that says which refs are under change control.
pub(super) enum Base {
    /// There is one.
    Policy(Rc<Loaded>),
    /// There is none, and the administrator lets everything through.
    Free,
    /// There is none that can be used.
    Refused(Judgement),
}

impl Base {
    /// Returns the policy, or why nothing can be judged by one.
    pub(super) fn loaded(&self, settings: &Settings) -> Result<&Loaded, Judgement> {
        match self {
            Base::Policy(loaded) => Ok(loaded),
            Base::Free => Err(no_policy(&Unusable::Absent, "the policy ref", settings)),
            Base::Refused(judgement) => Err(judgement.clone()),
        }
    }
}
