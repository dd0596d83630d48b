//! The cells of a workbook that somebody saved in a spreadsheet: of one sheet, as far as they hold texts and numbers.
//!
//! Spreadsheets write texts into a part of their own and times as numbers of days, and name parts as they like.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};

use anyhow::{Context as _, Result, anyhow, bail};
use jiff::{SignedDuration, Timestamp};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use zip::ZipArchive;

/// How many bytes of one part are read.
const MAX_PART_BYTES: u64 = 256 << 20;

/// The seconds from 1970 to the day before the first one that a spreadsheet counts, in each of the two ways.
const DAY_ZERO: i64 = -2_209_161_600;
const DAY_ZERO_OF_1904: i64 = -2_082_844_800;

const SECONDS_PER_DAY: f64 = 86_400.0;

/// A cell of a sheet.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum WorkbookCell {
    /// A text, or the result of a formula.
    Text(String),
    /// A number, which may be a time.
    Number(f64),
}

/// A sheet with all its parts.
#[derive(Debug, Default)]
pub(crate) struct WorkbookRows {
    /// The cells of each row by their columns, which are counted from 0.
    pub(crate) rows: Vec<BTreeMap<usize, WorkbookCell>>,
    /// True if days are counted from 1904, as some spreadsheets do.
    counts_from_1904: bool,
}

impl WorkbookRows {
    /// Reads the sheet with this title, and those that go on with it, such as `Exceptions (2)`, from a workbook.
    ///
    /// # Errors
    ///
    /// Fails if this is no workbook, or if a part of it is too large.
    pub(crate) fn read_sheet(workbook: &[u8], title: &str) -> Result<WorkbookRows> {
        let mut archive = ZipArchive::new(Cursor::new(workbook)).context("it is no workbook")?;
        let overview = read_part(&mut archive, "xl/workbook.xml")?.context("it has no list of sheets")?;
        let relations = read_part(&mut archive, "xl/_rels/workbook.xml.rels")?.unwrap_or_default();
        let mut targets: BTreeMap<String, String> = BTreeMap::new();
        for_each_element(&relations, |name, element| {
            if let (b"Relationship", Some(id), Some(target)) =
                (name, find_attribute(element, "Id"), find_attribute(element, "Target"))
            {
                targets.insert(id, target);
            }
        })?;
        let mut read = WorkbookRows::default();
        let mut paths = Vec::new();
        for_each_element(&overview, |name, element| match name {
            b"workbookPr" => {
                let date = find_attribute(element, "date1904").unwrap_or_default();
                read.counts_from_1904 = ["1", "true"].contains(&date.as_str());
            }
            b"sheet" => {
                let called = find_attribute(element, "name").unwrap_or_default();
                let is_asked = called == title || called.starts_with(&format!("{title} ("));
                if let Some(target) =
                    find_attribute(element, "id").filter(|_| is_asked).and_then(|id| targets.get(&id))
                {
                    paths.push(match target.strip_prefix('/') {
                        Some(whole) => whole.to_owned(),
                        None => format!("xl/{target}"),
                    });
                }
            }
            _ => {}
        })?;
        if paths.is_empty() {
            bail!("it has no sheet `{title}`");
        }
        let shared = match read_part(&mut archive, "xl/sharedStrings.xml")? {
            Some(part) => read_shared_texts(&part)?,
            None => Vec::new(),
        };
        for path in paths {
            let part = read_part(&mut archive, &path)?.with_context(|| format!("it has no part {path}"))?;
            read.add_part(&part, &shared)?;
        }
        Ok(read)
    }

    /// Returns the time that a number of days stands for, to the second.
    pub(crate) fn find_time(&self, days: f64) -> Option<Timestamp> {
        let zero = if self.counts_from_1904 { DAY_ZERO_OF_1904 } else { DAY_ZERO };
        let seconds = SignedDuration::try_from_secs_f64((days * SECONDS_PER_DAY).round()).ok()?;
        Timestamp::from_second(zero).ok()?.checked_add(seconds).ok()
    }

    fn add_part(&mut self, part: &str, shared: &[String]) -> Result<()> {
        let mut reader = Reader::from_str(part);
        let (mut row, mut place, mut kind) = (BTreeMap::new(), 0, String::new());
        let (mut value, mut is_value) = (String::new(), false);
        loop {
            match reader.read_event()? {
                Event::Start(element) | Event::Empty(element) if element.local_name().as_ref() == b"c" => {
                    let at = find_attribute(&element, "r").unwrap_or_default();
                    place = find_column_number(&at).unwrap_or(place + 1);
                    kind = find_attribute(&element, "t").unwrap_or_default();
                    value.clear();
                }
                Event::Start(element) => is_value |= matches!(element.local_name().as_ref(), b"v" | b"t"),
                Event::End(element) => match element.local_name().as_ref() {
                    b"v" | b"t" => is_value = false,
                    b"c" => {
                        let cell = read_cell(&kind, std::mem::take(&mut value), shared)?;
                        row.extend(cell.map(|cell| (place, cell)));
                    }
                    b"row" => self.rows.push(std::mem::take(&mut row)),
                    _ => {}
                },
                Event::Eof => return Ok(()),
                event if is_value => add_text(&event, &mut value)?,
                _ => {}
            }
        }
    }
}

/// Returns the cell of this kind with this value; `None` for an empty one.
fn read_cell(kind: &str, value: String, shared: &[String]) -> Result<Option<WorkbookCell>> {
    if value.is_empty() {
        return Ok(None);
    }
    Ok(Some(match kind {
        "s" => {
            let number = value.trim().parse().ok();
            let text = number.and_then(|number: usize| shared.get(number));
            WorkbookCell::Text(text.ok_or_else(|| anyhow!("a cell names a text that is not there"))?.clone())
        }
        "" | "n" => match value.trim().parse() {
            Ok(number) => WorkbookCell::Number(number),
            Err(_) => WorkbookCell::Text(value),
        },
        _ => WorkbookCell::Text(decode_characters(&value)),
    }))
}

/// Returns the texts that cells name by their numbers. What tells how a text is spoken is no part of it.
fn read_shared_texts(part: &str) -> Result<Vec<String>> {
    let mut reader = Reader::from_str(part);
    let (mut texts, mut text) = (Vec::new(), String::new());
    let (mut is_text, mut is_spoken) = (false, false);
    loop {
        match reader.read_event()? {
            Event::Start(element) => match element.local_name().as_ref() {
                b"t" => is_text = !is_spoken,
                b"rPh" => is_spoken = true,
                _ => {}
            },
            Event::Empty(element) if element.local_name().as_ref() == b"si" => texts.push(String::new()),
            Event::End(element) => match element.local_name().as_ref() {
                b"t" => is_text = false,
                b"rPh" => is_spoken = false,
                b"si" => texts.push(decode_characters(&std::mem::take(&mut text))),
                _ => {}
            },
            Event::Eof => return Ok(texts),
            event if is_text => add_text(&event, &mut text)?,
            _ => {}
        }
    }
}

/// Adds the characters of an event to a text.
fn add_text(event: &Event<'_>, text: &mut String) -> Result<()> {
    match event {
        Event::Text(words) => text.push_str(&words.decode()?),
        Event::CData(words) => text.push_str(&words.decode()?),
        Event::GeneralRef(reference) => match reference.resolve_char_ref()? {
            Some(character) => text.push(character),
            None => text.push(match &**reference {
                b"lt" => '<',
                b"gt" => '>',
                b"amp" => '&',
                b"quot" => '"',
                b"apos" => '\'',
                _ => bail!("it has an entity that no workbook has"),
            }),
        },
        _ => {}
    }
    Ok(())
}

/// Returns a text with the characters that a workbook writes as `_x000D_`.
fn decode_characters(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("_x") {
        decoded.push_str(before);
        let digits = after.get(..4).filter(|_| after.get(4..5) == Some("_"));
        let character =
            digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32);
        match character {
            Some(character) => {
                decoded.push(character);
                rest = after.get(5..).unwrap_or_default();
            }
            None => {
                decoded.push_str("_x");
                rest = after;
            }
        }
    }
    decoded.push_str(rest);
    decoded
}

/// Returns the number of a column, counted from 0, of a place such as `AB12`.
fn find_column_number(place: &str) -> Option<usize> {
    let mut number = 0_usize;
    for letter in place.bytes().take_while(u8::is_ascii_uppercase) {
        number = number.checked_mul(26)?.checked_add(usize::from(letter - b'A') + 1)?;
    }
    number.checked_sub(1)
}

fn for_each_element(part: &str, mut take: impl FnMut(&[u8], &BytesStart<'_>)) -> Result<()> {
    let mut reader = Reader::from_str(part);
    loop {
        match reader.read_event()? {
            Event::Start(element) | Event::Empty(element) => take(element.local_name().as_ref(), &element),
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

/// Returns the value of an attribute, whatever its prefix is.
fn find_attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut attributes = element.attributes().flatten();
    let found = attributes.find(|one| one.key.local_name().as_ref() == name.as_bytes())?;
    let written = std::str::from_utf8(&found.value).ok()?;
    Some(quick_xml::escape::unescape(written).ok()?.into_owned())
}

/// Returns a part as text; `None` if there is none of that name.
fn read_part(archive: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> Result<Option<String>> {
    if archive.index_for_name(name).is_none() {
        return Ok(None);
    }
    let entry = archive.by_name(name).with_context(|| format!("cannot read the part {name}"))?;
    let mut text = String::new();
    entry.take(MAX_PART_BYTES).read_to_string(&mut text).with_context(|| format!("cannot read {name}"))?;
    if text.len() as u64 >= MAX_PART_BYTES {
        bail!("its part {name} is larger than {MAX_PART_BYTES} bytes");
    }
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use zip::write::SimpleFileOptions;

    use super::*;

    /// Returns a workbook of these parts.
    fn pack(parts: &[(&str, &str)]) -> Vec<u8> {
        let mut out = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in parts {
            out.start_file(*name, SimpleFileOptions::default()).unwrap();
            out.write_all(text.as_bytes()).unwrap();
        }
        out.finish().unwrap().into_inner()
    }

    #[test]
    fn texts_and_numbers_are_read_however_a_spreadsheet_wrote_them() {
        for (property, is_1904) in [("<workbookPr/>", false), ("<x:workbookPr date1904=\"1\"/>", true)] {
            let overview = format!(
                "<w>{property}<sheets><sheet name=\"Other\" r:id=\"r1\"/><sheet name=\"A &amp; B\" r:id=\"r2\"/><sheet \
                 name=\"A &amp; B (2)\" r:id=\"r3\"/></sheets></w>"
            );
            let relations = "<r><Relationship Id=\"r1\" Target=\"worksheets/one.xml\"/><Relationship Id=\"r2\" \
                             Target=\"worksheets/two.xml\"/><Relationship Id=\"r3\" Target=\"/xl/three.xml\"/></r>";
            let shared = "<sst><si><t>Cause</t></si><si><r><t>a &lt;b&gt;</t></r><r><t xml:space=\"preserve\"> c</t></r>\
                          <rPh><t>spoken</t></rPh></si><si/></sst>";
            let two = "<s><sheetData><row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"AA1\" t=\"s\"><v>1</v></c></row>\
                       <row r=\"2\"><c r=\"B2\"><v>46023.5</v></c><c r=\"C2\"/><c r=\"D2\" t=\"inlineStr\"><is>\
                       <t>x_x000D_y_x_z&#65;</t></is></c><c t=\"str\"><f>1+1</f><v>two</v></c></row></sheetData></s>";
            let workbook = pack(&[
                ("xl/workbook.xml", &overview),
                ("xl/_rels/workbook.xml.rels", relations),
                ("xl/sharedStrings.xml", shared),
                ("xl/worksheets/one.xml", "<s/>"),
                ("xl/worksheets/two.xml", two),
                ("xl/three.xml", "<s><row><c r=\"A1\"><v>7</v></c></row></s>"),
            ]);
            let read = WorkbookRows::read_sheet(&workbook, "A & B").unwrap();
            let text = |words: &str| WorkbookCell::Text(words.to_owned());
            let expected = [
                BTreeMap::from([(0, text("Cause")), (26, text("a <b> c"))]),
                BTreeMap::from([
                    (1, WorkbookCell::Number(46023.5)),
                    (3, text("x\ry_x_zA")),
                    (4, text("two")),
                ]),
                BTreeMap::from([(0, WorkbookCell::Number(7.0))]),
            ];
            assert_eq!(read.rows, expected);
            let time = if is_1904 { "2030-01-02T12:00:00Z" } else { "2026-01-01T12:00:00Z" };
            assert_eq!(read.find_time(46023.5), Some(time.parse().unwrap()));
            assert_eq!(read.find_time(f64::MAX), None);
            assert!(WorkbookRows::read_sheet(&workbook, "Missing").is_err());
        }
        assert!(WorkbookRows::read_sheet(b"no workbook", "A").is_err());
    }
}
