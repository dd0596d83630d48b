//! Names and addresses without what the eye passes over: two that look alike are the same when they are folded.

use crate::change::message::known_keys::fold_homoglyph;

/// The first parts of addresses that several people use.
const SHARED_PARTS: [&str; 16] = [
    "admin",
    "administrator",
    "contact",
    "dev",
    "devs",
    "hello",
    "help",
    "info",
    "it",
    "mail",
    "no-reply",
    "noreply",
    "office",
    "root",
    "support",
    "team",
];

/// Returns the letters and digits that a name looks like, in small letters.
pub(crate) fn fold_identity(name: &str) -> String {
    let folded = name.chars().flat_map(char::to_lowercase).map(fold_homoglyph);
    folded.filter(|one| one.is_alphanumeric()).collect()
}

/// Returns what the part before the `@` of an address, or the name of an account, looks like.
pub(crate) fn fold_local_part(identity: &str) -> String {
    let part = identity.split('@').next().unwrap_or(identity);
    let part = part.rsplit(':').next().unwrap_or(part);
    let part = part.split('#').next().unwrap_or(part);
    // GitHub puts the number of the account before the login.
    let part = match part.split_once('+') {
        Some((number, login)) if number.bytes().all(|byte| byte.is_ascii_digit()) => login,
        Some((plain, _)) => plain,
        None => part,
    };
    fold_identity(part)
}

/// Returns true for the first part of an address that several people use.
pub(crate) fn is_shared_part(part: &str) -> bool {
    SHARED_PARTS.iter().any(|shared| fold_identity(shared) == part)
}
