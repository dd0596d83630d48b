//! Finds what would cost the parser of descriptions more than the length of its input, before it parses.

use std::borrow::Cow;

use memchr::memchr_iter;

/// How many quotations, lists and footnotes may begin on one line. The parser goes through all that are open
/// with every further line.
const MAX_LINE_MARKERS: usize = 100;

/// How many cells a table may be completed with. The parser makes a cell of each that is not there.
const MAX_TABLE_CELLS: usize = 1 << 15;

/// How many lines the settings at the start of a template have at most.
const MAX_FRONT_MATTER_LINES: usize = 50;

/// Returns true if some line of `body` opens more than `MAX_LINE_MARKERS` quotations, lists and footnotes.
pub(crate) fn is_nested_too_deep(body: &str) -> bool {
    body.split(['\n', '\r']).any(|line| count_line_markers(line.as_bytes()) > MAX_LINE_MARKERS)
}

/// Counts the quotations, lists and footnotes that a line opens.
fn count_line_markers(line: &[u8]) -> usize {
    let mut opened = 0;
    let mut rest = line;
    while let [byte, after @ ..] = rest {
        rest = after;
        match byte {
            b'>' => opened += 1,
            b'-' | b'*' | b'+' | b'.' | b')' if matches!(after, [b' ' | b'\t', ..]) => opened += 1,
            b'[' if after.starts_with(b"^") => {
                let Some(end) = memchr::memmem::find(after, b"]:") else { break };
                rest = after.get(end + 2..).unwrap_or_default();
                opened += 1;
            }
            b' ' | b'\t' | b'0'..=b'9' => {}
            _ => break,
        }
    }
    opened
}

/// Returns true if a table of `body` could be completed with more than `MAX_TABLE_CELLS` cells.
pub(crate) fn has_too_many_cells(body: &str) -> bool {
    let mut columns = 0;
    for line in body.split(['\n', '\r']) {
        if line.bytes().all(is_delimiter_byte) {
            columns = columns.max(memchr_iter(b'|', line.as_bytes()).count() + 1);
        }
    }
    let rows = memchr_iter(b'\n', body.as_bytes()).count() + memchr_iter(b'\r', body.as_bytes()).count();
    rows.saturating_mul(columns.saturating_sub(3_usize)) > MAX_TABLE_CELLS
}

/// Returns `body` with the settings that it begins with blanked out, line by line.
pub(crate) fn blank_front_matter(body: &str) -> Cow<'_, str> {
    let (front, rest) = split_front_matter(body);
    if front.is_empty() {
        return Cow::Borrowed(body);
    }
    let blank = front.chars().filter(|one| matches!(one, '\n' | '\r')).collect::<String>();
    Cow::Owned(blank + rest)
}

/// Splits `body` behind the settings that it begins with, which are perhaps none: what stands between two
/// lines `---` at its very start, if each line there is a key, a comment or part of a list.
pub(crate) fn split_front_matter(body: &str) -> (&str, &str) {
    let mut end = 0;
    for (index, line) in body.split_inclusive('\n').enumerate() {
        end += line.len();
        let line = line.trim_end();
        match index {
            0 if line.trim_start_matches('\u{feff}') != "---" => break,
            0 => {}
            _ if line == "---" || line == "..." => return body.split_at_checked(end).unwrap_or(("", body)),
            MAX_FRONT_MATTER_LINES.. => break,
            _ if !is_setting(line) => break,
            _ => {}
        }
    }
    ("", body)
}

/// Returns true for a line that settings in YAML can have.
fn is_setting(line: &str) -> bool {
    let is_part = line.is_empty() || line.starts_with([' ', '\t', '#']) || line.starts_with("- ");
    is_part
        || line.split_once(':').is_some_and(|(key, value)| {
            // `Back-out plan: revert` is a setting like any other, and `https://...` is none.
            !key.is_empty()
                && key.bytes().all(is_setting_byte)
                && (value.is_empty() || value.starts_with(' '))
        })
}

/// Returns true for a byte of a key, which may be of several words and in quotation marks.
fn is_setting_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/' | b' ' | b'"' | b'\'')
}

/// Returns true for the bytes of the line below the header of a table.
fn is_delimiter_byte(byte: u8) -> bool {
    matches!(byte, b'|' | b'-' | b':' | b' ' | b'\t' | b'>')
}
