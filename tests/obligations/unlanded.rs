//! What is owed by changes that were thought not to have landed, and landed after all.

use std::collections::{BTreeMap, BTreeSet};

use changegate::change::{Oid, Stage, Text};
use changegate::ledger::record::{
    DecisionOutcome as Became, DecisionRecord, FactsDigest, GapCause, LedgerEvent, OmittedChanges,
    RECORD_SCHEMA, Record, RecordedDecision, RecordedFixer, RecordedJudgement, RecordedLevel,
    RecordedMessage, RecordedMove, RecordedObligation, RecordedOutcome, RecordedPusher, RecordedVerdict,
    RefDecision,
};
use changegate::ledger::state::LedgerState;
use jiff::Timestamp;
use proptest::prelude::*;

use crate::past::{EMERGENCY, TICKET, closes};
use crate::world::{BINARY, World, script};

/// The refs of a push, each with one change that owes.
const REFS: [&str; 3] = ["refs/heads/a", "refs/heads/b", "refs/heads/c"];

fn id(number: usize) -> Oid {
    Oid::from_bytes(&[u8::try_from(number).unwrap(); 20]).unwrap()
}

fn moved(place: usize) -> RecordedMove {
    RecordedMove { name: Text::from(REFS[place]), old: None, new: Some(id(place + 1)) }
}

fn decided(of: &str) -> LedgerEvent {
    let message = |code: &str| RecordedMessage { code: code.into(), values: BTreeMap::new() };
    let owed = RecordedObligation {
        what: message("ticket.owed"),
        owner: RecordedFixer::Author,
        due: Some(Timestamp::UNIX_EPOCH),
        evidence: message("ticket.trailer"),
        field: Some("Ticket".into()),
        by_others: false,
    };
    let one = |place: usize| RefDecision {
        name: REFS[place].into(),
        pushed_as: None,
        old: None,
        new: Some(id(place + 1)),
        tree: None,
        protected: true,
        policies: Vec::new(),
        refusals: Vec::new(),
        changes: vec![RecordedVerdict {
            revision: Some(id(place + 1)),
            commits: 1,
            subject: "x".into(),
            stage: Stage::PreReceive,
            enforced: true,
            class: None,
            judgements: vec![RecordedJudgement {
                rule: "ticket".into(),
                controls: Vec::new(),
                level: RecordedLevel::Deny,
                outcome: RecordedOutcome::Owed(vec![owed.clone()]),
            }],
            disagreements: Vec::new(),
        }],
        passed: 0,
        omitted: OmittedChanges::default(),
        owing_changes: Vec::new(),
        closings: Vec::new(),
        pull_landings: Vec::new(),
        break_glass: None,
        act: None,
        used_approvals: Vec::new(),
    };
    LedgerEvent::Decision(Box::new(DecisionRecord {
        id: of.into(),
        observed_at: Timestamp::UNIX_EPOCH,
        stage: Stage::PreReceive,
        pusher: RecordedPusher::Unknown(GapCause::NotConfigured),
        push_certificate: None,
        decision: RecordedDecision::Allow,
        evaluated: None,
        policy: None,
        refs: (0..REFS.len()).map(one).collect(),
        omitted_refs: 0,
        notes: Vec::new(),
        facts: FactsDigest { digest: String::new(), changes: 0, kept: false },
        reasons: None,
        tool: String::new(),
    }))
}

fn apply(state: &mut LedgerState, event: LedgerEvent) {
    let recorded_at = Timestamp::UNIX_EPOCH;
    let record =
        Record { schema: RECORD_SCHEMA.into(), number: state.number + 1, previous: None, recorded_at, event };
    state.apply_record(&record);
    // What a server writes down is what it reads again.
    let written = serde_json::to_string(state).unwrap();
    assert_eq!(serde_json::from_str::<LedgerState>(&written).unwrap(), *state);
}

fn outcome(of: &str, landed: &[usize], stayed: &[usize]) -> LedgerEvent {
    LedgerEvent::Outcome(Became {
        decision_id: of.into(),
        landed: landed.iter().map(|place| moved(*place)).collect(),
        unmoved: stayed.iter().map(|place| REFS[*place].into()).collect(),
        observed_at: Timestamp::UNIX_EPOCH,
        found_late: true,
    })
}

fn owed_on(state: &LedgerState) -> BTreeSet<String> {
    state.obligations.values().map(|owed| owed.ref_name.to_lossy().into_owned()).collect()
}

proptest! {
    /// However often something is thought to have stayed: what has landed owes, and what has not
    /// does not.
    #[test]
    fn what_landed_in_the_end_owes_what_it_would_have_owed_at_once(
        steps in prop::collection::vec((0_usize..3, any::<bool>()), 0..8),
        others in 0_usize..20,
    ) {
        let mut state = LedgerState::default();
        apply(&mut state, decided("d"));
        let at_once = state.obligations.clone();
        let mut landed = BTreeSet::new();
        let mut told = BTreeSet::new();
        for (place, has_landed) in steps {
            if landed.contains(&place) {
                continue;
            }
            told.insert(place);
            if has_landed {
                landed.insert(place);
                apply(&mut state, outcome("d", &[place], &[]));
            } else if told.len() <= REFS.len() {
                apply(&mut state, outcome("d", &[], &[place]));
            }
            for number in 0..others {
                // Others come and go in between.
                if number == 0 {
                    apply(&mut state, decided("other"));
                    apply(&mut state, outcome("other", &[], &[0, 1, 2]));
                }
            }
            // What nobody has told of counts as long as it is open.
            let expected: BTreeSet<String> = (0..REFS.len())
                .filter(|place| landed.contains(place) || !told.contains(place))
                .map(|place| REFS[place].to_owned())
                .collect();
            prop_assert_eq!(owed_on(&state), expected);
        }
        for (id, owed) in &state.obligations {
            prop_assert_eq!(Some(owed), at_once.get(id));
        }
        // What sleeps can still land.
        for owed in state.dormant_obligations.values() {
            prop_assert!(state.unmoved[&owed.decision].iter().any(|moved| moved.name == owed.ref_name));
        }
    }
}

#[test]
fn what_cannot_land_any_more_is_forgotten() {
    let mut state = LedgerState::default();
    apply(&mut state, decided("d"));
    apply(&mut state, outcome("d", &[], &[0, 1, 2]));
    assert_eq!((state.obligations.len(), state.dormant_obligations.len()), (0, 3));
    for number in 0..changegate::ledger::state::MAX_RECENT_DECISIONS {
        apply(&mut state, decided(&format!("other {number}")));
        apply(&mut state, outcome(&format!("other {number}"), &[0, 1, 2], &[]));
    }
    assert!(state.unmoved.is_empty() && state.dormant_obligations.is_empty());
}

/// Somebody looks while a push is under way, and takes it for over; then it lands.
#[test]
fn a_push_that_lands_after_all_owes_and_is_closed_like_any_other() {
    let world = World::new();
    let hook = format!(
        "#!/bin/sh\n{BINARY} hook pre-receive || exit 1\n\
         env -u GIT_QUARANTINE_PATH -u GIT_OBJECT_DIRECTORY {BINARY} ledger reconcile --now > ../seen\n"
    );
    script(&world.path("server.git/hooks/pre-receive"), &hook);
    let change = world.commit(EMERGENCY);
    world.push(&["main"]).accepted();
    assert!(world.records().iter().any(|record| record["event"]["unmoved"][0] == "refs/heads/main"));
    world
        .changegate("server.git", &["obligations"])
        .accepted()
        .says(&format!("{} on main: emergency-ticket", &change[..12]))
        .says("1 due soon, 1 open");
    script(
        &world.path("server.git/hooks/pre-receive"),
        &format!("#!/bin/sh\nexec {BINARY} hook pre-receive\n"),
    );
    world.commit(&closes(&change, TICKET));
    world.push(&["main"]).accepted().says("is closed");
    world.changegate("server.git", &["obligations"]).accepted().says("1 open, 1 closed in time");
    world.is_whole();
}
