//! Names and wordings in a form that belongs to another key: a person where an address is compared, a regular expression
//! where `*` is the only sign that stands for others.

use crate::policy::inspect::written::{find_entry, list_items, scalar_text};
use crate::yaml::{YamlFault, YamlNode, shorten_for_message};

/// Returns the note on a pattern of addresses that no address matches.
pub(crate) fn find_address_slip(item: &YamlNode) -> Option<YamlFault> {
    let text = scalar_text(item)?;
    let is_person = text.contains('<') && text.ends_with('>') && text.contains('@');
    if !is_person {
        return find_expression_slip(item);
    }
    let shown = shorten_for_message(text);
    let what = format!("`{shown}` matches nothing: only the address is compared, without a name");
    let (_, address) = text.split_once('<')?;
    let help = format!("write `{}`", shorten_for_message(address.trim_end_matches('>')));
    Some(YamlFault::new(item.at, what).with_help(help))
}

/// Returns the note on a pattern of accounts that no account matches.
pub(crate) fn find_account_slip(item: &YamlNode) -> Option<YamlFault> {
    let text = scalar_text(item)?;
    if !text.contains([' ', '<', '>']) {
        return find_expression_slip(item);
    }
    let what =
        format!("`{}` matches nothing: the account that pushes is compared", shorten_for_message(text));
    let help = "write the account, as in `ana` or `github:ana`; for people, ask for a `team`";
    Some(YamlFault::new(item.at, what).with_help(help))
}

/// Returns the note on a regular expression where a pattern of names belongs.
pub(crate) fn find_expression_slip(item: &YamlNode) -> Option<YamlFault> {
    let text = scalar_text(item)?;
    let is_expression =
        text.starts_with('^') || text.ends_with('$') || text.contains(".*") || text.contains("\\.");
    if !is_expression {
        return None;
    }
    let what = format!("`{}` looks like a regular expression, and this is a name", shorten_for_message(text));
    let plain = text.trim_start_matches('^').trim_end_matches('$');
    let plain = plain.replace(".*", "*").replace("\\.", ".").replace(".+", "*");
    let help = match plain.is_empty() || plain.bytes().all(|byte| byte == b'*') {
        true => "`*` stands for any characters, and everything else for itself".to_owned(),
        false => format!(
            "write `{}`; `*` stands for any characters, and everything else for itself",
            shorten_for_message(&plain)
        ),
    };
    Some(YamlFault::new(item.at, what).with_help(help))
}

/// Returns the notes on the wording that `subject` or `title` asks for: an expression that is meant to begin the line
/// and has to match all of it, and one among the beginnings that are refused as they stand.
pub(crate) fn find_wording_slips(line: &str, asked: &YamlNode) -> Vec<YamlFault> {
    let mut notes = Vec::new();
    if let Some(node) = find_entry(asked, "matches")
        && let Some(text) = scalar_text(node)
        && let Some(start) = text.strip_prefix('^')
        && !text.contains('$')
        && !text.ends_with(['*', '+', '?'])
    {
        let what = format!(
            "`{}` has to match the whole {line}, and not only its beginning",
            shorten_for_message(text)
        );
        let help = format!(
            "write `{}.*`, or `{}` for no more than that",
            shorten_for_message(start),
            shorten_for_message(start)
        );
        notes.push(YamlFault::new(node.at, what).with_help(help));
    }
    for item in find_entry(asked, "refuse").map(list_items).unwrap_or_default() {
        let Some(text) = scalar_text(item) else { continue };
        if let Some(start) = text.strip_prefix('^').filter(|start| !start.is_empty()) {
            let what = format!("`{}` is refused as it stands, with its `^`", shorten_for_message(text));
            let help = format!(
                "write `{}`; `refuse` names what the {line} must not begin with, and `matches` takes an expression",
                shorten_for_message(start)
            );
            notes.push(YamlFault::new(item.at, what).with_help(help));
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::read_document;

    fn note(find: fn(&YamlNode) -> Option<YamlFault>, text: &str) -> String {
        let node = read_document(format!("'{text}'").as_bytes()).unwrap();
        find(&node).map(|fault| fault.help.unwrap()).unwrap_or_default()
    }

    #[test]
    fn a_name_in_another_form_is_told_with_the_right_one() {
        for (text, help) in [
            ("Ana <a@example.com>", "write `a@example.com`"),
            ("<a@example.com>", "write `a@example.com`"),
            ("^ana@.*$", "write `ana@*`; `*` stands for any characters, and everything else for itself"),
            ("^.*$", "`*` stands for any characters, and everything else for itself"),
            ("*@example.com", ""),
            ("a.b@example.com", ""),
            ("renovate[bot]", ""),
        ] {
            assert_eq!(note(find_address_slip, text), help, "{text}");
        }
        for (text, is_told) in [
            ("Ana Lang", true),
            ("Ana <a@example.com>", true),
            ("^ci-", true),
            ("ci-*", false),
            ("github:ana", false),
        ] {
            assert_eq!(!note(find_account_slip, text).is_empty(), is_told, "{text}");
        }
        assert!(note(find_expression_slip, "lint (.*)").contains("write `lint (*)`"));
        assert_eq!(note(find_expression_slip, "lint *"), "");
    }

    #[test]
    fn an_expression_for_a_beginning_is_told() {
        let count =
            |text: &str| find_wording_slips("subject", &read_document(text.as_bytes()).unwrap()).len();
        for (text, notes) in [
            ("matches: '^fix'", 1),
            ("matches: '^(feat|fix): '", 1),
            ("matches: '^fix.*'", 0),
            ("matches: '^fix$'", 0),
            ("matches: '^(x|$)'", 0),
            ("matches: 'fix.+'", 0),
            ("refuse: ['^fixup!', wip]", 1),
            ("refuse: ['fixup!', '^']", 0),
        ] {
            assert_eq!(count(text), notes, "{text}");
        }
    }
}
