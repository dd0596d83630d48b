//! The verdicts that a check run has held, in a comment at the end of its summary that no reader sees.
//!
//! A check run says what holds now: each run takes it over and writes the new verdict. So that a later run can still
//! record what was decided before, each verdict is added to a list in the same check run. The run that judges needs no
//! permission beside that for check runs, and the run that keeps the ledger reads the list back.
//!
//! Whoever may write the check run may write the list, so it is worth as much as the check run itself.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::Text;
use crate::github::step_outputs::list_denied_rules;
use crate::report::Report;
use crate::report::check_title::{CheckStanding, build_check_title};

/// What the list begins with; texts of others cannot hold it, since they are escaped.
const HISTORY_START: &str = "<!-- changegate:verdicts ";

/// What the list ends with.
const HISTORY_END: &str = " -->";

/// How many verdicts a check run keeps, the newest.
const MAX_KEPT_VERDICTS: usize = 20;

/// How many bytes the list has at most: GitHub takes 65,535 in a summary, and the verdict itself needs most of them.
const MAX_HISTORY_BYTES: usize = 4_500;

/// How many rules one verdict names.
const MAX_NAMED_RULES: usize = 40;

/// How long a name in the list may be.
const MAX_NAME_BYTES: usize = 200;

/// A verdict on one pull request, as a check run keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CheckRunVerdict {
    /// The number of the pull request.
    pub pull: u64,
    /// The full name of the branch that it was judged for; `None` if nothing of it could be judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What came out.
    pub standing: VerdictStanding,
    /// The ids of the rules that deny.
    pub rules: Vec<String>,
    /// The SHA-256 of the policy, in hexadecimal digits; `None` if none could be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// When it was judged, by the clock of the run that did.
    pub at: Timestamp,
}

/// What a verdict on a pull request amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictStanding {
    /// It may be merged.
    Allowed,
    /// Only others have to act: a review, a check or a conversation is missing.
    Waiting,
    /// Something is wrong with it.
    Denied,
    /// A fact could not be read, which denies as well.
    Undecided,
}

impl From<CheckStanding> for VerdictStanding {
    fn from(standing: CheckStanding) -> Self {
        match standing {
            CheckStanding::Allowed => VerdictStanding::Allowed,
            CheckStanding::Waiting => VerdictStanding::Waiting,
            CheckStanding::Denied => VerdictStanding::Denied,
            CheckStanding::Undecided => VerdictStanding::Undecided,
        }
    }
}

impl CheckRunVerdict {
    /// Returns the verdict on a pull request that was judged.
    pub(crate) fn from_report(pull: u64, target: Option<&Text>, report: &Report) -> CheckRunVerdict {
        let denied = list_denied_rules(report);
        let rules = denied.split(',').filter(|rule| !rule.is_empty() && rule.len() <= MAX_NAME_BYTES);
        CheckRunVerdict {
            pull,
            target: target.map(|target| target.to_lossy().into_owned()),
            standing: build_check_title(report, true).standing.into(),
            rules: rules.take(MAX_NAMED_RULES).map(str::to_owned).collect(),
            policy: report.policy.as_ref().map(|policy| policy.digest.clone()),
            at: report.seen_at,
        }
    }

    /// Returns whether both say the same of the same pull request, whenever they did.
    fn says_the_same(&self, other: &CheckRunVerdict) -> bool {
        (self.pull, &self.target, self.standing) == (other.pull, &other.target, other.standing)
            && (&self.rules, &self.policy) == (&other.rules, &other.policy)
    }

    /// Returns whether the gate can have written the verdict: anybody who may write the check run can write more.
    fn is_well_formed(&self) -> bool {
        let is_digest =
            |digest: &String| digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_id =
            |rule: &String| rule.chars().all(|sign| sign.is_ascii_alphanumeric() || "._-".contains(sign));
        let mut names = self.rules.iter().chain(&self.target);
        names.all(|name| name.len() <= MAX_NAME_BYTES)
            && self.rules.len() <= MAX_NAMED_RULES
            && self.rules.iter().all(is_id)
            && self.policy.as_ref().is_none_or(is_digest)
    }
}

/// Adds verdicts to those that were there before. What repeats the last verdict on its pull request is left out: a
/// judgement after each event that changes nothing would push the others out.
pub(crate) fn add_verdicts(kept: &mut Vec<CheckRunVerdict>, more: &[CheckRunVerdict]) {
    for verdict in more {
        let last = kept.iter().rev().find(|known| known.pull == verdict.pull);
        if last.is_none_or(|last| !last.says_the_same(verdict)) && !kept.contains(verdict) {
            kept.push(verdict.clone());
        }
    }
    kept.drain(..kept.len().saturating_sub(MAX_KEPT_VERDICTS));
}

/// Returns a text in which no list begins: what it quotes may hold the words that one begins with.
pub(crate) fn disarm_history(text: &str) -> String {
    text.replace(HISTORY_START.trim_end(), "<!-- ")
}

/// Returns the list as it stands at the end of a summary; empty for no verdicts. The oldest are left out if there is
/// no room for all.
pub(crate) fn format_history(verdicts: &[CheckRunVerdict]) -> String {
    for start in 0..verdicts.len() {
        let Ok(json) = serde_json::to_string(verdicts.get(start..).unwrap_or_default()) else { break };
        // Neither sign ends a comment where it is escaped, and both stand in strings only.
        let json = json.replace('>', "\\u003e").replace("--", "-\\u002d");
        if json.len() <= MAX_HISTORY_BYTES {
            return format!("\n\n{HISTORY_START}{json}{HISTORY_END}\n");
        }
    }
    String::new()
}

/// Returns the verdicts that a summary keeps; none if it has no list, or one that cannot be read.
pub(crate) fn parse_history(summary: &str) -> Vec<CheckRunVerdict> {
    // The list is the last thing in a summary.
    let Some((_, rest)) = summary.rsplit_once(HISTORY_START) else { return Vec::new() };
    let Some((json, _)) = rest.split_once(HISTORY_END) else { return Vec::new() };
    let mut verdicts: Vec<CheckRunVerdict> = serde_json::from_str(json).unwrap_or_default();
    verdicts.retain(CheckRunVerdict::is_well_formed);
    verdicts.truncate(MAX_KEPT_VERDICTS);
    verdicts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(pull: u64, rule: &str, second: i64) -> CheckRunVerdict {
        CheckRunVerdict {
            pull,
            target: Some("refs/heads/a-->b--".into()),
            standing: VerdictStanding::Denied,
            rules: vec![rule.into()],
            policy: None,
            at: Timestamp::from_second(second).unwrap(),
        }
    }

    #[test]
    fn a_list_is_read_back_whatever_its_names_hold() {
        let kept = [verdict(1, "a--b", 1), verdict(2, "--", 2)];
        let text = format!("Words.{}", format_history(&kept));
        assert_eq!(text.matches("-->").count(), 1, "{text}");
        assert_eq!(parse_history(&text), kept);
        for broken in ["", "<!-- changegate:verdicts [ -->", "<!-- changegate:verdicts [{\"pull\":1}] -->"] {
            assert_eq!(parse_history(broken), []);
        }
        assert_eq!(format_history(&[]), "");
        assert_eq!(parse_history(&disarm_history(&text)), []);
    }

    #[test]
    fn what_the_gate_would_not_write_is_not_read() {
        let planted = |edit: &dyn Fn(&mut CheckRunVerdict)| {
            let mut one = verdict(1, "a", 1);
            edit(&mut one);
            parse_history(&format_history(&[one])).len()
        };
        assert_eq!(planted(&|one| one.policy = Some("a".repeat(64))), 1);
        assert_eq!(planted(&|one| one.policy = Some("not a digest".into())), 0);
        assert_eq!(planted(&|one| one.rules = vec!["a\u{1b}[31m".into()]), 0);
        assert_eq!(planted(&|one| one.rules = vec!["a".into(); 41]), 0);
        assert_eq!(planted(&|one| one.target = Some("x".repeat(201))), 0);
    }

    #[test]
    fn what_repeats_the_last_verdict_is_not_kept_again() {
        let mut kept = Vec::new();
        add_verdicts(&mut kept, &[verdict(1, "a", 1), verdict(2, "a", 2), verdict(1, "a", 3)]);
        add_verdicts(&mut kept, &[verdict(1, "b", 4), verdict(1, "a", 5)]);
        assert_eq!(kept.iter().map(|one| one.at.as_second()).collect::<Vec<_>>(), [1, 2, 4, 5]);
    }

    #[test]
    fn the_list_is_bounded_and_the_newest_stay() {
        let mut kept = Vec::new();
        for second in 0..100 {
            add_verdicts(&mut kept, &[verdict(1, &format!("{second:0200}"), second)]);
        }
        assert_eq!(kept.len(), MAX_KEPT_VERDICTS);
        let text = format_history(&kept);
        assert!(text.len() < MAX_HISTORY_BYTES + 100);
        let read = parse_history(&text);
        assert!(read.len() > 5 && read.last() == kept.last());
    }
}
