//! Deltas: one version of an object, built from pieces of another version.

/// A delta whose two sizes have been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PackDelta<'a> {
    /// The size of the base, in bytes.
    pub(crate) base_size: u64,
    /// The size of the result, in bytes.
    pub(crate) result_size: u64,
    instructions: &'a [u8],
}

impl<'a> PackDelta<'a> {
    /// Reads the sizes at the beginning of a delta; `None` if it is malformed.
    pub(crate) fn parse_delta(delta: &'a [u8]) -> Option<PackDelta<'a>> {
        let (base_size, rest) = parse_size(delta)?;
        let (size, pieces) = parse_size(rest)?;
        Some(PackDelta { base_size, result_size: size, instructions: pieces })
    }

    /// Builds the result from `base`; `None` if the delta is malformed or is for another base.
    pub(crate) fn apply_to(&self, base: &[u8]) -> Option<Vec<u8>> {
        if base.len() as u64 != self.base_size {
            return None;
        }
        let size = usize::try_from(self.result_size).ok()?;
        let mut made = Vec::with_capacity(size);
        let mut rest = self.instructions;
        while let Some((command, after)) = rest.split_first() {
            let piece;
            if command & 0x80 != 0 {
                let (start, after) = parse_operand(*command, 4, after)?;
                let (length, after) = parse_operand(command >> 4, 3, after)?;
                let length = if length == 0 { 0x1_0000 } else { length };
                piece = base.get(start..start.checked_add(length)?)?;
                rest = after;
            } else {
                // A zero is reserved for the future, as git says.
                if *command == 0 {
                    return None;
                }
                (piece, rest) = after.split_at_checked(usize::from(*command))?;
            }
            if piece.len() > size - made.len() {
                return None;
            }
            made.extend_from_slice(piece);
        }
        (made.len() == size).then_some(made)
    }
}

/// Reads a number of seven bits for each byte, the least significant first.
fn parse_size(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (index, byte) in bytes.iter().enumerate().take(9) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(index + 1..)?));
        }
    }
    None
}

/// Reads a number of up to `most` bytes, the least significant first; `present` has a bit for each byte that
/// is there.
fn parse_operand(present: u8, most: u8, mut bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0;
    for place in (0..most).filter(|place| present & (1 << place) != 0) {
        let (byte, rest) = bytes.split_first()?;
        value |= usize::from(*byte) << (8 * place);
        bytes = rest;
    }
    Some((value, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(base: &[u8], delta: &[u8]) -> Option<Vec<u8>> {
        PackDelta::parse_delta(delta)?.apply_to(base)
    }

    #[test]
    fn pieces_are_copied_and_inserted() {
        let base = b"the quick brown fox";
        // Copies of 4 from 0 and of 3 from 16, and three new bytes between them.
        assert_eq!(apply(base, b"\x13\x0a\x90\x04old\x00"), None);
        assert_eq!(apply(base, b"\x13\x0a\x90\x04\x03old\x91\x10\x03").unwrap(), b"the oldfox");
        assert_eq!(apply(base, b"\x13\x00").unwrap(), b"");
        let long = vec![7; 0x1_0001];
        // No length stands for 64 KiB.
        assert_eq!(apply(&long, b"\x81\x80\x04\x80\x80\x04\x80").unwrap(), vec![7; 0x1_0000]);
        assert_eq!(apply(&long, b"\x81\x80\x04\x01\xb3\x00\x00\x01\x00").unwrap(), [7]);
    }

    #[test]
    fn what_does_not_add_up_is_refused() {
        let base = b"base";
        assert_eq!(apply(base, b"\x04\x04\x90\x04").unwrap(), base);
        for delta in [
            &b""[..],
            b"\x04",
            b"\x84\x84",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x04\x90\x04",
            b"\x05\x04\x90\x04",
            b"\x04\x03\x90\x04",
            b"\x04\x05\x90\x04",
            b"\x04\x05\x90\x05",
            b"\x04\x04\x91\x01\x04",
            b"\x04\x04\x90",
            b"\x04\x04\x04abc",
            b"\x04\x00\x00",
            b"\x04\x04\xff\xff\xff\xff\xff\xff\xff\xff",
        ] {
            assert_eq!(apply(base, delta), None, "{}", delta.escape_ascii());
        }
    }
}
