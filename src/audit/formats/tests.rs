//! What is written is read back, by readers that share no code with the writers where there are any.

use std::fs::{self, File};
use std::path::PathBuf;

use ::parquet::file::reader::{FileReader as _, SerializedFileReader};
use ::parquet::record::Field;
use proptest::prelude::*;

use super::cell_text::{remove_formula_guards, replace_controls};
use super::*;
use crate::audit::table::{ColumnKind, TableCell, TableColumn};
use crate::change::Text;

pub(crate) const SHEET: TableSheet = TableSheet {
    name: "changes",
    version: 3,
    title: "Changes",
    columns: &[
        TableColumn { key: "id", title: "Change", kind: ColumnKind::Text, meaning: "The id." },
        TableColumn { key: "lines", title: "Lines", kind: ColumnKind::Integer, meaning: "Lines." },
        TableColumn { key: "hours", title: "Hours", kind: ColumnKind::Decimal, meaning: "Hours." },
        TableColumn { key: "landed_at", title: "Landed at", kind: ColumnKind::Time, meaning: "When." },
        TableColumn { key: "independent", title: "Independent", kind: ColumnKind::Flag, meaning: "Whether." },
    ],
};

pub(crate) fn row(id: impl Into<Text>) -> Vec<TableCell> {
    let time: jiff::Timestamp = "2026-11-29T14:00:00.25Z".parse().unwrap();
    vec![TableCell::Text(id.into()), (-5_i64).into(), (-0.5).into(), time.into(), true.into()]
}

fn empty_row() -> Vec<TableCell> {
    vec![TableCell::Empty; 5]
}

struct Written {
    folder: tempfile::TempDir,
    format: TableFormat,
}

impl Written {
    fn path(&self) -> PathBuf {
        self.folder.path().join(format!("changes.{}", self.format.file_extension()))
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.path()).unwrap()
    }
}

fn write(format: TableFormat, rows: &[Vec<TableCell>]) -> Written {
    let written = Written { folder: tempfile::tempdir().unwrap(), format };
    let note = TableNote::new("tip of main", "4f2a");
    let mut table = create_table(format, &written.path(), SHEET, &[note]).unwrap();
    for cells in rows {
        table.write_row(cells).unwrap();
    }
    table.finish().unwrap();
    assert_eq!(fs::read_dir(written.folder.path()).unwrap().count(), 1, "nothing else is left");
    written
}

#[test]
fn csv_is_what_rfc_4180_says() {
    let written = write(TableFormat::Csv, &[row("=1,\"a\"\nb"), empty_row()]);
    assert_eq!(
        String::from_utf8(written.bytes()).unwrap(),
        "id,lines,hours,landed_at,independent\r\n\
         \"'=1,\"\"a\"\"\nb\",-5,-0.5,2026-11-29T14:00:00.25Z,true\r\n,,,,\r\n"
    );
}

#[test]
fn csv_may_begin_with_a_byte_order_mark() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("changes.csv");
    Box::new(CsvTable::create_file(&path, SHEET, CsvEncodingMark::Present).unwrap()).finish().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"\xef\xbb\xbfid,lines,hours,landed_at,independent\r\n");
}

#[test]
fn json_lines_have_every_key_in_the_order_of_the_columns() {
    let written = write(TableFormat::JsonLines, &[row("a\u{202e}\n##[b"), empty_row()]);
    assert_eq!(
        String::from_utf8(written.bytes()).unwrap(),
        "{\"id\":\"a\\u202e\\n##\\u005bb\",\"lines\":-5,\"hours\":-0.5,\"landed_at\":\"2026-11-29T14:00:00.25Z\",\
         \"independent\":true}\n\
         {\"id\":null,\"lines\":null,\"hours\":null,\"landed_at\":null,\"independent\":null}\n"
    );
}

fn read_parquet(written: &Written) -> Vec<Vec<Field>> {
    let reader = SerializedFileReader::new(File::open(written.path()).unwrap()).unwrap();
    let rows = reader.get_row_iter(None).unwrap();
    rows.map(|row| row.unwrap().get_column_iter().map(|(_, field)| field.clone()).collect()).collect()
}

#[test]
fn parquet_has_types_and_tells_its_version_and_inputs() {
    let written = write(TableFormat::Parquet, &[row("=1"), empty_row()]);
    let milliseconds = 1_795_960_800_250;
    assert_eq!(
        read_parquet(&written),
        [
            vec![
                Field::Str("=1".into()),
                Field::Long(-5),
                Field::Double(-0.5),
                Field::TimestampMillis(milliseconds),
                Field::Bool(true)
            ],
            vec![Field::Null; 5],
        ]
    );
    let reader = SerializedFileReader::new(File::open(written.path()).unwrap()).unwrap();
    let metadata = reader.metadata().file_metadata();
    let mut facts = Vec::new();
    for fact in metadata.key_value_metadata().unwrap() {
        facts.push(format!("{}={}", fact.key, fact.value.clone().unwrap()));
    }
    assert_eq!(
        facts,
        ["changegate.table=changes", "changegate.version=3", "changegate.note.tip of main=4f2a"]
    );
    let schema = metadata.schema_descr();
    assert_eq!(schema.name(), "changes");
    let time = schema.column(3).logical_type_ref().cloned();
    assert_eq!(
        time,
        Some(::parquet::basic::LogicalType::timestamp(true, ::parquet::basic::TimeUnit::MILLIS))
    );
}

#[test]
fn parquet_holds_no_more_rows_than_a_group_has() {
    let rows: Vec<_> = (0..70_000).map(|number| row(number.to_string())).collect();
    let written = write(TableFormat::Parquet, &rows);
    let reader = SerializedFileReader::new(File::open(written.path()).unwrap()).unwrap();
    let groups: Vec<i64> = reader.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
    assert_eq!(groups, [65_536, 4_464]);
    assert_eq!(read_parquet(&written).len(), 70_000);
}

#[test]
fn the_same_rows_give_the_same_bytes() {
    let rows: Vec<_> = (0..100).map(|number| row(format!("acme/shop#{number}"))).collect();
    for format in TableFormat::ALL {
        assert!(write(format, &rows).bytes() == write(format, &rows).bytes(), "{format:?}");
    }
}

#[test]
fn a_table_that_is_not_finished_is_no_file() {
    for format in TableFormat::ALL {
        let folder = tempfile::tempdir().unwrap();
        let mut table = create_table(format, &folder.path().join("table"), SHEET, &[]).unwrap();
        table.write_row(&row("a")).unwrap();
        assert!(table.write_row(&[]).is_err(), "{format:?} takes a row without cells");
        drop(table);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{format:?}");
    }
}

/// Returns the texts of the first column, as each format gives them back.
fn read_ids(written: &Written) -> Vec<String> {
    match written.format {
        TableFormat::Csv => {
            let mut reader = ::csv::Reader::from_path(written.path()).unwrap();
            let ids = reader.records().map(|record| remove_formula_guards(&record.unwrap()[0]).into_owned());
            ids.collect()
        }
        TableFormat::JsonLines => {
            let text = String::from_utf8(written.bytes()).unwrap();
            let values = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
            values.map(|value| value["id"].as_str().unwrap().to_owned()).collect()
        }
        TableFormat::Xlsx => {
            let rows = xlsx::tests::read_rows(&written.path(), 2);
            rows.into_iter().skip(1).map(|cells| cells[0].value.clone()).collect()
        }
        TableFormat::Parquet => read_parquet(written)
            .into_iter()
            .map(|fields| match &fields[0] {
                Field::Str(text) => text.clone(),
                other => panic!("{other:?}"),
            })
            .collect(),
    }
}

fn hostile_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        "[-'=+@;,\"\\\\\r\n\t <>&_x0-9A-F\u{ff1d}\u{202e}\u{0}\u{1b}]{0,30}".prop_map(String::into_bytes),
        "(_x[0-9A-Fa-f]{4}_|http://a.example|=cmd|\\PC){0,6}".prop_map(String::into_bytes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_read_back_as_the_same_text(texts in prop::collection::vec(hostile_bytes(), 1..8)) {
        let rows: Vec<_> = texts.iter().map(|bytes| row(bytes.as_slice())).collect();
        for format in TableFormat::ALL {
            let written = write(format, &rows);
            let mut expected = Vec::new();
            for bytes in &texts {
                let text = String::from_utf8_lossy(bytes);
                expected.push(match format {
                    TableFormat::JsonLines | TableFormat::Parquet => text.into_owned(),
                    TableFormat::Csv => replace_controls(&text).into_owned(),
                    TableFormat::Xlsx => replace_controls(&text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}"),
                });
            }
            prop_assert_eq!(read_ids(&written), expected, "{:?}", format);
        }
    }
}
