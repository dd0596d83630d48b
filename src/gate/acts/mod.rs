//! Acts about changes that have landed, as they are pushed: a commit without parent to a ref of its own.
//!
//! A person, or a bot that the policy names, pushes a commit to `refs/changegate/acts/` and an id. Its message
//! says what became of a change or that it was verified, or its tree holds one file about it. The server
//! accepts it from those whom the policy names, by the account that pushes and not by what the commit says,
//! and writes it into the ledger.

pub(crate) mod author;
pub(crate) mod authorised;
pub(crate) mod statement;

use anyhow::Result;
use jiff::Timestamp;

use crate::change::{Oid, Text};
pub use crate::gate::acts::author::ActAuthor;
use crate::gate::acts::author::identify_act_author;
pub use crate::gate::acts::authorised::{ActAttachment, AuthorisedAct};
pub use crate::gate::acts::statement::{ACT_REF_PREFIX, ActKind, ActStatement, ReportedOutcome, is_act_ref};
use crate::gate::break_glass::request::{check_stated_field, is_session_id, pusher_finding};
use crate::gate::break_glass::{MAX_INCIDENT_BYTES, SESSION_ID_DIGITS, describe_commit_fault};
use crate::gate::policy_findings::{build_protected_group, build_ref_group};
use crate::gate::policy_source::LoadedPolicy;
use crate::gate::protected_scope::ProtectedScope;
use crate::gate::push_facts::PushFacts;
use crate::gate::settings::GateSettings;
use crate::git::{LoneCommit, OnlyEntry, PeeledObject, RefUpdate, Repository, ResolvedRef};
use crate::policy::Policy;
use crate::push::{GateRule, refuse_by_findings};
use crate::report::ReportGroup;
use crate::verdict::{Finding, Fixer, Judgement, MessageValue, messages};

messages! {
    SEVERAL_REFS = "act.several-refs":
        "a push that records an act names one ref and no other";
    INVALID_ID = "act.invalid-id":
        "the name of the ref ends in {digits} digits out of 0 to 9 and a to f";
    ACT_CHANGED = "act.changed":
        "an act cannot be changed or withdrawn; push a new one";
    ACT_UNREADABLE = "act.unreadable":
        "cannot read the act: {detail}";
    INVALID_COMMIT = "act.invalid-commit":
        "the commit of the act cannot be used: it {detail}";
    WRONG_FORM = "act.wrong-form":
        "the message is not in the form that `changegate outcome`, `verified`, `attach` and `deploy-check --record` write";
    HAS_FILES = "act.has-files":
        "the commit holds files; only `changegate attach` brings a file";
    NO_FILE = "act.no-file":
        "the commit holds no file to attach";
    SEVERAL_FILES = "act.several-files":
        "the commit holds several files; an act attaches one";
    NOT_A_FILE = "act.not-a-file":
        "{path} is a directory, a link, an executable file or a submodule; only a plain file can be attached";
    INVALID_NAME = "act.invalid-name":
        "the name {path} cannot be used; it has at most {limit} letters and digits with `.`, `-` and `_` in between";
    FILE_TOO_LARGE = "act.file-too-large":
        "the file has {size} bytes; the policy allows at most {limit}";
    NOTE_TOO_LONG = "act.note-too-long":
        "`{field}` is longer than {limit} bytes";
    CONTROL_CHARACTERS = "act.control-characters":
        "`{field}` contains control characters";
    INCIDENT_OF_SUCCESS = "act.incident-of-success":
        "a change that worked caused no incident; leave `Incident` out, or report `failed`";
    REF_NOT_PROTECTED = "act.ref-not-protected":
        "{ref} is not under change control, so no act can be about it";
    CHANGE_ABSENT = "act.change-absent":
        "there is no commit {change}";
    NOT_A_CHANGE = "act.not-a-change":
        "{change} is not a change of {ref}; name the commit by which it landed there, a merge by its own id";
}

/// The most bytes that the commit of an act can have.
const MAX_ACT_BYTES: u64 = 8 << 10;

/// The most bytes of a remark.
const MAX_NOTE_BYTES: usize = 2_000;

/// The most bytes in the name of an environment.
const MAX_ENVIRONMENT_BYTES: usize = 100;

/// The most bytes in the name of an attached file.
const MAX_NAME_BYTES: usize = 100;

/// A push that names a ref of acts.
pub(crate) struct ActPush<'push> {
    pub(crate) repository: &'push Repository,
    /// Everything that the push names.
    pub(crate) updates: &'push [RefUpdate],
    pub(crate) settings: &'push GateSettings,
    pub(crate) scope: &'push ProtectedScope,
    pub(crate) now: Timestamp,
}

impl ActPush<'_> {
    /// Judges the update of the ref `at`, and sets its act in `facts`. `base` is the policy of the policy ref
    /// before the push.
    pub(crate) fn judge_act_ref(
        &self,
        update: &RefUpdate,
        at: &ResolvedRef,
        base: Result<&LoadedPolicy, Judgement>,
        facts: &mut PushFacts,
    ) -> ReportGroup {
        let loaded = match base {
            Ok(loaded) => loaded,
            Err(judgement) => return build_ref_group(update, at.id, vec![judgement]),
        };
        let mut group = build_protected_group(update, at, Vec::new());
        if let Some(judged_as) = &mut group.judged_ref {
            judged_as.policies = vec![loaded.origin()];
        }
        match self.judge_act(at.id, &loaded.policy) {
            Ok(act) => facts.set_act(act),
            Err(findings) => group.refusals.push(refuse_by_findings(GateRule::Acts, findings)),
        }
        group
    }

    /// Returns the act, where the ref holds `old`, or every finding that refuses it.
    fn judge_act(&self, old: Option<Oid>, policy: &Policy) -> Result<AuthorisedAct, Vec<Finding>> {
        let [update] = self.updates else { return Err(vec![*pusher_finding(&SEVERAL_REFS)]) };
        let mut findings = Vec::new();
        let id = update.name.as_utf8().and_then(|name| name.strip_prefix(ACT_REF_PREFIX));
        let id = id.filter(|id| is_session_id(id));
        if id.is_none() {
            findings.push(*pusher_finding(INVALID_ID.with("digits", SESSION_ID_DIGITS)));
        }
        if update.new.is_null() || !update.old.is_null() || old.is_some() {
            findings.push(*pusher_finding(&ACT_CHANGED));
            return Err(findings);
        }
        let lone = match self.repository.read_lone_commit(update.new, MAX_ACT_BYTES) {
            Ok(Ok(lone)) => lone,
            Ok(Err(fault)) => {
                let detail = describe_commit_fault(fault, MAX_ACT_BYTES);
                findings.push(*pusher_finding(INVALID_COMMIT.with("detail", detail)));
                return Err(findings);
            }
            Err(error) => {
                findings.push(unreadable_act(&error));
                return Err(findings);
            }
        };
        let Some(mut statement) = ActStatement::parse_message(&lone.commit.message) else {
            findings.push(*pusher_finding(&WRONG_FORM));
            return Err(findings);
        };
        // Who says it and what they say are told at once, so that one push shows every reason.
        let by = identify_act_author(self.settings, policy, &statement.kind, self.now);
        let by = by.map_err(|finding| findings.push(*finding)).ok();
        findings.extend(self.check_words(&statement, &lone, policy));
        match self.find_changed_ref(&statement) {
            Ok(name) => statement.ref_name = name,
            Err(finding) => findings.push(*finding),
        }
        let attachment = match self.read_attachment(&statement.kind, &lone, update.new, policy) {
            Ok(attachment) => attachment,
            Err(finding) => {
                findings.push(*finding);
                None
            }
        };
        match (id, by) {
            (Some(id), Some(by)) if findings.is_empty() => {
                Ok(AuthorisedAct { id: id.to_owned(), by, statement, attachment })
            }
            _ => Err(findings),
        }
    }

    /// Returns what is wrong with the words of an act.
    fn check_words(&self, statement: &ActStatement, lone: &LoneCommit, policy: &Policy) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut incident = None;
        if let ActKind::Outcome { outcome, incident: Some(named) } = &statement.kind {
            incident = Some(named);
            findings.extend(check_stated_field(policy, "Incident", 1, (&lone.commit, self.now)));
            if *outcome == ReportedOutcome::Worked {
                findings.push(*pusher_finding(&INCIDENT_OF_SUCCESS));
            }
        }
        let environment = match &statement.kind {
            ActKind::Deployed { environment, .. } => Some(environment),
            _ => None,
        };
        for (field, value, limit) in [
            ("Incident", incident, MAX_INCIDENT_BYTES),
            ("Environment", environment, MAX_ENVIRONMENT_BYTES),
            ("Note", statement.note.as_ref(), MAX_NOTE_BYTES),
        ] {
            let Some(value) = value else { continue };
            if value.as_bytes().len() > limit {
                findings.push(*pusher_finding(NOTE_TOO_LONG.with("field", field).with("limit", limit)));
            }
            if value.as_bytes().iter().any(u8::is_ascii_control) {
                findings.push(*pusher_finding(CONTROL_CHARACTERS.with("field", field)));
            }
        }
        findings
    }

    /// Returns the ref that an act is about, after symbolic refs have been followed, if it is under change
    /// control and holds the change.
    fn find_changed_ref(&self, statement: &ActStatement) -> Result<Text, Box<Finding>> {
        let written = &statement.ref_name;
        let unreadable = |error: anyhow::Error| Box::new(unreadable_act(&error));
        let resolved = self.repository.resolve_ref(written.as_bytes()).map_err(unreadable)?;
        let is_protected = self.scope.find_protected_name(&resolved.name).is_some();
        let (true, Some(tip)) = (is_protected, resolved.id) else {
            return Err(pusher_finding(REF_NOT_PROTECTED.with("ref", written)));
        };
        let change = statement.change;
        let not_a_change =
            || pusher_finding(NOT_A_CHANGE.with("change", change.short_hex()).with("ref", written));
        if self.repository.peel_tags(change).map_err(unreadable)? != PeeledObject::Commit(change) {
            return Err(pusher_finding(CHANGE_ABSENT.with("change", change.to_string())));
        }
        let PeeledObject::Commit(tip) = self.repository.peel_tags(tip).map_err(unreadable)? else {
            return Err(not_a_change());
        };
        if let ActKind::Deployed { before: Some(before), .. } = statement.kind
            && self.repository.peel_tags(before).map_err(unreadable)? != PeeledObject::Commit(before)
        {
            return Err(pusher_finding(CHANGE_ABSENT.with("change", before.to_string())));
        }
        if is_first_parent_step(self.repository, tip, change).map_err(unreadable)? {
            Ok(resolved.name)
        } else {
            Err(not_a_change())
        }
    }

    /// Returns the file that an act attaches; every other act has to come without files.
    fn read_attachment(
        &self,
        kind: &ActKind,
        lone: &LoneCommit,
        commit: Oid,
        policy: &Policy,
    ) -> Result<Option<ActAttachment>, Box<Finding>> {
        let limit = policy.acts.as_ref().map_or(0, |acts| acts.max_attachment_bytes);
        let entry = self.repository.read_only_entry(lone, limit);
        let entry = entry.map_err(|error| Box::new(unreadable_act(&error)))?;
        match (kind, entry) {
            (ActKind::Attach, OnlyEntry::File { name, bytes, sha256 }) => {
                let Some(name) = name.as_utf8().filter(|name| is_attachment_name(name)) else {
                    return Err(pusher_finding(
                        INVALID_NAME.with("path", &name).with("limit", MAX_NAME_BYTES),
                    ));
                };
                let (name, digest) = (name.to_owned(), format!("sha256:{sha256}"));
                Ok(Some(ActAttachment { name, bytes, digest, commit }))
            }
            (ActKind::Attach, OnlyEntry::Nothing) => Err(pusher_finding(&NO_FILE)),
            (ActKind::Attach, OnlyEntry::Several) => Err(pusher_finding(&SEVERAL_FILES)),
            (ActKind::Attach, OnlyEntry::NotAFile(name)) => {
                Err(pusher_finding(NOT_A_FILE.with("path", &name)))
            }
            (ActKind::Attach, OnlyEntry::TooLarge(size)) => {
                Err(pusher_finding(FILE_TOO_LARGE.with("size", size).with("limit", limit)))
            }
            (_, OnlyEntry::Nothing) => Ok(None),
            (ActKind::Outcome { .. } | ActKind::Verified | ActKind::Deployed { .. }, _) => {
                Err(pusher_finding(&HAS_FILES))
            }
        }
    }
}

/// Returns true if a name is safe on every system: ASCII letters and digits with `.`, `-` and `_` in between.
pub fn is_attachment_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric();
    name.len() <= MAX_NAME_BYTES
        && name.bytes().all(|byte| is_plain(byte) || matches!(byte, b'.' | b'-' | b'_'))
        && name.bytes().next().is_some_and(is_plain)
        && name.bytes().next_back().is_some_and(is_plain)
}

/// Returns whether a commit is in the first-parent history of `tip`, which is where changes land.
fn is_first_parent_step(repository: &Repository, tip: Oid, change: Oid) -> Result<bool> {
    let mut next = Some(tip);
    while let Some(id) = next {
        if id == change {
            return Ok(true);
        }
        next = repository.find_tree_and_parent(id)?.first_parent;
    }
    Ok(false)
}

fn unreadable_act(error: &anyhow::Error) -> Finding {
    let detail = MessageValue::unrecorded(Text::from(format!("{error:#}")));
    Finding::new(ACT_UNREADABLE.with("detail", detail)).fixed_by(Fixer::ServerAdministrator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_system_reads_otherwise_are_odd() {
        for name in ["report.xml", "a", "Test_report-2.tar.gz"] {
            assert!(is_attachment_name(name), "{name}");
        }
        for name in ["", ".git", "..", "-rf", "a/b", "a b", "a.", "ä.txt", "a\n", "a:b", &"a".repeat(101)] {
            assert!(!is_attachment_name(name), "{name}");
        }
    }
}
