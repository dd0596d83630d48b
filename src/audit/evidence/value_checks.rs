//! Whether the values of a change are those of the records and the commits beside them, and whether the document and the
//! pages are what these values make. What nothing in a pack shows is named, thing by thing.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::audit::change_record::change_approvals::find_statement;
use crate::audit::change_record::{ChangeJudgement, ChangeRecord, LandingClock, RelatedStep};
use crate::audit::evidence::approval_checks::check_approvals;
use crate::audit::evidence::first_sight::{FirstSight, find_first_sight};
use crate::audit::evidence::pack_check::PackCheck;
use crate::audit::evidence::pack_index::PackedChange;
use crate::audit::evidence::pack_reader::{ReadPack, read_pack_file};
use crate::audit::evidence::packed_records::{PackedRecords, RecordedLanding};
use crate::audit::evidence::packed_values::PackedValues;
use crate::audit::evidence::rendered_files::{DOCUMENT_FILE, VALUES_FILE};
use crate::audit::evidence::unchecked_values::list_unchecked_values;
use crate::audit::population::dated_obligations::DatedObligations;
use crate::audit::population::judging_policies::JudgingPolicies;
use crate::audit::population::step_evidence::StepJudge;
use crate::audit::population::word_ranks::WordRanks;
use crate::audit::show::document::{ChangeDocument, build_document};
use crate::audit::show::shown_change::{ShownChange, read_change_policy, read_recorded_verdicts};
use crate::change::{NeededFacts, Oid};
use crate::ledger::audit::ledger_history::{MoveDecision, RecordedChangeAct};
use crate::ledger::audit::trace::LandingOrigin;
use crate::ledger::record::strict_json::parse_strict_json;
use crate::ledger::record::unauthorised_key;
use crate::ledger::state::TrackedObligation;

/// Checks the values of a change, and the document that they make.
pub(super) fn check_values(
    pack: &ReadPack,
    change: &PackedChange,
    document: &ChangeDocument,
    check: &mut PackCheck,
) -> Result<()> {
    let (id, path) = (change.commit.short_hex(), format!("{}/{VALUES_FILE}", change.folder));
    // The word of the document itself, which nothing vouches for, does not decide about its checks.
    if !pack.is_of_this_version() {
        check.unchecked.push(format!(
            "{id}: state, outcome, landing and obligations on its page, which another version of changegate wrote"
        ));
        return Ok(());
    }
    let bytes = read_pack_file(&pack.folder, &path)?;
    let values = parse_strict_json(&bytes).and_then(serde_json::from_value::<PackedValues>);
    let values = values.with_context(|| format!("{path} cannot be understood"))?;
    check.require(values.to_json_bytes()? == bytes, || {
        format!("{path} is not written as changegate writes it")
    });
    let records = PackedRecords::read_records(pack);
    let record = &values.change;
    let mut run = ValueChecker { pack, change, id: id.clone(), values: &values, records: &records, check };
    run.check_commits()?;
    let landing = run.check_landing();
    run.check_counting_words(landing.as_ref().and_then(|landing| landing.decision.as_deref()))?;
    run.check_statements();
    check_approvals(pack, (change, record), (&records, landing.as_ref()), run.check);
    run.check_closing_commits();
    let unchecked = list_unchecked_values(&values, pack.index.ledger.is_some());
    run.check.unchecked.extend(unchecked.into_iter().map(|what| format!("{id}: {what}")));
    run.check_made_document(document, landing.as_ref())
}

/// The check of the values of one change.
struct ValueChecker<'a> {
    pack: &'a ReadPack,
    change: &'a PackedChange,
    id: String,
    values: &'a PackedValues,
    records: &'a PackedRecords,
    check: &'a mut PackCheck,
}

impl<'a> ValueChecker<'a> {
    fn record(&self) -> &'a ChangeRecord {
        &self.values.change
    }

    fn require(&mut self, holds: bool, what: &str) {
        let id = &self.id;
        self.check.require(holds, || format!("{id}: {what}"));
    }

    /// Checks what the commits say.
    fn check_commits(&mut self) -> Result<()> {
        let (record, index) = (self.record(), &self.pack.index);
        let is_own = record.id == self.change.commit
            && record.repository == index.repository
            && record.ref_name == index.ref_name;
        self.require(is_own, "its values are about another change");
        self.require(
            self.values.has_ledger == index.ledger.is_some(),
            "its values say something else of the ledger",
        );
        let tree = self.pack.repository.find_root_tree(record.id).ok();
        self.require(record.tree.is_none() || record.tree == tree, "its values name another tree");
        let needs = NeededFacts::new();
        let commits = self.change.commits.iter().map(|id| self.pack.repository.read_commit(*id, &needs));
        let judge = StepJudge {
            loaded: None,
            target: &record.ref_name,
            now: record.as_of,
            wants_marks: false,
            keeps_verdicts: false,
            needs: &needs,
            walk_facts: None,
        };
        let read = judge.read_step(commits.collect(), |_| false);
        match (&read.facts, &record.facts) {
            (Ok(read), Ok(told)) => {
                self.require(
                    read.says_same_of_commits(told),
                    "what its values say of its commits is not what they say",
                );
                let paths = self.change.files.iter().map(|file| &file.path);
                match told.files {
                    Some(files) if files != self.change.files.len() => {
                        let what = "how many files its page says it changes, and which";
                        self.check.unchecked.push(format!("{}: {what}", self.id));
                    }
                    _ => self.require(told.has_paths(paths), "its values name other paths than it changes"),
                }
            }
            (Err(_), _) => self.require(false, "its commits cannot be read"),
            (Ok(_), Err(_)) => {
                self.check.unchecked.push(format!("{}: that its commits could not be read", self.id))
            }
        }
        Ok(())
    }

    /// Checks how it landed against the record of that, which is returned.
    fn check_landing(&mut self) -> Option<RecordedLanding> {
        let (record, pack) = (self.record(), self.pack);
        let told = &record.landing;
        // A landing on another ref is told by the record of that ref.
        let ref_name = told.first_ref.as_ref().unwrap_or(&record.ref_name);
        let past = self.records.list_unauthorised(ref_name, &self.change.commits);
        let earlier = past.iter().find(|number| told.record.is_none_or(|record| **number < record));
        if let Some(number) = earlier {
            let what = format!("record {number} says that it came without a decision, and its values do not");
            self.require(false, &what);
        }
        let Some(number) = told.record else {
            if pack.index.ledger.is_some() {
                let what = "how it landed: no record in the pack tells of it";
                self.check.unchecked.push(format!("{}: {what}", self.id));
            }
            let is_known = matches!(
                told.origin,
                Some(
                    LandingOrigin::Decided
                        | LandingOrigin::NotEnforced
                        | LandingOrigin::DeniedNotEnforced
                        | LandingOrigin::Unauthorised
                        | LandingOrigin::Regularised
                )
            );
            self.require(!is_known, "its values say how it landed, and name no record of it");
            return None;
        };
        // That its policy came past the gate, records outside of the pack can say.
        let doubts = [LandingOrigin::UndecidedPolicy, LandingOrigin::PolicyNotKnown];
        let is_doubted = told.origin.is_some_and(|origin| doubts.contains(&origin));
        if told.first_ref.is_some() && is_doubted {
            self.check.unchecked.push(format!("{}: how it landed on {}", self.id, ref_name.to_lossy()));
            return None;
        }
        let Some(landing) = self.records.find_landing(number, ref_name) else {
            let what = format!("record {number}, which its values name for its landing, does not tell of it");
            self.require(false, &what);
            return None;
        };
        // What was regularised after the time of the pack was not yet.
        let is_later = told.origin == Some(LandingOrigin::Unauthorised)
            && landing.origin == LandingOrigin::Regularised
            && record.closed_later.contains_key(&unauthorised_key(number));
        let is_origin = told.origin == Some(landing.origin)
            || (is_doubted && landing.origin == LandingOrigin::Decided)
            || is_later;
        self.require(is_origin, "the records say something else of whether a decision brought it");
        let is_time = told.first_ref.is_some() || told.at == landing.at || self.is_first_sight(&landing);
        self.require(
            is_time && told.clock == LandingClock::Gate,
            "the records say something else of when it landed",
        );
        self.require(told.by == landing.by, "the records say something else of who landed it");
        self.check_brought(&landing);
        self.check_judgement(&landing);
        Some(landing)
    }

    /// Returns true if its values date a move without a decision by the push that saw it first, and the chain says the
    /// same. Where the chain does not reach back far enough to say, that is named.
    fn is_first_sight(&mut self, landing: &RecordedLanding) -> bool {
        let told_at = self.record().landing.at;
        match find_first_sight(self.pack, landing) {
            FirstSight::At(at) => told_at == at,
            FirstSight::NotShown if told_at < landing.at => {
                let what = "when it landed: the record of the push that saw it first names a decision before the chain";
                self.check.unchecked.push(format!("{}: {what}", self.id));
                true
            }
            FirstSight::NotShown | FirstSight::WhenRecorded => false,
        }
    }

    /// Checks that a move brought this change, as far as the pack shows it.
    fn check_brought(&mut self, landing: &RecordedLanding) {
        let commits = &self.change.commits;
        let is_named = landing.moved.new.is_some_and(|new| commits.contains(&new));
        let reasons = &self.record().reasons;
        let is_judged = landing.decision.is_some()
            && reasons.iter().filter_map(|one| one.revision).any(|id| {
                let ways = landing.decision.iter().flat_map(|decided| &decided.pull_landings);
                commits.contains(&id)
                    || ways.into_iter().any(|way| way.change == id && commits.contains(&way.landed_as))
            })
            && self.record().is_recorded();
        if !is_named && !is_judged {
            self.check.unchecked.push(format!(
                "{}: that the move of its record brought it: the steps between both ends are not in the pack",
                self.id
            ));
        }
    }

    /// Checks what judged it.
    fn check_judgement(&mut self, landing: &RecordedLanding) {
        let decided = landing.decision.as_ref();
        match &self.record().judged_by {
            ChangeJudgement::Recorded { record, at, tool, keeps_reasons } => {
                let is_same = decided.is_some_and(|decided| {
                    decided.record == *record
                        && decided.observed_at == *at
                        && decided.tool == *tool
                        && decided.has_reasons == *keeps_reasons
                });
                self.require(is_same, "the records say something else of the decision that judged it");
            }
            ChangeJudgement::Afterwards { .. } => {
                let is_without = decided.is_none_or(|decided| !decided.has_reasons);
                self.require(
                    is_without,
                    "a record judged it, and its values say that nothing did at the time",
                );
            }
            ChangeJudgement::NotJudged(_) => {}
        }
        let digest = decided.map(|one| one.reasons_digest.clone()).filter(|one| !one.is_empty());
        self.require(
            self.record().evidence_digest == digest,
            "its values name other evidence than its record",
        );
    }

    /// Checks which of different words in one field counts, by the policy that the record names.
    fn check_counting_words(&mut self, decided: Option<&MoveDecision>) -> Result<()> {
        let record = self.record();
        let mut words = WordRanks::default();
        if let Some(decided) = decided {
            let mut policies = JudgingPolicies::new(&self.pack.repository);
            policies.read_policies(decided, &record.reasons, &mut |policy| {
                words.add_policy(policy);
                Ok(())
            })?;
        }
        if words.knows_policies(&record.reasons) {
            let is_same = words.list_counting_words(&record.reasons) == record.counting_words;
            self.require(is_same, "its values say of another word in a field that it counts than the policy");
        } else if record.is_recorded() {
            let what = "which word of a field counts where it states several: its policy is not in the pack";
            self.check.unchecked.push(format!("{}: {what}", self.id));
        }
        Ok(())
    }

    /// Checks what it owes, what was said about it and what was refused before.
    fn check_statements(&mut self) {
        let record = self.record();
        let changes: BTreeSet<Oid> = self.change.commits.iter().copied().collect();
        let landing = record.landing.record;
        let listed = self.records.list_obligations(&changes, (landing, &record.ref_name));
        let listed: BTreeMap<String, TrackedObligation> = listed.into_iter().collect();
        let dated = DatedObligations::date_obligations(&listed, record.as_of);
        let owed: Vec<_> = dated.owed.into_owned().into_iter().collect();
        let is_same = owed == record.obligations && dated.closed_later == record.closed_later;
        self.require(is_same, "the records say something else of what it owes");
        let acts = self.records.list_acts(&record.ref_name);
        let is_about = |act: &RecordedChangeAct| act.event.act.change == record.id;
        let told = acts.iter().filter(|act| find_statement(act).is_none() && is_about(act));
        let is_same = told.eq(&record.acts);
        self.require(is_same, "the records say something else of what was said about it");
        for attempt in &record.attempts {
            let at = self.records.find_refusal(attempt.record);
            let what = format!("record {} does not tell of the refusal that its values name", attempt.record);
            self.require(at == Some(attempt.at), &what);
        }
        for number in &self.change.records {
            let is_told = record.attempts.iter().any(|attempt| attempt.record == *number)
                || record.refused_approvals.iter().any(|refused| refused.record == *number);
            if self.records.find_refusal(*number).is_some() && !is_told {
                let what = format!("the refusal of record {number}, which its page does not list");
                self.check.unchecked.push(format!("{}: {what}", self.id));
            }
        }
    }

    /// Checks that later commits say what the page quotes of them.
    fn check_closing_commits(&mut self) {
        for step in &self.record().closing_records {
            let short = step.id.short_hex();
            match self.pack.repository.read_commit(step.id, &NeededFacts::new()) {
                Ok(commit) => {
                    let mut read = RelatedStep { title: None, states: Vec::new(), ..step.clone() };
                    read.add_message(&commit.message);
                    let what = format!("{short}, which closes something, does not say what its values say");
                    self.require(read == *step, &what);
                }
                Err(_) => {
                    let what = format!("what {short} says, which closes something and is not in the pack");
                    self.check.unchecked.push(format!("{}: {what}", self.id));
                }
            }
        }
    }

    /// Checks that the document is what the values make.
    fn check_made_document(
        &mut self,
        document: &ChangeDocument,
        landing: Option<&RecordedLanding>,
    ) -> Result<()> {
        let mut record = self.record().clone();
        record.verdicts.clear();
        let decision = landing.and_then(|landing| landing.decision.clone());
        let decision = decision.filter(|_| record.landing.first_ref.is_none());
        let recorded = decision.as_ref().filter(|decided| decided.has_reasons);
        let is_without_verdicts = recorded.is_none();
        let verdicts = match recorded {
            Some(decided) => read_recorded_verdicts(&self.pack.repository, &record, decided)?.0,
            None => Vec::new(),
        };
        let policy_changes = read_change_policy(&self.pack.repository, decision.as_deref())?;
        let shown = ShownChange {
            record,
            moved: landing.map(|landing| landing.moved.clone()),
            decision,
            verdicts,
            policy_changes,
            unavailable: self.values.unavailable.clone(),
            has_ledger: self.values.has_ledger,
            unreadable_records: self.values.unreadable_records,
        };
        let mut made = build_document(&shown);
        if is_without_verdicts {
            // The verdicts that were reached when the pack was made are named as not checked.
            made.verdicts.clone_from(&document.verdicts);
            for section in &mut made.page.sections {
                let told = document.page.sections.iter().find(|one| one.heading == section.heading);
                if let (true, Some(told)) = (section.heading == "Verdict", told) {
                    section.clone_from(told);
                }
            }
        }
        let differing = list_differing_keys(&serde_json::to_value(&made)?, &serde_json::to_value(document)?);
        let what = format!("{DOCUMENT_FILE} is not what its values make: {}", differing.join(", "));
        self.require(differing.is_empty(), &what);
        let path = format!("{}/{DOCUMENT_FILE}", self.change.folder);
        let packed = read_pack_file(&self.pack.folder, &path)?;
        let is_same = !differing.is_empty() || made.to_json_bytes()? == packed;
        self.require(is_same, &format!("{DOCUMENT_FILE} is not written as changegate writes it"));
        Ok(())
    }
}

/// Returns the keys of which two JSON objects say something else.
fn list_differing_keys(one: &Value, other: &Value) -> Vec<String> {
    let empty = serde_json::Map::new();
    let (one, other) = (one.as_object().unwrap_or(&empty), other.as_object().unwrap_or(&empty));
    let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    keys.into_iter().filter(|key| one.get(*key) != other.get(*key)).cloned().collect()
}
