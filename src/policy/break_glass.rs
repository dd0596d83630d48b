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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::People;
    use crate::policy::Obligations;
    use crate::vocabulary::Vocabulary;
    use crate::yaml;

    fn read<T>(
        written: &str,
        read: impl FnOnce(&Node, &Known<'_>, &mut Vec<Fault>) -> T,
    ) -> (T, Vec<String>) {
        let mut faults = Vec::new();
        let people = yaml::read(b"teams: { duty: [kim@example.com] }").unwrap();
        let people = People::read(&people, &mut faults);
        let known = Known { vocabulary: &Vocabulary::default(), people: &people, may_owe: false };
        let found = read(&yaml::read(written.as_bytes()).unwrap(), &known, &mut faults);
        (found, faults.into_iter().map(|fault| fault.what).collect())
    }

    #[test]
    fn four_hours_are_usual_and_a_day_is_the_most() {
        let (found, faults) = read("from: [duty]", BreakGlass::read);
        assert_eq!((found.unwrap().longest, faults.len()), (240, 0));
        for (written, expected) in [("90m", Ok(90)), ("24h", Ok(1440)), ("1d", Ok(1440)), ("1441m", Err(()))]
        {
            assert_eq!(minutes(written).map_err(|_| ()), expected, "{written}");
        }
        for written in ["1 business day", "25h", "0h", "", "4"] {
            assert!(minutes(written).is_err(), "{written}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_a_fault() {
        for (written, wanted) in [
            ("longest: 4h", "`from` is missing here"),
            ("from: [dooty]", "unknown team `dooty`"),
            ("{ from: [duty], longest: 2 days }", "at most 24 hours"),
            ("{ from: [duty], for: 4h }", "unknown key `for`"),
        ] {
            let faults = read(written, BreakGlass::read).1;
            assert!(faults.iter().any(|fault| fault.contains(wanted)), "{written}: {faults:?}");
        }
        for (written, wanted) in [
            ("regularise: { within: 24h }", "`from` is missing here"),
            ("regularise: { from: [duty] }", "`within` is missing here"),
            ("regularise: { from: [dooty], within: 24h }", "unknown team `dooty`"),
            ("regularise: { from: [duty], within: soon }", "expected a time"),
        ] {
            let faults = read(written, Obligations::read).1;
            assert!(faults.iter().any(|fault| fault.contains(wanted)), "{written}: {faults:?}");
        }
    }
}
