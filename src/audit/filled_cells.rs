//! What people filled in after an audit: the cells for cause, action, owner and date in `exceptions.csv`.
//!
//! An audit replaces its files. Each filled row is carried over to the row of the same exception, found by what the
//! exception is about and not by its number. A row whose exception this audit does not have is kept in a file of its
//! own, and comes back with its exception.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fs, io};

use anyhow::{Context as _, Result, anyhow, bail};
use serde::Serialize;

use crate::audit::exceptions::EXCEPTION_SHEET;
use crate::audit::formats::cell_text::{guard_formulas, remove_formula_guards, replace_controls};
use crate::audit::formats::csv::format_cell;
use crate::audit::formats::xlsx::filled_sheet::{WorkbookCell, WorkbookRows};
use crate::audit::table::{ColumnKind, TableCell, TableColumn, format_table_time};
use crate::calendar::written_time::WrittenTime;
use crate::ledger::record::digest_bytes;

/// The table that people fill in.
pub(crate) const EXCEPTION_FILE: &str = "exceptions.csv";

/// The workbook, in which people fill in the same cells.
pub(crate) const WORKBOOK_FILE: &str = "audit.xlsx";

/// The file of the rows whose exceptions an audit does not have.
pub(crate) const KEPT_FILE: &str = "exceptions-kept.csv";

/// The columns that people fill in; the last one holds a time.
const FILLED_COLUMNS: [&str; 4] = ["root_cause", "corrective_action", "owner", "closed_at"];

/// The kinds whose exceptions change their words with time, or between which an exception moves, under one name.
const OBLIGATION_KINDS: [&str; 2] = ["late-obligation", "open-obligation"];

/// The kinds that name the newest of several changes, which is another one in the next audit.
const SERIES_KINDS: [&str; 4] = ["shared-ticket", "emergency-series", "repeated-text", "split-change"];

/// The kinds of which one subject may have several exceptions, which only their words tell apart.
const SEVERAL_KINDS: [&str; 10] = [
    "approved-after-landing",
    "approver-not-in-roster",
    "actor-not-in-roster",
    "doubtful-date",
    "contradiction",
    "input-contradiction",
    "repeated-text",
    "split-change",
    "unreadable",
    "broken-ledger",
];

/// A row that somebody filled in, as its file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FilledRow {
    /// The cells, in the order of the columns of [`EXCEPTION_SHEET`].
    cells: Vec<String>,
    /// Where it stands, as in `exceptions.csv, row 3`.
    place: String,
}

/// What an audit did with the rows that were filled in before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CarriedRows {
    /// How many were carried over to the same exception.
    pub carried: usize,
    /// How many are kept in a file of their own.
    pub kept: usize,
}

/// The rows that were filled in, as an input of an audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FilledInput {
    /// How many rows were filled in.
    pub rows: usize,
    /// `sha256:` and the digest of what they are about and what was filled in, in the order of their bytes.
    pub digest: String,
}

/// The filled rows of a folder, until each has found its exception.
#[derive(Debug, Default)]
pub struct FilledExceptions {
    rows: BTreeMap<String, Vec<FilledRow>>,
    /// The digests of the files as they were read; `None` for one that was not there.
    read: Vec<(&'static str, Option<String>)>,
    input: Option<FilledInput>,
    carried: usize,
    /// True if the workbook was filled in, so that it is kept under another name.
    keeps_workbook: bool,
}

impl FilledExceptions {
    /// Reads what people filled in below a folder; nothing where no audit has written. `edited` are the files there that are
    /// not as the audit wrote them.
    ///
    /// # Errors
    ///
    /// Says what is wrong, where, and what to do, if anything that was filled in could not be carried over.
    pub fn read_folder(folder: &Path, edited: &[String]) -> Result<FilledExceptions> {
        let is_edited = |name: &str| edited.iter().any(|known| known == name);
        let mut filled = FilledExceptions { keeps_workbook: is_edited(WORKBOOK_FILE), ..Self::default() };
        let mut lines = BTreeSet::new();
        for name in [EXCEPTION_FILE, WORKBOOK_FILE, KEPT_FILE] {
            let bytes = read_if_there(&folder.join(name))?;
            filled.read.push((name, bytes.as_deref().map(digest_bytes)));
            // A workbook that was saved has all that the table had, and what was filled in later.
            let is_older = name == EXCEPTION_FILE && filled.keeps_workbook && !is_edited(name);
            let Some(bytes) = bytes.filter(|_| !is_older) else { continue };
            let rows = match name {
                WORKBOOK_FILE if !filled.keeps_workbook => continue,
                WORKBOOK_FILE => read_workbook_rows(name, &bytes)?,
                _ => read_filled_rows(name, &bytes)?,
            };
            for row in rows {
                let key = identify_row(&row.cells);
                if lines.insert(format!("{key}\0{}", join_filled(&row.cells))) {
                    filled.rows.entry(key).or_default().push(row);
                }
            }
        }
        if !lines.is_empty() {
            let listed: String = lines.iter().map(|line| format!("{line}\n")).collect();
            filled.input = Some(FilledInput { rows: lines.len(), digest: digest_bytes(listed.as_bytes()) });
        }
        Ok(filled)
    }

    /// Returns the filled rows as an input of the audit; `None` if there are none.
    pub fn input(&self) -> Option<&FilledInput> {
        self.input.as_ref()
    }

    /// Returns what was done with the rows, when every exception has its row.
    pub fn count_rows(&self) -> CarriedRows {
        CarriedRows { carried: self.carried, kept: self.rows.values().map(Vec::len).sum() }
    }

    /// Puts what was filled in for the exception of a row of [`EXCEPTION_SHEET`] into the row.
    ///
    /// # Errors
    ///
    /// Fails for a cell that does not fit, which cannot be: rows were read before.
    pub(crate) fn fill_row(&mut self, row: &mut [TableCell]) -> Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let cells: Vec<String> =
            row.iter().map(|cell| unify_text(&String::from_utf8_lossy(&format_cell(cell)))).collect();
        let key = identify_row(&cells);
        let Some(known) = self.rows.get_mut(&key) else { return Ok(()) };
        let what = find_column("what_happened");
        let same_words = known.iter().position(|one| one.cells.get(what) == cells.get(what));
        let Some(place) = same_words.or((known.len() == 1).then_some(0)) else { return Ok(()) };
        let found = known.remove(place);
        if known.is_empty() {
            self.rows.remove(&key);
        }
        self.carried += 1;
        for name in FILLED_COLUMNS {
            let column = find_column(name);
            if let (Some(cell), Some(written)) = (row.get_mut(column), found.cells.get(column)) {
                *cell = parse_filled(name, written).map_err(|why| anyhow!("{}: {why}", found.place))?;
            }
        }
        Ok(())
    }

    /// Writes the rows that found no exception into a folder. Returns the name of the file; `None` if there are none.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written.
    pub(crate) fn write_kept_rows(&self, folder: &Path) -> Result<Option<&'static str>> {
        if self.rows.is_empty() {
            return Ok(None);
        }
        let mut writer = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .from_path(folder.join(KEPT_FILE))
            .with_context(|| format!("cannot write {KEPT_FILE}"))?;
        writer.write_record(EXCEPTION_SHEET.columns.iter().map(|column| column.key))?;
        for row in self.rows.values().flatten() {
            writer.write_record(
                row.cells.iter().map(|cell| guard_formulas(&replace_controls(cell)).into_owned()),
            )?;
        }
        writer.flush().with_context(|| format!("cannot write {KEPT_FILE}"))?;
        Ok(Some(KEPT_FILE))
    }

    /// Keeps a workbook that was filled in under another name, since only the cells beside the exceptions are carried over.
    ///
    /// # Errors
    ///
    /// Fails if the copy cannot be written.
    pub(crate) fn keep_workbook(&self, folder: &Path) -> Result<()> {
        let digest = self
            .read
            .iter()
            .find(|(name, _)| *name == WORKBOOK_FILE)
            .and_then(|(_, digest)| digest.as_deref());
        let Some(digits) = digest.filter(|_| self.keeps_workbook).and_then(|digest| digest.get(7..15)) else {
            return Ok(());
        };
        let kept = folder.join(format!("audit-filled-{digits}.xlsx"));
        fs::copy(folder.join(WORKBOOK_FILE), &kept)
            .with_context(|| format!("cannot write {}", kept.display()))?;
        Ok(())
    }

    /// Makes sure that the files are those that were read: somebody may have filled in more while the audit ran.
    ///
    /// # Errors
    ///
    /// Says what to do if a file is another one.
    pub(crate) fn refuse_later_edits(&self, folder: &Path) -> Result<()> {
        for (name, digest) in &self.read {
            let now = read_if_there(&folder.join(name))?.as_deref().map(digest_bytes);
            if now != *digest {
                bail!("{} was changed while the audit ran; run it again", folder.join(name).display());
            }
        }
        Ok(())
    }
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Reads the rows of a file of which at least one cell was filled in. Spreadsheets save with other separators as well.
fn read_filled_rows(name: &str, bytes: &[u8]) -> Result<Vec<FilledRow>> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|_| {
        anyhow!("{name} is not UTF-8; save it as CSV in UTF-8, so that its words can be carried over")
    })?;
    let header = text.lines().next().unwrap_or_default();
    let separator =
        [b';', b'\t'].into_iter().find(|one| header.bytes().any(|byte| byte == *one)).unwrap_or(b',');
    let mut reader =
        csv::ReaderBuilder::new().delimiter(separator).flexible(true).from_reader(text.as_bytes());
    let columns: Vec<String> = reader.headers()?.iter().map(|key| key.trim().to_owned()).collect();
    let is_known = |key: &str| EXCEPTION_SHEET.columns.iter().any(|column| column.key == key);
    let mut rows = Vec::new();
    // Rows as a spreadsheet counts them, the header being the first.
    for (number, record) in (2_usize..).zip(reader.records()) {
        let record = record.with_context(|| format!("{name} cannot be read"))?;
        let place = format!("{name}, row {number}");
        let mut cells = vec![String::new(); EXCEPTION_SHEET.columns.len()];
        for (number, value) in record.iter().enumerate().filter(|(_, value)| !value.trim().is_empty()) {
            let key = columns.get(number).map_or("", String::as_str);
            if !is_known(key) {
                bail!(
                    "{place}: `{}` stands in a column that the audit does not write (`{key}`), and would be lost; put \
                     it into `corrective_action`, or move the file",
                    value.trim()
                );
            }
            if let Some(cell) = cells.get_mut(find_column(key)) {
                *cell = unify_text(value);
            }
        }
        if unify_filled_cells(&mut cells, &place)? {
            if !columns.iter().any(|key| key == "kind") || !columns.iter().any(|key| key == "subject_id") {
                bail!(
                    "{name} has no columns `kind` and `subject_id`, which say what a row is about; move the file"
                );
            }
            rows.push(FilledRow { cells, place });
        }
    }
    Ok(rows)
}

/// Reads the rows of the sheet of exceptions of a workbook of which at least one cell was filled in.
fn read_workbook_rows(name: &str, bytes: &[u8]) -> Result<Vec<FilledRow>> {
    let sheet = WorkbookRows::read_sheet(bytes, EXCEPTION_SHEET.title).with_context(|| name.to_owned())?;
    let mut columns: BTreeMap<usize, &TableColumn> = BTreeMap::new();
    let mut rows = Vec::new();
    for (number, written) in (1_usize..).zip(&sheet.rows) {
        let text_of = |cell: &WorkbookCell| match cell {
            WorkbookCell::Text(text) => text.trim().to_owned(),
            WorkbookCell::Number(number) => number.to_string(),
        };
        let is_title = |column: &&TableColumn, cell: &WorkbookCell| column.title == text_of(cell);
        // Each part of the sheet begins with the titles.
        let mut titles = BTreeMap::new();
        for (place, cell) in written {
            titles.extend(
                EXCEPTION_SHEET.columns.iter().find(|one| is_title(one, cell)).map(|one| (*place, one)),
            );
        }
        if titles.values().any(|one| one.key == "kind") && titles.values().any(|one| one.key == "subject_id")
        {
            columns = titles;
            continue;
        }
        let place = format!("{name}, row {number}");
        let mut cells = vec![String::new(); EXCEPTION_SHEET.columns.len()];
        for (at, cell) in written {
            let Some(column) = columns.get(at) else {
                bail!(
                    "{place}: `{}` stands in a column that the audit does not write, and would be lost; put it into \
                     `corrective_action`, or move the file",
                    text_of(cell)
                );
            };
            let text = match cell {
                WorkbookCell::Number(days) if column.kind == ColumnKind::Time => {
                    sheet.find_time(*days).map_or_else(|| text_of(cell), format_table_time)
                }
                cell => unify_text(&text_of(cell)),
            };
            if let Some(known) = cells.get_mut(find_column(column.key)) {
                *known = text;
            }
        }
        if unify_filled_cells(&mut cells, &place)? {
            rows.push(FilledRow { cells, place });
        }
    }
    Ok(rows)
}

/// Brings the filled cells of a row into one form, so that the next audit reads what this one writes; returns true if there
/// is one.
fn unify_filled_cells(cells: &mut [String], place: &str) -> Result<bool> {
    let mut is_filled = false;
    for key in FILLED_COLUMNS {
        let Some(written) = cells.get_mut(find_column(key)).filter(|cell| !cell.is_empty()) else { continue };
        is_filled = true;
        if let TableCell::Time(time) = parse_filled(key, written).map_err(|why| anyhow!("{place}: {why}"))? {
            *written = format_table_time(time);
        }
    }
    Ok(is_filled)
}

/// Returns the cell of a column that people fill in.
fn parse_filled(key: &str, written: &str) -> Result<TableCell, String> {
    let is_time =
        EXCEPTION_SHEET.columns.iter().any(|column| column.key == key && column.kind == ColumnKind::Time);
    if written.is_empty() {
        return Ok(TableCell::Empty);
    }
    if !is_time {
        return Ok(written.into());
    }
    let time = WrittenTime::parse_time(written).ok().and_then(|time| time.first_instant());
    time.map(TableCell::Time).ok_or_else(|| {
        format!("`{key}` is `{written}`, which is no date; write it as in 2026-05-31 or 2026-05-31T14:00:00Z")
    })
}

/// Returns what a row is about: the same for the same exception in every audit of the same repositories.
fn identify_row(cells: &[String]) -> String {
    let find = |key: &str| cells.get(find_column(key)).map_or("", String::as_str);
    let kind = find("kind");
    let mut parts = vec![find("subject"), find("rule")];
    if OBLIGATION_KINDS.contains(&kind) {
        parts.extend(["obligation", find("subject_id"), find("evidence")]);
    } else if SERIES_KINDS.contains(&kind) {
        parts.push(kind);
    } else {
        parts.extend([kind, find("subject_id")]);
    }
    match kind {
        "failed-change" => parts.push(find("evidence")),
        "gate-gap" => parts.push(find("occurred_at")),
        _ if SEVERAL_KINDS.contains(&kind) => parts.push(find("what_happened")),
        _ => {}
    }
    parts.join("\0")
}

fn join_filled(cells: &[String]) -> String {
    let filled: Vec<&str> =
        FILLED_COLUMNS.iter().filter_map(|key| cells.get(find_column(key))).map(String::as_str).collect();
    filled.join("\0")
}

fn find_column(key: &str) -> usize {
    EXCEPTION_SHEET.columns.iter().position(|column| column.key == key).unwrap_or(usize::MAX)
}

/// Returns the text of a cell whatever program saved it: without the guard before formulas, and with one kind of line ends.
fn unify_text(written: &str) -> String {
    let unified = written.trim().replace("\r\n", "\n").replace('\r', "\n");
    remove_formula_guards(&unified).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::exceptions::{AuditException, ExceptionKind};
    use crate::audit::formats::xlsx::XlsxWorkbook;
    use crate::audit::table::RowWriter as _;

    fn exception(kind: ExceptionKind, subject: &str, what: &str) -> AuditException {
        let at = "2026-06-01T00:00:00Z".parse().unwrap();
        AuditException::open_exception(kind, (subject.to_owned(), "-1 day".into()), (what, at), "commit 1")
    }

    /// Writes the exceptions, each with the words for its cause, as `exceptions.csv`.
    fn write_table(folder: &Path, rows: &[(AuditException, [&str; 4])], separator: u8) {
        let mut writer =
            csv::WriterBuilder::new().delimiter(separator).from_path(folder.join(EXCEPTION_FILE)).unwrap();
        writer.write_record(EXCEPTION_SHEET.columns.iter().map(|column| column.key)).unwrap();
        for (number, (exception, filled)) in rows.iter().enumerate() {
            let row = exception.build_row(number + 1, exception.occurred_at);
            let mut cells: Vec<String> =
                row.iter().map(|cell| String::from_utf8(format_cell(cell).into_owned()).unwrap()).collect();
            cells.truncate(16);
            cells.extend(filled.iter().map(|cell| (*cell).to_owned()));
            writer.write_record(&cells).unwrap();
        }
        writer.flush().unwrap();
    }

    fn fill(filled: &mut FilledExceptions, exception: &AuditException) -> Vec<String> {
        let mut row = exception.build_row(9, exception.occurred_at);
        filled.fill_row(&mut row).unwrap();
        row.iter().skip(16).map(|cell| String::from_utf8(format_cell(cell).into_owned()).unwrap()).collect()
    }

    #[test]
    fn each_cell_finds_the_same_exception_again_whatever_its_number_and_its_words() {
        let folder = tempfile::tempdir().unwrap();
        let (open, late) = (ExceptionKind::OpenObligation, ExceptionKind::LateObligation);
        let contradiction = ExceptionKind::Contradiction;
        for separator in [b',', b';', b'\t'] {
            write_table(
                folder.path(),
                &[
                    (exception(open, "shop@1", "a review"), ["nobody\nasked", "=ask", "Ana", "2026-06-03"]),
                    (exception(contradiction, "shop@1", "risk"), ["a typo", "", "", ""]),
                    (exception(contradiction, "shop@1", "type"), ["a form", "", "", ""]),
                    (exception(contradiction, "shop@2", "type"), ["", "", "", ""]),
                    (exception(contradiction, "shop@3", "type"), ["gone", "", "", ""]),
                ],
                separator,
            );
            let mut filled = FilledExceptions::read_folder(folder.path(), &[]).unwrap();
            assert_eq!(filled.input().unwrap().rows, 4);
            let none = ["", "", "", ""];
            assert_eq!(fill(&mut filled, &exception(contradiction, "shop@2", "type")), none);
            assert_eq!(
                fill(&mut filled, &exception(contradiction, "shop@1", "type")),
                ["a form", "", "", ""]
            );
            assert_eq!(fill(&mut filled, &exception(contradiction, "shop@1", "other")), none);
            assert_eq!(
                fill(&mut filled, &exception(late, "shop@1", "a review; closed at ...")),
                ["nobody\nasked", "'=ask", "Ana", "2026-06-03T00:00:00Z"]
            );
            assert_eq!(filled.count_rows(), CarriedRows { carried: 2, kept: 2 });
            filled.refuse_later_edits(folder.path()).unwrap();
            // What is kept comes back with its exception.
            let digest = filled.input().unwrap().digest.clone();
            filled.write_kept_rows(folder.path()).unwrap();
            write_table(folder.path(), &[], b',');
            assert!(
                filled.refuse_later_edits(folder.path()).unwrap_err().to_string().contains("run it again")
            );
            let mut filled = FilledExceptions::read_folder(folder.path(), &[]).unwrap();
            assert_ne!(filled.input().unwrap().digest, digest);
            assert_eq!(fill(&mut filled, &exception(contradiction, "shop@3", "type")), ["gone", "", "", ""]);
            assert_eq!(filled.count_rows(), CarriedRows { carried: 1, kept: 1 });
            fs::remove_file(folder.path().join(KEPT_FILE)).unwrap();
        }
    }

    /// A workbook that was saved counts before the table beside it that the audit wrote, and stays under another name.
    #[test]
    fn what_was_filled_in_a_workbook_is_carried_over() {
        let folder = tempfile::tempdir().unwrap();
        let workbook_file = folder.path().join(WORKBOOK_FILE);
        let one = exception(ExceptionKind::OpenObligation, "shop@1", "a review");
        let gap = exception(ExceptionKind::GateGap, "shop/gap", "no gate");
        write_table(folder.path(), &[(one.clone(), ["as the audit wrote it", "", "", ""])], b',');
        let mut workbook = XlsxWorkbook::create_file(&workbook_file, "Audit").unwrap();
        workbook.add_sheet(EXCEPTION_SHEET).unwrap();
        for (number, (exception, cause)) in
            [(&one, "=nobody asked"), (&gap, "a new disk")].into_iter().enumerate()
        {
            let mut row = exception.build_row(number + 1, exception.occurred_at);
            row[find_column("root_cause")] = cause.into();
            row[find_column("closed_at")] = TableCell::Time("2026-06-03T00:00:00Z".parse().unwrap());
            workbook.write_row(&row).unwrap();
        }
        workbook.finish_file().unwrap();
        let mut unread = FilledExceptions::read_folder(folder.path(), &[]).unwrap();
        assert_eq!(fill(&mut unread, &one), ["as the audit wrote it", "", "", ""]);
        let edited = [WORKBOOK_FILE.to_owned()];
        let mut filled = FilledExceptions::read_folder(folder.path(), &edited).unwrap();
        assert_eq!(fill(&mut filled, &one), ["'=nobody asked", "", "", "2026-06-03T00:00:00Z"]);
        assert_eq!(fill(&mut filled, &gap), ["a new disk", "", "", "2026-06-03T00:00:00Z"]);
        assert_eq!(filled.count_rows(), CarriedRows { carried: 2, kept: 0 });
        filled.refuse_later_edits(folder.path()).unwrap();
        filled.keep_workbook(folder.path()).unwrap();
        let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let kept: Vec<_> = names.filter(|name| name.to_string_lossy().starts_with("audit-filled-")).collect();
        assert_eq!(kept.len(), 1, "{kept:?}");
        fs::write(&workbook_file, "no workbook").unwrap();
        assert!(filled.refuse_later_edits(folder.path()).is_err());
        let why = FilledExceptions::read_folder(folder.path(), &edited).unwrap_err();
        assert!(format!("{why:#}").contains("audit.xlsx"), "{why:#}");
    }

    #[test]
    fn what_could_not_be_carried_over_is_refused_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let why = |bytes: &[u8]| {
            fs::write(folder.path().join(EXCEPTION_FILE), bytes).unwrap();
            FilledExceptions::read_folder(folder.path(), &[]).unwrap_err().to_string()
        };
        for (bytes, expected) in [
            (
                &b"kind,subject_id,closed_at\r\na,b,next week\r\n"[..],
                "row 2: `closed_at` is `next week`, which is no date",
            ),
            (
                b"kind,subject_id,my notes\r\na,b,seen\r\n",
                "row 2: `seen` stands in a column that the audit does not write (`my notes`)",
            ),
            (b"kind,subject_id,owner\r\na,b,c,d\r\n", "`d` stands in a column that the audit does not write"),
            (b"owner\r\nAna\r\n", "has no columns `kind` and `subject_id`"),
            (b"kind,subject_id,owner\r\na,b,J\xfcrgen\r\n", "is not UTF-8"),
        ] {
            let why = why(bytes);
            assert!(why.contains(expected), "{why}");
        }
    }
}
