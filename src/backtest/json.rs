//! The report of a backtest for programs; `docs/json.md` describes it.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Serializer, Value, json};

use crate::backtest::backtest_report::BacktestReport;
use crate::backtest::outcome_shift::{OutcomeShift, ShiftTotals};
use crate::backtest::terminal::describe_limits;
use crate::report::VisibleJsonFormatter;

/// The document, whose first key is the schema.
#[derive(Serialize)]
struct BacktestDocument<'report> {
    schema: &'static str,
    limits: String,
    proposed: &'report str,
    current: &'report str,
    range: &'report str,
    totals: Map<String, Value>,
    unreadable: u64,
    recorded: u64,
    unreadable_records: u64,
    missing: Map<String, Value>,
    rules: Map<String, Value>,
    freed_by: &'report BTreeMap<String, u64>,
    classes: Map<String, Value>,
    folders: Map<String, Value>,
    months: Map<String, Value>,
    changes: Vec<Value>,
}

/// Writes the report of a backtest as JSON.
///
/// # Errors
///
/// Passes on what the writer says.
pub fn write_backtest_json(report: &BacktestReport, out: &mut dyn Write) -> io::Result<()> {
    let totals = &report.totals;
    let rules: Map<String, Value> = totals
        .rules
        .iter()
        .map(|(name, rule)| {
            let value = json!({
                "level": if rule.is_warning { "warn" } else { "deny" },
                "applies": rule.applies,
                "broken": rule.broken,
                "open": rule.open,
                "newly_denied": rule.newly_denied,
                "denied_today_open": rule.denied_today_open,
            });
            (name.clone(), value)
        })
        .collect();
    let changes: Vec<Value> = totals
        .listed
        .iter()
        .map(|change| {
            json!({
                "shift": name_shift(change.shift),
                "commit": change.revision.map(|id| id.to_string()),
                "subject": change.subject.to_lossy(),
                "at": change.at.to_string(),
                "class": Some(&change.class).filter(|class| !class.is_empty()),
                "rules": change.rules,
                "missing": change.missing.iter().map(ToString::to_string).collect::<Vec<_>>(),
            })
        })
        .collect();
    let missing: Map<String, Value> =
        totals.missing.iter().map(|(kind, count)| (kind.to_string(), (*count).into())).collect();
    let document = BacktestDocument {
        schema: "changegate/backtest/v1",
        limits: describe_limits(totals),
        proposed: &report.proposed,
        current: &report.current,
        range: &report.range,
        totals: list_shifts(&totals.shifts),
        unreadable: totals.unreadable,
        recorded: totals.recorded,
        unreadable_records: totals.unreadable_records,
        missing,
        rules,
        freed_by: &totals.freed_by,
        classes: list_groups(totals.classes.iter()),
        folders: list_groups(totals.folders.iter()),
        months: list_groups(totals.list_months().iter().map(|(month, shifts)| (month, shifts))),
        changes,
    };
    document.serialize(&mut Serializer::with_formatter(&mut *out, VisibleJsonFormatter::default()))?;
    writeln!(out)
}

fn name_shift(shift: OutcomeShift) -> &'static str {
    match shift {
        OutcomeShift::DeniedTodayOpen => "denied-today-open",
        OutcomeShift::NewlyDenied => "newly-denied",
        OutcomeShift::NewlyAllowed => "newly-allowed",
        OutcomeShift::StaysDenied => "stays-denied",
        OutcomeShift::StaysAllowed => "stays-allowed",
        OutcomeShift::OpenDeniedToday => "open-denied-today",
        OutcomeShift::Open => "open",
    }
}

fn list_shifts(totals: &ShiftTotals) -> Map<String, Value> {
    let list = OutcomeShift::ALL.iter();
    list.map(|shift| (name_shift(*shift).to_owned(), totals.count_of(*shift).into())).collect()
}

fn list_groups<'group>(
    groups: impl Iterator<Item = (&'group String, &'group ShiftTotals)>,
) -> Map<String, Value> {
    groups.map(|(name, totals)| (name.clone(), list_shifts(totals).into())).collect()
}
