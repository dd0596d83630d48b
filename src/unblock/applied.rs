//! The change as it would be after acts on it.
//!
//! Only the value changes: nothing is written anywhere. An act makes a pull request what a forge would tell of it
//! afterwards, so that an edit of the description, or of a message, takes earlier approvals away.

use jiff::{SignedDuration, Timestamp};

use crate::change::description::{DescriptionStatement, StatementScope};
use crate::change::message::trailer_extent::split_at_trailer_end;
use crate::change::pull_request::{CheckResult, DescriptionEdit, PullLabel, PullReview, ReviewState};
use crate::change::{
    Change, CommitMessage, ContentRelation, Oid, Person, PullRequest, PushCertificate, PusherIdentity,
    SignatureStatus, SignedApproval, SignedDecision, Text, Ticket, TicketLookup,
};
use crate::unblock::repair::Repair;
use crate::verdict::LineEdit;
use crate::vocabulary::FieldDefinition;

/// Returns the change as it would be after these acts, in their order.
pub fn apply_repairs(change: &Change, repairs: &[Repair]) -> Change {
    let mut ordered: Vec<&Repair> = repairs.iter().collect();
    ordered.sort_by_key(|repair| repair.act_turn());
    let mut changed = change.clone();
    for repair in ordered {
        apply_repair(&mut changed, repair);
    }
    changed
}

fn apply_repair(change: &mut Change, repair: &Repair) {
    match repair {
        Repair::StateField { field, value, ticket, .. } => {
            state_field(change, field, value, ticket.as_deref())
        }
        Repair::RemoveField(field) => remove_claims(change, field),
        Repair::CorrectLines(lines) => correct_lines(change, lines),
        Repair::AddBody(commits) => add_bodies(change, commits),
        Repair::RewordSubject { commits, subject } => reword_subjects(change, commits, subject),
        Repair::LeaveOut(paths) => leave_out_paths(change, paths),
        Repair::Sign => {
            for commit in &mut change.commits {
                let signer = commit.author.email.clone();
                commit.signature =
                    Ok(SignatureStatus::Good { signer, key: "a key of the author".to_owned() });
            }
            replace_head(change);
        }
        Repair::UpdateTicket { ticket, .. } => put_ticket(change, ticket),
        Repair::PushAs { accounts } => {
            if let Some(account) = accounts.first() {
                change.pusher = Ok(PusherIdentity::Account(account.as_str().into()));
                // Where the push was signed, that person signs their own.
                if !change.push_certificate.is_absent() {
                    change.push_certificate = PushCertificate::Described;
                }
            }
        }
        Repair::TakeBack { signer, .. } => {
            if let Ok(approvals) = &mut change.signed_approvals {
                let is_theirs = |one: &SignedApproval| one.received_from == *signer;
                approvals.retain(|one| one.decision != SignedDecision::Rejected || !is_theirs(one));
            }
        }
        Repair::Wait { until, .. } => change.seen_at = (*until).max(change.seen_at),
        Repair::Approve { account: None, trailer: Some((key, person)), .. } => {
            let line = format!("{key}: {} <{}>", person.name.to_lossy(), person.email.to_lossy());
            add_trailer(change, &line);
            sign_approval(change, person);
        }
        _ => {
            let seen_at = change.seen_at;
            if let Ok(pull) = &mut change.pull {
                apply_on_forge(pull, repair, seen_at);
            }
        }
    }
}

/// Adds the signed approval of a person, where a server takes such approvals.
fn sign_approval(change: &mut Change, person: &Person) {
    let (revision, received_at) = (change.tip().id, change.seen_at);
    if let (Ok(approvals), Some(revision)) = (&mut change.signed_approvals, revision) {
        approvals.push(SignedApproval {
            id: revision,
            decision: SignedDecision::Approved,
            signature: SignatureStatus::Good {
                signer: person.email.clone(),
                key: "a key of the approver".to_owned(),
            },
            received_from: person.email.clone(),
            author: person.clone(),
            has_merges: false,
            added_merges: Vec::new(),
            role: None,
            revision,
            received_at,
            signed_at: None,
            relation: ContentRelation::Exact,
            approved_messages: Vec::new(),
            approved_authors: Vec::new(),
            approved_committers: Vec::new(),
        });
    }
}

fn apply_on_forge(pull: &mut PullRequest, repair: &Repair, seen_at: Timestamp) {
    // What is said of the final revision comes after it, and after an edit of the description.
    let after = seen_at.checked_add(SignedDuration::from_secs(1)).unwrap_or(seen_at);
    match repair {
        Repair::Retitle(title) => pull.title = Text::from(title.as_str()),
        Repair::PassCheck(passed) => {
            let Ok(checks) = &mut pull.checks else { return };
            let is_same =
                |check: &CheckResult| !check.is_of_gate && check.name == passed.name && check.by == passed.by;
            checks.retain(|check| !is_same(check));
            checks.push(passed.clone());
        }
        Repair::AddLabel { name, by, .. } => {
            if let Ok(labels) = &mut pull.labels {
                let name = Text::from(name.as_str());
                labels.retain(|label| label.name != name);
                labels.push(PullLabel { name, by: Ok(by.clone()), at: Some(after) });
            }
        }
        Repair::RemoveLabel(name) => {
            if let Ok(labels) = &mut pull.labels {
                labels.retain(|label| label.name != *name);
            }
        }
        Repair::SetDraft(is_draft) => pull.is_draft = *is_draft,
        Repair::ResolveConversations => {
            for conversation in pull.conversations.iter_mut().flatten() {
                conversation.is_resolved = true;
            }
        }
        Repair::Withdraw(account) | Repair::Approve { account: Some(account), .. } => {
            if let Ok(reviews) = &mut pull.reviews {
                reviews.push(PullReview {
                    by: Some(account.clone()),
                    state: ReviewState::Approved,
                    revision: Some(pull.head.clone()),
                    at: Some(after),
                    may_approve: Ok(true),
                    dismissal: None,
                    url: Text::default(),
                });
            }
        }
        _ => {}
    }
}

/// States a field where its author would: in the description if there is one that may state it, and else in the
/// message of the last commit.
fn state_field(change: &mut Change, field: &FieldDefinition, value: &str, ticket: Option<&Ticket>) {
    remove_claims(change, field);
    let in_description = match &change.pull {
        Ok(pull) => field.may_be_stated_by(pull) && pull.templates.is_ok(),
        Err(_) => false,
    };
    match &mut change.pull {
        Ok(pull) if in_description => {
            let line = pull.statements.iter().map(|one| one.line).max().unwrap_or(0) + 1;
            let before = pull.statements.clone();
            pull.statements.push(DescriptionStatement {
                label: field.name.clone(),
                value: Text::from(value),
                line,
                scope: StatementScope::Any,
                nested: Vec::new(),
            });
            record_edit(pull, before, change.seen_at);
        }
        _ => add_trailer(change, &format!("{}: {value}", field.name)),
    }
    if let Some(ticket) = ticket {
        put_ticket(change, ticket);
    }
}

/// Takes away every statement of a field.
fn remove_claims(change: &mut Change, field: &FieldDefinition) {
    let mut is_reworded = false;
    for commit in &mut change.commits {
        let lines: Vec<usize> = commit
            .message
            .trailers()
            .iter()
            .filter(|trailer| field.matches_key(&trailer.key))
            .map(|trailer| trailer.line)
            .collect();
        if !lines.is_empty() {
            commit.message = drop_lines(&commit.message, &lines);
            is_reworded = true;
        }
    }
    let seen_at = change.seen_at;
    if let Ok(pull) = &mut change.pull {
        let before = pull.statements.clone();
        pull.statements.retain(|statement| !field.matches_label(&statement.label));
        if before.len() != pull.statements.len() {
            record_edit(pull, before, seen_at);
        }
    }
    if is_reworded {
        replace_head(change);
    }
}

/// Records that the description was edited, so that an approval from before is one of another description.
fn record_edit(pull: &mut PullRequest, before: Vec<DescriptionStatement>, at: Timestamp) {
    let statements = Some(pull.statements.clone());
    let Ok(edits) = &mut pull.edits else { return };
    if edits.is_empty() {
        edits.push(DescriptionEdit { at: Timestamp::UNIX_EPOCH, statements: Some(before) });
    }
    edits.retain(|edit| edit.at != at);
    edits.push(DescriptionEdit { at, statements });
}

/// Adds a trailer at the end of the last message.
fn add_trailer(change: &mut Change, line: &str) {
    let commit = change.commits.last_mut();
    commit.message = append_trailer(&commit.message, line);
    replace_head(change);
}

fn append_trailer(message: &CommitMessage, line: &str) -> CommitMessage {
    let raw = message.raw().as_bytes();
    let (above, below) =
        if message.trailers().is_empty() { (raw, &[][..]) } else { split_at_trailer_end(raw) };
    let mut text = above.trim_ascii_end().to_vec();
    text.extend_from_slice(if message.trailers().is_empty() { b"\n\n" } else { b"\n" });
    text.extend_from_slice(line.as_bytes());
    text.push(b'\n');
    text.extend_from_slice(below);
    CommitMessage::new(Text::new(text))
}

/// Returns a message without these lines, which are counted from 1, and what continues them.
fn drop_lines(message: &CommitMessage, lines: &[usize]) -> CommitMessage {
    let mut kept: Vec<u8> = Vec::new();
    let mut is_dropped = false;
    for (index, line) in message.raw().as_bytes().split_inclusive(|byte| *byte == b'\n').enumerate() {
        let continues = line.starts_with(b" ") || line.starts_with(b"\t");
        is_dropped = lines.contains(&(index + 1)) || (is_dropped && continues);
        if !is_dropped {
            kept.extend_from_slice(line);
        }
    }
    CommitMessage::new(Text::new(kept))
}

/// Corrects lines: what belongs among the trailers goes there, and what stands among them and is none goes away.
fn correct_lines(change: &mut Change, lines: &[(usize, usize, LineEdit)]) {
    for (index, commit) in change.commits.iter_mut().enumerate() {
        let of_commit: Vec<(usize, LineEdit)> = lines
            .iter()
            .filter(|(place, ..)| *place == index)
            .map(|(_, line, edit)| (*line, *edit))
            .collect();
        if of_commit.is_empty() {
            continue;
        }
        let raw = commit.message.raw().as_bytes().to_vec();
        let written: Vec<&[u8]> = raw.split(|byte| *byte == b'\n').collect();
        let mut moved: Vec<String> = Vec::new();
        for (line, edit) in &of_commit {
            let text = line.checked_sub(1).and_then(|index| written.get(index));
            if matches!(edit, LineEdit::MoveToTrailers | LineEdit::MoveToEnd | LineEdit::SeparateFromAbove)
                && let Some(text) = text.and_then(|text| std::str::from_utf8(text).ok())
            {
                moved.push(text.trim().to_owned());
            }
        }
        let numbers: Vec<usize> = of_commit.iter().map(|(line, _)| *line).collect();
        let mut message = drop_lines(&commit.message, &numbers);
        for line in &moved {
            message = append_trailer(&message, line);
        }
        commit.message = message;
    }
    replace_head(change);
}

fn reword_subjects(change: &mut Change, commits: &[usize], subject: &str) {
    for (index, commit) in change.commits.iter_mut().enumerate() {
        if commits.contains(&index) {
            let mut text = subject.as_bytes().to_vec();
            text.extend_from_slice(b"\n\n");
            text.extend_from_slice(commit.message.body());
            commit.message = CommitMessage::new(Text::new(text));
        }
    }
    replace_head(change);
}

/// Adds a text below the subjects, before what stands there.
fn add_bodies(change: &mut Change, commits: &[usize]) {
    for (index, commit) in change.commits.iter_mut().enumerate() {
        if commits.contains(&index) {
            let mut text = commit.message.subject().as_bytes().to_vec();
            text.extend_from_slice(b"\n\nThis is why it is needed, in words of its author.\n\n");
            text.extend_from_slice(commit.message.body());
            commit.message = CommitMessage::new(Text::new(text));
        }
    }
    replace_head(change);
}

fn leave_out_paths(change: &mut Change, paths: &[Text]) {
    for commit in &mut change.commits {
        if let Ok(changed) = &mut commit.paths {
            changed.retain(|one| !paths.contains(&one.path));
        }
    }
    if let Ok(pull) = &mut change.pull
        && let Ok(changed) = &mut pull.paths
    {
        changed.retain(|one| !paths.contains(&one.path));
        pull.head.tree = None;
    }
    replace_head(change);
}

/// Gives the final revision of a pull request another id, since a commit that is made anew has one: what was said
/// of the old one counts only as far as both are proved equal.
fn replace_head(change: &mut Change) {
    let seen_at = change.seen_at;
    let Ok(pull) = &mut change.pull else { return };
    let old = pull.head.id;
    let mut bytes = old.as_bytes().to_vec();
    for byte in &mut bytes {
        *byte = byte.wrapping_add(0x5b);
    }
    let Some(new) = Oid::from_bytes(&bytes) else { return };
    pull.head.id = new;
    pull.pushed_at = pull.pushed_at.map(|_| seen_at);
    let tip = change.commits.last_mut();
    if tip.id == Some(old) {
        tip.id = Some(new);
    }
    pull.head.message = tip.message.raw().clone();
}

/// Puts a ticket in the place of what is known of its key.
fn put_ticket(change: &mut Change, ticket: &Ticket) {
    let Ok(tickets) = &mut change.tickets else { return };
    tickets.retain(|lookup| lookup.key != ticket.key);
    tickets.push(TicketLookup { key: ticket.key.clone(), found: Ok(Some(ticket.clone())) });
}
