//! How fast approvals follow what they are of: advice, told for all changes together and for no person.

use jiff::Timestamp;

use crate::audit::change_record::ChangeRecord;

/// How many changed lines there have to be before the time that reading takes means something.
const MIN_READ_LINES: u64 = 10;

/// How many lines an hour are no reading any more.
const MAX_LINES_PER_HOUR: u64 = 2_000;

const SECONDS_PER_HOUR: u64 = 3_600;

/// Returns whether every approval of a change that counted came faster than its lines can be read, from when its last commit
/// was committed, as that claims. `None` if no approval counted, or if a time or the lines are not known.
///
/// An approval of another revision than the one that landed says nothing of this: on a forge, that is often a merge.
pub(super) fn is_approved_at_once(change: &ChangeRecord) -> Option<bool> {
    let facts = change.facts.as_ref().ok()?;
    let (committed, lines) = (facts.committed_at?, facts.lines?);
    let mut is_quick = None;
    for approval in change.list_counting_approvals() {
        let of_landed = approval.revision == Some(change.id);
        let given = approval.given_at.filter(|_| of_landed)?;
        let one = is_faster_than_reading(lines, committed, given)?;
        // One who took their time has read it.
        is_quick = Some(is_quick.unwrap_or(true) && one);
    }
    is_quick
}

/// Returns whether so many lines were approved faster than they can be read; `None` if the approval came first.
fn is_faster_than_reading(lines: u64, committed: Timestamp, given: Timestamp) -> Option<bool> {
    let seconds = u64::try_from(given.as_second().saturating_sub(committed.as_second())).ok()?;
    let readable = seconds.saturating_mul(MAX_LINES_PER_HOUR) / SECONDS_PER_HOUR;
    Some(lines >= MIN_READ_LINES && lines > readable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_thousand_lines_take_an_hour_and_few_lines_no_time() {
        let committed: Timestamp = "2026-11-20T09:00:00Z".parse().unwrap();
        for (lines, seconds, is_quick) in [
            (2_000, 20, Some(true)),
            (2_000, 3_599, Some(true)),
            (2_000, 3_600, Some(false)),
            (10, 17, Some(true)),
            (10, 18, Some(false)),
            (9, 0, Some(false)),
            (2_000, -1, None),
        ] {
            let given = committed + jiff::SignedDuration::from_secs(seconds);
            assert_eq!(is_faster_than_reading(lines, committed, given), is_quick, "{lines} in {seconds} s");
        }
    }
}
