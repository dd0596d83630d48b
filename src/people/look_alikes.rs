//! Identities that look like those of another person: letters of other scripts, full-width forms, the same name or the
//! same first part under another address.
//!
//! None of this grants or refuses anything by itself. It says whom the owner of a roster may have forgotten to list an
//! address of, or whom an attacker wants to be taken for.

use std::collections::BTreeMap;

use crate::change::Text;
use crate::change::message::known_keys::fold_homoglyph;
use crate::people::PeopleDirectory;

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

impl PeopleDirectory {
    /// Returns the key of a person of the roster whose name or address an unknown name and address look like.
    pub(crate) fn find_look_alike(&self, name: &Text, address: Option<&Text>) -> Option<&str> {
        let name = fold_identity(&name.to_lossy());
        let address = address.map(|address| address.to_lossy().into_owned()).unwrap_or_default();
        let part = fold_local_part(&address);
        let is_shared = is_shared_part(&part);
        if !name.is_empty() {
            // The first of several by its key: the map has no order.
            let alike = self.names_by_key.iter().filter(|(_, known)| fold_identity(known) == name);
            if let Some((key, _)) = alike.min_by_key(|(key, _)| *key) {
                return Some(key);
            }
        }
        if part.is_empty() || is_shared {
            return None;
        }
        let identities: BTreeMap<&str, &str> = self.list_identities();
        let mut alike = identities.into_iter().filter(|(known, _)| fold_local_part(known) == part);
        alike.next().map(|(_, key)| key)
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::read_document;

    #[test]
    fn what_looks_like_a_person_of_the_roster_is_found() {
        let roster = "people:\n  ana: { name: Ana Ruiz, addresses: [ana.ruiz@example.com], accounts: ['github:ana-sec#7'] }\n  ops: { addresses: [admin@example.com] }\n";
        let mut people = PeopleDirectory::default();
        people.read_roster(&read_document(roster.as_bytes()).unwrap(), &mut Vec::new());
        let like = |name: &str, address: Option<&str>| {
            people.find_look_alike(&name.into(), address.map(Text::from).as_ref()).map(str::to_owned)
        };
        for (name, address) in [
            ("Ana Ruiz", Some("evil@example.org")),
            ("\u{410}na Ruiz", Some("evil@example.org")),
            ("\u{ff21}na Ruiz", None),
            ("x", Some("Ana.Ruiz@example.org")),
            ("x", Some("\u{430}na.ruiz@example.com")),
            ("x", Some("12+ana-sec@users.noreply.github.com")),
        ] {
            assert_eq!(like(name, address).as_deref(), Some("ana"), "{name} {address:?}");
        }
        for (name, address) in
            [("Eve", Some("eve@example.com")), ("x", Some("admin@example.org")), ("", None)]
        {
            assert_eq!(like(name, address), None, "{name} {address:?}");
        }
    }
}
