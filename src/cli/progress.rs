//! How far a long piece of work has come, on one line of a terminal that somebody watches.
//!
//! Written here, because the library for it brings in the system's mathematics, and every hook pays for
//! loading that: a third of a megabyte, and three hundredths of the time of `commit-msg`.

use std::io::Write as _;

use jiff::{SignedDuration, Timestamp};

use super::{World, output};

/// How long nothing is said, and how long between two times that something is.
const PATIENCE: SignedDuration = SignedDuration::from_millis(300);

/// How many steps are taken between two looks at the clock.
const STRIDE: u64 = 64;

/// A line that tells how far something has come; nothing where nobody watches.
pub(super) struct Progress {
    what: String,
    clock: fn() -> Timestamp,
    began: Timestamp,
    told: Option<Timestamp>,
    steps: u64,
    watched: bool,
}

impl Progress {
    /// Begins to count; `what` follows the number, as in `changes judged`.
    pub(super) fn of(what: impl Into<String>, world: &World) -> Progress {
        let (clock, watched) = (world.clock, output::is_watched());
        Progress { what: what.into(), clock, began: clock(), told: None, steps: 0, watched }
    }

    /// Says what goes on, for work that has no steps.
    pub(super) fn said(what: impl Into<String>, world: &World) -> Progress {
        let mut progress = Progress::of(what, world);
        if progress.watched {
            let line = progress.what.clone();
            progress.tell(&line, progress.began);
        }
        progress
    }

    /// Counts one step.
    pub(super) fn step(&mut self) {
        self.steps += 1;
        if !self.watched || !self.steps.is_multiple_of(STRIDE) {
            return;
        }
        let now = (self.clock)();
        if PATIENCE <= now.duration_since(self.told.unwrap_or(self.began)) {
            self.tell(&line(self.steps, &self.what, now.duration_since(self.began)), now);
        }
    }

    fn tell(&mut self, line: &str, now: Timestamp) {
        let mut out = anstream::stderr().lock();
        let _ = write!(out, "\r{line}\x1b[K").and_then(|()| out.flush());
        self.told = Some(now);
    }
}

/// Leaves the terminal as it was.
impl Drop for Progress {
    fn drop(&mut self) {
        if self.told.is_some() {
            // Nobody is helped by an error about a line that is to vanish.
            let _ = write!(anstream::stderr().lock(), "\r\x1b[K");
        }
    }
}

/// Returns what is said after so many steps and so long a time.
fn line(steps: u64, what: &str, elapsed: SignedDuration) -> String {
    let each_second = i128::from(steps) * 1000 / elapsed.as_millis().max(1);
    format!("{steps} {what}, {each_second}/s, {}s", elapsed.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_how_much_how_fast_and_how_long() {
        let after = |millis| line(4096, "changes judged", SignedDuration::from_millis(millis));
        assert_eq!(after(2000), "4096 changes judged, 2048/s, 2s");
        assert_eq!(after(300), "4096 changes judged, 13653/s, 0s");
        // A clock that stands still or goes back is no reason to fail.
        assert_eq!(after(0), "4096 changes judged, 4096000/s, 0s");
        assert_eq!(after(-5000), "4096 changes judged, 4096000/s, -5s");
    }
}
