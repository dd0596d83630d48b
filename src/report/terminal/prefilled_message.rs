//! The message of a refused commit, with the lines that are still to fill in.

use crate::change::message::trailer_extent::split_at_trailer_end;
use crate::change::message::trailers::{TrailerReader, read_trailers};
use crate::report::content::Report;
use crate::report::fix_plan::add_paste_lines;
use crate::report::ranked_judgements::rank_verdict;
use crate::report::terminal::message_fix::{MessageFix, list_message_fixes};
use crate::verdict::Verdict;

/// Returns `message`, as git would store it, with the lines in it that its author has to fill in.
///
/// A line that is wrong is replaced. What only others can state is not added, and neither is one of several
/// lines among which the author chooses.
pub(crate) fn prefill_message(report: &Report, message: &[u8]) -> Vec<u8> {
    let mut filled = message.to_vec();
    for verdict in report.groups.iter().flat_map(|group| &group.verdicts) {
        let awaited = list_awaited_lines(verdict);
        for fix in list_message_fixes(verdict) {
            if fix.commit.is_none() {
                filled = fill_in_lines(&filled, &fix, &awaited);
            }
        }
    }
    filled
}

/// Returns the lines that others have to justify first.
fn list_awaited_lines(verdict: &Verdict) -> Vec<&str> {
    let mut lines = Vec::new();
    for ranked in rank_verdict(verdict) {
        for objection in ranked.told_objections() {
            if let Some(finding) = objection.finding()
                && !finding.is_for_author()
            {
                add_paste_lines(&mut lines, finding.paste.as_deref());
            }
        }
    }
    lines
}

fn fill_in_lines(message: &[u8], fix: &MessageFix<'_>, awaited: &[&str]) -> Vec<u8> {
    let mut filled = Vec::with_capacity(message.len() + 256);
    for (index, line) in message.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let replacement = fix.replacements.iter().find(|known| known.0.own_line() == Some(index + 1));
        match replacement {
            Some((_, lines)) => add_lines(&mut filled, lines, &[]),
            None => filled.extend_from_slice(line),
        }
    }
    if fix.additions.iter().all(|line| awaited.contains(line)) {
        return filled;
    }
    // What git ignores at the end stays below the trailers; without trailers it may be text.
    let has_trailers = !read_trailers(&filled, TrailerReader::Log).trailers.is_empty();
    let end = if has_trailers { split_at_trailer_end(&filled).0.len() } else { filled.len() };
    let below = filled.split_off(end);
    if !filled.ends_with(b"\n") {
        filled.push(b'\n');
    }
    if !has_trailers {
        filled.push(b'\n');
    }
    add_lines(&mut filled, &fix.additions, awaited);
    filled.extend_from_slice(&below);
    filled
}

fn add_lines(filled: &mut Vec<u8>, lines: &[&str], left_out: &[&str]) {
    for line in lines {
        if !left_out.contains(line) {
            filled.extend_from_slice(line.as_bytes());
            filled.push(b'\n');
        }
    }
}
