//! The report of a backtest for people.

use std::io::{self, Write};

use crate::backtest::backtest_report::BacktestReport;
use crate::backtest::comparison::{BacktestTotals, RuleTotals};
use crate::backtest::outcome_shift::{OutcomeShift, ShiftTotals};
use crate::report::escape::{escape_terminal, escape_words};
use crate::report::{ReportStyle, TerminalPage, TextStyle, plain_text, styled_text};

/// How many changes are listed of each kind, unless all are wanted.
const MAX_SHOWN: usize = 10;

/// How many columns of a subject are shown.
const SUBJECT_COLUMNS: usize = 60;

/// Returns what a backtest can say, and what it cannot.
pub(crate) fn describe_limits(totals: &BacktestTotals) -> String {
    let unknown = "Who pushed, reviews, checks and tickets of that time are not known";
    match totals.recorded {
        0 => format!(
            "Applied afterwards, by what the repository holds. {unknown} here, and authors and dates are as the commits \
             state them."
        ),
        recorded => format!(
            "Applied afterwards. Of {recorded} of the changes the ledger tells who pushed and when, and what else the \
             gate knew when they landed; of the others only what the repository holds is known. {unknown} beside that, \
             and authors and dates of commits are as they state them."
        ),
    }
}

/// Writes the report of a backtest for people.
///
/// # Errors
///
/// Passes on what the writer says.
pub fn write_backtest_terminal(
    report: &BacktestReport,
    style: &ReportStyle,
    out: &mut dyn Write,
) -> io::Result<()> {
    let totals = &report.totals;
    let mut page = TerminalPage::new(out, style);
    let text = |words: &str| [plain_text(words.to_owned())];
    page.write_paragraph(0, &text(&format!("proposed: {}", escape_words(&report.proposed))))?;
    page.write_paragraph(0, &text(&format!("today:    {}", escape_words(&report.current))))?;
    page.write_paragraph(
        0,
        &text(&format!("history:  {}, {} changes", escape_words(&report.range), totals.shifts.sum())),
    )?;
    page.request_gap();
    for shift in totals.shifts.list_counted() {
        let count = totals.shifts.count_of(shift);
        let look = match shift {
            OutcomeShift::NewlyDenied | OutcomeShift::DeniedTodayOpen if count > 0 => TextStyle::Denied,
            OutcomeShift::NewlyAllowed if count > 0 => TextStyle::Warning,
            _ => TextStyle::Plain,
        };
        page.write_line(
            0,
            &[plain_text(format!("{count:>8}  ")), styled_text(look, shift.describe_shift())],
        )?;
    }
    if !totals.missing.is_empty() {
        let facts: Vec<String> =
            totals.missing.iter().map(|(kind, count)| format!("{kind} ({count})")).collect();
        page.write_paragraph(10, &text(&format!("for want of {}", facts.join(", "))))?;
    }
    if totals.unreadable > 0 {
        page.write_line(0, &text(&format!("{:>8}  cannot be read", totals.unreadable)))?;
    }
    if totals.unreadable_records > 0 {
        let what = "records of the ledger cannot be read";
        page.write_line(0, &text(&format!("{:>8}  {what}", totals.unreadable_records)))?;
    }
    write_rules(report, &mut page)?;
    let telling = totals.shifts.list_telling();
    write_groups("by class", &telling, totals.classes.iter(), &mut page)?;
    if style.verbose {
        write_groups("by folder", &telling, totals.folders.iter(), &mut page)?;
        let months = totals.list_months();
        let months = months.iter().map(|(month, shifts)| (month, shifts));
        write_groups("by month", &telling, months, &mut page)?;
    }
    for shift in OutcomeShift::LISTED {
        write_changes(report, shift, if style.verbose { usize::MAX } else { MAX_SHOWN }, &mut page)?;
    }
    page.request_gap();
    page.write_paragraph(0, &[styled_text(TextStyle::Secondary, describe_limits(totals))])
}

fn write_rules(report: &BacktestReport, page: &mut TerminalPage<'_>) -> io::Result<()> {
    let totals = &report.totals;
    for (title, count_of) in [
        ("denied as proposed, and not to be known today, by", count_today_open as fn(&RuleTotals) -> u64),
        ("newly denied by", count_newly_denied),
    ] {
        let mut denying: Vec<_> = totals.rules.iter().filter(|(_, rule)| count_of(rule) > 0).collect();
        denying.sort_by_key(|(name, rule)| (std::cmp::Reverse(count_of(rule)), (*name).clone()));
        if denying.is_empty() {
            continue;
        }
        page.request_gap();
        page.write_line(0, &[plain_text(title)])?;
        for (name, rule) in denying {
            let line = format!("{:>8}  ", count_of(rule));
            page.write_line(0, &[plain_text(line), styled_text(TextStyle::Name, escape_words(name))])?;
        }
    }
    if !totals.freed_by.is_empty() {
        page.request_gap();
        page.write_line(0, &[plain_text("newly allowed, and denied today by")])?;
        for (name, count) in &totals.freed_by {
            let line = format!("{count:>8}  ");
            page.write_line(0, &[plain_text(line), styled_text(TextStyle::Name, escape_words(name))])?;
        }
    }
    let odd = if totals.shifts.sum() > 0 { totals.list_odd_rules() } else { Vec::new() };
    for (kind, rules) in odd {
        page.request_gap();
        let names: Vec<String> = rules.iter().map(|rule| escape_words(rule)).collect();
        page.write_paragraph(0, &[plain_text(format!("{}: {}", kind.describe_kind(), names.join(", ")))])?;
    }
    Ok(())
}

fn count_today_open(rule: &RuleTotals) -> u64 {
    rule.denied_today_open
}

fn count_newly_denied(rule: &RuleTotals) -> u64 {
    rule.newly_denied
}

/// Writes how many changes of each group shift in the ways of `telling`.
fn write_groups<'group>(
    title: &str,
    telling: &[OutcomeShift],
    groups: impl Iterator<Item = (&'group String, &'group ShiftTotals)>,
    page: &mut TerminalPage<'_>,
) -> io::Result<()> {
    let shifted: Vec<_> =
        groups.filter(|(_, totals)| telling.iter().any(|shift| totals.count_of(*shift) > 0)).collect();
    if shifted.is_empty() {
        return Ok(());
    }
    page.request_gap();
    let mut columns: Vec<&str> = telling.iter().map(|shift| shift.describe_shift()).collect();
    columns.push("all");
    let sign = if telling.len() > 2 { " | " } else { ", " };
    page.write_paragraph(0, &[plain_text(format!("{title}: {}", columns.join(sign)))])?;
    for (name, totals) in shifted {
        let mut line = String::new();
        for (place, shift) in telling.iter().enumerate() {
            let width = if place == 0 { 8 } else { 7 };
            line.push_str(&format!("{:>width$} ", totals.count_of(*shift)));
        }
        line.push_str(&format!("{:>7}  ", totals.sum()));
        let name = escape_terminal(name.as_bytes(), SUBJECT_COLUMNS);
        page.write_line(0, &[plain_text(line), styled_text(TextStyle::Name, name)])?;
    }
    Ok(())
}

fn write_changes(
    report: &BacktestReport,
    shift: OutcomeShift,
    most: usize,
    page: &mut TerminalPage<'_>,
) -> io::Result<()> {
    let listed: Vec<_> = report.totals.listed.iter().filter(|change| change.shift == shift).collect();
    if listed.is_empty() {
        return Ok(());
    }
    page.request_gap();
    page.write_paragraph(0, &[plain_text(format!("{}, the newest first", shift.describe_shift()))])?;
    for change in listed.iter().rev().take(most) {
        let id = change.revision.map(|id| id.short_hex()).unwrap_or_default();
        let mut reasons = change.rules.iter().map(|rule| escape_words(rule)).collect::<Vec<_>>().join(", ");
        if !change.missing.is_empty() {
            let facts: Vec<String> = change.missing.iter().map(ToString::to_string).collect();
            reasons.push_str(&format!("; for want of {}", facts.join(", ")));
        }
        page.write_paragraph(
            2,
            &[
                styled_text(TextStyle::CommitId, id),
                plain_text(format!(" {} ", change.at.strftime("%Y-%m-%d"))),
                plain_text(escape_terminal(change.subject.as_bytes(), SUBJECT_COLUMNS)),
                styled_text(TextStyle::Secondary, format!(" ({reasons})")),
            ],
        )?;
    }
    let all = report.totals.shifts.count_of(shift);
    let shown = u64::try_from(listed.len().min(most)).unwrap_or(u64::MAX);
    if all > shown {
        page.write_line(2, &[styled_text(TextStyle::Secondary, format!("and {} more", all - shown))])?;
    }
    Ok(())
}
