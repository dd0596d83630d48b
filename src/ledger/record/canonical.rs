//! Canonical JSON (RFC 8785), written and recognised.
//!
//! Keys in order, no space between them, one way to escape. Numbers are integers here. `ledger verify`
//! recognises the form without writing a record once more, which would take most of its time.

use serde::Serialize;

/// How deep a document may be nested before it is not recognised.
const MAX_JSON_DEPTH: usize = 128;

/// Returns a value as canonical JSON.
///
/// # Errors
///
/// Fails for what JSON cannot hold.
pub fn to_canonical_json(value: &impl Serialize) -> Result<Vec<u8>, String> {
    serde_json_canonicalizer::to_vec(value).map_err(|error| error.to_string())
}

/// Returns a value whose keys are nearly always in order already as canonical JSON, in a part of the time. It
/// holds no number that is not exact as a `f64`.
///
/// # Errors
///
/// Fails for what JSON cannot hold.
pub fn to_canonical_json_in_order(value: &impl Serialize) -> Result<Vec<u8>, String> {
    match serde_json::to_vec(value) {
        Ok(written) if is_canonical(&written) => Ok(written),
        _ => to_canonical_json(value),
    }
}

/// Returns whether bytes are one canonical document, without fractions.
pub fn is_canonical(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok() && skip_value(bytes, MAX_JSON_DEPTH).is_some_and(<[u8]>::is_empty)
}

/// Returns what follows the value that `rest` begins with; `None` if there is none, or not in order.
fn skip_value(rest: &[u8], depth: usize) -> Option<&[u8]> {
    let depth = depth.checked_sub(1)?;
    match rest.first()? {
        b'{' => skip_object(rest.get(1..)?, depth),
        b'[' => skip_array(rest.get(1..)?, depth),
        b'"' => Some(split_string(rest)?.1),
        b'n' => rest.strip_prefix(b"null"),
        b't' => rest.strip_prefix(b"true"),
        b'f' => rest.strip_prefix(b"false"),
        _ => skip_number(rest),
    }
}

fn skip_object(rest: &[u8], depth: usize) -> Option<&[u8]> {
    if let Some(after) = rest.strip_prefix(b"}") {
        return Some(after);
    }
    let mut rest = rest;
    let mut last: Option<&[u8]> = None;
    loop {
        let (key, after) = split_string(rest)?;
        if last.is_some_and(|last| !is_key_before(last, key)) {
            return None;
        }
        last = Some(key);
        let after = skip_value(after.strip_prefix(b":")?, depth)?;
        match after.first()? {
            b',' => rest = after.get(1..)?,
            b'}' => return after.get(1..),
            _ => return None,
        }
    }
}

fn skip_array(rest: &[u8], depth: usize) -> Option<&[u8]> {
    if let Some(after) = rest.strip_prefix(b"]") {
        return Some(after);
    }
    let mut rest = rest;
    loop {
        let after = skip_value(rest, depth)?;
        match after.first()? {
            b',' => rest = after.get(1..)?,
            b']' => return after.get(1..),
            _ => return None,
        }
    }
}

fn skip_number(rest: &[u8]) -> Option<&[u8]> {
    let digits = rest.strip_prefix(b"-").unwrap_or(rest);
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let is_plain = match digits.first()? {
        b'0' => count == 1 && digits.len() == rest.len(),
        byte => byte.is_ascii_digit(),
    };
    is_plain.then(|| digits.get(count..)).flatten()
}

/// Returns a string with its quotes, and what follows it.
fn split_string(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = rest.strip_prefix(b"\"")?;
    let mut at = 0;
    loop {
        at += inside.get(at..)?.iter().position(|byte| matches!(byte, b'"' | b'\\') || *byte < 0x20)?;
        match inside.get(at)? {
            b'"' => return rest.split_at_checked(at + 2),
            b'\\' => {}
            _ => return None,
        }
        match inside.get(at + 1)? {
            b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't' => at += 2,
            b'u' => {
                let digits = std::str::from_utf8(inside.get(at + 2..at + 6)?).ok()?;
                let is_lower = digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
                if !is_lower {
                    return None;
                }
                let code = u32::from_str_radix(digits, 16).ok()?;
                // The others have a shorter way, or need none.
                if code >= 0x20 || matches!(code, 0x08 | 0x09 | 0x0a | 0x0c | 0x0d) {
                    return None;
                }
                at += 6;
            }
            _ => return None,
        }
    }
}

/// Returns whether one key comes before another: by UTF-16 code units, as RFC 8785 has it.
fn is_key_before(one: &[u8], other: &[u8]) -> bool {
    if is_plain_key(one) && is_plain_key(other) {
        // Without the quotes: the one at the end is below every character but the space and `!`.
        return strip_quotes(one) < strip_quotes(other);
    }
    read_utf16(one) < read_utf16(other)
}

/// Returns whether a key is ASCII without escapes, so that its bytes are in the order of its units.
fn is_plain_key(key: &[u8]) -> bool {
    key.is_ascii() && !key.contains(&b'\\')
}

fn strip_quotes(key: &[u8]) -> Option<&[u8]> {
    key.get(1..key.len().saturating_sub(1))
}

fn read_utf16(key: &[u8]) -> Option<Vec<u16>> {
    let key: String = serde_json::from_slice(key).ok()?;
    Some(key.encode_utf16().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_written_is_recognised() {
        for value in [
            json!(null),
            json!({}),
            json!([]),
            json!({ "b": [1, -2, 0, true, false, null], "a": { "": "", " ": 1, "a": 2, "a b": 3, "a!": 4 } }),
            json!({ "\u{fb33}": 1, "\u{1f600}": 2, "\u{20ac}": 3, "\r": 4, "1": 5, "\u{80}": 6, "\u{f6}": 7 }),
            json!("\u{0}\u{1}\u{8}\t\n\u{c}\r\u{1f} \"\\/ \u{7f} \u{2028} \u{1f600}"),
        ] {
            let bytes = to_canonical_json(&value).unwrap();
            assert!(is_canonical(&bytes), "{}", String::from_utf8_lossy(&bytes));
            assert_eq!(to_canonical_json_in_order(&value).unwrap(), bytes);
        }
    }

    #[test]
    fn every_other_way_of_writing_is_not() {
        for text in [
            "",
            " ",
            "{",
            "[1",
            "\"a",
            "1 ",
            " 1",
            "[1, 2]",
            "[1,]",
            "{\"a\":1,}",
            "{\"a\": 1}",
            "{\"b\":1,\"a\":2}",
            "{\"a\":1,\"a\":2}",
            "{a:1}",
            "01",
            "-0",
            "+1",
            "1.0",
            "1e3",
            "-",
            "\"\\u0041\"",
            "\"\\u000A\"",
            "\"\\u000a\"",
            "\"\\/\"",
            "\"\\u001F\"",
            "\"\t\"",
            "nul",
            "truefalse",
            "1\n",
            "\"\\ud83d\\ude00\"",
        ] {
            assert!(!is_canonical(text.as_bytes()), "{text}");
        }
        assert!(!is_canonical(b"\"\xff\""));
        assert!(!is_canonical("[".repeat(1_000_000).as_bytes()));
    }
}
