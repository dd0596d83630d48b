//! The next time at which a window is open.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::ToSpan as _;
use jiff::civil::Time;
use jiff::tz::TimeZone;

use crate::predicates::window::WindowPredicate;

/// How many days ahead a time is looked for.
pub(super) const MAX_DAYS_AHEAD: i32 = 400;

/// Returns the first instant after `now` at which `is_open`; a window opens only where a day begins, where a period
/// begins, or in the minute after one ends.
pub(super) fn find_opening(
    window: &WindowPredicate,
    now: Timestamp,
    mut is_open: impl FnMut(Timestamp) -> bool,
) -> Option<Timestamp> {
    let zone = match window.zone_name() {
        Some(name) => TimeZone::get(name).ok()?,
        None => TimeZone::UTC,
    };
    let mut edges = BTreeSet::from([Time::midnight()]);
    window.add_edges(&mut edges);
    let today = now.to_zoned(zone.clone()).date();
    for ahead in 0..=MAX_DAYS_AHEAD {
        let day = today.checked_add(ahead.days()).ok()?;
        for edge in &edges {
            let Ok(start) = day.to_datetime(*edge).to_zoned(zone.clone()) else { continue };
            let instant = start.timestamp();
            if instant > now && is_open(instant) {
                return Some(instant);
            }
        }
    }
    None
}
