//! The rollout of a policy for people.

use std::io::{self, Write};

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::report::escape::{escape_terminal, escape_words};
use crate::report::{ReportStyle, TerminalPage, TextStyle, plain_text, styled_text};
use crate::rollout::policy_dates::{DateSubject, PolicyDate};
use crate::rollout::policy_status::{PolicyStatus, WarnedRule, describe_source};
use crate::rollout::policy_use::UseExample;
use crate::verdict::format_count;

/// How many columns of a subject are shown.
const SUBJECT_COLUMNS: usize = 52;

/// How many columns a day and the days until then take.
const DAY_COLUMNS: usize = 26;

/// Writes the rollout of a policy for people.
///
/// # Errors
///
/// Passes on what the writer says.
pub fn write_status_terminal(
    status: &PolicyStatus,
    style: &ReportStyle,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut page = TerminalPage::new(out, style);
    page.write_paragraph(0, &[plain_text(format!("policy: {}", escape_words(&status.source)))])?;
    page.write_paragraph(0, &[plain_text(format!("on {} (UTC)", status.inputs.today))])?;
    if let Some(evaluated) =
        status.inputs.used.as_ref().map(|used| used.evaluated).filter(|one| one.pushes > 0)
    {
        let words = format!(
            "evaluate mode: of {} {} that landed since {}, {} would have been refused; `changegate ledger log` lists them",
            evaluated.pushes,
            if evaluated.pushes == 1 { "push" } else { "pushes" },
            status.inputs.start,
            evaluated.refused
        );
        page.write_paragraph(0, &[plain_text(words)])?;
    }
    if status.is_empty() {
        page.request_gap();
        return page.write_paragraph(
            0,
            &[plain_text("no rule only warns, nothing has a last day, nothing is unused")],
        );
    }
    write_warned_rules(status, &mut page)?;
    write_dates(status, &mut page)?;
    write_unused(status, &mut page)?;
    write_next_steps(status, &mut page)
}

fn write_warned_rules(status: &PolicyStatus, page: &mut TerminalPage<'_>) -> io::Result<()> {
    if status.warned.is_empty() {
        return Ok(());
    }
    page.request_gap();
    page.write_line(0, &[plain_text("rules that only warn")])?;
    for rule in &status.warned {
        page.request_gap();
        let name = styled_text(TextStyle::Name, escape_words(&rule.id));
        page.write_paragraph(2, &[name, plain_text(describe_warning(rule, status.inputs.today))])?;
        let Some(used) = &rule.used else {
            page.write_paragraph(4, &[plain_text("what it would have denied is not known here")])?;
            continue;
        };
        page.write_paragraph(4, &[plain_text(describe_use(rule, status))])?;
        for example in &used.examples {
            write_example(example, page)?;
        }
        let listed = u64::try_from(used.examples.len()).unwrap_or(u64::MAX);
        if used.broken > listed && listed > 0 {
            let more = format!("and {} more", used.broken - listed);
            page.write_line(6, &[styled_text(TextStyle::Secondary, more)])?;
        }
    }
    Ok(())
}

fn describe_warning(rule: &WarnedRule, today: Date) -> String {
    let mut words = String::new();
    if let Some(start) = rule.start {
        let day = start.since.to_zoned(TimeZone::UTC).date();
        words.push_str(&format!(" since {day}, as the history says"));
        match start.extended {
            0 => {}
            1 => words.push_str(" (extended once)"),
            times => words.push_str(&format!(" (extended {times} times)")),
        }
        words.push(',');
    }
    match rule.until {
        Some(until) if until < today => words.push_str(&format!(" until {until}; it denies since then")),
        Some(until) => words.push_str(&format!(" until {until}; from the next day on it denies")),
        None => words.push_str(" without a last day"),
    }
    words
}

fn describe_use(rule: &WarnedRule, status: &PolicyStatus) -> String {
    let (Some(used), Some(all)) = (&rule.used, &status.inputs.used) else { return String::new() };
    let changes = usize::try_from(used.changes).unwrap_or(usize::MAX);
    let begun = rule.start.map(|start| start.since.to_zoned(TimeZone::UTC).date());
    // A change from before a rule was there was not let through by it.
    let since = match begun.filter(|begun| *begun > status.inputs.since) {
        Some(begun) => format!("{begun}, when it began to warn"),
        None => status.inputs.start.clone(),
    };
    let mut words = format!(
        "would have denied {} of {} since {since}, {}",
        used.broken,
        format_count(changes, "change"),
        describe_source(all.source)
    );
    if used.judged_again > 0 {
        let again = usize::try_from(used.judged_again).unwrap_or(usize::MAX);
        words.push_str(&format!(
            "; {} that another version of the rule judged {} judged again, as far as a repository tells",
            format_count(again, "change"),
            if again == 1 { "was" } else { "were" }
        ));
    }
    if used.unjudged > 0 {
        let unjudged = usize::try_from(used.unjudged).unwrap_or(usize::MAX);
        words.push_str(&format!(
            "; of {} that another version judged it cannot be told",
            format_count(unjudged, "change")
        ));
    }
    if used.open > 0 {
        words.push_str(&format!("; of {} more it cannot be told", used.open));
    }
    words
}

fn write_example(example: &UseExample, page: &mut TerminalPage<'_>) -> io::Result<()> {
    let id = example.revision.map(|id| id.short_hex()).unwrap_or_default();
    let subject = escape_terminal(example.subject.as_bytes(), SUBJECT_COLUMNS);
    let spans = [
        styled_text(TextStyle::CommitId, id),
        plain_text(format!(" {} {subject}", example.at.strftime("%Y-%m-%d"))),
    ];
    page.write_paragraph(6, &spans)
}

fn write_dates(status: &PolicyStatus, page: &mut TerminalPage<'_>) -> io::Result<()> {
    if status.dates.is_empty() {
        return Ok(());
    }
    page.request_gap();
    page.write_line(0, &[plain_text("what ends when, each with its last day")])?;
    for date in &status.dates {
        let look = match date.last_day {
            day if day < status.inputs.today => TextStyle::Denied,
            day if day <= status.inputs.soon => TextStyle::Warning,
            _ => TextStyle::Plain,
        };
        let day = format!("{} {}", date.last_day, describe_distance(date.last_day, status.inputs.today));
        let gap = " ".repeat(DAY_COLUMNS.saturating_sub(day.chars().count()).max(1));
        let what = plain_text(format!("{gap}{}", describe_subject(&date.subject)));
        page.write_hanging_paragraph(2, 2 + DAY_COLUMNS, &[styled_text(look, day), what])?;
    }
    Ok(())
}

fn describe_distance(day: Date, today: Date) -> String {
    let days = day.duration_since(today).as_hours() / 24;
    match days {
        0 => "(today)".to_owned(),
        1 => "(in 1 day)".to_owned(),
        -1 => "(1 day ago)".to_owned(),
        days if days < 0 => format!("({} days ago)", days.unsigned_abs()),
        days => format!("(in {days} days)"),
    }
}

fn describe_subject(subject: &DateSubject) -> String {
    match subject {
        DateSubject::Warning { rule } => format!("`{}` only warns", escape_words(rule)),
        DateSubject::Exemption { rule, place } => {
            format!("exemption from `{}` ({})", escape_words(rule), escape_words(place))
        }
        DateSubject::StandardChange { id } => format!("standard change `{}`", escape_words(id)),
        DateSubject::Review => "the policy is due for a review".to_owned(),
        DateSubject::Key { place, addresses } => {
            format!("key of {} ({})", escape_words(addresses), escape_words(place))
        }
        DateSubject::Holidays => "the last holiday that is listed by its date".to_owned(),
    }
}

fn write_unused(status: &PolicyStatus, page: &mut TerminalPage<'_>) -> io::Result<()> {
    let since = status.inputs.since;
    if let Some(used) = status.inputs.used.as_ref().filter(|_| !status.unused_exemptions.is_empty()) {
        page.request_gap();
        let title = format!("exemptions that no change used since {since}, {}", describe_source(used.source));
        page.write_paragraph(0, &[plain_text(title)])?;
        for (rule, place) in &status.unused_exemptions {
            let what = format!("from `{}` ({})", escape_words(rule), escape_words(place));
            page.write_paragraph(2, &[plain_text(what)])?;
        }
    }
    if !status.unused_entries.is_empty() {
        page.request_gap();
        let title = format!("standard changes that no commit named since {since}");
        page.write_paragraph(0, &[plain_text(title)])?;
        for id in &status.unused_entries {
            page.write_paragraph(2, &[plain_text(format!("`{}`", escape_words(id)))])?;
        }
    }
    Ok(())
}

/// Writes what to do: about what is over or ends soon, and about what is unused.
fn write_next_steps(status: &PolicyStatus, page: &mut TerminalPage<'_>) -> io::Result<()> {
    let mut steps: Vec<String> = Vec::new();
    for date in status.list_due_dates() {
        let step = name_next_step(date, status.inputs.today);
        if !steps.contains(&step) {
            steps.push(step);
        }
    }
    if !status.unused_exemptions.is_empty() || !status.unused_entries.is_empty() {
        steps.push("remove what is not used, or see that the time was long enough".to_owned());
    }
    page.request_gap();
    if steps.is_empty() {
        let what = format!("next: nothing to do until {}", status.inputs.soon);
        return page.write_paragraph(0, &[plain_text(what)]);
    }
    page.write_line(0, &[plain_text("next")])?;
    for step in steps {
        page.write_hanging_paragraph(2, 4, &[plain_text(format!("- {step}"))])?;
    }
    Ok(())
}

fn name_next_step(date: &PolicyDate, today: Date) -> String {
    let is_over = date.last_day < today;
    match (&date.subject, is_over) {
        (DateSubject::Warning { rule }, true) => {
            format!("`{}` denies by now: remove its `level`, `until` and `reason`", escape_words(rule))
        }
        (DateSubject::Warning { rule }, false) => format!(
            "`{}` denies from {} on: tell those whose changes it would deny, or extend `until`",
            escape_words(rule),
            date.last_day.tomorrow().map(|day| day.to_string()).unwrap_or_default()
        ),
        (DateSubject::Exemption { rule, .. }, true) => {
            format!("remove the exemption from `{}`, or have it approved again", escape_words(rule))
        }
        (DateSubject::Exemption { rule, .. }, false) => {
            format!("have the exemption from `{}` approved again, or let it end", escape_words(rule))
        }
        (DateSubject::StandardChange { id }, _) => {
            format!("review the standard change `{}`, and set its next `review-by`", escape_words(id))
        }
        (DateSubject::Review, _) => "review the policy, and set its next `review-by`".to_owned(),
        (DateSubject::Key { addresses, .. }, _) => {
            format!("replace the key of {}, or remove it", escape_words(addresses))
        }
        (DateSubject::Holidays, _) => "list the next holidays".to_owned(),
    }
}
