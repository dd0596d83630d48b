//! The report of a backtest for people.

use std::io::{self, Write};

use crate::backtest::backtest_report::BacktestReport;
use crate::backtest::comparison::{OutcomeShift, ShiftTotals};
use crate::report::escape::{escape_terminal, escape_words};
use crate::report::{ReportStyle, TerminalPage, TextStyle, plain_text, styled_text};

/// How many changes are listed of each kind, unless all are wanted.
const MAX_SHOWN: usize = 10;

/// How many columns of a subject are shown.
const SUBJECT_COLUMNS: usize = 60;

/// What a backtest can say, and what it cannot.
pub(crate) const LIMITS: &str = "Applied afterwards, by what the repository holds. Who pushed, reviews, checks and \
    tickets of that time are not known here, and authors and dates are as the commits state them.";

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
    for shift in OutcomeShift::ALL {
        let count = totals.shifts.count_of(shift);
        let look = match shift {
            OutcomeShift::NewlyDenied if count > 0 => TextStyle::Denied,
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
    write_rules(report, &mut page)?;
    write_groups("by class", totals.classes.iter(), &mut page)?;
    if style.verbose {
        write_groups("by folder", totals.folders.iter(), &mut page)?;
        let months = totals.list_months();
        write_groups("by month", months.iter().map(|(month, shifts)| (month, shifts)), &mut page)?;
    }
    for shift in OutcomeShift::LISTED {
        write_changes(report, shift, if style.verbose { usize::MAX } else { MAX_SHOWN }, &mut page)?;
    }
    page.request_gap();
    page.write_paragraph(0, &[styled_text(TextStyle::Secondary, LIMITS)])
}

fn write_rules(report: &BacktestReport, page: &mut TerminalPage<'_>) -> io::Result<()> {
    let totals = &report.totals;
    let mut newly: Vec<_> = totals.rules.iter().filter(|(_, rule)| rule.newly_denied > 0).collect();
    newly.sort_by_key(|(name, rule)| (std::cmp::Reverse(rule.newly_denied), (*name).clone()));
    if !newly.is_empty() {
        page.request_gap();
        page.write_line(0, &[plain_text("newly denied by")])?;
        for (name, rule) in newly {
            let line = format!("{:>8}  ", rule.newly_denied);
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

fn write_groups<'group>(
    title: &str,
    groups: impl Iterator<Item = (&'group String, &'group ShiftTotals)>,
    page: &mut TerminalPage<'_>,
) -> io::Result<()> {
    let shifted: Vec<_> = groups
        .filter(|(_, totals)| {
            totals.count_of(OutcomeShift::NewlyDenied) + totals.count_of(OutcomeShift::NewlyAllowed) > 0
        })
        .collect();
    if shifted.is_empty() {
        return Ok(());
    }
    page.request_gap();
    page.write_line(0, &[plain_text(format!("{title}: newly denied, newly allowed, all"))])?;
    for (name, totals) in shifted {
        let line = format!(
            "{:>8} {:>7} {:>7}  ",
            totals.count_of(OutcomeShift::NewlyDenied),
            totals.count_of(OutcomeShift::NewlyAllowed),
            totals.sum(),
        );
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
    page.write_line(0, &[plain_text(format!("{}, the newest first", shift.describe_shift()))])?;
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
