//! How one line that people write is to read: `longest`, `matches` and `refuse`, the same for the
//! subject of a commit and the title of a pull request.

use crate::change::Text;
use crate::change::person::is_invisible;
use crate::pattern::ValuePattern;
use crate::predicates::parameters::{describe_limit, format_alternatives, format_count};
use crate::yaml::YamlFault;
use crate::yaml::decode::{MapReader, parse_one, read_count, read_texts};

/// What is asked of a line; all of it is meant.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct WordingRequirement {
    max_characters: Option<u64>,
    pattern: Option<ValuePattern>,
    refused_starts: Vec<String>,
}

impl WordingRequirement {
    pub(crate) fn read_wording(map: &mut MapReader<'_>, faults: &mut Vec<YamlFault>) -> Self {
        let longest = map.find_key("longest").and_then(|node| read_count(node, 1, 10_000, faults));
        let matches = map.find_key("matches").and_then(|node| parse_one(node, faults, ValuePattern::new));
        let refuse = map.find_key("refuse").map(|node| read_texts(node, faults)).unwrap_or_default();
        WordingRequirement {
            max_characters: longest,
            pattern: matches,
            refused_starts: refuse.into_iter().map(str::to_owned).collect(),
        }
    }

    /// Returns what is asked, each in words that follow what the line is called.
    pub(crate) fn describe_parts(&self) -> impl Iterator<Item = String> {
        let longest =
            self.max_characters.map(|longest| format!("has at most {}", format_count(longest, "character")));
        let matches = self.pattern.as_ref().map(|pattern| format!("is of the form {pattern}"));
        let refuse = (!self.refused_starts.is_empty())
            .then(|| format!("does not start with {}", format_alternatives(&self.refused_starts)));
        [longest, matches, refuse].into_iter().flatten()
    }

    /// Returns what is wrong with a line, each in words that follow it.
    ///
    /// # Errors
    ///
    /// Returns the one reason why nothing else can be asked of it.
    pub(crate) fn find_violations(&self, line: &Text) -> Result<Vec<String>, String> {
        let mut reasons = Vec::new();
        let written = line.as_utf8().ok_or(" is not UTF-8")?;
        if !has_visible_text(written) {
            return Err(" says nothing".into());
        }
        if written.chars().any(is_terminal_control) {
            reasons.push(" holds characters that steer a terminal or reorder text".into());
        }
        let length = u64::try_from(written.chars().count()).unwrap_or(u64::MAX);
        if let Some(longest) = self.max_characters.filter(|longest| *longest < length) {
            reasons.push(format!(
                " has {}, and {}",
                format_count(length, "character"),
                describe_limit(longest)
            ));
        }
        match self.pattern.as_ref().map(|pattern| (pattern, pattern.matches_value(line.as_bytes()))) {
            Some((pattern, Some(false))) => reasons.push(format!(" is not of the form {pattern}")),
            Some((_, None)) => {
                reasons.push(" cannot be compared, because the policy's pattern is too large".into());
            }
            Some((_, Some(true))) | None => {}
        }
        let folded = written.to_lowercase();
        if let Some(refused) =
            self.refused_starts.iter().find(|refused| folded.starts_with(&refused.to_lowercase()))
        {
            reasons.push(format!(" starts with `{refused}`"));
        }
        Ok(reasons)
    }
}

/// Returns true if there is a letter or a digit that a reader can see.
pub(crate) fn has_visible_text(text: &str) -> bool {
    text.chars().any(|character| character.is_alphanumeric() && !is_invisible(character))
}

/// Returns true for controls and for what changes the direction of text. Joiners and variation
/// selectors are let through: pictures are made with them.
fn is_terminal_control(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
