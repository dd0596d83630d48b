//! What it takes to make one predicate hold, or not hold.
//!
//! Each act that is found is tried first, so that none is offered that does not help.

use crate::change::pull_request::ForgeAccount;
use crate::change::{Change, Text};
use crate::people::independence::{ParticipantIndex, check_independent_account};
use crate::predicates::approvals::ApprovalsPredicate;
use crate::predicates::digest_of::DigestOfPredicate;
use crate::predicates::field::WantedField;
use crate::predicates::label::LabelPredicate;
use crate::predicates::ticket::TicketPredicate;
use crate::predicates::ticket::lookup::CreationRepair;
use crate::predicates::{EvaluationContext, Predicate, PredicateOutcome};
use crate::unblock::applied::apply_repairs;
use crate::unblock::needs::{AskedChange, Need, WaysToMeet};
use crate::unblock::opening::{MAX_DAYS_AHEAD, find_opening};
use crate::unblock::pusher_needs::{find_push_by_contributor, list_author_needs, list_pusher_needs};
use crate::unblock::realised_needs::build_field_acts;
use crate::unblock::repair::Repair;
use crate::unblock::wording::{DIVIDE_CHANGE, NAME_FEWER_TICKETS, NEVER_OPEN};
use crate::verdict::{Finding, Message, ObstacleReason};
use crate::vocabulary::{FieldDefinition, FieldReading};

/// Lines that forms of subjects and titles are tried with.
const USUAL_LINES: [&str; 10] = [
    "Change what was asked for",
    "fix: change what was asked for",
    "fix(core): change what was asked for",
    "feat: add what was asked for",
    "PAY-4121 Change what was asked for",
    "PAY-4121: change what was asked for",
    "[PAY-4121] Change what was asked for",
    "Add what was asked for",
    "Fix it",
    "fix: mend it",
];

/// How many other words of a field are offered.
const MAX_OTHER_WORDS: usize = 12;

/// How many paths are tried one by one.
const MAX_TRIED_PATHS: usize = 60;

/// How often paths are left out before the search gives up: a finding names only some of them.
const MAX_PATH_ROUNDS: usize = 12;

/// Returns what it takes; `outcome` is what the predicate answers now, which is not what is wanted.
pub(super) fn list_predicate_needs<'policy>(
    predicate: &'policy Predicate,
    wanted: bool,
    outcome: &PredicateOutcome,
    asked: &AskedChange<'_, 'policy>,
) -> WaysToMeet<'policy> {
    let change = asked.context.change;
    let findings = match outcome {
        PredicateOutcome::Fails(findings) => findings.as_slice(),
        PredicateOutcome::Holds | PredicateOutcome::Owed(_) => &[],
    };
    let tried = |acts: Option<Vec<Repair>>| try_acts(predicate, wanted, asked, acts);
    match (predicate, wanted) {
        (Predicate::Approvals(predicate), true) if predicate.is_given_by_pusher() => WaysToMeet::Open,
        (Predicate::Approvals(predicate), true) => list_approval_needs(predicate, asked),
        (Predicate::Field(field), true) => {
            let needed = field.list_wanted().into_iter().filter(|wanted| !wanted.is_met_by(change));
            let needs: Vec<Need<'_>> = needed.map(|wanted| Need::Field { wanted, ticket: None }).collect();
            // Without one, something else is wrong, such as the field that says until when.
            if needs.is_empty() { WaysToMeet::Open } else { WaysToMeet::Known(vec![needs]) }
        }
        (Predicate::Field(field), false) => match field.list_wanted().as_slice() {
            [only] if !only.must_be_absent() => match list_other_words(predicate, only.field, asked) {
                Some(act) => tried(Some(vec![act])),
                None => tried(Some(vec![Repair::RemoveField(Box::new(only.field.clone()))])),
            },
            _ => WaysToMeet::Open,
        },
        (Predicate::Ticket(ticket), true) => list_ticket_needs(predicate, ticket, asked),
        (Predicate::DigestOf(digests), true) => list_digest_needs(predicate, digests, asked),
        (Predicate::StandardChange(_), true) => WaysToMeet::Open,
        (Predicate::Pusher(pusher), _) => list_pusher_needs(predicate, pusher, wanted, asked),
        (Predicate::Author(_), true) => list_author_needs(asked),
        (Predicate::Size(_), true) => {
            WaysToMeet::Blocked(ObstacleReason::Advice(Message::from(&DIVIDE_CHANGE)))
        }
        (Predicate::Touches(_), false) => leave_out_touched(predicate, asked),
        (Predicate::Checks(checks), true) => {
            let known = change.pull.as_ref().ok().and_then(|pull| pull.checks.as_ref().ok());
            tried(
                known.map(|known| {
                    checks.list_needed_checks(known).into_iter().map(Repair::PassCheck).collect()
                }),
            )
        }
        (Predicate::Label(label), true) => tried(list_label_acts(label, asked)),
        (Predicate::Draft(draft), _) => tried(Some(vec![Repair::SetDraft(draft.requires_draft() == wanted)])),
        (Predicate::CommentsResolved(_), true) => tried(Some(vec![Repair::ResolveConversations])),
        (Predicate::Signed(_), true) => tried(Some(vec![Repair::Sign])),
        (Predicate::Trailers(_), true) => tried(list_line_acts(findings, change)),
        (Predicate::Title(_), true) => {
            try_first(predicate, asked, USUAL_LINES.map(|line| vec![Repair::Retitle(line.to_owned())]))
        }
        (Predicate::Subject(_), true) => {
            let commits = list_commit_places(findings, change);
            let body = Repair::AddBody(commits.clone());
            let reword =
                |line: &str| Repair::RewordSubject { commits: commits.clone(), subject: line.to_owned() };
            let mut ways = vec![vec![body.clone()]];
            ways.extend(USUAL_LINES.map(|line| vec![reword(line)]));
            ways.extend(USUAL_LINES.map(|line| vec![reword(line), body.clone()]));
            try_first(predicate, asked, ways)
        }
        (Predicate::OnlyTouches(_) | Predicate::Blob(_), true) => leave_out_paths(predicate, findings, asked),
        (Predicate::Window(window), _) => {
            let mut later = change.clone();
            let opening = find_opening(window, change.seen_at, |at| {
                later.seen_at = at;
                asked.is_answered(predicate, wanted, &later)
            });
            match opening {
                Some(until) => {
                    let zone = window.zone_name().map(str::to_owned);
                    WaysToMeet::Known(vec![vec![Need::Act(Repair::Wait { until, zone })]])
                }
                None => {
                    let days = u64::from(MAX_DAYS_AHEAD.unsigned_abs());
                    WaysToMeet::Blocked(ObstacleReason::Because(NEVER_OPEN.with("days", days)))
                }
            }
        }
        _ => WaysToMeet::Open,
    }
}

/// Returns the act that gives a field another of its words, all of those with which the predicate does not hold; `None` if
/// there is none.
fn list_other_words(
    predicate: &Predicate,
    field: &FieldDefinition,
    asked: &AskedChange<'_, '_>,
) -> Option<Repair> {
    let state = |word: &str, paste: String| Repair::StateField {
        field: Box::new(field.clone()),
        value: word.to_owned(),
        paste,
        is_replaced: true,
        ticket: None,
    };
    let is_other = |word: &&String| {
        let after = apply_repairs(asked.context.change, &[state(word, String::new())]);
        asked.is_answered(predicate, false, &after)
    };
    let words: Vec<&str> =
        field.allowed_words()?.iter().filter(is_other).map(String::as_str).take(MAX_OTHER_WORDS).collect();
    let paste = match words.as_slice() {
        [only] => format!("{}: {only}", field.name),
        words => format!("{}: <{}>", field.name, words.join("|")),
    };
    Some(state(words.first()?, paste))
}

/// Returns the digests that the field has to state, which are known: they are those of what lands.
fn list_digest_needs<'policy>(
    predicate: &Predicate,
    digests: &'policy DigestOfPredicate,
    asked: &AskedChange<'_, 'policy>,
) -> WaysToMeet<'policy> {
    let change = asked.context.change;
    let Some(needed) = digests.list_needed_digests(change) else { return WaysToMeet::Open };
    let need = Need::Value { field: digests.stated_field(), value: needed.join(", ") };
    let Some(act) = build_field_acts(std::slice::from_ref(&need), change) else { return WaysToMeet::Open };
    if !asked.is_answered(predicate, true, &apply_repairs(change, &act)) {
        return WaysToMeet::Open;
    }
    WaysToMeet::Known(vec![vec![need]])
}

/// Returns the approvals that are asked, after what may not be touched because nobody owns it is left out.
fn list_approval_needs<'policy>(
    predicate: &'policy ApprovalsPredicate,
    asked: &AskedChange<'_, 'policy>,
) -> WaysToMeet<'policy> {
    let mut needs = vec![Need::Approvals { policy: asked.policy, asked: predicate }];
    let refused = predicate.list_refused_paths(asked.context);
    if !refused.is_empty()
        && let Ok(owned) = asked.context.owned_paths()
        && !owned.required.is_empty()
    {
        needs.insert(0, Need::Act(Repair::LeaveOut(refused.to_vec())));
    }
    // Whose approval does not count because they pushed need not look for someone else.
    let Some(push) = find_push_by_contributor(predicate, asked) else {
        return WaysToMeet::Known(vec![needs]);
    };
    let mut by_contributor = needs.clone();
    by_contributor.insert(0, Need::Act(push));
    WaysToMeet::Known(vec![by_contributor, needs])
}

/// Returns these acts as the one way, if the predicate answers as wanted after them.
fn try_acts<'policy>(
    predicate: &Predicate,
    wanted: bool,
    asked: &AskedChange<'_, 'policy>,
    acts: Option<Vec<Repair>>,
) -> WaysToMeet<'policy> {
    let Some(acts) = acts else { return WaysToMeet::Open };
    let after = apply_repairs(asked.context.change, &acts);
    if acts.is_empty() || !asked.is_answered(predicate, wanted, &after) {
        return WaysToMeet::Open;
    }
    WaysToMeet::Known(vec![acts.into_iter().map(Need::Act).collect()])
}

/// Returns the first of these ways after which the predicate holds.
fn try_first<'policy>(
    predicate: &Predicate,
    asked: &AskedChange<'_, 'policy>,
    ways: impl IntoIterator<Item = Vec<Repair>>,
) -> WaysToMeet<'policy> {
    for acts in ways {
        if let known @ WaysToMeet::Known(_) = try_acts(predicate, true, asked, Some(acts)) {
            return known;
        }
    }
    WaysToMeet::Open
}

/// Returns what it takes to name a ticket, or to make the one that is named as it has to be.
fn list_ticket_needs<'policy>(
    predicate: &'policy Predicate,
    ticket: &'policy TicketPredicate,
    asked: &AskedChange<'_, 'policy>,
) -> WaysToMeet<'policy> {
    let change = asked.context.change;
    let field = ticket.reference_field();
    let name_another = || {
        let wanted = WantedField::of_reference(field);
        WaysToMeet::Known(vec![vec![Need::Field { wanted, ticket: Some(predicate) }]])
    };
    let claims = match field.read_from_change(change) {
        FieldReading::Absent | FieldReading::Invalid(_) => return name_another(),
        FieldReading::Unknown(_) => return WaysToMeet::Open,
        FieldReading::Stated { claims, .. } => claims,
    };
    if let Some(limit) = ticket.exceeded_limit(&claims) {
        let reason = NAME_FEWER_TICKETS.with("limit", limit);
        return WaysToMeet::Blocked(ObstacleReason::Advice(reason));
    }
    let mut acts = Vec::new();
    for claim in &claims {
        let differences = ticket.find_ticket_differences(claim, asked.context);
        if differences.is_empty() {
            continue;
        }
        // A ticket that does not exist is not made for a change that names it.
        let Ok(Some(known)) = change.find_ticket(&claim.value) else { return name_another() };
        let Some(mut wanted) = ticket.sample_ticket(&claim.value, change) else { return WaysToMeet::Open };
        match ticket.find_creation_repair(known, asked.context) {
            CreationRepair::NotNeeded => {}
            // No one changes when a ticket was created.
            CreationRepair::OtherTicket => return name_another(),
            CreationRepair::Mention(word) => wanted.text = word,
        }
        wanted.created = known.created;
        acts.push(Repair::UpdateTicket { ticket: Box::new(wanted), differences });
    }
    try_acts(predicate, true, asked, Some(acts))
}

/// Returns the labels to add and to take away; `None` if no one is known who could add one.
fn list_label_acts(label: &LabelPredicate, asked: &AskedChange<'_, '_>) -> Option<Vec<Repair>> {
    let labels = asked.context.change.pull.as_ref().ok()?.labels.as_ref().ok()?;
    let mut acts = Vec::new();
    for names in label.list_wanted() {
        if !label.has_counting_label(names, labels, asked.context) {
            let teams = label.asked_teams().to_vec();
            let by = if teams.is_empty() { None } else { Some(find_independent_member(&teams, asked)?) };
            acts.push(Repair::AddLabel { name: names.first()?.clone(), by, teams });
        }
    }
    for refused in label.list_refused(labels) {
        acts.push(Repair::RemoveLabel(refused.name.clone()));
    }
    Some(acts)
}

/// Returns an account of a member of these teams who did not contribute to the change.
fn find_independent_member(teams: &[String], asked: &AskedChange<'_, '_>) -> Option<ForgeAccount> {
    let people = asked.people;
    let at = asked.context.change.seen_at;
    let index = ParticipantIndex::new(asked.context.participants().0);
    let identities = people.list_identities();
    let mut logins: Vec<String> = Vec::new();
    for (identity, key) in &identities {
        if identity.contains(':')
            && !identity.contains('@')
            && teams.iter().any(|team| people.is_member(key, team, at))
        {
            logins.push((*identity).to_owned());
        }
    }
    if identities.is_empty() {
        let keys = teams.iter().flat_map(|team| people.list_members_at(team, at));
        logins.extend(keys.filter(|key| key.contains(':') && !key.contains('@')).map(str::to_owned));
    }
    let accounts = logins.iter().map(|login| people.build_forge_account(login));
    let mut independent =
        accounts.filter(|account| check_independent_account(account, &index, people, at).is_ok());
    independent.next()
}

/// Returns the correction of the lines that findings are about.
fn list_line_acts(findings: &[Finding], change: &Change) -> Option<Vec<Repair>> {
    let mut lines = Vec::new();
    for finding in findings {
        let place = change.commits.iter().position(|commit| commit.id == finding.at.commit)?;
        lines.push((place, finding.at.line?, finding.line_edit?));
    }
    lines.sort_unstable_by_key(|(place, line, _)| (*place, *line));
    lines.dedup_by_key(|(place, line, _)| (*place, *line));
    if lines.is_empty() { None } else { Some(vec![Repair::CorrectLines(lines)]) }
}

/// Returns the places of the commits that findings are about.
fn list_commit_places(findings: &[Finding], change: &Change) -> Vec<usize> {
    let mut places = Vec::new();
    for (place, commit) in change.commits.iter().enumerate() {
        if findings.iter().any(|finding| finding.at.commit == commit.id) {
            places.push(place);
        }
    }
    places
}

/// Returns the paths to leave out so that none of them is left that a question is about, if others are left.
fn leave_out_touched<'policy>(
    predicate: &Predicate,
    asked: &AskedChange<'_, 'policy>,
) -> WaysToMeet<'policy> {
    let change = asked.context.change;
    let mut paths: Vec<Text> = Vec::new();
    for diff in change.list_diffs() {
        paths.extend(diff.paths.iter().flat_map(|paths| paths.iter()).map(|one| one.path.clone()));
    }
    paths.sort_unstable();
    paths.dedup();
    if paths.len() > MAX_TRIED_PATHS {
        return WaysToMeet::Open;
    }
    let mut touched: Vec<Text> = Vec::new();
    for path in &paths {
        let others: Vec<Text> = paths.iter().filter(|other| *other != path).cloned().collect();
        if asked.is_answered(predicate, true, &apply_repairs(change, &[Repair::LeaveOut(others)])) {
            touched.push(path.clone());
        }
    }
    if touched.len() == paths.len() {
        return WaysToMeet::Open;
    }
    try_acts(predicate, false, asked, Some(vec![Repair::LeaveOut(touched)]))
}

/// Returns the paths to leave out, as far as the findings name them.
fn leave_out_paths<'policy>(
    predicate: &Predicate,
    findings: &[Finding],
    asked: &AskedChange<'_, 'policy>,
) -> WaysToMeet<'policy> {
    let mut paths: Vec<Text> = findings.iter().filter_map(|finding| finding.at.path.clone()).collect();
    for _ in 0..MAX_PATH_ROUNDS {
        paths.sort_unstable();
        paths.dedup();
        let act = Repair::LeaveOut(paths.clone());
        if let known @ WaysToMeet::Known(_) = try_acts(predicate, true, asked, Some(vec![act.clone()])) {
            return known;
        }
        let after = apply_repairs(asked.context.change, &[act]);
        let context = EvaluationContext::new(&after, asked.people, asked.vocabulary);
        let Ok(PredicateOutcome::Fails(more)) = predicate.evaluate(&context) else { return WaysToMeet::Open };
        let before = paths.len();
        paths.extend(more.iter().filter_map(|finding| finding.at.path.clone()));
        if paths.len() == before {
            return WaysToMeet::Open;
        }
    }
    WaysToMeet::Open
}
