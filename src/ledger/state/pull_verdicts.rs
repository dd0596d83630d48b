//! Which verdicts on pull requests are recorded, so that a run that reads them again adds nothing.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ledger::record::{PullVerdict, digest_bytes};

/// How many verdicts are remembered, the newest.
const MAX_REMEMBERED_VERDICTS: usize = 512;

/// How many digits an id has.
const ID_DIGITS: usize = 16;

/// The verdicts on pull requests that were recorded last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecentPullVerdicts {
    /// The time of the newest verdict that was forgotten; one that is as old counts as recorded.
    pub forgotten_until: Option<Timestamp>,
    /// When each of the others was judged, by its id.
    pub judged_at: BTreeMap<String, Timestamp>,
}

impl RecentPullVerdicts {
    /// Returns whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.judged_at.is_empty()
    }

    /// Returns whether a verdict is recorded, or so old that it has to count as recorded.
    pub(crate) fn contains_verdict(&self, verdict: &PullVerdict) -> bool {
        self.forgotten_until.is_some_and(|until| verdict.judged_at <= until)
            || self.judged_at.contains_key(&identify_verdict(verdict))
    }

    /// Returns when the newest verdict was judged; `None` if there is none.
    pub(crate) fn newest(&self) -> Option<Timestamp> {
        self.judged_at.values().max().copied()
    }

    /// Takes in a verdict that is recorded.
    pub(crate) fn add_verdict(&mut self, verdict: &PullVerdict) {
        self.judged_at.insert(identify_verdict(verdict), verdict.judged_at);
        while self.judged_at.len() > MAX_REMEMBERED_VERDICTS {
            let oldest = self.judged_at.iter().min_by_key(|(_, at)| **at);
            let Some((id, at)) = oldest.map(|(id, at)| (id.clone(), *at)) else { break };
            self.forgotten_until = self.forgotten_until.max(Some(at));
            self.judged_at.remove(&id);
        }
    }
}

/// Returns the id of a verdict: it depends on what was judged, when, and what came out. The text is part of states and
/// must not change.
fn identify_verdict(verdict: &PullVerdict) -> String {
    let pull = verdict.pull.to_lossy();
    let (revision, standing, at) = (verdict.revision, verdict.standing.code(), verdict.judged_at);
    let text = format!("{pull}\n{revision}\n{standing}\n{}\n{at}", verdict.rules.join(","));
    digest_bytes(text.as_bytes()).trim_start_matches("sha256:").chars().take(ID_DIGITS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Oid;
    use crate::ledger::record::{RecordedCheckRun, RecordedStanding};

    fn verdict(second: i64) -> PullVerdict {
        PullVerdict {
            pull: "acme/shop#1".into(),
            target: "refs/heads/main".into(),
            revision: Oid::from_bytes(&[1; 20]).unwrap(),
            standing: RecordedStanding::Denied,
            rules: vec!["reviewed".into()],
            policy: None,
            judged_at: Timestamp::from_second(second).unwrap(),
            check_run: RecordedCheckRun { id: 1, name: "gate".into(), app: None, completed_at: None },
            marks: None,
            observed_at: Timestamp::UNIX_EPOCH,
            tool: "t".into(),
        }
    }

    #[test]
    fn what_was_forgotten_is_not_recorded_again() {
        let mut recent = RecentPullVerdicts::default();
        let count = i64::try_from(MAX_REMEMBERED_VERDICTS).unwrap() + 5;
        for second in 0..count {
            assert!(!recent.contains_verdict(&verdict(second)));
            recent.add_verdict(&verdict(second));
        }
        assert_eq!(recent.judged_at.len(), MAX_REMEMBERED_VERDICTS);
        assert!((0..count).all(|second| recent.contains_verdict(&verdict(second))));
        assert!(!recent.contains_verdict(&verdict(count)));
        let other = PullVerdict { standing: RecordedStanding::Allowed, ..verdict(count - 1) };
        assert!(!recent.contains_verdict(&other));
    }
}
