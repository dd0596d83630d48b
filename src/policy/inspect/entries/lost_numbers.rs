//! Numbers of accounts that are lost in a comment: in `github:ana #583231` a space stands before the `#`.
//!
//! YAML takes the rest of such a line for a comment, and the account would count by its login alone, whoever
//! has that login later.

use crate::policy::inspect::findings::FileFindings;
use crate::yaml::{YamlFault, YamlNode, YamlPlace, YamlValue, shorten_for_message};

/// The keys whose values are accounts, also without the name of a forge.
const ACCOUNT_KEYS: [&str; 2] = ["accounts", "account"];

/// Looks behind every account of a file for a comment that is nothing but a number.
pub(crate) fn inspect_lost_numbers(source: &[u8], node: &YamlNode, found: &mut FileFindings) {
    let text = String::from_utf8_lossy(source);
    let lines: Vec<&str> = text.trim_start_matches('\u{feff}').lines().collect();
    inspect_node(&lines, node, false, found);
}

fn inspect_node(lines: &[&str], node: &YamlNode, is_account: bool, found: &mut FileFindings) {
    match &node.value {
        YamlValue::Scalar { text, is_plain: true } if is_account || names_forge(text) => {
            if let Some((at, number)) = find_number_comment(lines, node.at, text) {
                let account = shorten_for_message(text);
                let number = shorten_for_message(number);
                let what =
                    format!("` #{number}` is a comment, so `{account}` stands here without its number");
                let help = format!("write `{account}#{number}`, without the space");
                found.errors.push(YamlFault::new(at, what).with_help(help));
            }
        }
        YamlValue::Scalar { .. } => {}
        YamlValue::List(items) => {
            for item in items {
                inspect_node(lines, item, is_account, found);
            }
        }
        YamlValue::Map(entries) => {
            for (key, value) in entries {
                inspect_node(lines, value, ACCOUNT_KEYS.contains(&key.text.as_str()), found);
            }
        }
    }
}

/// Returns true for an account of a forge without a number, such as `github:ana`.
fn names_forge(text: &str) -> bool {
    text.split_once(':').is_some_and(|(forge, login)| {
        let is_login_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.[]".contains(&byte);
        !forge.is_empty()
            && forge.bytes().all(|byte| byte.is_ascii_lowercase())
            && !login.is_empty()
            && login.bytes().all(is_login_byte)
    })
}

/// Returns the number that is all of the comment behind a value, with the place of its `#`.
fn find_number_comment<'line>(
    lines: &[&'line str],
    at: YamlPlace,
    text: &str,
) -> Option<(YamlPlace, &'line str)> {
    let line = lines.get(at.line.checked_sub(1)?)?;
    let start = at.column.checked_sub(1)? + text.chars().count();
    let rest = line.get(line.char_indices().nth(start)?.0..)?;
    let comment = rest.trim_start();
    let number = comment.strip_prefix('#')?.trim_end();
    if rest == comment || number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let column = start + 1 + rest.chars().count() - comment.chars().count();
    Some((YamlPlace { line: at.line, column, length: 1 + number.len() }, number))
}
