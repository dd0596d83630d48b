//! The first sections of a page: what was changed and why, who asked for it, what kind of change it is, who made it.

use crate::audit::change_record::ChangeRecord;
use crate::audit::change_record::field_values as fields;
use crate::audit::show::page::{PageLine, PageSection};
use crate::audit::show::shown_change::ShownChange;
use crate::change::Text;
use crate::ledger::record::{
    GapCause, RecordedAuthor, RecordedIdentityKind, RecordedTicketAnswer, RecordedTicketLookup,
};
use crate::verdict::Message;

/// How many people, tickets and the like a section lists.
pub(super) const MAX_ROWS: usize = 30;

/// Returns what was changed and why.
pub(super) fn build_purpose_section(shown: &ShownChange) -> PageSection {
    let change = &shown.record;
    let mut section = PageSection::new("What and why");
    section.add_quote("purpose", find_purpose(change).as_ref());
    section.add_quote("reason", change.find_value(fields::BUSINESS_DRIVER).as_ref());
    section.add_quote("assets", change.find_value(fields::AFFECTED_ASSETS).as_ref());
    section.add_quote("impact", change.find_value(fields::IMPACT).as_ref());
    section.add_quote("on security", change.find_value(fields::SECURITY_IMPACT).as_ref());
    section.add_quote("depends on", change.find_value(fields::DEPENDENCIES).as_ref());
    section.add_quote("back-out plan", change.find_value(fields::BACK_OUT_PLAN).as_ref());
    if section.rows.is_empty() {
        section.add_row("purpose", PageLine::from_words("it states none"));
    }
    section
}

/// Returns what a change says of its purpose.
pub(super) fn find_purpose(change: &ChangeRecord) -> Option<Text> {
    let of_message = || change.facts.as_ref().ok().map(|facts| facts.purpose.clone());
    change.find_value(fields::PURPOSE).or_else(of_message).filter(|text| !text.as_bytes().is_empty())
}

/// Returns who asked for the change.
pub(super) fn build_request_section(shown: &ShownChange) -> PageSection {
    let change = &shown.record;
    let mut section = PageSection::new("Request");
    section.add_quote("requester", change.find_value(fields::REQUESTER).as_ref());
    let mut lookups: Vec<&RecordedTicketLookup> = Vec::new();
    for lookup in change.reasons.iter().flat_map(|reasons| &reasons.tickets) {
        if !lookups.contains(&lookup) && lookups.len() < MAX_ROWS {
            lookups.push(lookup);
        }
    }
    for lookup in &lookups {
        section.add_lines("ticket", describe_ticket(lookup));
    }
    for (label, names) in [("ticket", fields::TICKET), ("incident", fields::INCIDENT)] {
        if let Some(named) = change.find_value(names)
            && !lookups.iter().any(|lookup| lookup.key == named)
        {
            let claim =
                PageLine::from_quote(&named).with_words(", as the change says; no ticket system was asked");
            section.add_row(label, claim);
        }
    }
    if section.rows.is_empty() {
        section.add_row("ticket", PageLine::from_words("it names none"));
    }
    section
}

fn describe_ticket(lookup: &RecordedTicketLookup) -> Vec<PageLine> {
    match &lookup.found {
        RecordedTicketAnswer::Ticket(ticket) => {
            let mut lines =
                vec![PageLine::from_quote(&ticket.key).with_words(": ").with_quote(&ticket.title)];
            lines.push(
                PageLine::from_words("made ")
                    .with_time(ticket.created)
                    .with_words(" by the clock of the ticket system; ")
                    .with_quote(&ticket.kind)
                    .with_words(", ")
                    .with_quote(&ticket.state),
            );
            if let Some(assignee) = &ticket.assignee {
                lines.push(PageLine::from_words("assigned to ").with_quote(assignee));
            }
            if !ticket.url.as_bytes().is_empty() {
                lines.push(PageLine::from_words("page ").with_quote(&ticket.url));
            }
            lines.push(PageLine::from_words("source ").with_quote(&ticket.source));
            lines
        }
        RecordedTicketAnswer::None => {
            vec![PageLine::from_quote(&lookup.key).with_words(": the ticket system has no such ticket")]
        }
        RecordedTicketAnswer::Unknown(cause) => {
            let why = format!(": {}", describe_gap_cause(*cause));
            vec![PageLine::from_quote(&lookup.key).with_words(why)]
        }
    }
}

/// Returns why a fact was not known.
pub(super) fn describe_gap_cause(cause: GapCause) -> &'static str {
    match cause {
        GapCause::NotAtThisStage => "not known when it was judged",
        GapCause::NotConfigured => "the gate was not told where to ask",
        GapCause::Unavailable => "could not be read when it was judged",
    }
}

/// Returns what kind of change it is.
pub(super) fn build_class_section(shown: &ShownChange) -> PageSection {
    let change = &shown.record;
    let mut section = PageSection::new("Classification");
    let words =
        |word: Option<String>| word.map_or_else(|| PageLine::from_words("not stated"), PageLine::from_words);
    section.add_row("type", words(change.find_word(fields::CHANGE_TYPE)));
    section.add_row("risk", words(change.find_word(fields::RISK)));
    let classes = change.list_classes();
    let class = if classes.is_empty() { "not known".to_owned() } else { classes.join(", ") };
    section.add_row("class", PageLine::from_words(class));
    if change.gate_result().is_evaluated() {
        let isms = if change.is_isms_change() { "a change of the management system" } else { "no" };
        section.add_row("ISMS", PageLine::from_words(isms));
    }
    if change.is_emergency() {
        section.add_row("emergency", PageLine::from_words("yes"));
    }
    section.add_quote("standard", change.find_value(fields::STANDARD_CHANGE).as_ref());
    section.add_quote("authorised by", change.find_value(fields::AUTHORISED_BY).as_ref());
    section
}

/// Returns who made the change, and how large it is.
pub(super) fn build_makers_section(shown: &ShownChange) -> PageSection {
    let change = &shown.record;
    let mut section = PageSection::new("Made by");
    let mut makers: Vec<&RecordedAuthor> = Vec::new();
    for maker in change.reasons.iter().flat_map(|reasons| &reasons.contributors) {
        if !makers.contains(&maker) {
            makers.push(maker);
        }
    }
    for maker in makers.iter().take(MAX_ROWS) {
        let role = Message::from(&maker.role).to_plain_text();
        section.add_row(role.trim_start_matches("the "), describe_maker(maker));
    }
    if makers.len() > MAX_ROWS {
        section.add_row("", PageLine::from_words(format!("and {} more", makers.len() - MAX_ROWS)));
    }
    match &change.facts {
        Ok(facts) => {
            if makers.is_empty() {
                for person in &facts.people {
                    let line = PageLine::from_quote(&person.name).with_words(" ").with_quote(&person.email);
                    section.add_row("author", line.with_words(", as the commit claims"));
                }
            }
            let written = PageLine::from_words("last written ").with_time(facts.authored_at);
            section.add_row("written", written.with_words(" by the author's own clock"));
            let mut size = match facts.commits {
                1 => "1 commit".to_owned(),
                many => format!("{many} commits"),
            };
            if let Some(files) = facts.files {
                size.push_str(&format!(", {files} {}", if files == 1 { "file" } else { "files" }));
            }
            if let Some(lines) = facts.lines {
                size.push_str(&format!(", {lines} lines added or removed"));
            }
            section.add_row("size", PageLine::from_words(size));
        }
        Err(why) => section.add_row("commits", PageLine::from_words(format!("not readable: {why}"))),
    }
    section
}

fn describe_maker(maker: &RecordedAuthor) -> PageLine {
    let mut line = PageLine::from_quote(&maker.name);
    if let Some(address) = &maker.address {
        line = line.with_words(" ").with_quote(address);
    }
    let kind = match maker.kind {
        RecordedIdentityKind::Person => "a person",
        RecordedIdentityKind::Bot => "a machine",
        RecordedIdentityKind::Unknown => "not known to the policy",
    };
    line.with_words(format!(", {kind}"))
}
