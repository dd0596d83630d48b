//! What was said about a change after it had landed: its outcome, that it was verified, files about it.

use jiff::Timestamp;

use crate::audit::change_record::{ChangeRecord, LandingClock};
use crate::change::{Oid, Text};
use crate::git::{FileAtPath, Repository};
use crate::ledger::audit::ledger_history::RecordedChangeAct;
use crate::ledger::record::{ChangeAct, RecordedActKind, RecordedReport};
use crate::ledger::state::acts::name_act_ref;

/// A report of what became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutcomeReport<'a> {
    /// What was reported.
    pub(crate) outcome: RecordedReport,
    /// The incident that it names.
    pub(crate) incident: Option<&'a Text>,
    /// The record that tells of it.
    pub(crate) by: &'a RecordedChangeAct,
}

/// A file that was attached to a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangeAttachment<'a> {
    /// Its name.
    pub name: &'a str,
    /// How many bytes it has.
    pub bytes: u64,
    /// `sha256:` and the digest of its content.
    pub digest: &'a str,
    /// The commit that holds it, which a ref of its own keeps.
    pub commit: Oid,
    /// The act that attached it.
    pub by: &'a ChangeAct,
}

impl ChangeRecord {
    /// Returns the reports of what became of the change, oldest first.
    pub(crate) fn list_outcome_reports(&self) -> Vec<OutcomeReport<'_>> {
        let mut found = Vec::new();
        for by in &self.acts {
            if let RecordedActKind::Outcome { outcome, incident } = &by.event.act.says {
                found.push(OutcomeReport { outcome: *outcome, incident: incident.as_ref(), by });
            }
        }
        found
    }

    /// Returns the first report that the change failed or was taken back, whatever was reported later.
    pub(crate) fn find_failure_report(&self) -> Option<OutcomeReport<'_>> {
        self.list_outcome_reports().into_iter().find(|report| report.outcome != RecordedReport::Ok)
    }

    /// Returns true if the change was reported to have worked at any time.
    pub(crate) fn is_reported_to_work(&self) -> bool {
        self.list_outcome_reports().iter().any(|report| report.outcome == RecordedReport::Ok)
    }

    /// Returns when the change was first reported to have failed, and when it was repaired, both by the clock of the
    /// gate: when it was reported to work or to be taken back, or when a change landed that takes it back or names it as
    /// its cause, whichever came first after the last report of a failure. `None` if one of the two is not known.
    pub(crate) fn find_repair(&self) -> Option<(Timestamp, Timestamp)> {
        let (mut failures, mut repairs) = (Vec::new(), Vec::new());
        for report in self.list_outcome_reports() {
            let told = if report.outcome == RecordedReport::Failed { &mut failures } else { &mut repairs };
            told.push(report.by.event.observed_at);
        }
        let steps = self.reverted_by.iter().chain(&self.caused);
        repairs.extend(steps.filter(|step| step.clock == LandingClock::Gate).map(|step| step.at));
        let last = failures.iter().max()?;
        let repaired = repairs.into_iter().filter(|at| at >= last).min()?;
        Some((failures.into_iter().min()?, repaired))
    }

    /// Returns the acts that say that the change was verified, oldest first. None of them is an approval.
    pub(crate) fn list_verifications(&self) -> Vec<&ChangeAct> {
        let acts = self.acts.iter().map(|one| &one.event);
        acts.filter(|event| event.act.says == RecordedActKind::Verified).collect()
    }

    /// Returns the files that were attached to the change, oldest first.
    pub fn list_attachments(&self) -> Vec<ChangeAttachment<'_>> {
        let mut found = Vec::new();
        for by in self.acts.iter().map(|one| &one.event) {
            if let RecordedActKind::Attachment { name, bytes, digest, commit } = &by.act.says {
                found.push(ChangeAttachment { name, bytes: *bytes, digest, commit: *commit, by });
            }
        }
        found
    }

    /// Returns the incidents that the change caused, as files and reports name them, each once.
    pub(crate) fn list_incident_names(&self) -> Vec<Text> {
        let mut names: Vec<Text> = self.incidents.iter().map(|one| Text::from(one.id.as_str())).collect();
        for report in self.list_outcome_reports() {
            if let Some(incident) = report.incident
                && !names.contains(incident)
            {
                names.push(incident.clone());
            }
        }
        names
    }
}

/// Returns the files that were attached to a change and that the repository does not hold, each with the ref that
/// should keep it. The ledger names the commit, so that what is there is what was attached.
pub(crate) fn find_lost_files(repository: &Repository, change: &ChangeRecord) -> Vec<(String, Text)> {
    let mut lost = Vec::new();
    for file in change.list_attachments() {
        let bytes = match repository.read_file_at(file.commit, file.name, 0) {
            Ok(FileAtPath::TooLarge(bytes)) => Some(bytes),
            Ok(FileAtPath::Found(content)) => u64::try_from(content.len()).ok(),
            Ok(FileAtPath::Absent | FileAtPath::NotAFile(_)) | Err(_) => None,
        };
        if bytes != Some(file.bytes) {
            lost.push((file.name.to_owned(), name_act_ref(&file.by.act)));
        }
    }
    lost
}

/// Returns what an act says, in words, with its remark.
pub(crate) fn describe_act(event: &ChangeAct) -> Text {
    let said: Vec<u8> = match &event.act.says {
        RecordedActKind::Outcome { outcome, incident: Some(incident) } => {
            [outcome.code().as_bytes(), b" in ", incident.as_bytes()].concat()
        }
        RecordedActKind::Outcome { outcome, incident: None } => outcome.code().as_bytes().to_vec(),
        RecordedActKind::Verified => b"verified as working; that approves nothing".to_vec(),
        RecordedActKind::Approval(approval) => {
            let signer = approval.signer.as_bytes();
            [approval.decision.word().as_bytes(), b", signed by ", signer].concat()
        }
        RecordedActKind::Attachment { name, bytes, digest, .. } => {
            format!("{name}, {bytes} bytes, {digest}").into_bytes()
        }
        RecordedActKind::Deployment { environment, before, failed } => {
            let before = before.map(|id| format!(" in place of {}", id.short_hex())).unwrap_or_default();
            let result: &[u8] = if *failed { b"; that failed" } else { b"" };
            [b"to ", environment.as_bytes(), before.as_bytes(), result].concat()
        }
    };
    match &event.act.note {
        Some(note) => Text::new([said.as_slice(), b": ", note.as_bytes()].concat()),
        None => Text::new(said),
    }
}

/// Returns the account that said something, and whether that is a machine.
pub(crate) fn describe_act_author(event: &ChangeAct) -> Text {
    if let RecordedActKind::Approval(approval) = &event.act.says {
        return approval.signer.clone();
    }
    match &event.act.person {
        Some(_) => event.act.account.clone(),
        None => Text::new([event.act.account.as_bytes(), b" (machine)"].concat()),
    }
}
