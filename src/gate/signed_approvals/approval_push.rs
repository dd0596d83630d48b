//! Judges the push of a signed approval: whether it says what it is of, and who signed it.

use anyhow::Result;
use jiff::Timestamp;

use crate::change::{Commit, Oid, Person, SignatureStatus, Text};
use crate::gate::break_glass::request::pusher_finding;
use crate::gate::policy_findings::{build_protected_group, build_ref_group};
use crate::gate::policy_source::LoadedPolicy;
use crate::gate::protected_scope::ProtectedScope;
use crate::gate::push_facts::PushFacts;
use crate::gate::settings::GateSettings;
use crate::gate::signed_approvals::approved_commits::{digest_statements, list_approved_commits};
use crate::gate::signed_approvals::authorised::{AuthorisedApproval, ReceivedApproval};
use crate::gate::signed_approvals::repository_id::read_repository_id;
use crate::gate::signed_approvals::statement::{APPROVAL_REF_PREFIX, ApprovalStatement};
use crate::git::{RefUpdate, Repository, ResolvedRef};
use crate::people::{PeopleDirectory, ResolvedIdentity};
use crate::policy::Policy;
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
        "{ref} is not under change control, so no approval can be for it";
    BASE_NOT_IN_TARGET = "approval.base-not-in-target":
        "the base {base} is not a commit of {ref}; fetch it and approve again";
    NOT_ON_BASE = "approval.not-on-base":
        "the revision {revision} does not build on the base {base}, or is part of it";
    OTHER_STATEMENTS = "approval.other-statements":
        "the digest of what the messages state is not that of the commits";
    TOO_MANY_PATHS = "approval.too-many-paths":
        "the revision changes more than {limit} paths, which cannot be compared with what lands; approve it in parts";
    NO_KEYS = "approval.no-keys":
        "the policy knows no keys, so no signature can be checked; name `signers`, or give people `keys` in the roster";
    NOT_SIGNED = "approval.not-signed":
        "the approval is not signed; set `user.signingKey`, and `gpg.format` to `ssh` for an SSH key";
    BAD_SIGNATURE = "approval.bad-signature":
        "the signature of the approval is not valid: {reason}";
    OTHER_SIGNER = "approval.other-signer":
        "the approval is signed with the key of {signer}, and its author is {author}; set `user.email` to an address of the person whose key it is";
    UNKNOWN_SIGNER = "approval.unknown-signer":
        "the signer {signer} is not a person whom the policy knows";
    ABSENT_SIGNER = "approval.absent-signer":
        "the signer {signer} has left or has not joined yet, by `left` and `joined` of the roster";
    DATE_IN_FUTURE = "approval.date-in-future":
        "the date of the approval is in the future; set the clock of the machine that signed it, and sign again";
    APPROVAL_IS_OLD = "approval.is-old":
        "{signer} has said something else about this revision since; sign it again if it still holds";
    UNKNOWN_ROLE = "approval.unknown-role":
        "the policy has no team {role}";
    ROLE_NOT_HELD = "approval.role-not-held":
        "the signer {signer} is not in {role}";
    ROLE_TOO_LONG = "approval.role-too-long": "`{field}` is longer than {limit} bytes";
    CONTROL_CHARACTERS = "approval.control-characters": "`{field}` contains control characters";
    REFUSED_STATEMENT = "approval.refused-statement":
        "what was refused says `{decision}` of {revision} for {ref}";
}

/// The most bytes that the commit of an approval can have, with its signature.
const MAX_APPROVAL_BYTES: usize = 32 << 10;

/// How far the clock of a signer may be ahead of the server's, in seconds.
const MAX_CLOCK_LEAD_SECONDS: i64 = 600;

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
    pub(crate) received: Option<&'push [ReceivedApproval]>,
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
        let signer = self.check_signer(&commit, &raw, &statement, loaded);
        let signer = signer.map_err(|finding| findings.push(*finding)).ok();
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
        let (true, Some(tip)) = (self.scope.find_protected_name(&target.name).is_some(), target.id) else {
            findings.push(*pusher_finding(TARGET_NOT_PROTECTED.with("ref", &statement.target)));
            return Ok(findings);
        };
        statement.target = target.name;
        // A base that is not there is none of the target's.
        let is_of_target =
            repository.find_new_history(base, &[tip]).is_ok_and(|over| over.count_commits() == 0);
        if !is_of_target {
            let message = BASE_NOT_IN_TARGET.with("base", base.short_hex()).with("ref", &statement.target);
            findings.push(*pusher_finding(message));
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

    /// Returns the address and the key of the person who signed an approval.
    fn check_signer(
        &self,
        commit: &Commit,
        raw: &[u8],
        statement: &ApprovalStatement,
        loaded: &LoadedPolicy,
    ) -> Result<(Text, String), Box<Finding>> {
        let Some(keys) = loaded.trusted_keys(self.now) else {
            return Err(Box::new(Finding::new(Message::from(&NO_KEYS)).fixed_by(Fixer::PolicyOwner)));
        };
        let (signer, key) = match keys.verify_commit(raw, self.repository.object_format()) {
            SignatureStatus::Good { signer, key } => (signer, key),
            SignatureStatus::None => return Err(pusher_finding(&NOT_SIGNED)),
            SignatureStatus::Bad(reason) => {
                return Err(pusher_finding(BAD_SIGNATURE.with("reason", Text::from(reason))));
            }
        };
        let by_roster = |message: Message| Box::new(Finding::new(message).fixed_by(Fixer::RosterOwner));
        let people = &loaded.policy.people;
        let person = Person { name: Text::default(), email: signer.clone() };
        let identity = people.identify_person(&person);
        if people.identify_person(&commit.author) != identity || identity == ResolvedIdentity::Unknown {
            return Err(match identity {
                ResolvedIdentity::Unknown => by_roster(UNKNOWN_SIGNER.with("signer", &signer)),
                _ => {
                    pusher_finding(OTHER_SIGNER.with("signer", &signer).with("author", &commit.author.email))
                }
            });
        }
        if let ResolvedIdentity::Human(person) = &identity {
            if people.find_absence(person, self.now).is_some() {
                return Err(by_roster(ABSENT_SIGNER.with("signer", &signer)));
            }
            check_role(person, &signer, statement, &loaded.policy, self.now)?;
            self.check_date(commit, person, statement, people)?;
        }
        Ok((signer, key))
    }
}

impl ApprovalPush<'_> {
    /// Checks that an approval was not held back, while its signer has said something else about the revision, and that its
    /// date is not in the future, from where it would hold back all others.
    fn check_date(
        &self,
        commit: &Commit,
        person: &str,
        statement: &ApprovalStatement,
        people: &PeopleDirectory,
    ) -> Result<(), Box<Finding>> {
        if commit.authored_at > self.now.as_second().saturating_add(MAX_CLOCK_LEAD_SECONDS) {
            return Err(pusher_finding(&DATE_IN_FUTURE));
        }
        let is_theirs = |signer: &Text| {
            let signer = Person { name: Text::default(), email: signer.clone() };
            matches!(people.identify_person(&signer), ResolvedIdentity::Human(key) if key == person)
        };
        let later = self.received.unwrap_or_default().iter().find(|one| {
            one.revision == statement.revision
                && one.target == statement.target
                && one.signed_at > commit.authored_at
                && is_theirs(&one.signer)
        });
        match later {
            Some(later) => Err(pusher_finding(APPROVAL_IS_OLD.with("signer", &later.signer))),
            None => Ok(()),
        }
    }
}

/// Returns what a refused approval claims to be of: its object is gone with the push, and the record is all that tells.
pub(crate) fn describe_refused_statement(statement: &ApprovalStatement) -> Finding {
    let message = REFUSED_STATEMENT.with("decision", statement.decision.word());
    let message = message.with("revision", statement.revision.to_string()).with("ref", &statement.target);
    *pusher_finding(message)
}

/// Checks that the signer is in the team for which an approval is given.
fn check_role(
    person: &str,
    signer: &Text,
    statement: &ApprovalStatement,
    policy: &Policy,
    at: Timestamp,
) -> Result<(), Box<Finding>> {
    let Some(role) = &statement.role else { return Ok(()) };
    let Some(team) = policy.people.team_names().find(|team| team.as_bytes() == role.as_bytes()) else {
        return Err(pusher_finding(UNKNOWN_ROLE.with("role", role)));
    };
    if policy.people.is_member(person, team, at) {
        return Ok(());
    }
    Err(pusher_finding(ROLE_NOT_HELD.with("signer", signer).with("role", role)))
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
