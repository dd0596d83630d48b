//! Landings in the past: what a push does, step by step, with a clock that the test holds.

use changegate::change::{FactKind, Missing, Oid, PusherIdentity, Text};
use changegate::gate::{GateSettings, RecordedPast, current_policy, judge_push, protected_refs};
use changegate::git::{RefUpdate, Repository};
use changegate::ledger::server::decision::{self, DecisionContext};
use changegate::ledger::server::reconcile::{LandedPush, ReconcileContext, reconcile_ledger};
use changegate::ledger::server::write_ahead;
use changegate::ledger::store::state_reader::LedgerStateReader;
use changegate::verdict::Decision;
use jiff::{SignedDuration, Timestamp};

use crate::world::{MAIN, World};

/// A change that is let through against what it owes.
pub(crate) const EMERGENCY: &str = "\
Stop charging cards twice

Change-Type: emergency
Risk: high
Incident: INC-1
Emergency-Reason: cards are charged twice and every minute costs customers money
";

/// Who closes what Ana owes.
pub(crate) const BEN: [(&str, &str); 4] = [
    ("GIT_AUTHOR_NAME", "Ben"),
    ("GIT_AUTHOR_EMAIL", "ben@example.com"),
    ("GIT_COMMITTER_NAME", "Ben"),
    ("GIT_COMMITTER_EMAIL", "ben@example.com"),
];

/// Returns the time so many hours ago.
pub(crate) fn ago(hours: i64) -> Timestamp {
    Timestamp::now().checked_sub(SignedDuration::from_hours(hours)).unwrap()
}

impl World {
    /// Lands HEAD of the clone on main at this time, as a push would have.
    pub(crate) fn land_at(&self, at: Timestamp) -> String {
        let (old, new) = (self.main(), self.head());
        self.git_in("server.git", &["fetch", "-q", "../work", &new]);
        let repository = Repository::open_at(&self.path("server.git"), None).unwrap();
        let settings = GateSettings::read_settings(&repository, &|_| None, || 1).unwrap();
        let id = |digits: &str| Oid::from_hex(digits).unwrap();
        let update = RefUpdate { old: id(&old), new: id(&new), name: Text::from(MAIN) };
        let (report, kept) = judge_push(
            &repository,
            std::slice::from_ref(&update),
            (&settings, RecordedPast::default()),
            at,
            false,
        );
        assert_eq!(report.decision, Decision::Allow, "{report:?}");
        let pusher = settings.pusher.clone();
        assert_ne!(pusher, Err(Missing::NotConfigured(FactKind::Pusher)));
        assert_eq!(pusher, Ok(PusherIdentity::Unidentified));
        let by = DecisionContext { id: write_ahead::new_decision_id().unwrap(), pusher, served_by: None };
        let decision = decision::build_push_entry(&repository, &report, &kept, by).unwrap().unwrap();
        write_ahead::write_entry(repository.common_dir(), &decision).unwrap();
        self.git_in("server.git", &["update-ref", MAIN, &new, &old]);
        let policy = current_policy(&repository, &settings, &[]).unwrap();
        let scope = Some(protected_refs(&repository, &policy.policy).unwrap());
        let folding = ReconcileContext {
            repository: &repository,
            states: &LedgerStateReader::new(&repository),
            scope: scope.as_deref(),
            policy: None,
            signing_key: None,
            clock: Timestamp::now,
            push_timeout: SignedDuration::ZERO,
            max_denials: usize::MAX,
            heartbeat: None,
            tool_version: decision::TOOL_VERSION,
            is_process_running: &|_| None,
        };
        let told = LandedPush { landed: std::slice::from_ref(&update), served_by: None };
        reconcile_ledger(&folding, Some(told)).unwrap();
        new
    }

    /// Commits as Ben, who speaks for a change of Ana's.
    pub(crate) fn commit_as_ben(&mut self, message: &str) -> String {
        let before = self.environment.clone();
        self.environment.extend(BEN.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let id = self.commit(message);
        self.environment = before;
        id
    }
}

/// Returns what a change says that closes what `change` owes.
pub(crate) fn closes(change: &str, fields: &str) -> String {
    format!(
        "Look back at the double charge\n\nChange-Type: normal\nRisk: low\nReviewed-by: Kim <kim@example.com>\n\
         For-Change: {}\n{fields}",
        &change[..12]
    )
}

/// The fields that an emergency owes under the test policy.
pub(crate) const TICKET: &str = "Emergency-Ticket: SEC-78\n";
pub(crate) const REVIEW: &str = "Post-Implementation-Review: the retry ran twice; it is idempotent now\n";
