//! The progress of long work, on one line of a terminal.
//!
//! Written here, because the library for it links the system's mathematics library, which every hook
//! would load: a third of a megabyte, and 3 % of the time of `commit-msg`.

use std::io::Write as _;

use jiff::{SignedDuration, Timestamp};

use crate::audit::ref_request::AuditProgress;
use crate::cli::context::Context;
use crate::cli::output;

/// The time before the line is first shown, and between two updates.
const PROGRESS_INTERVAL: SignedDuration = SignedDuration::from_millis(300);

/// The number of steps between two looks at the clock.
const STEPS_PER_CLOCK_CHECK: u64 = 64;

/// A line that shows progress; silent if standard error is not a terminal.
pub(crate) struct ProgressLine {
    label: String,
    clock: fn() -> Timestamp,
    started_at: Timestamp,
    last_shown_at: Option<Timestamp>,
    steps: u64,
    /// How many steps there will be, how many there were when that became known, and when that was.
    expected: Option<(u64, u64, Timestamp)>,
    is_visible: bool,
}

impl ProgressLine {
    /// Starts to count; `what` follows the number, as in `changes judged`.
    pub(crate) fn start_counting(what: impl Into<String>, context: &Context) -> ProgressLine {
        ProgressLine {
            label: what.into(),
            clock: context.clock,
            started_at: (context.clock)(),
            last_shown_at: None,
            steps: 0,
            expected: None,
            is_visible: output::is_stderr_terminal(),
        }
    }

    /// Shows what goes on, for work that has no steps.
    pub(crate) fn show_activity(what: impl Into<String>, context: &Context) -> ProgressLine {
        let mut progress = ProgressLine::start_counting(what, context);
        if progress.is_visible {
            let line = progress.label.clone();
            progress.write_line(&line, progress.started_at);
        }
        progress
    }

    /// Counts one step, and updates the line if it is time.
    pub(crate) fn count_step(&mut self) {
        self.steps += 1;
        if !self.is_visible || !self.steps.is_multiple_of(STEPS_PER_CLOCK_CHECK) {
            return;
        }
        let now = (self.clock)();
        if now.duration_since(self.last_shown_at.unwrap_or(self.started_at)) >= PROGRESS_INTERVAL {
            let mut line = format_progress(self.steps, &self.label, now.duration_since(self.started_at));
            if let Some((total, before, since)) = self.expected {
                let done = self.steps.saturating_sub(before);
                let left = total.saturating_sub(self.steps);
                line.push_str(&format_time_left(done, left, now.duration_since(since)));
            }
            self.write_line(&line, now);
        }
    }

    fn write_line(&mut self, line: &str, now: Timestamp) {
        let mut out = anstream::stderr().lock();
        let _ = write!(out, "\r{line}\x1b[K").and_then(|()| out.flush());
        self.last_shown_at = Some(now);
    }
}

impl AuditProgress for ProgressLine {
    fn count_step(&mut self) {
        ProgressLine::count_step(self);
    }

    fn expect_steps(&mut self, steps: usize) {
        let more = u64::try_from(steps).unwrap_or(u64::MAX);
        self.expected = Some((self.steps.saturating_add(more), self.steps, (self.clock)()));
    }
}

/// Clears the line, so that the terminal is as it was.
impl Drop for ProgressLine {
    fn drop(&mut self) {
        if self.last_shown_at.is_some() {
            // An error about a line that is about to vanish helps no reader.
            let _ = write!(anstream::stderr().lock(), "\r\x1b[K");
        }
    }
}

/// Returns the line after so many steps and so much time.
fn format_progress(steps: u64, what: &str, elapsed: SignedDuration) -> String {
    let each_second = i128::from(steps) * 1000 / elapsed.as_millis().max(1);
    format!("{steps} {what}, {each_second}/s, {}s", elapsed.as_secs())
}

/// Returns how long the steps that are left will take, if the last ones took so long; empty while nothing tells.
fn format_time_left(done: u64, left: u64, elapsed: SignedDuration) -> String {
    if done == 0 || left == 0 || elapsed <= SignedDuration::ZERO {
        return String::new();
    }
    let seconds = elapsed.as_millis().saturating_mul(i128::from(left)) / i128::from(done) / 1000;
    format!(", about {seconds}s left")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_from_the_steps_since_their_number_was_known() {
        let left = |done, left, seconds| format_time_left(done, left, SignedDuration::from_secs(seconds));
        assert_eq!(left(100, 900, 2), ", about 18s left");
        assert_eq!([left(0, 9, 2), left(9, 0, 2), left(9, 9, 0)], [""; 3]);
    }

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
