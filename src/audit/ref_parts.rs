//! Reads and judges the steps of an audit that one policy judges, as far as an interrupted run has not done so.

use anyhow::Result;

use crate::audit::population::judged_part::JudgedPart;
use crate::audit::population::ref_chain::{ChainStep, StepLanding};
use crate::audit::population::step_evidence::{StepEvidence, StepJudge};
use crate::audit::population::step_journal::digest_part;
use crate::audit::population::step_walk::{StepCommits, StepWalk};
use crate::audit::ref_audit::RefAuditor;
use crate::change::text::encode_hex;
use crate::change::{FactKind, Oid};
use crate::gate::recorded_past::KnownRecord;
use crate::gate::walk_facts::WalkFacts;

impl RefAuditor<'_> {
    /// Judges the steps of a part on several threads, and adds them oldest first.
    pub(super) fn audit_part(&mut self, part: &JudgedPart<'_>) -> Result<()> {
        let (chain, first) = (self.chain, part.first);
        let needs = part.needed_facts();
        let tip = chain.steps.get(part.last).map(|step| step.id);
        // What the ref held before this part is the first thing that its steps can speak for.
        let before = first.checked_sub(1).and_then(|place| chain.steps.get(place)).map(|step| step.id);
        // Of the moves of the ledger, those without a decision may have brought what the ref holds no more.
        let known = self.history.moves.iter().map(|one| KnownRecord {
            number: one.record,
            moved_to: one.moved.new.filter(|_| one.decision.is_none()),
        });
        let records: Vec<KnownRecord> = known.collect();
        let walk_facts = part.loaded().zip(tip).map(|(loaded, tip)| {
            let known = (Some(loaded.path_in_commit()), Some(records.as_slice()));
            WalkFacts::new(self.repository, (loaded, None), known, (tip, before.as_slice()))
        });
        let judge = StepJudge {
            walk_facts,
            loaded: part.loaded(),
            target: &self.request.ref_name,
            now: self.request.now,
            wants_marks: !self.history.refusals.is_empty(),
            keeps_verdicts: self.request.only.is_some(),
            needs: &needs,
        };
        let trusted_keys = part.loaded().and_then(|loaded| loaded.trusted_keys(self.request.now));
        let threads = self.request.threads;
        let walk = StepWalk { repository: self.repository, chain, needs: &needs, trusted_keys, threads };
        (self.judged_by, self.founding) = (part.describe(), part.founding);
        if let Some(loaded) = part.loaded() {
            self.rosters.add_policy(&loaded.policy);
            self.words.add_policy(&loaded.policy);
            self.observer.add_policy(&loaded.policy)?;
        }
        let history = self.history;
        // The verdicts that the ledger holds are not worked out again.
        let is_judged = |place: usize| match chain.steps.get(place) {
            Some(ChainStep { landing: StepLanding::Moved(number), .. })
                if chain.find_first_landing(place, history).is_none() =>
            {
                let decision = history.moves.get(*number).and_then(|one| one.decision.as_ref());
                decision.is_none_or(|decided| !decided.has_reasons)
            }
            _ => true,
        };
        // What the threads share holds no decision, whose parts are counted for one thread only.
        let wanted: Vec<bool> = (first..=part.last).map(is_judged).collect();
        let is_wanted = |id: Oid| {
            let place = chain.find_place(id).and_then(|place| place.checked_sub(first));
            place.and_then(|place| wanted.get(place)).copied().unwrap_or(true)
        };
        let read = |commits: StepCommits| judge.read_step(commits, is_wanted);
        let key = self.digest_journal_part(part, &judge);
        let kept = self.request.journal.zip(key.as_deref());
        let kept = kept.map(|(journal, key)| journal.open_part(key, self.request.now));
        let known = |id: Oid| kept.as_ref()?.find_evidence(id, is_wanted(id));
        walk.read_unknown_places((first, part.last), (&known, &read), &mut |place, evidence| {
            self.observer.count_step();
            let evidence = match (evidence, chain.steps.get(place)) {
                (Ok(evidence), Some(step)) => {
                    if let Some(kept) = &kept {
                        kept.add_evidence(step.id, is_wanted(step.id), &evidence);
                    }
                    evidence
                }
                (Ok(evidence), None) => evidence,
                (Err(why), Some(step)) => StepEvidence::unreadable(step.id, why),
                (Err(_), None) => return Ok(()),
            };
            self.add_step(place, evidence)
        })
    }

    /// Returns what the evidence of the steps of a part depends on, beside the steps; `None` where it is made so fast that
    /// keeping it would take as long, or where more is asked for than is kept.
    fn digest_journal_part(&self, part: &JudgedPart<'_>, judge: &StepJudge<'_>) -> Option<String> {
        let needs = judge.needs;
        let is_slow =
            [FactKind::EvilMerges, FactKind::Lines, FactKind::Blobs].iter().any(|kind| needs.contains(kind));
        let loaded = part.loaded().filter(|_| is_slow && !judge.keeps_verdicts)?;
        // A key may have expired at another time.
        let signed_at = needs.contains(&FactKind::Signatures).then_some(judge.now);
        Some(digest_part(&[
            env!("CARGO_PKG_VERSION"),
            &self.request.repository_name,
            &encode_hex(judge.target.as_bytes()),
            &loaded.policy.digest,
            &loaded.source,
            &format!("{needs:?} {:?} {signed_at:?}", judge.wants_marks),
            &self.chain.describe_runs(),
        ]))
    }
}
