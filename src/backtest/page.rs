//! The report of a backtest as one HTML page without a script, which opens offline.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::audit::page::REPORT_STYLE;
use crate::audit::page::html_table::{HtmlCell, HtmlTable};
use crate::audit::page::page_text::{escape_html, show_html, show_name, show_words};
use crate::audit::page::svg_plot::{PLOT_PATTERNS, PlotBar, PlotTitle, write_bar_plot, write_column_plot};
use crate::backtest::backtest_report::BacktestReport;
use crate::backtest::comparison::MAX_LISTED_CHANGES;
use crate::backtest::outcome_shift::{OutcomeShift, ShiftTotals};
use crate::backtest::terminal::describe_limits;

/// Writes the report of a backtest as a page.
///
/// # Errors
///
/// Passes on what the writer says.
pub fn write_backtest_page(report: &BacktestReport, out: &mut dyn Write) -> io::Result<()> {
    let digest = STANDARD.encode(Sha256::digest(REPORT_STYLE));
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{digest}'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>Backtest of a policy</title>\n\
         <style>{REPORT_STYLE}</style>\n</head>\n<body>\n<header><h1>Backtest of a policy</h1>\n<dl class=\"inputs\">"
    )?;
    for (name, value) in [
        ("Proposed", report.proposed.as_str()),
        ("Today", report.current.as_str()),
        ("History", report.range.as_str()),
    ] {
        write!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", show_html(value))?;
    }
    writeln!(
        out,
        "</dl><p class=\"note\">{}</p></header>\n<main>{PLOT_PATTERNS}",
        escape_html(&describe_limits(&report.totals))
    )?;
    write_summary(report, out)?;
    write_plots(report, out)?;
    write_rules(report, out)?;
    let counted = report.totals.shifts.list_counted();
    for shift in OutcomeShift::LISTED.iter().filter(|shift| counted.contains(shift)) {
        write_changes(report, *shift, out)?;
    }
    writeln!(out, "</main>\n</body>\n</html>")
}

fn write_summary(report: &BacktestReport, out: &mut dyn Write) -> io::Result<()> {
    let totals = &report.totals;
    writeln!(out, "<section><h2>Summary</h2><ul class=\"cards\">")?;
    for shift in totals.shifts.list_counted() {
        let count = totals.shifts.count_of(shift);
        writeln!(out, "<li><strong>{count}</strong> {}</li>", shift.describe_shift())?;
    }
    writeln!(out, "</ul>")?;
    if !totals.missing.is_empty() {
        let facts: Vec<String> =
            totals.missing.iter().map(|(kind, count)| format!("{kind} ({count})")).collect();
        writeln!(out, "<p>What cannot be known afterwards: {}.</p>", escape_html(&facts.join(", ")))?;
    }
    if totals.unreadable > 0 {
        writeln!(
            out,
            "<p class=\"note\">{} changes cannot be read and are not counted.</p>",
            totals.unreadable
        )?;
    }
    if totals.unreadable_records > 0 {
        let what = "records of the ledger cannot be read, and what they tell is not known.";
        writeln!(out, "<p class=\"note\">{} {what}</p>", totals.unreadable_records)?;
    }
    let odd = if totals.shifts.sum() > 0 { totals.list_odd_rules() } else { Vec::new() };
    for (kind, rules) in odd {
        let what = capitalise_words(kind.describe_kind());
        writeln!(out, "<p>{what}: {}.</p>", show_html(&rules.join(", ")))?;
    }
    writeln!(out, "</section>")
}

fn write_plots(report: &BacktestReport, out: &mut dyn Write) -> io::Result<()> {
    let totals = &report.totals;
    writeln!(out, "<section><h2>Plots</h2><div class=\"plots\">")?;
    let telling = totals.shifts.list_telling();
    // What the other plots tell of comes first, so that a colour means the same in all of them.
    let mut counted = totals.shifts.list_counted();
    counted.sort_by_key(|shift| telling.iter().position(|known| known == shift).unwrap_or(telling.len()));
    let order: Vec<&str> = counted.iter().map(|shift| shift.describe_shift()).collect();
    let plot = PlotTitle {
        id: "over-time",
        title: "Changes",
        unit: "changes",
        nothing: "The history has no change.",
    };
    write_column_plot(&plot, &totals.months.build_columns(&order), out)?;
    let series: Vec<&str> = telling.iter().map(|shift| shift.describe_shift()).collect();
    let shifting: u64 = telling.iter().map(|shift| totals.shifts.count_of(*shift)).sum();
    for (id, title, groups, unplaced) in [
        (
            "by-class",
            "Changes that shift, by class",
            &totals.classes,
            "The class of the changes that shift cannot be known.",
        ),
        (
            "by-folder",
            "Changes that shift, by folder",
            &totals.folders,
            "The changes that shift touch no file.",
        ),
    ] {
        // Without classes there is nothing to tell apart.
        if id == "by-class" && groups.is_empty() {
            continue;
        }
        let nothing = if shifting == 0 { "No change shifts." } else { unplaced };
        let mut bars: Vec<PlotBar> =
            groups.iter().map(|(name, totals)| build_bar(name, totals, &telling)).filter(has_part).collect();
        bars.sort_by_key(|bar| std::cmp::Reverse(bar.parts.iter().sum::<u64>()));
        let plot = PlotTitle { id, title, unit: "changes", nothing };
        write_bar_plot(&plot, &series, &bars, out)?;
    }
    let mut bars = Vec::new();
    for (name, rule) in &totals.rules {
        let count_of = |shift: &OutcomeShift| match shift {
            OutcomeShift::NewlyDenied => rule.newly_denied,
            OutcomeShift::DeniedTodayOpen => rule.denied_today_open,
            _ => 0,
        };
        let parts: Vec<u64> = telling.iter().map(count_of).collect();
        bars.push(PlotBar { name: name.clone(), parts });
    }
    bars.retain(has_part);
    bars.sort_by_key(|bar| std::cmp::Reverse(bar.parts.iter().sum::<u64>()));
    let plot = PlotTitle {
        id: "by-rule",
        title: "Newly denied, by rule",
        unit: "changes",
        nothing: "No rule denies a change that is allowed today.",
    };
    let has_open = totals.shifts.count_of(OutcomeShift::DeniedTodayOpen) > 0;
    write_bar_plot(&plot, if has_open { &series } else { &[] }, &bars, out)?;
    writeln!(out, "</div></section>")
}

fn build_bar(name: &str, totals: &ShiftTotals, telling: &[OutcomeShift]) -> PlotBar {
    PlotBar { name: name.to_owned(), parts: telling.iter().map(|shift| totals.count_of(*shift)).collect() }
}

/// Returns words with a capital letter at their beginning.
fn capitalise_words(words: &str) -> String {
    format!("{}{}", words.get(..1).unwrap_or_default().to_uppercase(), words.get(1..).unwrap_or_default())
}

fn has_part(bar: &PlotBar) -> bool {
    bar.parts.iter().any(|part| *part > 0)
}

fn write_rules(report: &BacktestReport, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<section><h2>Rules</h2>")?;
    let headers = [
        "Rule",
        "Level",
        "Applies to",
        "Broken",
        "Not to be known",
        "Newly denied",
        "Denied, not to be known today",
    ];
    let mut table = HtmlTable::begin_table(out, "numbers", "Rules of the proposed policy", &headers)?;
    for (name, rule) in &report.totals.rules {
        let numbers = [rule.applies, rule.broken, rule.open, rule.newly_denied, rule.denied_today_open];
        let mut cells = vec![
            HtmlCell::Header(show_words(name)),
            HtmlCell::Text(if rule.is_warning { "warns" } else { "denies" }.to_owned()),
        ];
        cells.extend(numbers.iter().map(|number| HtmlCell::Number(number.to_string())));
        table.write_row(&cells)?;
    }
    table.end_table()?;
    writeln!(out, "</section>")
}

fn write_changes(report: &BacktestReport, shift: OutcomeShift, out: &mut dyn Write) -> io::Result<()> {
    let title = capitalise_words(shift.describe_shift());
    writeln!(out, "<section><h2>{title}</h2>")?;
    let listed: Vec<_> = report.totals.listed.iter().filter(|change| change.shift == shift).collect();
    if listed.is_empty() {
        return writeln!(out, "<p>None.</p></section>");
    }
    let all = report.totals.shifts.count_of(shift);
    if all > u64::try_from(listed.len()).unwrap_or(u64::MAX) {
        writeln!(out, "<p>The first {MAX_LISTED_CHANGES} of {all}.</p>")?;
    }
    let is_open = listed.iter().any(|change| !change.missing.is_empty());
    let mut headers = vec!["Commit", "Made at (as it says)", "Subject", "Class", "Rules"];
    if is_open {
        headers.push("For want of");
    }
    let caption = format!("{title}, the newest first");
    let mut table = HtmlTable::begin_table(out, "wide", &caption, &headers)?;
    for change in listed.iter().rev() {
        let mut cells = vec![
            HtmlCell::Header(change.revision.map(|id| id.short_hex()).unwrap_or_default()),
            HtmlCell::Text(change.at.strftime("%Y-%m-%d").to_string()),
            HtmlCell::Text(show_name(&change.subject)),
            HtmlCell::Text(show_words(&change.class)),
            HtmlCell::Text(show_words(&change.rules.join(", "))),
        ];
        if is_open {
            let facts: Vec<String> = change.missing.iter().map(ToString::to_string).collect();
            cells.push(HtmlCell::Text(show_words(&facts.join(", "))));
        }
        table.write_row(&cells)?;
    }
    table.end_table()?;
    writeln!(out, "</section>")
}
