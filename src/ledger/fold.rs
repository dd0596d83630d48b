//! Folding in: what was written ahead becomes record after record, with what became of it.
//!
//! Whoever comes next does it: the push itself when git tells it what landed, the next push, or
//! somebody who asks for it. What a ref holds is read before the list of decisions, since a decision
//! is on disk before its ref moves: a ref that moved without a decision in sight was moved by somebody
//! else. Each decision leaves the disk only after it is in the ledger, and is known again if a process
//! died between the two.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use jiff::{SignedDuration, Timestamp};

use super::ahead::{self, Ahead, Found};
use super::record::{Begin, Damaged, Event, Moved, Outcome, RefDecided, Tip, digest};
use super::state::key;
use super::store::Ledger;
use crate::change::{Oid, Text};
use crate::git::{RefUpdate, Repository};
use crate::verdict::Decision;

/// What folding in takes.
pub struct Folding<'a> {
    /// The repository.
    pub repository: &'a Repository,
    /// Which refs are under change control.
    pub protects: &'a dyn Fn(&[u8]) -> bool,
    /// The key that signs records.
    pub key: Option<&'a str>,
    /// When it is.
    pub now: Timestamp,
    /// How long a push may be under way before it counts as dead, unless its process is gone.
    pub patience: SignedDuration,
    /// The version of the gate.
    pub tool: &'a str,
    /// Whether a process still runs; `None` if nobody can tell.
    pub is_running: &'a dyn Fn(u32) -> Option<bool>,
}

/// What folding in came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    /// How many records were appended.
    pub records: usize,
    /// How many decisions were found late: their push never told what became of it.
    pub found_late: usize,
    /// The refs that moved without a decision.
    pub unauthorised: Vec<Moved>,
    /// How many decisions wait for a push that may still be under way.
    pub waiting: usize,
}

/// Folds in what was written ahead; `landed` is what git tells of the push that asks, if one does.
///
/// # Errors
///
/// Fails if the ledger cannot be read or written; what is not in it stays on disk.
pub fn fold(folding: &Folding<'_>, landed: &[RefUpdate]) -> Result<Folded> {
    let directory = folding.repository.common_dir();
    let _lock = ahead::lock(directory).context("cannot lock the ledger")?;
    let mut ledger = Ledger::open(folding.repository, folding.key)?;
    let tips = folding.tips()?;
    let ahead = ahead::all(directory).context("cannot list what was written ahead")?;
    let mut folded = Folded::default();
    if ledger.tip().is_none() {
        let begin = begin(&tips, &ahead, folding.tool);
        ledger.append(Event::Begin(begin), None, folding.now)?;
        folded.records += 1;
    }
    let told = told(&ahead, landed);
    for (index, found) in ahead.iter().enumerate() {
        match &found.ahead {
            Ok(one) => {
                let told = told.get(index).map(Vec::as_slice).filter(|told| !told.is_empty());
                folding.one(one, &found.path, told, &tips, &ahead, &mut ledger, &mut folded)?;
            }
            Err(why) => folding.damaged(&found.path, why, &mut ledger, &mut folded)?,
        }
    }
    for moved in unexplained(&tips, &ledger, &ahead) {
        // It was decided, and somebody looked too early to see it land.
        let late =
            ledger.state().stayed.iter().find(|(_, asked)| {
                asked.iter().any(|asked| asked.name == moved.name && asked.new == moved.new)
            });
        if let Some(of) = late.map(|(of, _)| of.clone()) {
            let outcome = Outcome {
                of,
                landed: vec![moved],
                stayed: Vec::new(),
                observed_at: folding.now,
                found_late: true,
            };
            ledger.append(Event::Outcome(outcome), None, folding.now)?;
            folded.records += 1;
            folded.found_late += 1;
            continue;
        }
        ledger.append(Event::Unauthorised(moved.clone()), None, folding.now)?;
        folded.records += 1;
        folded.unauthorised.push(moved);
    }
    Ok(folded)
}

impl Folding<'_> {
    /// Returns what every ref under change control holds.
    fn tips(&self) -> Result<Vec<Tip>> {
        let refs = self.repository.refs("refs/")?;
        let ours = refs.into_iter().filter(|one| (self.protects)(one.name.as_bytes()));
        let mut tips: Vec<Tip> = ours.filter_map(|one| Some(Tip { id: one.id?, name: one.name })).collect();
        tips.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(tips)
    }

    #[expect(clippy::too_many_arguments, reason = "one decision in the light of all that is known")]
    fn one(
        &self,
        one: &Ahead,
        path: &Path,
        told: Option<&[RefUpdate]>,
        tips: &[Tip],
        all: &[Found],
        ledger: &mut Ledger<'_>,
        folded: &mut Folded,
    ) -> Result<()> {
        let decided = &one.decided;
        let known = ledger.state().recent.contains(&decided.id);
        let outcome = match decided.decision {
            Decision::Deny => None,
            Decision::Allow => match told {
                Some(landed) => Some(as_told(one, landed, self.now)),
                None => match self.looked_up(one, tips, all) {
                    Some(outcome) => Some(outcome),
                    None => {
                        folded.waiting += 1;
                        return Ok(());
                    }
                },
            },
        };
        if !known {
            let facts = one.facts.as_deref();
            ledger.append(Event::Decision(Box::new(decided.clone())), facts, self.now)?;
            folded.records += 1;
        }
        if let Some(outcome) = outcome
            && ledger.state().open.contains_key(&decided.id)
        {
            folded.found_late += usize::from(outcome.found_late);
            ledger.append(Event::Outcome(outcome), None, self.now)?;
            folded.records += 1;
        }
        fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))
    }

    /// Returns what became of a decision whose push does not tell; `None` while it may be under way.
    fn looked_up(&self, one: &Ahead, tips: &[Tip], all: &[Found]) -> Option<Outcome> {
        let asked: Vec<&RefDecided> = one.decided.refs.iter().filter(|it| it.protected).collect();
        let landed: Vec<bool> = asked.iter().map(|it| self.has_landed(it, one, tips, all)).collect();
        if !landed.iter().all(|landed| *landed) && self.may_be_under_way(one) {
            return None;
        }
        let with = |wanted: bool| {
            let both = asked.iter().zip(&landed);
            both.filter(move |(_, landed)| **landed == wanted).map(|(asked, _)| *asked)
        };
        Some(Outcome {
            of: one.decided.id.clone(),
            landed: with(true).map(moved).collect(),
            stayed: with(false).map(|asked| asked.name.clone()).collect(),
            observed_at: self.now,
            found_late: true,
        })
    }

    /// Returns whether a ref moved as decided: it holds that, or went on from there.
    fn has_landed(&self, asked: &RefDecided, one: &Ahead, tips: &[Tip], all: &[Found]) -> bool {
        let now = tips.iter().find(|tip| tip.name == asked.name).map(|tip| tip.id);
        if now == asked.new {
            return true;
        }
        let Some(new) = asked.new else { return false };
        let went_on = all.iter().filter_map(|found| found.ahead.as_ref().ok()).any(|other| {
            other.decided.id != one.decided.id
                && other.decided.decision == Decision::Allow
                && one.decided.observed_at <= other.decided.observed_at
                && other.decided.refs.iter().any(|it| it.name == asked.name && it.old == Some(new))
        });
        // Without such a decision, history tells: a commit is only behind the tip if it landed.
        went_on || now.is_some_and(|now| self.is_behind(new, now))
    }

    fn is_behind(&self, old: Oid, tip: Oid) -> bool {
        self.repository.new_history(tip, &[old]).is_ok_and(|history| history.leads_back_to(old))
    }

    fn may_be_under_way(&self, one: &Ahead) -> bool {
        let age = self.now.duration_since(one.decided.observed_at);
        // A decision out of the future was made before the clock was set back.
        let young = !age.is_negative() && age < self.patience;
        young && (one.served_by == 0 || (self.is_running)(one.served_by).unwrap_or(true))
    }

    fn damaged(&self, path: &Path, why: &str, ledger: &mut Ledger<'_>, folded: &mut Folded) -> Result<()> {
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let digest = fs::read(path).ok().map(|bytes| digest(&bytes));
        let damaged = Damaged { file, digest, why: why.to_owned() };
        ledger.append(Event::Damaged(damaged), None, self.now)?;
        folded.records += 1;
        // Nothing is thrown away; it only is not looked at again.
        fs::rename(path, path.with_extension("damaged"))
            .with_context(|| format!("cannot set {} aside", path.display()))
    }
}

/// Returns which of the refs that landed each decision asked for: all of them one decision where there
/// is such a one, as for a push that was judged as a whole; the newest counts.
fn told(ahead: &[Found], landed: &[RefUpdate]) -> Vec<Vec<RefUpdate>> {
    let mut told = vec![Vec::new(); ahead.len()];
    let asked_for = |found: &Found, update: &RefUpdate| {
        found.ahead.as_ref().is_ok_and(|one| {
            one.decided.decision == Decision::Allow
                && one
                    .decided
                    .refs
                    .iter()
                    .any(|asked| asked.name == update.name && asked.new == given(update.new))
        })
    };
    let known: Vec<&RefUpdate> =
        landed.iter().filter(|update| ahead.iter().any(|found| asked_for(found, update))).collect();
    let whole = ahead.iter().rposition(|found| known.iter().all(|update| asked_for(found, update)));
    for update in known {
        let place = whole.or_else(|| ahead.iter().rposition(|found| asked_for(found, update)));
        if let Some(told) = place.and_then(|place| told.get_mut(place)) {
            told.push(update.clone());
        }
    }
    told
}

fn as_told(one: &Ahead, landed: &[RefUpdate], now: Timestamp) -> Outcome {
    let has = |asked: &&RefDecided| landed.iter().any(|update| update.name == asked.name);
    let asked: Vec<&RefDecided> = one.decided.refs.iter().filter(|asked| asked.protected).collect();
    Outcome {
        of: one.decided.id.clone(),
        landed: asked.iter().copied().filter(has).map(moved).collect(),
        stayed: asked.iter().copied().filter(|it| !has(it)).map(|it| it.name.clone()).collect(),
        observed_at: now,
        found_late: false,
    }
}

fn moved(asked: &RefDecided) -> Moved {
    Moved { name: asked.name.clone(), old: asked.old, new: asked.new }
}

/// Returns what held before everything that was written ahead.
fn begin(tips: &[Tip], ahead: &[Found], tool: &str) -> Begin {
    let mut before: Vec<Tip> = tips.to_vec();
    // From the newest back, so that of two moves of one ref the older one is undone last.
    for found in ahead.iter().rev() {
        let Ok(one) = &found.ahead else { continue };
        for asked in one.decided.refs.iter().filter(|asked| asked.protected) {
            let Some(place) = before.iter().position(|tip| tip.name == asked.name) else { continue };
            if before.get(place).is_some_and(|tip| Some(tip.id) == asked.new) {
                match (asked.old, before.get_mut(place)) {
                    (Some(old), Some(tip)) => tip.id = old,
                    _ => drop(before.remove(place)),
                }
            }
        }
    }
    Begin { tips: before, tool: tool.to_owned() }
}

/// Returns the refs that hold something else than the ledger says, and that no decision on disk
/// accounts for.
fn unexplained(tips: &[Tip], ledger: &Ledger<'_>, ahead: &[Found]) -> Vec<Moved> {
    let known = &ledger.state().tips;
    let waits = |name: &Text| {
        ahead.iter().filter(|found| found.path.exists()).filter_map(|found| found.ahead.as_ref().ok()).any(
            |one| {
                one.decided.decision == Decision::Allow
                    && one.decided.refs.iter().any(|asked| asked.name == *name)
            },
        )
    };
    let mut moves: Vec<Moved> = Vec::new();
    for tip in tips {
        let old = known.get(&key(&tip.name)).copied();
        if old != Some(tip.id) && !waits(&tip.name) {
            moves.push(Moved { name: tip.name.clone(), old, new: Some(tip.id) });
        }
    }
    for (name, old) in known {
        let there = tips.iter().any(|tip| key(&tip.name) == *name);
        let text = Text::from(name.as_str());
        if !there && !name.starts_with("hex:") && !waits(&text) {
            moves.push(Moved { name: text, old: Some(*old), new: None });
        }
    }
    moves
}

fn given(id: Oid) -> Option<Oid> {
    (!id.is_null()).then_some(id)
}
