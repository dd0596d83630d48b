//! Which steps of a history belong to a period: one run of them without a hole.
//!
//! Steps land one after the other, but the time of a step that no record tells of is what its committer wrote. So
//! the history is divided at each end of a period where the fewest times speak against it, and a time that a record
//! tells outweighs all others. Of periods that follow one another, each step belongs to exactly one.

use jiff::Timestamp;

use crate::audit::change_record::LandingClock;
use crate::audit::population::period::AuditPeriod;

/// Returns the places before which the steps of a period begin and end; `times` are those of all steps, oldest first.
pub(crate) fn find_period_run(times: &[(Timestamp, LandingClock)], period: &AuditPeriod) -> (usize, usize) {
    let start = period.from.map_or(0, |from| find_division(times, from));
    let end = period.until.map_or(times.len(), |until| find_division(times, until));
    (start, end)
}

/// Returns the place before which the fewest steps landed at `limit` or later, and behind which the fewest landed
/// earlier.
fn find_division(times: &[(Timestamp, LandingClock)], limit: Timestamp) -> usize {
    let recorded_weight = i64::try_from(times.len()).unwrap_or(i64::MAX).saturating_add(1);
    let (mut cost, mut least, mut found) = (0_i64, 0_i64, 0);
    for (place, (at, clock)) in times.iter().enumerate() {
        let weight = match clock {
            LandingClock::Gate => recorded_weight,
            LandingClock::Committer => 1,
        };
        cost = if *at < limit { cost.saturating_sub(weight) } else { cost.saturating_add(weight) };
        if cost < least {
            (least, found) = (cost, place + 1);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(day: i64) -> Timestamp {
        Timestamp::from_second(day * 86_400).unwrap()
    }

    fn times(days: &[i64]) -> Vec<(Timestamp, LandingClock)> {
        days.iter().map(|one| (day(*one), LandingClock::Committer)).collect()
    }

    #[test]
    fn a_step_between_two_of_the_period_is_one_of_it_whatever_its_date() {
        let june = AuditPeriod { from: Some(day(30)), until: Some(day(60)) };
        for wrong in [0, 45, 1_000] {
            assert_eq!(
                find_period_run(&times(&[10, 20, 31, 40, wrong, 50, 51, 70]), &june),
                (2, 7),
                "{wrong}"
            );
        }
        assert_eq!(find_period_run(&times(&[10, 70]), &june), (1, 1));
        assert_eq!(find_period_run(&[], &june), (0, 0));
    }

    #[test]
    fn a_time_that_a_record_tells_outweighs_what_committers_wrote() {
        let mut steps = times(&[10, 10, 10, 80, 80]);
        steps[1] = (day(40), LandingClock::Gate);
        let june = AuditPeriod { from: Some(day(30)), until: Some(day(60)) };
        assert_eq!(find_period_run(&steps, &june), (1, 3));
    }

    proptest! {
        /// Whatever the dates say, periods that follow one another share the history among them.
        #[test]
        fn periods_in_a_row_hold_each_step_once(
            days in prop::collection::vec((0..100_i64, any::<bool>()), 0..30),
            mut limits in prop::collection::vec(0..100_i64, 1..5),
        ) {
            let clock = |is_gate| if is_gate { LandingClock::Gate } else { LandingClock::Committer };
            let steps: Vec<_> = days.into_iter().map(|(one, is_gate)| (day(one), clock(is_gate))).collect();
            limits.sort_unstable();
            let mut ends: Vec<Option<Timestamp>> = limits.into_iter().map(|limit| Some(day(limit))).collect();
            ends.push(None);
            let (mut from, mut before) = (None, 0);
            for until in ends {
                let (start, end) = find_period_run(&steps, &AuditPeriod { from, until });
                prop_assert_eq!(start, before);
                prop_assert!(end >= start);
                (from, before) = (until, end);
            }
            prop_assert_eq!(before, steps.len());
        }
    }
}
