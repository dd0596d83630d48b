//! Searches a text for a byte.
//!
//! A library that is fast with long texts first asks what the processor can do, once in each process.
//! On a virtual machine every such question goes to its host, and all of them take longer than it
//! takes to judge a message of usual size. The system's own `memchr` was chosen when the process was
//! loaded; the standard library calls it to read up to a byte.

use std::io::BufRead as _;

/// How many bytes are compared at a time, from the end.
const BLOCK_BYTES: usize = 32;

/// Returns the offset of the first `byte` in `text`.
pub(crate) fn find_first_byte(byte: u8, text: &[u8]) -> Option<usize> {
    let mut rest = text;
    // Reading from memory does not fail.
    let last = rest.skip_until(byte).ok()?.checked_sub(1)?;
    (text.get(last) == Some(&byte)).then_some(last)
}

/// Returns the offset of the last `byte` in `text`.
pub(crate) fn find_last_byte(byte: u8, text: &[u8]) -> Option<usize> {
    let (head, blocks) = text.as_rchunks::<BLOCK_BYTES>();
    let holds = |block: &[u8; BLOCK_BYTES]| has_byte(byte, block);
    let (piece, start) = match blocks.iter().rposition(holds) {
        Some(number) => (blocks.get(number)?.as_slice(), head.len() + number * BLOCK_BYTES),
        None => (head, 0),
    };
    Some(start + piece.iter().rposition(|other| *other == byte)?)
}

/// Returns true if `byte` is in a block; without a way out in the middle this is a few instructions.
fn has_byte(byte: u8, block: &[u8; BLOCK_BYTES]) -> bool {
    let mut is_found = false;
    for other in block {
        is_found |= *other == byte;
    }
    is_found
}

/// Returns how often `byte` occurs in `text`.
pub(crate) fn count_bytes(byte: u8, text: &[u8]) -> usize {
    text.iter().filter(|other| **other == byte).count()
}

/// Returns the length of the first line of `text`, with its LF if it has one.
pub(crate) fn find_line_length(text: &[u8]) -> usize {
    match find_first_byte(b'\n', text) {
        Some(lf) => lf + 1,
        None => text.len(),
    }
}

/// Returns the offsets at which the lines of `text` begin; what follows a final LF is an empty line.
pub(crate) fn find_line_starts(text: &[u8]) -> impl Iterator<Item = usize> {
    let after = |start: &usize| {
        let rest = text.get(*start..).unwrap_or_default();
        find_first_byte(b'\n', rest).map(|at| start + at + 1)
    };
    std::iter::successors(Some(0), after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_is_what_stands_there() {
        for length in [0, 1, 7, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 2 * BLOCK_BYTES, 100, 5000] {
            for every in [1, 3, 31, 32, 33, 1000, 9000] {
                let byte = |at: usize| if at % every == every - 1 { b'\n' } else { b'a' };
                let text: Vec<u8> = (0..length).map(byte).collect();
                let found: Vec<usize> = (0..length).filter(|at| text[*at] == b'\n').collect();
                assert_eq!(find_first_byte(b'\n', &text), found.first().copied());
                assert_eq!(find_last_byte(b'\n', &text), found.last().copied());
                assert_eq!(count_bytes(b'\n', &text), found.len());
                let begins: Vec<usize> =
                    std::iter::once(0).chain(found.into_iter().map(|at| at + 1)).collect();
                assert_eq!(find_line_starts(&text).collect::<Vec<_>>(), begins);
            }
        }
    }
}
