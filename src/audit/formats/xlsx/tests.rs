//! Workbooks are read back as the XML that they are.

use std::io::Read as _;
use std::path::Path;

use super::*;
use crate::audit::formats::tests::{SHEET, row};
use crate::change::Text;

/// A cell as its sheet has it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ReadCell {
    pub(crate) place: String,
    pub(crate) kind: String,
    pub(crate) value: String,
}

pub(crate) fn read_part(path: &Path, name: &str) -> String {
    let mut archive = ZipArchive::new(File::open(path).unwrap()).unwrap();
    let mut xml = String::new();
    archive.by_name(name).unwrap().read_to_string(&mut xml).unwrap();
    xml
}

/// Returns the cells of each row. A shared string is its number.
pub(crate) fn read_rows(path: &Path, sheet: usize) -> Vec<Vec<ReadCell>> {
    let xml = read_part(path, &sheet_path(sheet));
    let (_, rows) = xml.split_once("<sheetData>").unwrap();
    let (rows, _) = rows.split_once("</sheetData>").unwrap();
    rows.split("<row ").skip(1).map(|row| row.split("<c ").skip(1).map(read_cell).collect()).collect()
}

fn read_cell(xml: &str) -> ReadCell {
    let (attributes, content) = xml.split_once('>').unwrap();
    let attribute = |name: &str| {
        let (_, rest) = attributes.split_once(&format!("{name}=\"")).unwrap_or_default();
        rest.split('"').next().unwrap().to_owned()
    };
    let value = match content.split_once("<t xml:space=\"preserve\">") {
        Some((_, text)) => text.split("</t>").next().unwrap(),
        None => content.split_once("<v>").map_or("", |(_, value)| value.split("</v>").next().unwrap()),
    };
    let value = value.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    ReadCell { place: attribute("r"), kind: attribute("t"), value: value.replace("_x005F_", "_") }
}

fn cell(place: &str, kind: &str, value: &str) -> ReadCell {
    ReadCell { place: place.into(), kind: kind.into(), value: value.into() }
}

fn create(folder: &tempfile::TempDir) -> (std::path::PathBuf, XlsxWorkbook) {
    let path = folder.path().join("log.xlsx");
    let workbook = XlsxWorkbook::create_file(&path, "Change log & more").unwrap();
    (path, workbook)
}

#[test]
fn cells_have_types_and_a_formula_is_a_string() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut workbook) = create(&folder);
    workbook.add_note(TableNote::new("tip of main", "=4f2a"));
    workbook.add_sheet(SHEET).unwrap();
    workbook.write_row(&row("=HYPERLINK(\"http://a.example\")")).unwrap();
    let mut large = vec![TableCell::Empty; 5];
    large[1] = TableCell::Integer(i64::MIN);
    workbook.write_row(&large).unwrap();
    workbook.finish_file().unwrap();
    let rows = read_rows(&path, 2);
    assert_eq!(
        rows[1],
        [
            cell("A2", "inlineStr", "=HYPERLINK(\"http://a.example\")"),
            cell("B2", "", "-5"),
            cell("C2", "", "-0.5"),
            cell("D2", "", "46355.58333622685"),
            cell("E2", "b", "1"),
        ]
    );
    assert_eq!(rows[2], [cell("B3", "inlineStr", "-9223372036854775808")]);
    let mut archive = ZipArchive::new(File::open(&path).unwrap()).unwrap();
    let names: Vec<String> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
    for name in &names {
        let mut xml = String::new();
        archive.by_name(name).unwrap().read_to_string(&mut xml).unwrap();
        assert!(!xml.contains("<f>") && !xml.contains("<hyperlink"), "{name}: {xml}");
        assert!(!xml.contains("TargetMode=\"External\""), "{name}: {xml}");
    }
    assert!(read_part(&path, "xl/sharedStrings.xml").contains("<t>=4f2a</t>"));
}

#[test]
fn a_sheet_is_set_up_for_filters_and_paper() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut workbook) = create(&folder);
    let number = workbook.add_sheet(SHEET).unwrap();
    workbook.offer_choices(number, ("id", "lines"), &["pass", "fail", "n.a."]).unwrap();
    assert!(workbook.offer_choices(number, ("id", "unknown"), &["pass"]).is_err());
    workbook.write_row(&row("a")).unwrap();
    workbook.write_row(&row("b")).unwrap();
    workbook.finish_file().unwrap();
    let xml = read_part(&path, "xl/worksheets/sheet2.xml");
    for part in [
        "<dimension ref=\"A1:E3\"",
        "<pane xSplit=\"1\" ySplit=\"1\"",
        "<autoFilter ref=\"A1:E3\"",
        "sqref=\"A2:B3\"",
        "\"pass,fail,n.a.\"",
        "orientation=\"landscape\"",
        "fitToHeight=\"0\"",
        "Page &amp;P of &amp;N",
        "Change log &amp;&amp; more",
    ] {
        assert!(xml.contains(part), "no {part} in {xml}");
    }
    let book = read_part(&path, "xl/workbook.xml");
    assert!(book.contains("_xlnm.Print_Titles") && book.contains("Changes!$1:$1"), "{book}");
    assert!(read_part(&path, "docProps/core.xml").contains("2000-01-01T00:00:00Z"));
}

#[test]
fn a_sheet_that_is_full_goes_on_in_another() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut workbook) = create(&folder);
    workbook.max_sheet_rows = 3;
    let first = workbook.add_sheet(SHEET).unwrap();
    let second = workbook.add_sheet(TableSheet { title: "Exceptions", ..SHEET }).unwrap();
    for id in ["a", "b", "c"] {
        workbook.write_row_of(first, &row(id)).unwrap();
        workbook.write_row_of(second, &row(format!("x{id}"))).unwrap();
    }
    workbook.finish_file().unwrap();
    let book = read_part(&path, "xl/workbook.xml");
    for name in ["About", "Changes", "Changes (2)", "Exceptions", "Exceptions (2)"] {
        assert!(book.contains(&format!("name=\"{name}\"")), "{book}");
    }
    let ids = |sheet| -> Vec<String> {
        read_rows(&path, sheet).into_iter().skip(1).map(|cells| cells[0].value.clone()).collect()
    };
    assert_eq!([ids(2), ids(3), ids(4), ids(5)], [vec!["a", "b"], vec!["c"], vec!["xa", "xb"], vec!["xc"]]);
}

#[test]
fn a_table_without_rows_has_its_titles() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut workbook) = create(&folder);
    workbook.add_sheet(SHEET).unwrap();
    workbook.finish_file().unwrap();
    assert_eq!(read_rows(&path, 2).len(), 1);
}

#[test]
fn a_text_that_is_too_long_for_a_cell_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut workbook) = create(&folder);
    workbook.add_note(TableNote::new("long", Text::from("n".repeat(40_000))));
    workbook.add_sheet(SHEET).unwrap();
    workbook.write_row(&row("a".repeat(40_000))).unwrap();
    workbook.finish_file().unwrap();
    let value = &read_rows(&path, 2)[1][0].value;
    assert!(value.len() == 32_767 && value.ends_with("in a cell)"), "{}", value.len());
}
