//! The changes of the page while they come: on disk, since nobody knows how many will follow.
//!
//! A browser takes tens of megabytes at once and not more, so the page holds the lines of the newest changes, and the
//! details of fewer. Which are the newest is only known at the end.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Seek as _, Write};

use anyhow::Result;
use jiff::Timestamp;
use serde::Serialize;

use crate::audit::page::page_text::encode_script_json;

/// How many changes the change log of the page has.
const MAX_ROWS: usize = 100_000;

/// Of how many changes the page has the details.
const MAX_DETAILS: usize = 10_000;

/// How many changes one element of the page holds. The program of the page parses the details of one element at a
/// time.
const ROWS_IN_BLOCK: usize = 1_000;
const DETAILS_IN_BLOCK: usize = 50;

/// The changes, while they come.
pub(super) struct ChangeSpool {
    rows: BufWriter<File>,
    details: BufWriter<File>,
    landed_at: Vec<Timestamp>,
}

/// Which changes are in the page.
pub(super) struct SelectedChanges {
    /// How many changes there are in all.
    pub(super) all: usize,
    /// How many of them have a line.
    pub(super) rows: usize,
    /// The numbers of those with details, in their order.
    pub(super) detailed: Vec<usize>,
}

impl ChangeSpool {
    /// Begins with two empty files.
    pub(super) fn new(rows: File, details: File) -> ChangeSpool {
        ChangeSpool { rows: BufWriter::new(rows), details: BufWriter::new(details), landed_at: Vec::new() }
    }

    /// Returns the number that the next change gets.
    pub(super) fn next_number(&self) -> usize {
        self.landed_at.len()
    }

    /// Keeps a change.
    ///
    /// # Errors
    ///
    /// Fails if the disk does.
    pub(super) fn add_change(
        &mut self,
        at: Timestamp,
        row: &impl Serialize,
        detail: &impl Serialize,
    ) -> Result<()> {
        self.landed_at.push(at);
        // JSON in one line has no line end: each line is one change.
        writeln!(self.rows, "{}", encode_script_json(row)?)?;
        writeln!(self.details, "{}", encode_script_json(detail)?)?;
        Ok(())
    }

    /// Writes the newest changes as data blocks, and returns which they are.
    ///
    /// # Errors
    ///
    /// Fails if the disk does.
    pub(super) fn write_blocks(self, out: &mut dyn Write) -> Result<SelectedChanges> {
        let rows = select_newest(&self.landed_at, MAX_ROWS);
        let details = select_newest(&self.landed_at, MAX_DETAILS);
        copy_blocks(self.rows, &rows, ("rows", ROWS_IN_BLOCK), out)?;
        copy_blocks(self.details, &details, ("details", DETAILS_IN_BLOCK), out)?;
        let detailed = details.iter().enumerate().filter(|(_, is_in)| **is_in).map(|(number, _)| number);
        Ok(SelectedChanges {
            all: rows.len(),
            rows: rows.iter().filter(|is_in| **is_in).count(),
            detailed: detailed.collect(),
        })
    }
}

/// Returns for each change whether it is among the newest.
fn select_newest(landed_at: &[Timestamp], most: usize) -> Vec<bool> {
    let mut selected = vec![landed_at.len() <= most; landed_at.len()];
    if landed_at.len() > most {
        let mut order: Vec<usize> = (0..landed_at.len()).collect();
        order.sort_by_key(|number| std::cmp::Reverse((landed_at.get(*number).copied(), *number)));
        for number in order.into_iter().take(most) {
            if let Some(is_in) = selected.get_mut(number) {
                *is_in = true;
            }
        }
    }
    selected
}

fn copy_blocks(
    spool: BufWriter<File>,
    selected: &[bool],
    (class, most): (&str, usize),
    out: &mut dyn Write,
) -> Result<()> {
    let mut file = spool.into_inner()?;
    file.rewind()?;
    let mut lines = BufReader::new(file);
    let mut line = Vec::new();
    let mut written = 0;
    for is_in in selected {
        line.clear();
        lines.read_until(b'\n', &mut line)?;
        if !is_in {
            continue;
        }
        if written % most == 0 {
            let end = if written == 0 { "" } else { "]</script>\n" };
            write!(out, "{end}<script type=\"application/json\" class=\"{class}\">[")?;
        } else {
            out.write_all(b",")?;
        }
        out.write_all(line.trim_ascii_end())?;
        written += 1;
    }
    if written > 0 {
        writeln!(out, "]</script>")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_changes_stay_whatever_their_order() {
        let times = [5, 1, 4, 2, 3].map(|second| Timestamp::from_second(second).unwrap());
        assert_eq!(select_newest(&times, 5), [true; 5]);
        assert_eq!(select_newest(&times, 2), [true, false, true, false, false]);
        assert_eq!(select_newest(&[], 2), [false; 0]);
    }

    #[test]
    fn blocks_are_json_and_hold_what_is_selected() {
        let mut spool = ChangeSpool::new(tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        for number in 0..120_i64 {
            assert_eq!(spool.next_number(), usize::try_from(number).unwrap());
            spool.add_change(Timestamp::from_second(number).unwrap(), &number, &"</script>").unwrap();
        }
        let mut out = Vec::new();
        let selected = spool.write_blocks(&mut out).unwrap();
        assert_eq!((selected.all, selected.rows, selected.detailed.len()), (120, 120, 120));
        let html = String::from_utf8(out).unwrap();
        assert_eq!(html.matches("<script ").count(), 1 + 3);
        assert_eq!(html.matches("</script>").count(), 1 + 3, "no text ends an element");
        for block in html.lines() {
            let json = block.split_once('>').unwrap().1.strip_suffix("</script>").unwrap();
            serde_json::from_str::<Vec<serde_json::Value>>(json).unwrap();
        }
    }
}
