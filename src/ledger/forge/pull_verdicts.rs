//! Records the verdicts on pull requests, as the check runs hold them in which they were published.
//!
//! The run that judges a pull request may write check runs, and nothing else; the run that records comes from the base
//! branch and never runs what a pull request brings. It takes no word of a pull request for more than it is: that there
//! is such a check run, by which app and on which commit is GitHub's word, and what it says is that of the app.

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};

use crate::change::{CommitMessage, Text};
use crate::github::verdict_history::VerdictStanding;
use crate::github::{ListedVerdict, RevisionContent};
use crate::ledger::forge::{ForgeLedger, to_error};
use crate::ledger::record::{LedgerEvent, PullVerdict, RecordedCheckRun, RecordedMarks, RecordedStanding};
use crate::ledger::server::decision::TOOL_VERSION;
use crate::ledger::state::LedgerState;
use crate::ledger::store::LedgerWriter;
use crate::ledger::store::protected_refs::parse_state_patterns;
use crate::verdict::{Message, MessageValue, messages};

messages! {
    VERDICTS_UNREAD = "pull-verdicts.unread": "cannot read the verdicts on pull requests: {reason}";
}

/// How long before the newest recorded verdict a pull request may have changed and still be read: runs overlap, and a
/// verdict follows the change that it is about.
const VERDICT_OVERLAP: SignedDuration = SignedDuration::from_hours(72);

/// The longest subject that is kept.
const MAX_SUBJECT_BYTES: usize = 500;

impl ForgeLedger<'_> {
    /// Returns the verdicts that the ledger does not hold yet, on branches that it follows, oldest first.
    ///
    /// # Errors
    ///
    /// Fails if GitHub does not list the pull requests or their check runs.
    pub(crate) fn find_pull_verdicts(&self, state: &LedgerState, now: Timestamp) -> Result<Vec<PullVerdict>> {
        let newest = state.recent_pull_verdicts.newest();
        let since = newest.and_then(|newest| newest.checked_sub(VERDICT_OVERLAP).ok());
        let patterns = parse_state_patterns(state);
        let mut found: Vec<PullVerdict> = Vec::new();
        for listed in self.github.list_pull_verdicts(self.repo, since).map_err(to_error)? {
            if !patterns.iter().any(|one| one.matches_ref(listed.target.as_bytes())) {
                continue;
            }
            let mut verdict = convert_verdict(listed, now);
            // One of the future would make every later one look old.
            if verdict.judged_at > now || state.recent_pull_verdicts.contains_verdict(&verdict) {
                continue;
            }
            // A copy of the check run says the same.
            if found.iter().any(|known| is_same_verdict(known, &verdict)) {
                continue;
            }
            if verdict.standing == RecordedStanding::Denied {
                let content = self.github.read_revision_content(self.repo, verdict.revision);
                verdict.marks = collect_marks(&content.map_err(to_error)?);
            }
            found.push(verdict);
        }
        Ok(found)
    }
}

/// Appends the verdicts that the ledger does not hold, and returns how many.
///
/// # Errors
///
/// Fails if one cannot be appended.
pub(crate) fn append_pull_verdicts(
    ledger: &mut LedgerWriter<'_>,
    verdicts: &[PullVerdict],
    now: Timestamp,
) -> Result<usize> {
    let mut appended = 0;
    for verdict in verdicts {
        if !ledger.state().recent_pull_verdicts.contains_verdict(verdict) {
            ledger.append_event(LedgerEvent::PullVerdict(Box::new(verdict.clone())), now)?;
            appended += 1;
        }
    }
    Ok(appended)
}

/// Returns that the verdicts could not be read; the next sweep reads them.
pub(crate) fn describe_unread(error: &anyhow::Error) -> Message {
    VERDICTS_UNREAD.with("reason", MessageValue::unrecorded(format!("{error:#}")))
}

/// Returns whether a trailer of this name refers to a ticket, whatever the policy of the time calls it.
pub(crate) fn is_ticket_key(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    key == "ticket" || key.ends_with("-ticket")
}

fn is_same_verdict(one: &PullVerdict, other: &PullVerdict) -> bool {
    (&one.pull, one.revision, one.standing, one.judged_at)
        == (&other.pull, other.revision, other.standing, other.judged_at)
        && one.rules == other.rules
}

fn convert_verdict(listed: ListedVerdict, now: Timestamp) -> PullVerdict {
    let ListedVerdict { pull, target, revision, verdict, check_run, check_name, app, completed_at } = listed;
    PullVerdict {
        pull: Text::from(pull.to_string()),
        target,
        revision,
        standing: match verdict.standing {
            VerdictStanding::Allowed => RecordedStanding::Allowed,
            VerdictStanding::Waiting => RecordedStanding::Waiting,
            VerdictStanding::Denied => RecordedStanding::Denied,
            VerdictStanding::Undecided => RecordedStanding::Undecided,
        },
        rules: verdict.rules,
        policy: verdict.policy.map(|digest| format!("sha256:{digest}")),
        judged_at: verdict.at,
        check_run: RecordedCheckRun { id: check_run, name: check_name, app, completed_at },
        marks: None,
        observed_at: now,
        tool: TOOL_VERSION.to_owned(),
    }
}

fn collect_marks(content: &RevisionContent) -> Option<RecordedMarks> {
    let message: &CommitMessage = content.message.as_ref()?;
    let mut marks = RecordedMarks {
        subject: cut_text(&message.subject()),
        author: content.author_address.clone(),
        change_ids: Vec::new(),
        tickets: Vec::new(),
        paths: content.paths.clone(),
    };
    for trailer in message.trailers() {
        if trailer.key.eq_ignore_ascii_case("Change-Id") {
            marks.change_ids.push(cut_text(&trailer.value));
        } else if is_ticket_key(&trailer.key) {
            marks.tickets.push(cut_text(&trailer.value));
        }
    }
    Some(marks)
}

fn cut_text(text: &Text) -> Text {
    let bytes = text.as_bytes();
    Text::new(bytes.get(..MAX_SUBJECT_BYTES).unwrap_or(bytes).to_vec())
}
