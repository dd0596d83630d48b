//! The facts that an answer rests on, each with where it came from and who vouches for it.
//!
//! They are collected only where somebody asks for an explanation, from the same change that was judged.

use crate::change::pull_request::CheckState;
use crate::change::{Change, FOR_CHANGE_TRAILER, FactKind, PusherIdentity, SignatureStatus, Stage, Text};
use crate::judge::certificate_facts::find_certificate_fact;
use crate::judge::fact_sources::{UsedFact, UsedFactSource};
use crate::people::ResolvedIdentity;
use crate::people::contributors::ResolvedContributor;
use crate::predicates::approvals::ApprovalsPredicate;
use crate::predicates::{EvaluationContext, Predicate};
use crate::verdict::{ApprovalDecision, ApprovalSource, ChangeLocation, Message, MessageValue, messages};
use crate::vocabulary::{ClaimSource, FieldDefinition};

messages! {
    FIELD_IS = "fact.field-is": "`{field}` is {value}";
    FIELD_INVALID = "fact.field-invalid": "`{field}` is {value}, which does not count";
    FIELD_ABSENT = "fact.field-absent": "`{field}` is stated nowhere";
    CONTRIBUTOR = "fact.contributor": "{name} is {role}{person}";
    CONTRIBUTOR_PERSON = "fact.contributor-person": ", the person `{person}`";
    CONTRIBUTOR_BOT = "fact.contributor-bot": ", a bot";
    CONTRIBUTOR_UNKNOWN = "fact.contributor-unknown": ", who cannot be identified";
    APPROVAL_COUNTS = "fact.approval-counts": "the approval by {by} counts";
    APPROVAL_COUNTS_FOR = "fact.approval-counts-for": "the approval by {by} counts for {person}";
    APPROVAL_DOES_NOT_COUNT = "fact.approval-does-not-count": "the approval by {by} does not count: {reason}";
    OBJECTION = "fact.objection": "{by} requests changes";
    OBJECTION_NOT_HELD = "fact.objection-not-held": "{by} requested changes, which does not hold for this: {reason}";
    OBJECTION_WITHDRAWN = "fact.objection-withdrawn": "{by} requested changes, which no longer stands";
    NO_APPROVAL = "fact.no-approval": "no approval is given";
    GONE_ACCOUNT = "fact.gone-account": "an account that is gone";
    TICKET_FOUND = "fact.ticket-found": "the ticket {key} is {state}, of the type {kind}";
    TICKET_NOT_FOUND = "fact.ticket-not-found": "there is no ticket {key} that the gate can see";
    CHECK_STATE = "fact.check-state": "the check {check} {state}";
    CHECK_SUCCEEDED = "fact.check-succeeded": "succeeded";
    CHECK_NEUTRAL = "fact.check-neutral": "is neutral";
    CHECK_SKIPPED = "fact.check-skipped": "was skipped";
    CHECK_PENDING = "fact.check-pending": "is not finished";
    CHECK_UNKNOWN = "fact.check-unknown": "has no known result";
    CHECK_FAILED = "fact.check-failed": "failed";
    NO_CHECKS = "fact.no-checks": "no check is reported";
    TARGET = "fact.target": "the change is for {branch}";
    PUSHED_BY = "fact.pushed-by": "{account} pushes";
    PUSHED_BY_UNKNOWN = "fact.pushed-by-unknown": "the server does not tell people apart";
    SIGNED_BY = "fact.signed-by": "the commit is signed by {signer}";
    NOT_SIGNED = "fact.not-signed": "the commit is not signed";
    BADLY_SIGNED = "fact.badly-signed": "the signature of the commit does not count: {reason}";
    PATHS = "fact.paths": "{count} {count:file changes|files change}: {paths}";
    NO_PATHS = "fact.no-paths": "no file changes";
    SEEN_AT = "fact.seen-at": "it is {time}";
    SUBJECT_IS = "fact.subject-is": "the subject is {subject}";
    TITLE_IS = "fact.title-is": "the title is {title}";
    IS_DRAFT = "fact.is-draft": "the pull request is a draft";
    IS_READY = "fact.is-ready": "the pull request is no draft";
    LABELS = "fact.labels": "the labels are {labels}";
    NO_LABELS = "fact.no-labels": "there is no label";
    NO_CONVERSATIONS = "fact.no-conversations": "there is no conversation";
    CONVERSATIONS = "fact.conversations": "{open} of {count} {count:conversation|conversations} not resolved";
    OWNED_BY = "fact.owned-by": "the owners of {paths} are {owners/and} (line {line} of `{file}`)";
    MAY_BE_OWNED_BY = "fact.may-be-owned-by":
        "{owners/and} may approve {paths} and need not (line {line} of `{file}`)";
    UNOWNED = "fact.unowned": "no owner of {paths} stands in `{file}`";
    MORE_FACTS = "fact.more": "{count} more of this kind";
}

/// How many facts of one answer are kept.
const MAX_FACTS: usize = 8;

/// How many names are listed in one fact.
const MAX_NAMES: usize = 6;

/// Facts as they are collected.
struct FactList {
    facts: Vec<UsedFact>,
    left_out: usize,
}

impl FactList {
    fn add_fact(&mut self, what: impl Into<Message>, source: UsedFactSource, is_verified: bool) {
        self.add_fact_at(what, source, is_verified, ChangeLocation::default());
    }

    fn add_fact_at(
        &mut self,
        what: impl Into<Message>,
        source: UsedFactSource,
        is_verified: bool,
        at: ChangeLocation,
    ) {
        let fact = UsedFact { what: what.into(), source, is_verified, at };
        if self.facts.len() < MAX_FACTS {
            self.facts.push(fact);
        } else {
            self.left_out += 1;
        }
    }
}

/// Returns the facts that a predicate looked at.
pub(super) fn list_used_facts(predicate: &Predicate, context: &EvaluationContext<'_>) -> Vec<UsedFact> {
    let mut list = FactList { facts: Vec::new(), left_out: 0 };
    let change = context.change;
    if let Some((what, source, is_verified)) = find_certificate_fact(predicate, change) {
        list.add_fact(what, source, is_verified);
    }
    match predicate {
        Predicate::Approvals(asked) => {
            if asked.asks_code_owners() {
                add_code_owners(context, &mut list);
            }
            add_approvals(asked, context, &mut list);
            add_contributors(context, &mut list);
        }
        Predicate::Agents(_) | Predicate::Author(_) => add_contributors(context, &mut list),
        Predicate::Field(field) => {
            for named in field.named_fields() {
                add_field(named, change, &mut list);
            }
        }
        Predicate::Ticket(ticket) => {
            add_field(ticket.reference_field(), change, &mut list);
            add_tickets(ticket.reference_field(), change, &mut list);
        }
        Predicate::StandardChange(standard) => {
            add_field(standard.entry_field(), change, &mut list);
            add_paths(change, &mut list);
        }
        Predicate::Checks(_) => add_checks(change, &mut list),
        Predicate::Branch(_) => {
            if let Ok(target) = &change.target {
                let source = if change.pull.is_ok() { UsedFactSource::Forge } else { UsedFactSource::Server };
                list.add_fact(TARGET.with("branch", target), source, true);
            }
        }
        Predicate::Pusher(_) => match &change.pusher {
            Ok(PusherIdentity::Account(account)) => {
                list.add_fact(PUSHED_BY.with("account", account), UsedFactSource::Server, true);
            }
            Ok(PusherIdentity::Unidentified) => {
                list.add_fact(&PUSHED_BY_UNKNOWN, UsedFactSource::Server, true);
            }
            Err(_) => {}
        },
        Predicate::Signed(_) => add_signatures(change, &mut list),
        Predicate::DigestOf(asked) => {
            add_field(asked.stated_field(), change, &mut list);
            add_paths(change, &mut list);
        }
        Predicate::ForLandedChange(_) => {
            if let Some(field) = context.vocabulary.find_field(FOR_CHANGE_TRAILER) {
                add_field(field, change, &mut list);
            }
        }
        Predicate::AddsLines(_)
        | Predicate::Blob(_)
        | Predicate::Merge(_)
        | Predicate::OnlyTouches(_)
        | Predicate::PolicyLoosened(_)
        | Predicate::Size(_)
        | Predicate::Touches(_) => add_paths(change, &mut list),
        Predicate::Window(_) => {
            let time = change.seen_at.strftime("%F %R UTC").to_string();
            list.add_fact(SEEN_AT.with("time", time), UsedFactSource::Clock, true);
        }
        Predicate::Subject(_) | Predicate::Trailers(_) => {
            for commit in &change.commits {
                let at = ChangeLocation { commit: commit.id, ..ChangeLocation::default() };
                let what = SUBJECT_IS.with("subject", commit.message.subject());
                list.add_fact_at(what, UsedFactSource::Repository, false, at);
            }
        }
        Predicate::CommentsResolved(_) | Predicate::Draft(_) | Predicate::Label(_) | Predicate::Title(_) => {
            add_pull_facts(predicate, change, &mut list);
        }
    }
    let FactList { mut facts, left_out } = list;
    if left_out > 0 {
        let what = MORE_FACTS.with("count", left_out);
        let last = facts.last().map_or(UsedFactSource::Repository, |fact| fact.source);
        facts.push(UsedFact { what, source: last, is_verified: false, at: ChangeLocation::default() });
    }
    facts
}

fn add_field(field: &FieldDefinition, change: &Change, list: &mut FactList) {
    let claims = field.find_claims(change);
    if claims.is_empty() {
        let source = if change.pull.is_ok() { UsedFactSource::Description } else { UsedFactSource::Trailer };
        list.add_fact(FIELD_ABSENT.with("field", field.name.as_str()), source, false);
    }
    for claim in claims {
        let is_valid = field.check_value(&claim.value, change, claim.source).is_ok();
        let template = if is_valid { &FIELD_IS } else { &FIELD_INVALID };
        let source = match claim.source {
            ClaimSource::Commit(_) => UsedFactSource::Trailer,
            ClaimSource::Description => UsedFactSource::Description,
        };
        let what = template.with("field", field.name.as_str()).with("value", claim.value.as_ref());
        list.add_fact_at(what, source, false, claim.location(change));
    }
}

fn add_tickets(field: &FieldDefinition, change: &Change, list: &mut FactList) {
    let Ok(tickets) = &change.tickets else { return };
    let claims = field.find_claims(change);
    for lookup in tickets.iter().filter(|lookup| claims.iter().any(|claim| *claim.value == lookup.key)) {
        match &lookup.found {
            Ok(Some(ticket)) => {
                let what = TICKET_FOUND
                    .with("key", &ticket.key)
                    .with("state", &ticket.state)
                    .with("kind", &ticket.kind);
                list.add_fact(what, UsedFactSource::TicketSystem, true);
            }
            Ok(None) => {
                list.add_fact(TICKET_NOT_FOUND.with("key", &lookup.key), UsedFactSource::TicketSystem, true);
            }
            Err(_) => {}
        }
    }
}

fn add_approvals(asked: &ApprovalsPredicate, context: &EvaluationContext<'_>, list: &mut FactList) {
    let Ok(weighed) = asked.list_weighed_approvals(context) else { return };
    let is_empty = weighed.kept.is_empty();
    for one in weighed.kept {
        let approval = one.approval;
        let by = approval.by.map_or_else(|| MessageValue::from(&GONE_ACCOUNT), MessageValue::from);
        let what = match (approval.decision, one.counts, one.why_not) {
            (ApprovalDecision::Approved, true, _) => match &one.acts_for {
                Some(person) => {
                    let name = context.people.name_person(person);
                    APPROVAL_COUNTS_FOR.with("by", by).with("person", name)
                }
                None => APPROVAL_COUNTS.with("by", by),
            },
            (ApprovalDecision::Approved, false, Some(reason)) => {
                APPROVAL_DOES_NOT_COUNT.with("by", by).with("reason", reason)
            }
            (_, true, _) => OBJECTION.with("by", by),
            (_, false, Some(reason)) => OBJECTION_NOT_HELD.with("by", by).with("reason", reason),
            (_, false, None) => OBJECTION_WITHDRAWN.with("by", by),
        };
        let source = match approval.source {
            ApprovalSource::Trailer => UsedFactSource::Trailer,
            ApprovalSource::Review | ApprovalSource::Comment => UsedFactSource::Forge,
            // What a clone has fetched was not received there, and only the key vouches for it.
            ApprovalSource::Signature if matches!(context.change.stage, Stage::PrePush | Stage::Check) => {
                UsedFactSource::SigningKeys
            }
            ApprovalSource::Push | ApprovalSource::Signature => UsedFactSource::Server,
        };
        list.add_fact_at(what, source, approval.source.is_verified(), approval.place);
    }
    if is_empty {
        let (source, is_verified) = match context.change.pull {
            Ok(_) => (UsedFactSource::Forge, true),
            Err(_) => (UsedFactSource::Trailer, false),
        };
        list.add_fact(&NO_APPROVAL, source, is_verified);
    }
}

/// Adds who owns what is touched, as the file of code owners says.
fn add_code_owners(context: &EvaluationContext<'_>, list: &mut FactList) {
    let Ok(owned) = context.owned_paths() else { return };
    let name_paths =
        |paths: &[Text]| MessageValue::List(paths.iter().take(MAX_NAMES).map(MessageValue::from).collect());
    for (template, entries) in [(&OWNED_BY, &owned.required), (&MAY_BE_OWNED_BY, &owned.optional)] {
        for entry in entries {
            let owners: Vec<Text> =
                entry.owners.iter().take(MAX_NAMES).map(|(owner, _)| Text::from(owner.as_str())).collect();
            let what = template
                .with("paths", name_paths(&entry.paths))
                .with("owners", owners)
                .with("line", u64::try_from(entry.line).unwrap_or(u64::MAX))
                .with("file", owned.file.as_str());
            list.add_fact(what, UsedFactSource::CodeOwners, true);
        }
    }
    if !owned.unowned.is_empty() {
        let what = UNOWNED.with("paths", name_paths(&owned.unowned)).with("file", owned.file.as_str());
        list.add_fact(what, UsedFactSource::CodeOwners, true);
    }
}

/// Adds who made the change: who pushes and who opened a pull request are known to a server or a forge, and the others
/// as the commits name them.
fn add_contributors(context: &EvaluationContext<'_>, list: &mut FactList) {
    let (participants, _) = context.participants();
    for participant in participants {
        let ResolvedContributor { identity, name, role, .. } = participant;
        let person = match identity {
            ResolvedIdentity::Human(key) if context.people.has_roster() => {
                CONTRIBUTOR_PERSON.with("person", key.as_str()).into()
            }
            ResolvedIdentity::Human(_) => MessageValue::empty(),
            ResolvedIdentity::Bot | ResolvedIdentity::ClaimedBot => (&CONTRIBUTOR_BOT).into(),
            ResolvedIdentity::Unknown => (&CONTRIBUTOR_UNKNOWN).into(),
        };
        let (source, is_verified) = match role.code {
            "role.opener" => (UsedFactSource::Forge, true),
            "role.pusher" if context.change.pull.is_ok() => (UsedFactSource::Forge, true),
            "role.pusher" => (UsedFactSource::Server, true),
            "role.co-author" => (UsedFactSource::Trailer, false),
            _ => (UsedFactSource::Repository, false),
        };
        let what = CONTRIBUTOR.with("name", name).with("role", *role).with("person", person);
        list.add_fact(what, source, is_verified);
    }
}

fn add_checks(change: &Change, list: &mut FactList) {
    let Ok(Ok(checks)) = change.require_pull(FactKind::Checks).map(|pull| &pull.checks) else { return };
    for check in checks {
        let state = match &check.state {
            CheckState::Success => &CHECK_SUCCEEDED,
            CheckState::Neutral => &CHECK_NEUTRAL,
            CheckState::Skipped => &CHECK_SKIPPED,
            CheckState::Pending => &CHECK_PENDING,
            CheckState::Unknown => &CHECK_UNKNOWN,
            CheckState::Failed(_) => &CHECK_FAILED,
        };
        list.add_fact(
            CHECK_STATE.with("check", &check.name).with("state", state),
            UsedFactSource::Forge,
            true,
        );
    }
    if checks.is_empty() {
        list.add_fact(&NO_CHECKS, UsedFactSource::Forge, true);
    }
}

fn add_signatures(change: &Change, list: &mut FactList) {
    for commit in &change.commits {
        let at = ChangeLocation { commit: commit.id, ..ChangeLocation::default() };
        let (what, is_verified) = match &commit.signature {
            Ok(SignatureStatus::Good { signer, .. }) => (SIGNED_BY.with("signer", signer), true),
            Ok(SignatureStatus::None) => (Message::from(&NOT_SIGNED), true),
            Ok(SignatureStatus::Bad(why)) => (BADLY_SIGNED.with("reason", Text::from(why.as_str())), true),
            Err(_) => continue,
        };
        list.add_fact_at(what, UsedFactSource::SigningKeys, is_verified, at);
    }
}

fn add_paths(change: &Change, list: &mut FactList) {
    let mut paths: Vec<&Text> = Vec::new();
    for diff in change.list_diffs() {
        let Ok(changed) = diff.paths else { return };
        paths.extend(changed.iter().map(|one| &one.path));
    }
    paths.sort_unstable();
    paths.dedup();
    let (source, is_verified) = match change.pull {
        Ok(_) => (UsedFactSource::Forge, true),
        Err(_) => (UsedFactSource::Repository, true),
    };
    if paths.is_empty() {
        return list.add_fact(&NO_PATHS, source, is_verified);
    }
    let named: Vec<MessageValue> =
        paths.iter().take(MAX_NAMES).map(|path| MessageValue::from(*path)).collect();
    let what = PATHS.with("count", paths.len()).with("paths", MessageValue::List(named));
    list.add_fact(what, source, is_verified);
}

fn add_pull_facts(predicate: &Predicate, change: &Change, list: &mut FactList) {
    let Ok(pull) = &change.pull else { return };
    let what = match predicate {
        Predicate::Title(_) => TITLE_IS.with("title", &pull.title),
        Predicate::Draft(_) if pull.is_draft => Message::from(&IS_DRAFT),
        Predicate::Draft(_) => Message::from(&IS_READY),
        Predicate::Label(_) => {
            let Ok(labels) = &pull.labels else { return };
            let names: Vec<MessageValue> =
                labels.iter().take(MAX_NAMES).map(|label| MessageValue::from(&label.name)).collect();
            if names.is_empty() {
                Message::from(&NO_LABELS)
            } else {
                LABELS.with("labels", MessageValue::List(names))
            }
        }
        _ => {
            let Ok(conversations) = &pull.conversations else { return };
            // None at all is no number of them.
            if conversations.is_empty() {
                list.add_fact(Message::from(&NO_CONVERSATIONS), UsedFactSource::Forge, true);
                return;
            }
            let open = conversations.iter().filter(|one| !one.is_resolved).count();
            CONVERSATIONS.with("open", open).with("count", conversations.len())
        }
    };
    // The title and the draft are what the author chose; the forge says that they are so.
    let is_claimed = matches!(predicate, Predicate::Title(_));
    list.add_fact(what, UsedFactSource::Forge, !is_claimed);
}
