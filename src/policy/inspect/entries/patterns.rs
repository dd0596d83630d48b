//! Patterns of paths and refs that are written in another language than that of `.gitignore`.

use std::collections::HashSet;

use crate::pattern::PathPattern;
use crate::policy::inspect::findings::{FileFindings, FoundPattern, PatternUse};
use crate::policy::inspect::written::{
    find_entry, list_entries, list_items, list_predicates, list_texts, scalar_text,
};
use crate::yaml::{YamlFault, YamlNode, YamlValue, shorten_for_message};

/// What git calls a remote where nothing else is said.
const USUAL_REMOTE: &str = "origin";

/// What is wrong with a pattern, and what to write instead.
type PatternSlip = (String, String);

/// Looks at every pattern of paths and of refs in a file.
pub(crate) fn inspect_patterns(file: &YamlNode, found: &mut FileFindings) {
    if let Some(refs) = find_entry(file, "protects") {
        inspect_ref_patterns(refs, found);
        inspect_remote_names(refs, found);
    }
    for (key, value) in list_predicates(file) {
        let is_map = matches!(value.value, YamlValue::Map(_));
        match key.text.as_str() {
            "branch" => inspect_ref_patterns(value, found),
            "touches" if !is_map => inspect_path_patterns(value, PatternUse::Matching, found),
            "only-touches" => inspect_path_patterns(value, PatternUse::Covering, found),
            "touches" | "size" | "blob" | "adds-lines" | "digest-of" => {
                for (key, value) in list_entries(value) {
                    if ["paths", "ignore", "lfs", "in", "path"].contains(&key.text.as_str()) {
                        inspect_path_patterns(value, PatternUse::Matching, found);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Looks at patterns of the paths that a standard change may touch.
pub(crate) fn inspect_covering_patterns(list: &YamlNode, found: &mut FileFindings) {
    inspect_path_patterns(list, PatternUse::Covering, found);
}

fn inspect_path_patterns(list: &YamlNode, asked: PatternUse, found: &mut FileFindings) {
    for item in list_items(list) {
        let Some(text) = scalar_text(item) else { continue };
        if let Some((what, help)) = find_path_slip(text) {
            found.errors.push(YamlFault::new(item.at, what).with_help(help));
        } else if let Ok(pattern) = PathPattern::new(text) {
            found.patterns.push(FoundPattern { at: item.at, pattern, asked });
        }
    }
}

fn inspect_ref_patterns(list: &YamlNode, found: &mut FileFindings) {
    for item in list_items(list) {
        let Some(text) = scalar_text(item) else { continue };
        if let Some((what, help)) = find_brace_slip(text).or_else(|| find_expression_slip(text, "*")) {
            found.errors.push(YamlFault::new(item.at, what).with_help(help));
        }
    }
}

/// Notes a name that git has for a branch of a remote: in a policy it is a branch of that name.
fn inspect_remote_names(list: &YamlNode, found: &mut FileFindings) {
    let names: HashSet<&str> = list_texts(list).into_iter().collect();
    for item in list_items(list) {
        let Some(text) = scalar_text(item) else { continue };
        let tracked = text.strip_prefix("refs/remotes/").or_else(|| text.strip_prefix("remotes/"));
        let remote_branch = tracked.unwrap_or(text).split_once('/');
        let Some((remote, branch)) = remote_branch else { continue };
        let is_tracked = tracked.is_some() || remote == USUAL_REMOTE || names.contains(branch);
        if text.starts_with("refs/") && tracked.is_none() || !is_tracked {
            continue;
        }
        let (shown, branch) = (shorten_for_message(text), shorten_for_message(branch));
        let what = match text.starts_with("refs/remotes/") {
            true => {
                format!("`{shown}` is no branch that is pushed to, but what a clone remembers of a remote")
            }
            false => format!("`{shown}` is a branch of this name, and not the branch `{branch}` of a remote"),
        };
        found.notes.push(YamlFault::new(item.at, what).with_help(format!("write `{branch}`")));
    }
}

/// Returns what no author means by a pattern of paths.
fn find_path_slip(text: &str) -> Option<PatternSlip> {
    let shown = shorten_for_message(text);
    if let Some(rest) = text.strip_prefix("./") {
        let what = format!("`{shown}` matches nothing: no path starts with `./`");
        return Some((what, format!("write `/{}`", shorten_for_message(rest.trim_start_matches("./")))));
    }
    if text.split('/').any(|part| part == ".." || part == ".") {
        let what = format!("`{shown}` matches nothing: no path has a part `.` or `..`");
        return Some((what, "write the path from the root of the repository".into()));
    }
    if text == "~" || text.starts_with("~/") {
        let what = format!("`{shown}` matches nothing: `~` is no folder of the repository");
        return Some((what, "write the path from the root of the repository".into()));
    }
    if text.contains("//") {
        let what = format!("`{shown}` matches nothing: no path has two slashes in a row");
        return Some((what, format!("write `{}`", shorten_for_message(&text.replace("//", "/")))));
    }
    find_brace_slip(text).or_else(|| find_expression_slip(text, "**")).or_else(|| find_backslash_slip(text))
}

/// Returns the slip of a pattern with alternatives in braces, as a shell has them.
fn find_brace_slip(text: &str) -> Option<PatternSlip> {
    let (before, rest) = text.split_once('{')?;
    let (within, after) = rest.split_once('}')?;
    // A folder of a template may be called `{{name}}`.
    if !within.contains(',') || before.ends_with(['\\', '[']) {
        return None;
    }
    let mut each = Vec::new();
    for part in within.split(',') {
        each.push(format!("'{before}{}{after}'", part.trim()));
    }
    let what =
        format!("`{}` matches nothing that is meant: braces stand for themselves", shorten_for_message(text));
    Some((what, format!("list each: {}", shorten_for_message(&each.join(", ")))))
}

/// Returns the slip of a regular expression where a pattern belongs; `any` is what matches anything there.
fn find_expression_slip(text: &str, any: &str) -> Option<PatternSlip> {
    if !text.starts_with('^') && !text.ends_with('$') {
        return None;
    }
    let plain = text.trim_start_matches('^').trim_end_matches('$');
    let plain = plain.replace(".*", any).replace("\\.", ".").replace("\\/", "/");
    let what =
        format!("`{}` looks like a regular expression, and this is a pattern", shorten_for_message(text));
    Some((what, format!("write `{}`", shorten_for_message(&plain))))
}

/// Returns the slip of a path as Windows writes it. A back-slash before a sign that means something else
/// takes its meaning away, and stays.
fn find_backslash_slip(text: &str) -> Option<PatternSlip> {
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if character == '\\' && rest.next().is_some_and(|next| next.is_ascii_alphanumeric() || next == '_') {
            let what = format!("`{}`: a back-slash does not part folders", shorten_for_message(text));
            return Some((what, format!("write `{}`", shorten_for_message(&text.replace('\\', "/")))));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_language_means_is_told_with_the_right_words() {
        for (text, help) in [
            ("./models/**", "write `/models/**`"),
            ("a/../b", "write the path from the root of the repository"),
            ("~/models", "write the path from the root of the repository"),
            ("a//b", "write `a/b`"),
            ("models/*.{pt,gguf}", "list each: 'models/*.pt', 'models/*.gguf'"),
            ("^models/.*$", "write `models/**`"),
            ("models/.*\\.pt$", "write `models/**.pt`"),
            ("models\\weights\\*", "write `models/weights/*`"),
        ] {
            assert_eq!(find_path_slip(text).map(|(_, help)| help).as_deref(), Some(help), "{text}");
        }
    }

    #[test]
    fn what_gitignore_means_is_left_alone() {
        for text in [
            "*.rs",
            "/src/**",
            ".*",
            "*~",
            "{{name}}/**",
            "[{]a,b}",
            "a\\*b",
            "\\#x",
            "price$/x",
            "a.*",
            "\\^x",
            ".github/",
            "a.b",
            "x/~y",
        ] {
            assert_eq!(find_path_slip(text), None, "{text}");
        }
    }
}
