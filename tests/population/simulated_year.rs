//! A year on a server, in a second: what its hooks do, step by step, with a clock that the test holds.

use std::cell::Cell;
use std::ffi::OsString;

use changegate::change::{Oid, Text};
use changegate::gate::{GateMode, GateSettings, RecordedPast, current_policy, judge_push, protected_refs};
use changegate::git::{RefUpdate, Repository};
use changegate::ledger::server::decision::{self, DecisionContext};
use changegate::ledger::server::reconcile::{LandedPush, ReconcileContext, reconcile_ledger};
use changegate::ledger::server::write_ahead;
use changegate::ledger::store::state_reader::LedgerStateReader;
use changegate::verdict::Decision;
use jiff::{SignedDuration, Timestamp};

use crate::world::{MAIN, World, ZERO};

/// The policy of the year.
pub(crate) const POLICY: &str = "\
changegate: 1
name: year
extends: [iso27001]
protects: [main]
people:
  teams: { duty-managers: [kim@example.com], developers: [ana@example.com, ben@example.com] }
obligations: { regularise: { from: [duty-managers], within: 24h } }
";

thread_local! {
    static CLOCK: Cell<Timestamp> = const { Cell::new(Timestamp::UNIX_EPOCH) };
}

fn simulated_clock() -> Timestamp {
    CLOCK.get()
}

/// A server whose clock stands where the test puts it.
pub(crate) struct Year {
    pub(crate) world: World,
}

/// Returns an instant, as in `03-01T10:00` of the year 2026.
pub(crate) fn at(written: &str) -> Timestamp {
    format!("2026-{written}:00Z").parse().unwrap()
}

/// A message of a normal change that breaks no rule.
pub(crate) fn normal(subject: &str, more: &str) -> String {
    format!(
        "{subject}\n\nCustomers asked for it.\n\n{more}Ticket: PAY-412\nChange-Type: normal\nRisk: low\nSecurity-Impact: low\n\
         Back-out-Plan: revert the commit and deploy again\nTest-Plan: unit tests and the load test in staging\n\
         Reviewed-by: Ben <ben@example.com>\n"
    )
}

/// A message of an emergency, which owes a ticket and two reviews.
pub(crate) fn emergency(subject: &str) -> String {
    format!(
        "{subject}\n\nChange-Type: emergency\nRisk: high\nSecurity-Impact: low\nIncident: INC-7\n\
         Emergency-Reason: cards are charged twice and every minute costs customers money\n\
         Back-out-Plan: revert the commit and deploy again\nAuthorized-by: Kim <kim@example.com>\n"
    )
}

impl Year {
    /// Starts the year: the ledger begins with its first landing.
    pub(crate) fn start() -> Year {
        Year::under(POLICY)
    }

    /// Starts a year under this policy.
    pub(crate) fn under(policy: &str) -> Year {
        let world = World::under(policy);
        world.configure("changegate.pusher", "env:WHO");
        // The ledger of the year begins in January, and not when the server was set up.
        world.git_in("server.git", &["update-ref", "-d", "refs/changegate/ledger"]);
        std::fs::remove_dir_all(world.path("server.git/changegate")).unwrap();
        Year { world }
    }

    fn settings(&self, repository: &Repository, who: &str) -> GateSettings {
        let who = who.to_owned();
        let read = move |name: &str| (name == "WHO").then(|| OsString::from(&who));
        GateSettings::read_settings(repository, &read, || 1).unwrap()
    }

    /// Commits a file and a message as this person, at this time.
    pub(crate) fn commit(&mut self, when: Timestamp, who: &str, file: Option<&str>, message: &str) -> String {
        if let Some(file) = file {
            self.world.write(file, &format!("{when} {message}"));
        }
        self.world.git(&["add", "-A"]);
        let date = when.to_string();
        let mut command = self.world.command("git", "work");
        command.args(["commit", "-q", "--allow-empty", "-m", message]);
        for role in ["AUTHOR", "COMMITTER"] {
            let name = who.split('@').next().unwrap();
            let name = format!("{}{}", name[..1].to_uppercase(), &name[1..]);
            command.env(format!("GIT_{role}_NAME"), name).env(format!("GIT_{role}_EMAIL"), who);
            command.env(format!("GIT_{role}_DATE"), &date);
        }
        assert!(command.status().unwrap().success());
        self.world.head()
    }

    /// Judges a push of HEAD to main at this time, and lands it if it is allowed.
    pub(crate) fn push(&mut self, when: Timestamp, who: &str) -> Decision {
        self.push_ref(when, who, MAIN)
    }

    /// Judges a push of HEAD to this ref at this time, and lands it if it is allowed.
    pub(crate) fn push_ref(&mut self, when: Timestamp, who: &str, name: &str) -> Decision {
        CLOCK.set(when);
        let (old, new) = (self.world.at(name).unwrap_or_else(|| ZERO.to_owned()), self.world.head());
        self.world.git_in("server.git", &["fetch", "-q", "../work", &new]);
        let repository = Repository::open_at(&self.world.path("server.git"), None).unwrap();
        let settings = self.settings(&repository, who);
        let id = |digits: &str| Oid::from_hex(digits).unwrap();
        let update = RefUpdate { old: id(&old), new: id(&new), name: Text::from(name) };
        let (mut report, kept) = judge_push(
            &repository,
            std::slice::from_ref(&update),
            (&settings, RecordedPast::default()),
            when,
            false,
        );
        // As the hook does.
        report.is_evaluation = settings.mode == GateMode::Evaluate;
        let by = DecisionContext {
            id: write_ahead::new_decision_id().unwrap(),
            pusher: settings.pusher.clone(),
            served_by: None,
        };
        let entry = decision::build_push_entry(&repository, &report, &kept, by).unwrap().unwrap();
        write_ahead::write_entry(repository.common_dir(), &entry).unwrap();
        if report.effective_decision() == Decision::Allow {
            self.world.git_in("server.git", &["update-ref", name, &new, &old]);
            self.reconcile(&repository, &settings, Some(&update));
        } else {
            self.reconcile(&repository, &settings, None);
            let main = self.world.at(MAIN).unwrap();
            self.world.git(&["reset", "-q", "--hard", &main]);
        }
        report.decision
    }

    /// Moves main past the hooks, and has the ledger find out at this time.
    pub(crate) fn bypass(&mut self, when: Timestamp) {
        CLOCK.set(when);
        let new = self.world.head();
        self.world.git_in("server.git", &["fetch", "-q", "../work", &new]);
        self.world.git_in("server.git", &["update-ref", MAIN, &new]);
        let repository = Repository::open_at(&self.world.path("server.git"), None).unwrap();
        let settings = self.settings(&repository, "");
        self.reconcile(&repository, &settings, None);
    }

    /// Commits and pushes a change that has to be allowed.
    pub(crate) fn land(&mut self, when: Timestamp, who: &str, file: Option<&str>, message: &str) -> String {
        let id = self.commit(when, who, file, message);
        assert_eq!(self.push(when, who), Decision::Allow, "{message}");
        id
    }

    fn reconcile(&self, repository: &Repository, settings: &GateSettings, landed: Option<&RefUpdate>) {
        let policy = current_policy(repository, settings, &[]).unwrap();
        let scope = Some(protected_refs(repository, &policy.policy).unwrap());
        let context = ReconcileContext {
            repository,
            states: &LedgerStateReader::new(repository),
            scope: scope.as_deref(),
            policy: Some((&policy.policy, &settings.policy_ref)),
            signing_key: None,
            clock: simulated_clock,
            push_timeout: SignedDuration::ZERO,
            max_denials: usize::MAX,
            heartbeat: None,
            tool_version: decision::TOOL_VERSION,
            is_process_running: &|_| None,
        };
        let landed =
            landed.map(|update| LandedPush { landed: std::slice::from_ref(update), served_by: None });
        reconcile_ledger(&context, landed).unwrap();
    }
}
