//! The workbook that an auditor fills in: a row for each change of the sample, a column for each question.

use std::path::Path;

use anyhow::Result;

use crate::audit::formats::xlsx::XlsxWorkbook;
use crate::audit::sample::ChangeSample;
use crate::audit::table::{ColumnKind, TableCell, TableColumn, TableNote, TableSheet};
use crate::change::Text;

/// What a change can be found to be, question by question.
const RESULTS: [&str; 3] = ["pass", "fail", "n.a."];

/// The title of the workbook and of its pages.
const TITLE: &str = "Sample of changes";

/// What each question of the work sheet asks.
const QUESTIONS: [(&str, &str); 7] = [
    (
        "A Request",
        "The change was asked for: a ticket or another request from before the work, with a purpose.",
    ),
    ("B Risk", "Risk and impact were assessed before approval, and fit what was changed."),
    ("C Approval before", "Those who had to approve did so before the change was implemented."),
    ("D Independence", "Nobody approved what they had made themselves."),
    ("E Tests", "Tests that fit the risk were run on what was approved, with results that were acceptable."),
    ("F Deployment matches", "What was deployed is what was approved and tested."),
    ("G Closure", "The outcome was verified and the change closed; what was owed was closed in time."),
];

const fn text_column(key: &'static str, title: &'static str, meaning: &'static str) -> TableColumn {
    TableColumn { key, title, kind: ColumnKind::Text, meaning }
}

/// The columns of the work sheet.
pub const WORK_SHEET: TableSheet = TableSheet {
    name: "sample",
    version: 1,
    title: "Sample",
    columns: &[
        TableColumn {
            key: "number",
            title: "No.",
            kind: ColumnKind::Integer,
            meaning: "The number of the row.",
        },
        text_column("part", "Part", "The stratum, or the random sample."),
        text_column("change_id", "Change", "The id of the change."),
        text_column("change_type", "Type", "The type of the change, as the population has it."),
        text_column("a_request", "A Request", "Whether the change was asked for."),
        text_column("b_risk", "B Risk", "Whether the risk was assessed."),
        text_column("c_approval_before", "C Approval before", "Whether approval came first."),
        text_column("d_independence", "D Independence", "Whether approvers were no authors."),
        text_column("e_tests", "E Tests", "Whether tests support the change."),
        text_column(
            "f_deployment_matches",
            "F Deployment matches",
            "Whether the approved change was deployed.",
        ),
        text_column("g_closure", "G Closure", "Whether the change was closed."),
        text_column("notes", "Notes", "What the auditor has to say."),
        text_column("tested_by", "Tested by", "Who looked at the change."),
        text_column("tested_on", "Tested on", "When they did."),
        text_column("rank", "Rank", "The first digits of the digest that put the change into the sample."),
    ],
};

/// Writes the work sheet of a sample of the population in the file `population`.
pub fn write_work_sheet(path: &Path, sample: &ChangeSample, population: &Text) -> Result<()> {
    let mut workbook = XlsxWorkbook::create_file(path, TITLE)?;
    for note in describe_sample(sample, population) {
        workbook.add_note(note);
    }
    let sheet = workbook.add_sheet(WORK_SHEET)?;
    workbook.offer_choices(sheet, ("a_request", "g_closure"), &RESULTS)?;
    for (column, characters) in [("notes", 40), ("tested_by", 14), ("tested_on", 12)] {
        workbook.widen_column(sheet, column, characters)?;
    }
    let mut number = 0_i64;
    for part in sample.parts() {
        for change in &part.taken {
            number += 1;
            let mut row: Vec<TableCell> = vec![
                number.into(),
                part.title().into(),
                (&change.item.id).into(),
                change.item.change_type.clone().into(),
            ];
            row.resize(WORK_SHEET.columns.len().saturating_sub(1), TableCell::Empty);
            row.push(change.shown_rank().into());
            workbook.write_row_of(sheet, &row)?;
        }
    }
    workbook.finish_file()
}

/// Returns the lines of the first sheet: population, method, and what is to be filled in.
fn describe_sample(sample: &ChangeSample, population: &Text) -> Vec<TableNote> {
    let mut notes = vec![
        TableNote::new("Population", population.clone()),
        TableNote::new("Changes in it", sample.population.to_string()),
        TableNote::new("SHA-256 of its ids", sample.digest.as_str()),
        TableNote::new("Seed", sample.request.seed.as_str()),
        TableNote::new("Method", sample.describe_method().join("\n")),
    ];
    for part in sample.parts() {
        let taken = format!("{} of {}", part.taken.len(), part.population);
        notes.push(TableNote::new(format!("Taken: {}", part.title()), taken));
    }
    for (title, question) in QUESTIONS {
        notes.push(TableNote::new(title, question));
    }
    for (mark, meaning) in [
        ("pass", "The evidence was looked at and supports it."),
        ("fail", "The evidence is missing or says otherwise: an exception, to be explained under Notes."),
        ("n.a.", "The question does not apply to this change; Notes say why."),
    ] {
        notes.push(TableNote::new(format!("Tick mark: {mark}"), meaning));
    }
    notes
}
