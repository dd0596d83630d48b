//! Identities that look like those of another person: letters of other scripts, full-width forms, the same name or the
//! same first part under another address.
//!
//! None of this grants or refuses anything by itself. It says whom the owner of a roster may have forgotten to list an
//! address of, or whom an attacker wants to be taken for.

use crate::change::Text;
use crate::people::PeopleDirectory;
use crate::people::folded_names::{fold_identity, fold_local_part, is_shared_part};

impl PeopleDirectory {
    /// Returns the key of a person of the roster whose name or address an unknown name and address look like.
    pub(crate) fn find_look_alike(&self, name: &Text, address: Option<&Text>) -> Option<&str> {
        let name = fold_identity(&name.to_lossy());
        let address = address.map(|address| address.to_lossy().into_owned()).unwrap_or_default();
        let part = fold_local_part(&address);
        let is_shared = is_shared_part(&part);
        if !name.is_empty()
            && let Some(key) = self.rostered.find_name_like(&name)
        {
            return Some(key);
        }
        if part.is_empty() || is_shared {
            return None;
        }
        self.rostered.find_identity_like(&part)
    }
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
