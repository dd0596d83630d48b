//! A file of code owners by the meaning of GitHub: the last line that matches a path counts.
//!
//! Patterns are those of gitignore, without `!`, without ranges in brackets and without `\#`. A line that GitHub
//! cannot read is skipped, as GitHub does it.

use crate::pattern::PathPattern;
use crate::people::code_owners::owner_entry::{
    IgnoredLine, OwnerEntry, OwnerName, split_numbered_lines, split_pattern,
};
use crate::yaml::shorten_for_message;

/// Returns the entries of a file, in the order of its lines.
pub(super) fn read_github_lines(source: &[u8], ignored: &mut Vec<IgnoredLine>) -> Vec<OwnerEntry> {
    let mut entries = Vec::new();
    for (line, bytes) in split_numbered_lines(source) {
        match read_line(line, bytes) {
            Ok(entry) => entries.extend(entry),
            Err(why) => ignored.push(IgnoredLine { line, why }),
        }
    }
    entries
}

/// Reads one line; `None` for one without a pattern.
fn read_line(line: usize, bytes: &[u8]) -> Result<Option<OwnerEntry>, String> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Err("it is not UTF-8".into()) };
    let text = text.trim();
    if text.is_empty() || text.starts_with('#') {
        return Ok(None);
    }
    let (written, rest) = split_pattern(text);
    if written.starts_with('!') {
        return Err("GitHub has no patterns that start with `!`".into());
    }
    if written.starts_with("\\#") {
        return Err("GitHub reads no pattern that starts with `\\#`".into());
    }
    if written.contains(['[', ']']) {
        return Err("GitHub has no ranges in brackets; a section is GitLab's (`codeowners: gitlab`)".into());
    }
    let pattern = PathPattern::new(written)?;
    let mut owners = Vec::new();
    for word in rest.split_whitespace() {
        if word.starts_with('#') {
            break;
        }
        match OwnerName::parse_owner(word) {
            Some(OwnerName::Handle(handle)) if handle.matches('/').count() > 1 => {
                return Err(format!("`{}` is no account or team of GitHub", shorten_for_message(&handle)));
            }
            Some(owner @ (OwnerName::Handle(_) | OwnerName::Address(_))) => owners.push(owner),
            Some(OwnerName::Role(_)) | None => {
                return Err(format!(
                    "`{}` is no account, team or address of an owner",
                    shorten_for_message(word)
                ));
            }
        }
    }
    // `docs/*` is of the files in `docs`, and of nothing below its folders.
    let is_exact = written.ends_with("/*") && !written.ends_with("**/*");
    Ok(Some(OwnerEntry { line, pattern, is_exact, is_exclusion: false, owners }))
}
