//! Judges the push of a signed approval: whether it says what it is of, and who signed it.

use anyhow::Result;
use jiff::Timestamp;

use crate::change::{Commit, Oid, SignedDecision, Text};
use crate::gate::break_glass::request::pusher_finding;
use crate::gate::policy_findings::{build_protected_group, build_ref_group};
use crate::gate::policy_source::LoadedPolicy;
use crate::gate::protected_scope::ProtectedScope;
use crate::gate::push_facts::PushFacts;
use crate::gate::settings::GateSettings;
use crate::gate::signed_approvals::approval_signer::SignerCheck;
use crate::gate::signed_approvals::approved_commits::{digest_statements, list_approved_commits};
use crate::gate::signed_approvals::authorised::{AuthorisedApproval, ReceivedApprovals};
use crate::gate::signed_approvals::repository_id::read_repository_id;
use crate::gate::signed_approvals::statement::{APPROVAL_REF_PREFIX, ApprovalStatement};
use crate::git::{PeeledObject, RefUpdate, Repository, ResolvedRef};
use crate::push::{GateRule, refuse_by_findings};
use crate::report::ReportGroup;
use crate::verdict::{Finding, Fixer, Judgement, Message, MessageValue, messages};

messages! {
    SEVERAL_REFS = "approval.several-refs":
        "a push that brings a signed approval names one ref and no other";
    WRONG_NAME = "approval.wrong-name":
        "the name of the ref ends in the id of the commit that states the approval";
    APPROVAL_CHANGED = "approval.changed":
        "a signed approval cannot be changed or deleted; revoke it with `changegate approve --revoke`";
    APPROVAL_UNREADABLE = "approval.unreadable":
        "cannot read the approval: {detail}";
    APPROVAL_TOO_LONG = "approval.too-long":
        "the commit of the approval has {size} bytes; at most {limit} are read";
    NOT_A_COMMIT = "approval.not-a-commit":
        "what is pushed is no commit, and `changegate approve` writes an approval as one";
    WRONG_FORM = "approval.wrong-form":
        "the message is not in the form that `changegate approve` writes";
    WRONG_PARENT = "approval.wrong-parent":
        "the parent of the approval is not the revision that it names, or it has several";
    WRONG_TREE = "approval.wrong-tree":
        "the approval and the revision that it names do not hold the tree that it states";
    OTHER_DATES = "approval.other-dates":
        "the author and the committer of the approval differ; it was written again after it was made";
    NO_REPOSITORY_ID = "approval.no-repository-id":
        "this repository has no id yet, so no approval can be for it; run `changegate install --server` on the server";
    OTHER_REPOSITORY = "approval.other-repository":
        "the approval is for another repository, {named}; this one is {known}";
    TARGET_NOT_PROTECTED = "approval.target-not-protected":
        "{ref} is not under change control, so no approval can be for it; name the branch that the revision is to land on with `--ref`";
    BASE_NOT_IN_TARGET = "approval.base-not-in-target":
        "the base {base} is not a commit of {ref}; fetch it and approve again";
    BASE_OUTDATED = "approval.base-outdated":
        "the base {base} is older than what {ref} and the revision {revision} have in common now; run `git fetch`, so that \
         the clone has the newest commits of {ref}, and approve again";
    BASE_NOT_PROTECTED = "approval.base-not-protected":
        "{ref} does not exist yet, and the base {base} is a commit of no branch under change control; fetch one of these and approve what builds on it";
    ALREADY_LANDED = "approval.already-landed":
        "{ref} has the revision {revision} already, so there is nothing to approve; fetch it, and approve what builds on it";
    REJECTED_LATE = "approval.rejected-late":
        "{ref} has the revision {revision} already, so it is too late to reject it; revert it there";
    NOT_ON_BASE = "approval.not-on-base":
        "the revision {revision} does not build on the base {base}, or is part of it";
    OTHER_STATEMENTS = "approval.other-statements":
        "the digest of what the messages state is not that of the commits";
    TOO_MANY_PATHS = "approval.too-many-paths":
        "the revision changes more than {limit} paths, which cannot be compared with what lands; approve it in parts";
    ROLE_TOO_LONG = "approval.role-too-long": "`{field}` is longer than {limit} bytes";
    CONTROL_CHARACTERS = "approval.control-characters": "`{field}` contains control characters";
    REFUSED_STATEMENT = "approval.refused-statement":
        "what was refused says `{decision}` of {revision} for {ref}";
}

/// The most bytes that the commit of an approval can have, with its signature.
const MAX_APPROVAL_BYTES: usize = 32 << 10;

/// The most paths that an approved revision changes.
const MAX_APPROVED_PATHS: usize = 20_000;

/// The most bytes of a remark, and of the name of a role.
const MAX_LINE_BYTES: usize = 2_000;

/// A push that names a ref of signed approvals.
pub(crate) struct ApprovalPush<'push> {
    pub(crate) repository: &'push Repository,
    /// Everything that the push names.
    pub(crate) updates: &'push [RefUpdate],
    pub(crate) settings: &'push GateSettings,
    pub(crate) scope: &'push ProtectedScope,
    /// What was received before and is open; `None` where nothing can be received.
    pub(crate) received: Option<&'push ReceivedApprovals>,
    pub(crate) now: Timestamp,
}

impl ApprovalPush<'_> {
    /// Judges the update of the ref `at`, and sets its approval in `facts`. `base` is the policy of the policy ref
    /// before the push.
    pub(crate) fn judge_approval_ref(
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
        match self.judge_approval(at.id, loaded) {
            Ok(approval) => facts.set_approval(approval),
            Err(findings) => group.refusals.push(refuse_by_findings(GateRule::SignedApprovals, findings)),
        }
        group
    }

    /// Returns the approval, where the ref holds `old`, or every finding that refuses it.
    fn judge_approval(
        &self,
        old: Option<Oid>,
        loaded: &LoadedPolicy,
    ) -> Result<AuthorisedApproval, Vec<Finding>> {
        let [update] = self.updates else { return Err(vec![*pusher_finding(&SEVERAL_REFS)]) };
        if update.new.is_null() || !update.old.is_null() || old.is_some() {
            return Err(vec![*pusher_finding(&APPROVAL_CHANGED)]);
        }
        let id = update.new;
        if update.name.as_bytes() != format!("{APPROVAL_REF_PREFIX}{id}").as_bytes() {
            return Err(vec![*pusher_finding(&WRONG_NAME)]);
        }
        let unreadable = |error: anyhow::Error| vec![unreadable_approval(&error)];
        if matches!(self.repository.peel_tags(id), Ok(found) if found != PeeledObject::Commit(id)) {
            return Err(vec![*pusher_finding(&NOT_A_COMMIT)]);
        }
        let raw = self.repository.read_raw_commit(id).map_err(unreadable)?;
        if raw.len() > MAX_APPROVAL_BYTES {
            let message = APPROVAL_TOO_LONG.with("size", raw.len()).with("limit", MAX_APPROVAL_BYTES);
            return Err(vec![*pusher_finding(message)]);
        }
        let commit = match self.repository.read_commit(id, &crate::change::NeededFacts::new()) {
            Ok(commit) => commit,
            Err(why) => return Err(unreadable(anyhow::Error::msg(why.reason))),
        };
        let Some(mut statement) = ApprovalStatement::parse_message(&commit.message) else {
            return Err(vec![*pusher_finding(&WRONG_FORM)]);
        };
        let mut findings = check_words(&statement);
        // What it is of and who signed it are told at once, so that one push shows every reason.
        match self.check_content(&commit, &mut statement) {
            Ok(found) => findings.extend(found),
            Err(error) => findings.push(unreadable_approval(&error)),
        }
        let signer = SignerCheck {
            commit: &commit,
            raw: &raw,
            format: self.repository.object_format(),
            statement: &statement,
            loaded,
            received: self.received,
            now: self.now,
        };
        let signer = signer.find_signer().map_err(|finding| findings.push(*finding)).ok();
        match signer {
            Some((signer, key)) if findings.is_empty() => {
                let pushed_by = self.settings.pusher.clone();
                let signed_at = commit.authored_at;
                Ok(AuthorisedApproval { id, statement, signer, key, signed_at, pushed_by })
            }
            _ => {
                findings.push(describe_refused_statement(&statement));
                Err(findings)
            }
        }
    }

    /// Returns what is wrong with the revision, the base and the target that an approval names. The target becomes the
    /// name after symbolic refs have been followed.
    fn check_content(&self, commit: &Commit, statement: &mut ApprovalStatement) -> Result<Vec<Finding>> {
        let repository = self.repository;
        let mut findings = Vec::new();
        let (revision, base) = (statement.revision, statement.base);
        match read_repository_id(repository)? {
            None => {
                let finding = Finding::new(Message::from(&NO_REPOSITORY_ID));
                findings.push(finding.fixed_by(Fixer::ServerAdministrator));
            }
            Some(known) if known != statement.repository => {
                let message = OTHER_REPOSITORY.with("named", statement.repository.short_hex());
                findings.push(*pusher_finding(message.with("known", known.short_hex())));
            }
            Some(_) => {}
        }
        if commit.parents != [revision] {
            findings.push(*pusher_finding(&WRONG_PARENT));
            return Ok(findings);
        }
        let own_tree = commit.id.map(|id| repository.find_tree_and_parent(id)).transpose()?;
        let tree = repository.find_tree_and_parent(revision)?.tree;
        if tree != statement.tree || own_tree.is_some_and(|own| own.tree != tree) {
            findings.push(*pusher_finding(&WRONG_TREE));
        }
        if commit.author != commit.committer || commit.authored_at != commit.committed_at {
            findings.push(*pusher_finding(&OTHER_DATES));
        }
        let target = repository.resolve_ref(statement.target.as_bytes())?;
        if self.scope.find_protected_name(&target.name).is_none() {
            findings.push(*pusher_finding(TARGET_NOT_PROTECTED.with("ref", &statement.target)));
            return Ok(findings);
        }
        let tips = self.list_base_tips(&target)?;
        statement.target = target.name;
        let is_held = |commit| {
            !tips.is_empty()
                && repository.find_new_history(commit, &tips).is_ok_and(|over| over.count_commits() == 0)
        };
        // A base that is not there is none of the target's.
        if !is_held(base) {
            let template = if target.id.is_some() { &BASE_NOT_IN_TARGET } else { &BASE_NOT_PROTECTED };
            let message = template.with("base", base.short_hex()).with("ref", &statement.target);
            findings.push(*pusher_finding(message));
            return Ok(findings);
        }
        // What has landed is used up: an approval of it would count for the same content if it comes again.
        let has_landed = target.id.is_some() && is_held(revision);
        let landed_template = match statement.decision {
            SignedDecision::Approved => Some(&ALREADY_LANDED),
            SignedDecision::Rejected => Some(&REJECTED_LATE),
            SignedDecision::Revoked => None,
        };
        if let Some(template) = landed_template.filter(|_| has_landed) {
            let message = template.with("ref", &statement.target);
            findings.push(*pusher_finding(message.with("revision", revision.short_hex())));
            return Ok(findings);
        }
        // From an older base on, what others have landed since would be taken for a part of the revision.
        if let Some(tip) = target.id
            && !has_landed
            && !repository.list_common_ancestors(tip, revision)?.contains(&base)
        {
            let message = BASE_OUTDATED.with("base", base.short_hex()).with("ref", &statement.target);
            findings.push(*pusher_finding(message.with("revision", revision.short_hex())));
            return Ok(findings);
        }
        // What cannot be compared when it lands is no use, and would keep others waiting.
        let base_tree = repository.find_tree_and_parent(base)?.tree;
        let is_comparable = repository
            .list_differing_paths(base_tree, tree)
            .is_ok_and(|paths| paths.len() <= MAX_APPROVED_PATHS);
        if !is_comparable {
            findings.push(*pusher_finding(TOO_MANY_PATHS.with("limit", MAX_APPROVED_PATHS)));
            return Ok(findings);
        }
        let approved = list_approved_commits(repository, base, revision)?;
        let leads_back = repository.find_new_history(revision, &[base])?.leads_back_to(base);
        if approved.is_empty() || !leads_back {
            let message = NOT_ON_BASE.with("revision", revision.short_hex()).with("base", base.short_hex());
            findings.push(*pusher_finding(message));
        } else if digest_statements(&approved) != statement.statements {
            findings.push(*pusher_finding(&OTHER_STATEMENTS));
        }
        Ok(findings)
    }

    /// Returns the commits that hold every commit on which a revision for `target` can build: its own, or those of all
    /// branches under change control if it does not exist yet. A new branch is judged from what the policy ref holds, and
    /// what lies between that and an approved revision is approved by its own approval or not at all.
    fn list_base_tips(&self, target: &ResolvedRef) -> Result<Vec<Oid>> {
        if let Some(tip) = target.id {
            return Ok(vec![tip]);
        }
        let mut tips = Vec::new();
        for branch in self.repository.list_refs("refs/heads/")? {
            if let Some(tip) = branch.id.filter(|_| self.scope.find_protected_name(&branch.name).is_some()) {
                tips.push(tip);
            }
        }
        Ok(tips)
    }
}

/// Returns what a refused approval claims to be of: its object is gone with the push, and the record is all that tells.
pub(crate) fn describe_refused_statement(statement: &ApprovalStatement) -> Finding {
    let message = REFUSED_STATEMENT.with("decision", statement.decision.word());
    let message = message.with("revision", statement.revision.to_string()).with("ref", &statement.target);
    *pusher_finding(message)
}

/// Returns what is wrong with the words of an approval.
fn check_words(statement: &ApprovalStatement) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (field, value) in [("Role", &statement.role), ("Note", &statement.note)] {
        let Some(value) = value else { continue };
        if value.as_bytes().len() > MAX_LINE_BYTES {
            findings.push(*pusher_finding(ROLE_TOO_LONG.with("field", field).with("limit", MAX_LINE_BYTES)));
        }
        if value.as_bytes().iter().any(u8::is_ascii_control) {
            findings.push(*pusher_finding(CONTROL_CHARACTERS.with("field", field)));
        }
    }
    findings
}

fn unreadable_approval(error: &anyhow::Error) -> Finding {
    let detail = MessageValue::unrecorded(Text::from(format!("{error:#}")));
    Finding::new(APPROVAL_UNREADABLE.with("detail", detail)).fixed_by(Fixer::ServerAdministrator)
}
