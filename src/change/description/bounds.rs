//! Finds what would cost the parser of descriptions more than the length of its input, before it parses.

use memchr::memchr_iter;

/// How many quotations and lists may begin on one line. The parser goes through all that are open
/// with every further line.
const MAX_LINE_MARKERS: usize = 100;

/// How many cells a table may be completed with. The parser makes a cell of each that is not there.
const MAX_TABLE_CELLS: usize = 1 << 15;

/// Returns true if some line of `body` opens more than `MAX_LINE_MARKERS` quotations and lists.
pub(crate) fn is_nested_too_deep(body: &str) -> bool {
    for line in body.split(['\n', '\r']) {
        let mut opened = 0;
        let mut bytes = line.bytes().peekable();
        while let Some(byte) = bytes.next() {
            let is_marker = matches!(byte, b'-' | b'*' | b'+' | b'.' | b')');
            match byte {
                b'>' => opened += 1,
                _ if is_marker && matches!(bytes.peek(), Some(b' ' | b'\t')) => opened += 1,
                b' ' | b'\t' | b'0'..=b'9' => {}
                _ => break,
            }
        }
        if opened > MAX_LINE_MARKERS {
            return true;
        }
    }
    false
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

/// Returns true for the bytes of the line below the header of a table.
fn is_delimiter_byte(byte: u8) -> bool {
    matches!(byte, b'|' | b'-' | b':' | b' ' | b'\t' | b'>')
}
