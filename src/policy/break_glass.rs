//! Who may open a break-glass session, and for how long.
//!
//! A session opens nothing in the gate. It records that a person works outside the ordinary process,
//! why, and until when; so the policy names who may record that.

use crate::calendar::TimeLimit;
use crate::predicates::PolicyScope;
use crate::predicates::support::parameters::read_teams;
use crate::yaml::decode::{MapReader, parse_one};
use crate::yaml::{YamlFault, YamlNode};

/// How many minutes a session may be open where the policy sets no limit.
const DEFAULT_SESSION_MINUTES: u32 = 4 * 60;

/// How many minutes all sessions for one incident may take together, whatever a policy says.
pub(crate) const MAX_SESSION_MINUTES: u32 = 24 * 60;

/// Who may open a break-glass session, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakGlassPolicy {
    /// The teams, by name; the members of any of them may.
    pub teams: Vec<String>,
    /// The longest time that can be requested at once, in minutes.
    pub max_minutes: u32,
}

impl BreakGlassPolicy {
    /// Reads the `break-glass` of a policy.
    pub(crate) fn read_break_glass(
        node: &YamlNode,
        scope: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let mut map = MapReader::new(node, faults)?;
        let from = map.require_key("from", faults);
        let teams = from.map(|node| read_teams(node, scope, faults));
        let mut max_minutes = DEFAULT_SESSION_MINUTES;
        if let Some(node) = map.find_key("longest")
            && let Some(minutes) = parse_one(node, faults, parse_session_minutes)
        {
            max_minutes = minutes;
        }
        map.refuse_unknown_keys(faults);
        Some(BreakGlassPolicy { teams: teams?, max_minutes })
    }
}

/// Reads the length of a session, in minutes.
///
/// # Errors
///
/// Refuses what is not a time around the clock, and more than a day.
pub(crate) fn parse_session_minutes(written: &str) -> Result<u32, String> {
    match TimeLimit::new(written)? {
        TimeLimit::Minutes(minutes) if minutes <= MAX_SESSION_MINUTES => Ok(minutes),
        TimeLimit::Minutes(_) => Err("a break-glass session is open for at most 24 hours".into()),
        TimeLimit::BusinessDays(_) => {
            Err("a break-glass session is counted in hours; expected a time such as `4h`".into())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::people::PeopleDirectory;
    use crate::policy::ObligationPolicy;
    use crate::vocabulary::FieldVocabulary;
    use crate::yaml;

    fn read<T>(
        written: &str,
        read: impl FnOnce(&YamlNode, &PolicyScope<'_>, &mut Vec<YamlFault>) -> T,
    ) -> (T, Vec<String>) {
        let mut faults = Vec::new();
        let people = yaml::read_document(b"teams: { duty: [kim@example.com] }").unwrap();
        let people = PeopleDirectory::read_people(&people, &mut faults);
        let known = PolicyScope {
            vocabulary: &FieldVocabulary::default(),
            people: &people,
            catalogue: &Arc::default(),
            allows_obligations: false,
        };
        let found = read(&yaml::read_document(written.as_bytes()).unwrap(), &known, &mut faults);
        (found, faults.into_iter().map(|fault| fault.what).collect())
    }

    #[test]
    fn four_hours_are_usual_and_a_day_is_the_most() {
        let (found, faults) = read("from: [duty]", BreakGlassPolicy::read_break_glass);
        assert_eq!((found.unwrap().max_minutes, faults.len()), (240, 0));
        for (written, expected) in [("90m", Ok(90)), ("24h", Ok(1440)), ("1d", Ok(1440)), ("1441m", Err(()))]
        {
            assert_eq!(parse_session_minutes(written).map_err(|_| ()), expected, "{written}");
        }
        for written in ["1 business day", "25h", "0h", "", "4"] {
            assert!(parse_session_minutes(written).is_err(), "{written}");
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
            let faults = read(written, BreakGlassPolicy::read_break_glass).1;
            assert!(faults.iter().any(|fault| fault.contains(wanted)), "{written}: {faults:?}");
        }
        for (written, wanted) in [
            ("regularise: { within: 24h }", "`from` is missing here"),
            ("regularise: { from: [duty] }", "`within` is missing here"),
            ("regularise: { from: [dooty], within: 24h }", "unknown team `dooty`"),
            ("regularise: { from: [duty], within: soon }", "expected a time"),
        ] {
            let faults = read(written, |node, scope, faults| {
                ObligationPolicy::default().add_obligations(node, scope, faults);
            })
            .1;
            assert!(faults.iter().any(|fault| fault.contains(wanted)), "{written}: {faults:?}");
        }
    }
}
