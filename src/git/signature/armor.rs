//! Takes signatures and keys out of their ASCII armor.
//!
//! One reader serves OpenPGP (RFC 9580, section 6) and SSH (PROTOCOL.sshsig). It is stricter than
//! the tools: nothing may precede or follow the armor, since a second signature could hide in what a
//! verifier skips. The CRC of an OpenPGP armor is not checked, as RFC 9580 asks.

use ssh_encoding::base64::{Base64, Encoding};

/// Why an armor cannot be opened.
pub(crate) type ArmorError = &'static str;

/// What an armor may hold beside its base64.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArmorFlavour {
    /// Headers, the empty line that ends them, and a checksum may be there.
    OpenPgp,
    /// Only the base64 may be there.
    Ssh,
}

/// Returns the bytes in `text`, which is one armor of the kind `label` and nothing else.
///
/// # Errors
///
/// Says which part of the armor is broken.
pub(crate) fn open_armor(text: &[u8], label: &str, flavour: ArmorFlavour) -> Result<Vec<u8>, ArmorError> {
    let Ok(text) = std::str::from_utf8(text) else { return Err("the armor is not ASCII") };
    let mut lines = text.lines();
    let bytes = read_block(&mut lines, label, flavour)?;
    for line in lines {
        if !line.trim_ascii().is_empty() {
            return Err("text follows the armor");
        }
    }
    Ok(bytes)
}

/// Returns the bytes of each OpenPGP armor of the kind `label` in `text`; between them there may be
/// empty lines and lines that begin with `#`.
///
/// # Errors
///
/// Gives the number of the first line of the armor that is broken, and says how it is broken.
pub(crate) fn open_all_armors(text: &[u8], label: &str) -> Result<Vec<Vec<u8>>, (usize, ArmorError)> {
    let Ok(text) = std::str::from_utf8(text) else { return Err((1, "the armor is not ASCII")) };
    let mut lines = text.lines();
    let mut blocks = Vec::new();
    loop {
        let before = lines.clone();
        match lines.clone().next() {
            None => return Ok(blocks),
            Some(line) if line.trim_ascii().is_empty() || line.starts_with('#') => {
                lines.next();
            }
            Some(_) => match read_block(&mut lines, label, ArmorFlavour::OpenPgp) {
                Ok(block) => blocks.push(block),
                Err(broken) => return Err((text.lines().count() - before.count() + 1, broken)),
            },
        }
    }
}

fn read_block(
    lines: &mut std::str::Lines<'_>,
    label: &str,
    flavour: ArmorFlavour,
) -> Result<Vec<u8>, ArmorError> {
    let Some(first) = lines.next() else { return Err("the armor does not begin as it should") };
    if !is_armor_mark(first, "BEGIN ", label) {
        return Err("the armor does not begin as it should");
    }
    if flavour == ArmorFlavour::OpenPgp {
        loop {
            let line = lines.next().ok_or("the armor is cut short")?.trim_ascii_end();
            if line.is_empty() {
                break;
            }
            if !line.contains(": ") && !line.ends_with(':') {
                return Err("the armor has no empty line before its content");
            }
        }
    }
    // The checksum, if there is one, has to be the last line: data after it would be ignored by some tools.
    let mut base64 = String::new();
    let mut checksum = false;
    for line in lines {
        if is_armor_mark(line, "END ", label) {
            let Ok(bytes) = Base64::decode_vec(&base64) else {
                return Err("the content of the armor is not base64");
            };
            return Ok(bytes);
        }
        let line = line.trim_ascii_end();
        if checksum || line.is_empty() || line.starts_with("-----") {
            return Err("the armor does not end as it should");
        }
        if flavour == ArmorFlavour::OpenPgp && line.starts_with('=') && line.len() == 5 {
            checksum = true;
        } else {
            base64.push_str(line);
        }
    }
    Err("the armor is cut short")
}

/// Returns true for the line `-----BEGIN LABEL-----` or `-----END LABEL-----`, as `mark` says.
fn is_armor_mark(line: &str, mark: &str, label: &str) -> bool {
    let Some(inner) = line.trim_ascii_end().strip_prefix("-----") else { return false };
    let Some(inner) = inner.strip_suffix("-----") else { return false };
    inner.strip_prefix(mark) == Some(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pgp(text: &str) -> Result<Vec<u8>, ArmorError> {
        open_armor(text.as_bytes(), "PGP SIGNATURE", ArmorFlavour::OpenPgp)
    }

    #[test]
    fn an_armor_is_opened_whatever_the_width_of_its_lines() {
        let text =
            "-----BEGIN PGP SIGNATURE-----\nComment: x\n\naGVs\nbG8=\n=AAAA\n-----END PGP SIGNATURE-----\n";
        assert_eq!(pgp(text).unwrap(), b"hello");
        let text = "-----BEGIN SSH SIGNATURE-----\naGVsbG8=\n-----END SSH SIGNATURE-----\n\n";
        assert_eq!(open_armor(text.as_bytes(), "SSH SIGNATURE", ArmorFlavour::Ssh).unwrap(), b"hello");
    }

    #[test]
    fn nothing_hides_around_an_armor() {
        let armor = "-----BEGIN PGP SIGNATURE-----\n\naGVsbG8=\n-----END PGP SIGNATURE-----\n";
        assert!(pgp(armor).is_ok());
        for broken in [
            String::new(),
            format!("x\n{armor}"),
            format!("{armor}x"),
            format!("{armor}{armor}"),
            armor.replace("\n\n", "\n"),
            armor.replace("END", "STOP"),
            armor.replace("SIGNATURE", "MESSAGE"),
            armor.replace("aGVsbG8=", "aGVsbG8"),
            armor.replace("aGVsbG8=", "aGVsbG8=\n\n"),
            armor.replace("aGVsbG8=", "aGV*bG8="),
            armor.replace("aGVsbG8=", "=AAAA\naGVsbG8="),
        ] {
            assert!(pgp(&broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn several_armors_may_follow_each_other() {
        let armor = "-----BEGIN X-----\n\naGVsbG8=\n-----END X-----\n";
        let text = format!("# Ana\n{armor}\n# Bob\n{armor}");
        assert_eq!(open_all_armors(text.as_bytes(), "X").unwrap(), [b"hello", b"hello"]);
        assert_eq!(open_all_armors(format!("{armor}\nAna\n{armor}").as_bytes(), "X").unwrap_err().0, 6);
    }
}
