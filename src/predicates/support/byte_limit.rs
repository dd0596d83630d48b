//! A number of bytes as a policy writes it, such as `5MB`.

use crate::yaml::shorten_for_message;

/// A number of bytes, with the text in the policy.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ByteLimit {
    pub(crate) bytes: u64,
    pub(crate) written: String,
}

impl ByteLimit {
    /// Reads a size as it is written in a policy.
    ///
    /// # Errors
    ///
    /// Refuses what has no number or no known unit.
    pub(crate) fn new(written: &str) -> Result<Self, String> {
        match parse_byte_count(written) {
            Some(bytes) => Ok(ByteLimit { bytes, written: written.to_owned() }),
            None => Err(format!(
                "expected a size such as `500KB`, `5MB` or `1GiB`, found `{}`",
                shorten_for_message(written)
            )),
        }
    }
}

fn parse_byte_count(written: &str) -> Option<u64> {
    let digits = written.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = written.split_at_checked(digits)?;
    let factor: u64 = match unit.trim_start() {
        "B" => 1,
        "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}
