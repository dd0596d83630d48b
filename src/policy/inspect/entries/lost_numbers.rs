//! Numbers of accounts that are lost in a comment: in `github:ana #583231` a space stands before the `#`.
//!
//! YAML takes the rest of such a line for a comment, and the account would count by its login alone, whoever
//! has that login later.

use crate::policy::inspect::findings::FileFindings;
use crate::yaml::{YamlFault, YamlNode, YamlPlace, YamlValue, shorten_for_message};

/// The keys whose values are accounts, also without the name of a forge.
const ACCOUNT_KEYS: [&str; 2] = ["accounts", "account"];

/// The comment at the end of a line, if it is nothing but a number.
struct NumberComment<'line> {
    /// How many characters stand before it, without the spaces in front of it.
    before: usize,
    /// How many characters stand before its `#`.
    start: usize,
    number: &'line str,
}

/// Looks behind every account of a file for a comment that is nothing but a number.
pub(crate) fn inspect_lost_numbers(source: &[u8], node: &YamlNode, found: &mut FileFindings) {
    let text = String::from_utf8_lossy(source);
    let lines = text.trim_start_matches('\u{feff}').lines();
    let comments: Vec<Option<NumberComment<'_>>> = lines.map(find_number_comment).collect();
    if comments.iter().any(Option::is_some) {
        inspect_node(&comments, node, false, found);
    }
}

fn inspect_node(
    comments: &[Option<NumberComment<'_>>],
    node: &YamlNode,
    is_account: bool,
    found: &mut FileFindings,
) {
    match &node.value {
        YamlValue::Scalar { text, is_plain: true } if is_account || names_forge(text) => {
            if let Some((at, number)) = find_comment_behind(comments, node.at, text) {
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
                inspect_node(comments, item, is_account, found);
            }
        }
        YamlValue::Map(entries) => {
            for (key, value) in entries {
                inspect_node(comments, value, ACCOUNT_KEYS.contains(&key.text.as_str()), found);
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

/// Returns the comment at the end of a line, if it is nothing but a number behind a space.
fn find_number_comment(line: &str) -> Option<NumberComment<'_>> {
    let (start, comment) = line.rsplit_once('#')?;
    let number = comment.trim_end();
    let before = start.trim_end();
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && before.len() < start.len()).then(|| NumberComment {
        before: before.chars().count(),
        start: start.chars().count(),
        number,
    })
}

/// Returns the number that is all of the comment behind a value, with the place of its `#`.
fn find_comment_behind<'line>(
    comments: &[Option<NumberComment<'line>>],
    at: YamlPlace,
    text: &str,
) -> Option<(YamlPlace, &'line str)> {
    let comment = comments.get(at.line.checked_sub(1)?)?.as_ref()?;
    let end = at.column.checked_sub(1)? + text.chars().count();
    let length = 1 + comment.number.len();
    let place = YamlPlace { line: at.line, column: comment.start + 1, length };
    (end == comment.before).then_some((place, comment.number))
}
