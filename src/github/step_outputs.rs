//! Outputs of a step, in the file that `GITHUB_OUTPUT` names.
//!
//! Whoever can put a line end or a delimiter into a value can set every other output. So each value
//! stands between delimiters that nobody can guess and that are checked not to be in it, and what a
//! workflow decides by is made of fixed words alone.

use std::hash::{BuildHasher, Hasher, RandomState};

use crate::report::Report;
use crate::verdict::{Judgement, RuleLevel};

/// The largest JSON that is handed on; a runner takes 1 MiB for everything.
pub const MAX_JSON_OUTPUT_BYTES: usize = 256 * 1024;

/// Returns the lines that set these outputs.
pub fn format_outputs(outputs: &[(&str, &str)]) -> String {
    let mut lines = String::new();
    for (name, value) in outputs {
        let mut delimiter = random_delimiter();
        while value.contains(&delimiter) {
            delimiter = random_delimiter();
        }
        lines.push_str(&format!("{name}<<{delimiter}\n{value}\n{delimiter}\n"));
    }
    lines
}

/// Returns a word that cannot be guessed: the standard library seeds its hashers at random.
fn random_delimiter() -> String {
    let part = || RandomState::new().build_hasher().finish();
    format!("changegate_{:016x}{:016x}", part(), part())
}

/// Returns the ids of all rules that deny, each once, with commas between them and no other sign than
/// letters, digits, `.`, `_` and `-`.
pub fn list_denied_rules(report: &Report) -> String {
    let mut ids: Vec<String> = Vec::new();
    let mut add = |judgement: &Judgement, enforced: bool| {
        let plain = |one: char| one.is_ascii_alphanumeric() || "._-".contains(one);
        let id: String = judgement.rule.id.chars().map(|one| if plain(one) { one } else { '_' }).collect();
        if judgement.level == RuleLevel::Deny && judgement.is_denying(enforced) && !ids.contains(&id) {
            ids.push(id);
        }
    };
    for group in &report.groups {
        group.refusals.iter().for_each(|judgement| add(judgement, report.enforced));
        for verdict in &group.verdicts {
            verdict.judgements.iter().for_each(|judgement| add(judgement, verdict.enforced));
        }
    }
    ids.join(",")
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
        assert_ne!(random_delimiter(), random_delimiter());
    }
}
