//! How far a long piece of work has come, on one line of a terminal that somebody watches.
//!
//! Written here, because the library for it brings in the system's mathematics, and every hook pays for
//! loading that: a third of a megabyte, and three hundredths of the time of `commit-msg`.

use std::io::Write as _;

use jiff::{SignedDuration, Timestamp};

use crate::cli::context::Context;
use crate::cli::output;

/// How long nothing is said, and how long between two times that something is.
const PROGRESS_INTERVAL: SignedDuration = SignedDuration::from_millis(300);

/// How many steps are taken between two looks at the clock.
const STEPS_PER_CLOCK_CHECK: u64 = 64;

/// A line that tells how far something has come; nothing where nobody watches.
pub(crate) struct ProgressLine {
    label: String,
    clock: fn() -> Timestamp,
    started_at: Timestamp,
    last_shown_at: Option<Timestamp>,
    steps: u64,
    is_visible: bool,
}

impl ProgressLine {
    /// Begins to count; `what` follows the number, as in `changes judged`.
    pub(crate) fn start_counting(what: impl Into<String>, world: &Context) -> ProgressLine {
        let (clock, watched) = (world.clock, output::is_stderr_terminal());
        ProgressLine {
            label: what.into(),
            clock,
            started_at: clock(),
            last_shown_at: None,
            steps: 0,
            is_visible: watched,
        }
    }

    /// Says what goes on, for work that has no steps.
    pub(crate) fn show_activity(what: impl Into<String>, world: &Context) -> ProgressLine {
        let mut progress = ProgressLine::start_counting(what, world);
        if progress.is_visible {
            let line = progress.label.clone();
            progress.write_line(&line, progress.started_at);
        }
        progress
    }

    /// Counts one step.
    pub(crate) fn count_step(&mut self) {
        self.steps += 1;
        if !self.is_visible || !self.steps.is_multiple_of(STEPS_PER_CLOCK_CHECK) {
            return;
        }
        let now = (self.clock)();
        if PROGRESS_INTERVAL <= now.duration_since(self.last_shown_at.unwrap_or(self.started_at)) {
            self.write_line(
                &format_progress(self.steps, &self.label, now.duration_since(self.started_at)),
                now,
            );
        }
    }

    fn write_line(&mut self, line: &str, now: Timestamp) {
        let mut out = anstream::stderr().lock();
        let _ = write!(out, "\r{line}\x1b[K").and_then(|()| out.flush());
        self.last_shown_at = Some(now);
    }
}

/// Leaves the terminal as it was.
impl Drop for ProgressLine {
    fn drop(&mut self) {
        if self.last_shown_at.is_some() {
            // Nobody is helped by an error about a line that is to vanish.
            let _ = write!(anstream::stderr().lock(), "\r\x1b[K");
        }
    }
}

/// Returns what is said after so many steps and so long a time.
fn format_progress(steps: u64, what: &str, elapsed: SignedDuration) -> String {
    let each_second = i128::from(steps) * 1000 / elapsed.as_millis().max(1);
    format!("{steps} {what}, {each_second}/s, {}s", elapsed.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_how_much_how_fast_and_how_long() {
        let after = |millis| format_progress(4096, "changes judged", SignedDuration::from_millis(millis));
        assert_eq!(after(2000), "4096 changes judged, 2048/s, 2s");
        assert_eq!(after(300), "4096 changes judged, 13653/s, 0s");
        // A clock that stands still or goes back is no reason to fail.
        assert_eq!(after(0), "4096 changes judged, 4096000/s, 0s");
        assert_eq!(after(-5000), "4096 changes judged, 4096000/s, -5s");
    }
}
