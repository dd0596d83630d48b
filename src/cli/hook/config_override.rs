//! The variables of the configuration that the user of a clone overrides, by `git -c` or in the environment.

use crate::cli::context::Context;

/// Returns the variables that the environment overrides, in git's order.
pub(crate) fn read_config_overrides(context: &Context) -> Vec<(String, String)> {
    let mut overrides = Vec::new();
    let count = context.read_text_variable("GIT_CONFIG_COUNT").and_then(|count| count.parse().ok());
    for index in 0..count.unwrap_or(0_usize).min(1000) {
        let key = context.read_text_variable(&format!("GIT_CONFIG_KEY_{index}"));
        let value = context.read_text_variable(&format!("GIT_CONFIG_VALUE_{index}"));
        overrides.extend(key.map(|key| (key, value.unwrap_or_default())));
    }
    overrides.extend(read_command_overrides(context));
    overrides
}

/// Returns the variables that the command line of git overrides with `-c`.
pub(crate) fn read_command_overrides(context: &Context) -> Vec<(String, String)> {
    let parameters = context.read_text_variable("GIT_CONFIG_PARAMETERS");
    parameters.map_or_else(Vec::new, |parameters| parse_config_parameters(&parameters))
}

/// Parses what `git -c` passes on: `'key'='value'`, or `'key=value'` as earlier versions wrote it.
fn parse_config_parameters(text: &str) -> Vec<(String, String)> {
    let mut overrides = Vec::new();
    let mut word = String::new();
    let mut is_quoted = false;
    let mut letters = text.chars();
    loop {
        match letters.next() {
            Some('\'') => is_quoted = !is_quoted,
            Some('\\') if !is_quoted => word.extend(letters.next()),
            Some(letter) if is_quoted || letter != ' ' => word.push(letter),
            end => {
                let (key, value) = word.split_once('=').unwrap_or((&word, "true"));
                if !key.is_empty() {
                    overrides.push((key.to_owned(), value.to_owned()));
                }
                word.clear();
                if end.is_none() {
                    return overrides;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_are_read_as_git_writes_them() {
        let parsed = parse_config_parameters(
            r"'core.commentchar'=';' 'commit.cleanup=strip' 'a.b'='it'\''s '\!'' 'commit.verbose'=",
        );
        let parsed: Vec<(&str, &str)> =
            parsed.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(
            parsed,
            [
                ("core.commentchar", ";"),
                ("commit.cleanup", "strip"),
                ("a.b", "it's !"),
                ("commit.verbose", "")
            ]
        );
        assert_eq!(parse_config_parameters("'commit.verbose'"), [("commit.verbose".into(), "true".into())]);
    }
}
