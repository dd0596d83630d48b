//! How one line that people write is to read: `longest`, `matches` and `refuse`, the same for the
//! subject of a commit and the title of a pull request.

use super::parameters::{allowed, counted, either};
use crate::change::Text;
use crate::change::person::is_invisible;
use crate::pattern::ValuePattern;
use crate::yaml::Fault;
use crate::yaml::decode::{Map, count, one, texts};

/// What is asked of a line; all of it is meant.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Wording {
    longest: Option<u64>,
    matches: Option<ValuePattern>,
    refuse: Vec<String>,
}

impl Wording {
    pub(super) fn read(map: &mut Map<'_>, faults: &mut Vec<Fault>) -> Self {
        let longest = map.get("longest").and_then(|node| count(node, 1, 10_000, faults));
        let matches = map.get("matches").and_then(|node| one(node, faults, ValuePattern::new));
        let refuse = map.get("refuse").map(|node| texts(node, faults)).unwrap_or_default();
        Wording { longest, matches, refuse: refuse.into_iter().map(str::to_owned).collect() }
    }

    /// Returns what is asked, each in words that follow what the line is called.
    pub(super) fn words(&self) -> impl Iterator<Item = String> {
        let longest = self.longest.map(|longest| format!("has at most {}", counted(longest, "character")));
        let matches = self.matches.as_ref().map(|pattern| format!("is of the form {pattern}"));
        let refuse =
            (!self.refuse.is_empty()).then(|| format!("does not start with {}", either(&self.refuse)));
        [longest, matches, refuse].into_iter().flatten()
    }

    /// Returns what is wrong with a line, each in words that follow it.
    ///
    /// # Errors
    ///
    /// Returns the one reason why nothing else can be asked of it.
    pub(super) fn wrong(&self, line: &Text) -> Result<Vec<String>, String> {
        let mut reasons = Vec::new();
        let written = line.as_utf8().ok_or(" is not UTF-8")?;
        if !says_something(written) {
            return Err(" says nothing".into());
        }
        if written.chars().any(steers) {
            reasons.push(" holds characters that steer a terminal or reorder text".into());
        }
        let length = u64::try_from(written.chars().count()).unwrap_or(u64::MAX);
        if let Some(longest) = self.longest.filter(|longest| *longest < length) {
            reasons.push(format!(" has {}, and {}", counted(length, "character"), allowed(longest)));
        }
        match self.matches.as_ref().map(|pattern| (pattern, pattern.matches(line.as_bytes()))) {
            Some((pattern, Some(false))) => reasons.push(format!(" is not of the form {pattern}")),
            Some((_, None)) => {
                reasons.push(" cannot be compared, because the policy's pattern is too large".into());
            }
            Some((_, Some(true))) | None => {}
        }
        let folded = written.to_lowercase();
        if let Some(refused) = self.refuse.iter().find(|refused| folded.starts_with(&refused.to_lowercase()))
        {
            reasons.push(format!(" starts with `{refused}`"));
        }
        Ok(reasons)
    }
}

/// Returns true if there is a letter or a digit that a reader can see.
pub(super) fn says_something(text: &str) -> bool {
    text.chars().any(|character| character.is_alphanumeric() && !is_invisible(character))
}

/// Returns true for controls and for what changes the direction of text. Joiners and variation
/// selectors are let through: pictures are made with them.
fn steers(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
