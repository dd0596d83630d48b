//! A decision, as it is written ahead: what was asked, what was judged, and from which facts.
//!
//! A record has a limit. What there is no room for is counted, the least telling first; but what
//! lands, and what is owed for it, is recorded in full or not let through.

use super::ahead::Ahead;
use super::canonical::canonical;
use super::record::{Decided, Event, Facts, LARGEST, LeftOut, PolicyUsed, RefDecided};
use super::state::State;
use super::store::size;
use crate::change::{Fact, Oid, Pusher, Stage};
use crate::gate::Kept;
use crate::gate::break_glass::is_asked_at;
use crate::git::{Peeled, RefUpdate, Repository};
use crate::report::{Group, Of, Report, Update};
use crate::verdict::{Decision, Line, Outcome, Verdict};

/// The version of the gate, as records name it.
pub const TOOL: &str = concat!("changegate ", env!("CARGO_PKG_VERSION"));

/// How many bytes of a record the verdicts on changes may take.
pub(super) const ROOM: usize = 4 << 20;

/// How many bytes a push may add to what is owed. Every later record carries that along, until it is closed.
const CARRIED: usize = 1 << 20;

/// How many bytes all that is owed may take, before nothing that owes more is let through. A quarter of what can
/// be read, so that there is room for what nobody asks about: moves past the gate, sessions on the server.
const CARRIED_BEFORE: usize = 16 << 20;

/// Who decided, for whom, and by which process.
#[derive(Clone, Debug)]
pub struct Deciding {
    /// Unlike that of any other decision.
    pub id: String,
    /// Who pushes.
    pub pusher: Fact<Pusher>,
    /// As in [`Ahead::served_by`].
    pub served_by: Option<String>,
}

/// Returns the decision of a push; `None` if it is about no ref under change control and nothing was
/// refused.
///
/// # Errors
///
/// Fails if the push is let through and a record of it would be too long.
pub fn ahead(
    repository: &Repository,
    report: &Report,
    kept: &Kept,
    by: Deciding,
) -> Result<Option<Ahead>, String> {
    if report.groups.is_empty() {
        return Ok(None);
    }
    let mut room = ROOM;
    let mut refs = Vec::new();
    for group in &report.groups {
        refs.extend(of_ref(repository, group, &mut room, report.decision)?);
    }
    if report.decision == Decision::Allow {
        for (name, dues) in kept.dues() {
            for one in refs.iter_mut().filter(|one| one.name == *name) {
                one.owing.clone_from(&dues.owing);
                one.closings.clone_from(&dues.closings);
            }
        }
        for one in refs.iter_mut().filter(|one| is_asked_at(&one.name)) {
            one.break_glass = kept.act().cloned();
        }
    }
    let mut decided = Decided {
        id: by.id,
        observed_at: report.seen_at,
        stage: report.stage,
        pusher: by.pusher,
        decision: report.decision,
        policy: report.policy.as_ref().map(|policy| PolicyUsed {
            name: policy.name.clone(),
            digest: format!("sha256:{}", policy.digest),
            source: policy.source.clone(),
        }),
        refs,
        refs_left_out: 0,
        notes: report.notes.clone(),
        facts: Facts { digest: kept.digest(), changes: kept.changes(), kept: kept.text().is_some() },
        tool: TOOL.to_owned(),
    };
    fit(&mut decided)?;
    let owes = owed_by(&decided)?;
    if CARRIED < owes {
        return Err(
            "this push owes more than the ledger can carry along; push fewer changes at a time, with \
                    fewer people to each"
                .into(),
        );
    }
    if 0 < owes && CARRIED_BEFORE < size(repository).map_err(|error| format!("{error:#}"))? {
        return Err("so much is owed already that the ledger cannot carry more; close some of what \
                    `changegate obligations` lists"
            .into());
    }
    let facts = kept.text().map(str::to_owned);
    Ok(Some(Ahead { decided, served_by: by.served_by, facts }))
}

/// Returns how many bytes a decision adds to what is owed.
fn owed_by(decided: &Decided) -> Result<usize, String> {
    if decided.refs.iter().all(|one| one.owing.is_empty()) {
        return Ok(0);
    }
    let mut state = State::default();
    state.decided(decided);
    Ok(canonical(&state.owed)?.len())
}

/// Returns the decision to refuse a push that could not even be judged, and why.
pub fn refused(
    updates: &[RefUpdate],
    why: &str,
    now: jiff::Timestamp,
    by: Deciding,
) -> Result<Ahead, String> {
    let given = |id: Oid| (!id.is_null()).then_some(id);
    let one = |update: &RefUpdate| RefDecided {
        name: update.name.clone(),
        pushed_as: None,
        old: given(update.old),
        new: given(update.new),
        tree: None,
        protected: false,
        policies: Vec::new(),
        refusals: Vec::new(),
        changes: Vec::new(),
        passed: 0,
        left_out: LeftOut::default(),
        owing: Vec::new(),
        closings: Vec::new(),
        brought: Vec::new(),
        break_glass: None,
    };
    let nothing = Kept::default();
    let mut decided = Decided {
        id: by.id,
        observed_at: now,
        stage: Stage::PreReceive,
        pusher: by.pusher,
        decision: Decision::Deny,
        policy: None,
        refs: updates.iter().map(one).collect(),
        refs_left_out: 0,
        notes: vec![Line::say(why)],
        facts: Facts { digest: nothing.digest(), changes: 0, kept: true },
        tool: TOOL.to_owned(),
    };
    fit(&mut decided)?;
    Ok(Ahead { decided, served_by: by.served_by, facts: Some(String::new()) })
}

/// Makes a decision fit into a record.
pub(super) fn fit(decided: &mut Decided) -> Result<(), String> {
    // Room for what a record adds to its event.
    let most = LARGEST - (1 << 16);
    let length = |decided: &Decided| Ok(canonical(&Event::Decision(Box::new(decided.clone())))?.len());
    let length: &dyn Fn(&Decided) -> Result<usize, String> = &length;
    while most < length(decided)? {
        if decided.decision == Decision::Allow || decided.refs.len() <= 1 {
            return Err("this push is too large to be recorded; push fewer refs at a time".into());
        }
        let half = decided.refs.len() / 2;
        decided.refs_left_out += decided.refs.len() - half;
        decided.refs.truncate(half);
    }
    Ok(())
}

fn of_ref(
    repository: &Repository,
    group: &Group,
    room: &mut usize,
    decision: Decision,
) -> Result<Option<RefDecided>, String> {
    let Of::Ref { name, update } = &group.of else { return Ok(None) };
    let (old, new) = match *update {
        Update::Create { new } => (None, Some(new)),
        Update::Move { old, new } | Update::Rewrite { old, new } => (Some(old), Some(new)),
        Update::Delete { old } => (Some(old), None),
    };
    let (changes, left_out) = fitting(&group.verdicts, room, decision)?;
    let judged_as = group.judged_as.as_ref();
    let resolved = judged_as.map_or(name, |judged_as| &judged_as.name);
    Ok(Some(RefDecided {
        name: resolved.clone(),
        pushed_as: (resolved != name).then(|| name.clone()),
        old,
        new,
        tree: new.and_then(|new| tree_of(repository, new)),
        protected: judged_as.is_some(),
        policies: judged_as.map(|judged_as| judged_as.policies.clone()).unwrap_or_default(),
        refusals: group.refusals.clone(),
        changes,
        passed: group.passed,
        left_out,
        owing: Vec::new(),
        closings: Vec::new(),
        brought: Vec::new(),
        break_glass: None,
    }))
}

/// Returns the verdicts that there is room for, in their order, and how many there are beside them.
pub(super) fn fitting(
    verdicts: &[Verdict],
    room: &mut usize,
    decision: Decision,
) -> Result<(Vec<Verdict>, LeftOut), String> {
    let mut fits = vec![false; verdicts.len()];
    for matters in [true, false] {
        for (verdict, fits) in verdicts.iter().zip(&mut fits) {
            if weighs(verdict) == matters {
                let length = canonical(verdict)?.len();
                *fits = length <= *room;
                *room -= if *fits { length } else { 0 };
            }
        }
    }
    let out = || verdicts.iter().zip(&fits).filter(|(_, fits)| !**fits).map(|(verdict, _)| verdict);
    if decision == Decision::Allow && out().any(weighs) {
        return Err(
            "this push owes more than there is room for in a record; push fewer changes at a time".into()
        );
    }
    let denied = out().filter(|verdict| verdict.decision() == Decision::Deny).count();
    let left_out = LeftOut { changes: out().count(), denied };
    let inside = verdicts.iter().zip(&fits).filter(|(_, fits)| **fits);
    Ok((inside.map(|(verdict, _)| verdict.clone()).collect(), left_out))
}

/// Returns whether a change is denied or owes something.
fn weighs(verdict: &Verdict) -> bool {
    let owes = verdict.judgements.iter().any(|judgement| matches!(judgement.outcome, Outcome::Owed(_)));
    owes || verdict.decision() == Decision::Deny
}

/// Returns the tree of the commit that an id leads to.
pub fn tree_of(repository: &Repository, id: Oid) -> Option<Oid> {
    let Ok(Peeled::Commit(commit)) = repository.peel(id) else { return None };
    repository.tree_of(commit).ok()
}
