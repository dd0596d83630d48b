//! The four formats of one table, as DuckDB and openpyxl read them.

use changegate::audit::formats::{TableFormat, create_table};
use changegate::audit::table::{ColumnKind, TableCell, TableColumn, TableNote, TableSheet};
use changegate::change::Text;
use serde_json::json;

use crate::read_tables;

const SHEET: TableSheet = TableSheet {
    name: "changes",
    version: 1,
    title: "Changes",
    columns: &[
        TableColumn { key: "change_id", title: "Change", kind: ColumnKind::Text, meaning: "The id." },
        TableColumn { key: "lines", title: "Lines", kind: ColumnKind::Integer, meaning: "Changed lines." },
        TableColumn { key: "hours", title: "Hours", kind: ColumnKind::Decimal, meaning: "Hours left." },
        TableColumn { key: "landed_at", title: "Landed at", kind: ColumnKind::Time, meaning: "When." },
        TableColumn { key: "independent", title: "Independent", kind: ColumnKind::Flag, meaning: "Whether." },
    ],
};

fn rows() -> Vec<Vec<TableCell>> {
    let time: jiff::Timestamp = "2026-11-29T14:00:00.5Z".parse().unwrap();
    vec![
        vec!["acme/shop#1".into(), 12_i64.into(), 1.5.into(), time.into(), true.into()],
        vec![
            Text::new(&b"=HYPERLINK(\"http://a.example\")\r\n\x1b[31m;=\xff_x0041_"[..]).into(),
            (-3_i64).into(),
            (-0.25).into(),
            time.into(),
            false.into(),
        ],
        vec![
            "http://a.example, \"quoted\"".into(),
            TableCell::Empty,
            TableCell::Empty,
            TableCell::Empty,
            TableCell::Empty,
        ],
    ]
}

#[test]
fn others_read_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    for format in TableFormat::ALL {
        let path = folder.path().join(format!("changes.{}", format.file_extension()));
        let notes = [TableNote::new("tip of main", "=4f2a")];
        let mut table = create_table(format, &path, SHEET, &notes).unwrap();
        for cells in rows() {
            table.write_row(&cells).unwrap();
        }
        table.finish().unwrap();
    }
    let Some(found) = read_tables(folder.path()) else { return };
    let time = "2026-11-29T14:00:00.500Z";
    let table = |id: &str| {
        json!([
            ["acme/shop#1", 12, 1.5, time, true],
            [id, -3, -0.25, time, false],
            ["http://a.example, \"quoted\"", null, null, null, null],
        ])
    };
    let exact = table("=HYPERLINK(\"http://a.example\")\r\n\u{1b}[31m;=\u{fffd}_x0041_");
    assert_eq!(found["parquet"]["rows"], exact);
    assert_eq!(found["jsonl"]["rows"], exact);
    let types = json!({
        "change_id": "VARCHAR", "lines": "BIGINT", "hours": "DOUBLE",
        "landed_at": "TIMESTAMP WITH TIME ZONE", "independent": "BOOLEAN",
    });
    for format in ["parquet", "csv"] {
        assert_eq!(found[format]["types"], types, "{format}");
    }
    let guarded = "'=HYPERLINK(\"http://a.example\")\n\u{fffd}[31m;'=\u{fffd}_x0041_";
    assert_eq!(found["csv"]["rows"], table(guarded));
    assert_eq!(
        found["notes"],
        json!({ "changegate.table": "changes", "changegate.version": "1", "changegate.note.tip of main": "=4f2a" })
    );

    let book = &found["xlsx"];
    // openpyxl keeps Excel's escape of an underscore.
    assert_eq!(book["rows"], table("=HYPERLINK(\"http://a.example\")\n\u{fffd}[31m;=\u{fffd}_x005F_x0041_"));
    // A string, a number, a number, a date, and true or false.
    assert_eq!(book["kinds"], json!(["s", "n", "n", "d", "b"]));
    assert_eq!(book["sheets"], json!(["About", "Changes"]));
    assert_eq!(book["titles"], json!(["Change", "Lines", "Hours", "Landed at", "Independent"]));
    assert_eq!(book["about"], json!([["Changes", null], [null, null], ["tip of main", "=4f2a"]]));
    assert_eq!(book["time_format"], "yyyy-mm-dd hh:mm:ss\" UTC\"");
    assert_eq!(book["frozen"], "B2");
    assert_eq!(book["filter"], "A1:E4");
    assert_eq!(book["repeated"], "$1:$1");
    assert_eq!(book["orientation"], "landscape");
    assert_eq!(book["fit"], json!([true, 0]));
    assert_eq!(book["footer"], "Page &P of &N");
    assert_eq!(book["created"], "2000-01-01T00:00:00.000Z");
    assert_eq!(book["links"], 0);
}
