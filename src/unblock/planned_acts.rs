//! One act, as it is told: in a sentence, with who can take it and what they paste.

use jiff::tz::TimeZone;

use crate::change::Text;
use crate::predicates::approvals::DEFAULT_APPROVAL_FIELD;
use crate::unblock::approvers::describe_excluded;
use crate::unblock::court::AskedApprovals;
use crate::unblock::repair::Repair;
use crate::unblock::wording::*;
use crate::verdict::{ExcludedPerson, Fixer, Message, MessageValue, PlannedAct};

/// Returns the act as it is told; the sentence of an approval is made when their number is known.
pub(super) fn plan_act(
    act: &Repair,
    questions: &AskedApprovals<'_>,
    excluded: Vec<ExcludedPerson>,
) -> PlannedAct {
    let mut planned = PlannedAct {
        kind: act.act_kind(),
        what: describe_act(act),
        fixers: list_fixers(act, questions),
        paste: None,
        count: 1,
        people: Vec::new(),
        excluded,
        at: None,
    };
    match act {
        Repair::StateField { paste, .. } => planned.paste = Some(paste.clone()),
        Repair::Wait { until, .. } => planned.at = Some(*until),
        Repair::PushAs { accounts } => planned.people.clone_from(accounts),
        Repair::Approve { people, trailer, .. } => {
            planned.people = people.iter().map(|one| one.name.clone()).collect();
            // Where only signatures count, there is a command to run and nothing to write.
            let is_signed =
                !questions.is_empty() && questions.iter().all(|(_, asked)| asked.requires_verified());
            let trailer = trailer.as_ref().filter(|_| !is_signed);
            planned.paste = trailer.map(|(field, _)| format!("{field}: <name> <address>"));
        }
        _ => {}
    }
    planned
}

impl PlannedAct {
    /// Makes the sentence of an approval, or of several, from who can give it.
    pub(super) fn describe_approval(&mut self) {
        if self.kind != crate::verdict::PlannedActKind::Approve {
            return;
        }
        let not = describe_excluded(&self.excluded);
        let template = match (self.people.len(), self.count) {
            (0, 1) => &APPROVAL_BY_ANYONE,
            (0, _) => &APPROVALS_BY_ANYONE,
            (1, 1) => &APPROVAL_BY_ONE,
            (_, 1) => &APPROVAL_BY_ANY,
            (people, count) if people == count => &APPROVALS_BY_ALL,
            _ => &APPROVALS_BY_ANY,
        };
        let people = name_some(&self.people);
        let field = self.paste.as_deref().and_then(|paste| paste.split_once(':')).map(|(field, _)| field);
        let place = match field {
            Some(field) if field != DEFAULT_APPROVAL_FIELD => APPROVAL_FIELD.with("field", field).into(),
            _ => MessageValue::empty(),
        };
        let what = template.with("people", people).with("count", self.count);
        self.what = what.with("in", place).with("not", not);
    }
}

fn describe_act(act: &Repair) -> Message {
    match act {
        Repair::StateField { field, is_replaced, ticket, .. } => {
            let template = match (ticket, is_replaced) {
                (Some(_), _) => &NAME_TICKET,
                (None, true) => &RESTATE_FIELD,
                (None, false) => &STATE_FIELD,
            };
            template.with("field", field.name.as_str())
        }
        Repair::RemoveField(field) => REMOVE_FIELD.with("field", field.name.as_str()),
        Repair::CorrectLines(lines) => CORRECT_LINES.with("count", lines.len()),
        Repair::AddBody(_) => Message::from(&ADD_BODY),
        Repair::RewordSubject { .. } => Message::from(&REWORD_SUBJECT),
        Repair::Retitle(_) => Message::from(&RETITLE),
        Repair::LeaveOut(paths) => LEAVE_OUT_PATHS.with("paths", list_paths(paths)),
        Repair::Sign => Message::from(&SIGN_COMMITS),
        Repair::UpdateTicket { ticket, differences } => {
            UPDATE_TICKET.with("ticket", &ticket.key).with("differences", differences.clone())
        }
        Repair::PassCheck(check) => PASS_CHECK.with("check", &check.name),
        Repair::AddLabel { name, teams, .. } if teams.is_empty() => ADD_LABEL.with("label", name.as_str()),
        Repair::AddLabel { name, teams, .. } => {
            ADD_LABEL_BY.with("label", name.as_str()).with("teams", teams.clone())
        }
        Repair::RemoveLabel(name) => REMOVE_LABEL.with("label", name),
        Repair::SetDraft(true) => Message::from(&MARK_DRAFT),
        Repair::SetDraft(false) => Message::from(&MARK_READY),
        Repair::ResolveConversations => Message::from(&RESOLVE_CONVERSATIONS),
        Repair::Wait { until, zone } => {
            let named = zone.as_deref().and_then(|name| Some((TimeZone::get(name).ok()?, name)));
            let (zone, name) = named.unwrap_or((TimeZone::UTC, "UTC"));
            let time = until.to_zoned(zone).strftime("%A, %F %R").to_string();
            WAIT_UNTIL.with("time", format!("{time} ({name})"))
        }
        Repair::PushAs { accounts } => PUSH_AS.with("accounts", name_some(accounts)),
        Repair::TakeBack { signer, revision, branch } => {
            let option = branch.as_ref().map(|branch| format!(" --ref {branch}")).unwrap_or_default();
            TAKE_BACK.with("signer", signer).with("revision", revision.short_hex()).with("option", option)
        }
        Repair::Withdraw(account) => WITHDRAW.with("account", &account.id),
        Repair::Approve { .. } => Message::from(&APPROVAL_BY_ANYONE),
    }
}

fn list_paths(paths: &[Text]) -> MessageValue {
    let named: Vec<MessageValue> = paths.iter().take(MAX_NAMED).map(MessageValue::from).collect();
    match paths.len().saturating_sub(MAX_NAMED) {
        0 => MessageValue::List(named),
        more => MORE_PATHS.with("paths", MessageValue::List(named)).with("more", more).into(),
    }
}

fn list_fixers(act: &Repair, questions: &AskedApprovals<'_>) -> Vec<Fixer> {
    match act {
        Repair::Sign => vec![Fixer::Committer],
        Repair::Wait { .. } | Repair::PushAs { .. } => vec![Fixer::Pusher],
        Repair::PassCheck(_) => vec![Fixer::Author, Fixer::PipelineOwner],
        Repair::RemoveLabel(_) => vec![Fixer::Labeller],
        Repair::AddLabel { teams, .. } if !teams.is_empty() => vec![Fixer::TeamMember(teams.clone())],
        Repair::ResolveConversations => vec![Fixer::Author, Fixer::Reviewer],
        Repair::Withdraw(_) | Repair::TakeBack { .. } => vec![Fixer::NamedPerson],
        Repair::Approve { .. } => {
            let mut fixers: Vec<Fixer> = Vec::new();
            for (_, asked) in questions {
                let fixer = asked.approval_fixer();
                if !fixers.contains(&fixer) {
                    fixers.push(fixer);
                }
            }
            if fixers.is_empty() { vec![Fixer::Reviewer] } else { fixers }
        }
        _ => vec![Fixer::Author],
    }
}
