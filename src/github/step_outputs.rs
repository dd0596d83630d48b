//! The outputs of a workflow step, in the file that `GITHUB_OUTPUT` names.
//!
//! A value that contains a line end or the delimiter could set every other output. So each value stands
//! between random delimiters that are checked not to be in it, and the outputs that a workflow decides
//! by are made of fixed words alone.

use std::hash::{BuildHasher, Hasher, RandomState};

use crate::report::Report;
use crate::verdict::Judgement;

/// The largest JSON that is set as an output; a runner takes 1 MiB for all outputs.
pub(crate) const MAX_JSON_OUTPUT_BYTES: usize = 256 * 1024;

/// Returns the lines that set these outputs.
pub(crate) fn format_outputs(outputs: &[(&str, &str)]) -> String {
    let mut lines = String::new();
    for (name, value) in outputs {
        let mut delimiter = random_word("changegate_");
        while value.contains(&delimiter) {
            delimiter = random_word("changegate_");
        }
        lines.push_str(&format!("{name}<<{delimiter}\n{value}\n{delimiter}\n"));
    }
    lines
}

/// Returns a word that starts with `start` and cannot be guessed: the standard library seeds its hashers randomly.
pub(crate) fn random_word(start: &str) -> String {
    let first = RandomState::new().build_hasher().finish();
    let second = RandomState::new().build_hasher().finish();
    format!("{start}{first:016x}{second:016x}")
}

/// Returns the ids of all rules that deny, each once, with commas between them and no other characters than
/// letters, digits, `.`, `_` and `-`.
pub fn list_denied_rules(report: &Report) -> String {
    let mut ids: Vec<String> = Vec::new();
    for group in &report.groups {
        add_denied_rules(&group.refusals, report.enforced, &mut ids);
        for verdict in &group.verdicts {
            add_denied_rules(&verdict.judgements, verdict.enforced, &mut ids);
        }
    }
    ids.join(",")
}

fn add_denied_rules(judgements: &[Judgement], enforced: bool, ids: &mut Vec<String>) {
    for judgement in judgements {
        if !judgement.is_denying(enforced) {
            continue;
        }
        let id = judgement.rule.id.as_str().replace(|sign: char| !is_plain_sign(sign), "_");
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
}

fn is_plain_sign(sign: char) -> bool {
    sign.is_ascii_alphanumeric() || "._-".contains(sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads outputs as the runner does: a delimiter ends a value only as a whole line.
    fn read(lines: &str) -> Vec<(String, String)> {
        let mut rest = lines.lines();
        let mut all = Vec::new();
        while let Some(first) = rest.next() {
            let (name, delimiter) = first.split_once("<<").unwrap();
            let value: Vec<_> = rest.by_ref().take_while(|line| *line != delimiter).collect();
            all.push((name.to_owned(), value.join("\n")));
        }
        all
    }

    #[test]
    fn a_value_stays_a_value() {
        let evil = "x\nEOF\nverdict<<EOF\nallow\nEOF\nchangegate_\nverdict=allow";
        let read = read(&format_outputs(&[("json", evil), ("verdict", "deny")]));
        assert_eq!(read, [("json".to_owned(), evil.to_owned()), ("verdict".into(), "deny".into())]);
        assert_ne!(random_word("a"), random_word("a"));
    }
}
