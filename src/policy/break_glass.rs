//! Who may open a break-glass session, and for how long.
//!
//! A session opens nothing in the gate. It says that somebody works past the ordinary ways, why, and
//! until when; so the policy names who may say that.

use crate::calendar::Within;
use crate::predicates::Known;
use crate::predicates::parameters::teams;
use crate::yaml::decode::{Map, one};
use crate::yaml::{Fault, Node};

/// How many minutes a session may be open where the policy says nothing.
const USUAL: u32 = 4 * 60;

/// How many minutes all that is opened for one incident may take, whatever a policy says.
pub const MOST: u32 = 24 * 60;

/// Who may open a break-glass session, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakGlass {
    /// The teams.
    pub from: Vec<String>,
    /// How many minutes a session may be asked for at a time.
    pub longest: u32,
}

impl BreakGlass {
    /// Reads the `break-glass` of a policy.
    pub(super) fn read(node: &Node, known: &Known<'_>, faults: &mut Vec<Fault>) -> Option<Self> {
        let mut map = Map::new(node, faults)?;
        let from = map.require("from", faults).map(|node| teams(node, known, faults));
        let longest = map.get("longest").and_then(|node| one(node, faults, minutes)).unwrap_or(USUAL);
        map.finish(faults);
        Some(BreakGlass { from: from?, longest })
    }
}

/// Reads for how long a session is, in minutes.
///
/// # Errors
///
/// Refuses what is no time around the clock, and more than a day.
pub fn minutes(written: &str) -> Result<u32, String> {
    match Within::new(written)? {
        Within::Minutes(minutes) if minutes <= MOST => Ok(minutes),
        Within::Minutes(_) => Err("a break-glass session is open for at most 24 hours".into()),
        Within::BusinessDays(_) => Err("a break-glass session is counted in hours, as in `4h`".into()),
    }
}
