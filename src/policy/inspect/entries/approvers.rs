//! Approvers and reasons that say nothing: placeholders, and people whom the roster does not list.

use crate::change::placeholder::is_unfilled;
use crate::people::PeopleDirectory;
use crate::policy::inspect::findings::FileFindings;
use crate::policy::inspect::written::{find_entry, list_entries, list_items, scalar_text};
use crate::yaml::{YamlFault, YamlNode, shorten_for_message};

/// Looks at who has granted the exemptions of a file, and at the reasons that it gives.
pub(crate) fn inspect_approvers(file: &YamlNode, people: &PeopleDirectory, found: &mut FileFindings) {
    for exemption in find_entry(file, "exemptions").map(list_items).unwrap_or_default() {
        if let Some(approver) = find_entry(exemption, "approved-by") {
            inspect_approver(approver, people, found);
        }
        found.errors.extend(find_entry(exemption, "reason").and_then(find_empty_reason));
    }
    for (_, rule) in find_entry(file, "rules").map(list_entries).unwrap_or_default() {
        found.errors.extend(find_entry(rule, "reason").and_then(find_empty_reason));
    }
    for (_, reason) in find_entry(file, "reasons").map(list_entries).unwrap_or_default() {
        found.errors.extend(find_empty_reason(reason));
    }
}

/// Returns the fault of a reason that is a placeholder.
fn find_empty_reason(reason: &YamlNode) -> Option<YamlFault> {
    let written = scalar_text(reason).filter(|written| is_unfilled(written))?;
    let what = format!("`{}` is a placeholder, and no reason", shorten_for_message(written));
    Some(YamlFault::new(reason.at, what).with_help("say why"))
}

/// Looks at whoever is named as the approver of a standard change or of an exemption.
pub(crate) fn inspect_approver(approver: &YamlNode, people: &PeopleDirectory, found: &mut FileFindings) {
    let Some(written) = scalar_text(approver) else { return };
    let shown = shorten_for_message(written);
    if is_unfilled(written) {
        let what = format!("`{shown}` is a placeholder, and names nobody who has approved this");
        found.errors.push(YamlFault::new(approver.at, what).with_help("name the person who approved it"));
        return;
    }
    let identity = find_identity(written);
    if people.has_roster() && identity.is_some_and(|identity| !people.lists_person(identity)) {
        let what = format!("`{shown}`, who is said to have approved this, is not in the roster");
        let help = "correct the address, or add them to the roster";
        found.notes.push(YamlFault::new(approver.at, what).with_help(help));
    }
}

/// Returns the address of `Name <address>`, an address by itself, or an account with its forge; `None` for a plain
/// name, which says nothing about the roster.
fn find_identity(written: &str) -> Option<&str> {
    let bare = written.split_once('<').and_then(|(_, rest)| rest.strip_suffix('>')).unwrap_or(written);
    let is_word = !bare.is_empty() && !bare.contains(char::is_whitespace);
    let is_account = bare.split_once(':').is_some_and(|(forge, login)| {
        !forge.is_empty() && forge.bytes().all(|byte| byte.is_ascii_lowercase()) && !login.is_empty()
    });
    (is_word && (bare.contains('@') || is_account)).then_some(bare)
}

#[cfg(test)]
mod tests {
    use super::find_identity;

    #[test]
    fn an_approver_is_looked_up_by_an_address_or_an_account() {
        for (written, identity) in [
            ("Dana Fox <dana@example.com>", Some("dana@example.com")),
            ("dana@example.com", Some("dana@example.com")),
            ("github:dana", Some("github:dana")),
            ("Dana Fox", None),
            ("Dana", None),
            ("the board: Dana and Kim", None),
            ("Dana @ the board", None),
            ("CAB:", None),
        ] {
            assert_eq!(find_identity(written), identity, "{written}");
        }
    }
}
