//! The files that stand beside a first policy: the templates of commits and of descriptions, and the workflows.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::policy::Policy;
use crate::vocabulary::{FieldDefinition, FieldKind};

/// The path of the template of commit messages.
pub(super) const COMMIT_TEMPLATE_PATH: &str = ".gitmessage";

/// The path of the template of descriptions.
pub(super) const PULL_TEMPLATE_PATH: &str = ".github/pull_request_template.md";

/// The workflows, by their paths; they are those of the README.
pub(super) const WORKFLOWS: [(&str, &str); 2] = [
    (".github/workflows/changegate-events.yml", include_str!("workflow_events.yml")),
    (".github/workflows/changegate.yml", include_str!("workflow_judge.yml")),
];

/// What stands in the workflows in place of a release of this program.
pub(super) const RELEASE_PLACEHOLDER: &str = "OWNER/changegate@FULL_COMMIT_HASH";

/// The folders in which forges look for a template of descriptions.
const TEMPLATE_FOLDERS: [&str; 4] = [".github", "", "docs", ".gitlab/merge_request_templates"];

/// The largest template that is read, in bytes.
const MAX_TEMPLATE_BYTES: u64 = 256 * 1024;

/// A template that is there already.
pub(super) struct ExistingTemplate {
    /// Its path from the root.
    pub(super) path: String,
    /// What it says; empty if it cannot be read.
    pub(super) text: String,
}

/// Returns the template of descriptions in the work tree, if there is one.
pub(super) fn find_pull_template(root: &Path) -> Option<ExistingTemplate> {
    for folder in TEMPLATE_FOLDERS {
        let entries = std::fs::read_dir(root.join(folder)).into_iter().flatten().filter_map(Result::ok);
        let prefix = if folder.starts_with(".gitlab") { "default.md" } else { "pull_request_template." };
        let is_template = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
            name.starts_with(prefix) && path.is_file()
        };
        let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_template).collect();
        found.sort();
        if let Some(path) = found.first() {
            let shown = path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
            let is_small = std::fs::metadata(path).is_ok_and(|file| file.len() <= MAX_TEMPLATE_BYTES);
            let text = is_small.then(|| std::fs::read_to_string(path).ok()).flatten().unwrap_or_default();
            return Some(ExistingTemplate { path: shown, text });
        }
    }
    None
}

/// Returns a template of commit messages: comments alone, so that it states nothing by itself.
pub(super) fn render_commit_template(policy: &Policy) -> String {
    let mut text = String::from(
        "

# Above: one line that says what the change does, as in: Cache the tenant lookup
# An empty line, and then why: what is wrong or missing today?
#
# At the end, after an empty line, these lines without their `#`:
",
    );
    for field in policy.list_required_fields() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# {}", field.trailer_template());
    }
    text
}

/// Returns a template of descriptions with a place for every field that an ordinary change may have to state.
pub(super) fn render_pull_template(policy: &Policy) -> String {
    let mut text = String::from(
        "## What and why\n\n<!-- For people. Comments like this one state nothing and can stay. -->\n",
    );
    let required: Vec<&str> = policy.list_required_fields().iter().map(|field| field.name.as_str()).collect();
    let mut lines = String::new();
    for field in policy.list_ordinary_fields() {
        let is_required = required.contains(&field.name.as_str());
        match &field.kind {
            FieldKind::OneOf(words) | FieldKind::Ordered(words) => {
                let boxes: String = words.iter().map(|word| format!("- [ ] {word}\n")).collect();
                let _ = write!(text, "\n## {}\n\n{boxes}", to_label(&field.name));
            }
            FieldKind::Text { .. } => {
                let hint = if is_required { "In your own words." } else { "Where the gate asks for it." };
                let _ = write!(text, "\n## {}\n\n<!-- {hint} -->\n", to_label(&field.name));
            }
            FieldKind::Matches { .. } => {
                let _ = writeln!(lines, "**{}:** <!-- {} -->", to_label(&field.name), describe_form(field));
            }
            // In a pull request a review says who approves.
            FieldKind::Person => {}
        }
    }
    if !lines.is_empty() {
        let _ = write!(text, "\n---\n\n{lines}");
    }
    text
}

fn describe_form(field: &FieldDefinition) -> String {
    match &field.kind {
        FieldKind::Matches { example: Some(example), .. } => {
            format!("as in {}", example.replace("--", "- -"))
        }
        _ => "in its own form".to_owned(),
    }
}

/// Returns the name of a field as a label: `Back-out plan` for `Back-out-Plan`.
pub(super) fn to_label(name: &str) -> String {
    let mut label = String::new();
    for part in name.split('-') {
        let begins_word = part.starts_with(|first: char| first.is_ascii_uppercase());
        let is_abbreviation = part.len() > 1 && part.bytes().all(|byte| !byte.is_ascii_lowercase());
        if label.is_empty() {
            label.push_str(part);
        } else if begins_word {
            label.push(' ');
            label.push_str(&if is_abbreviation { part.to_owned() } else { part.to_ascii_lowercase() });
        } else {
            label.push('-');
            label.push_str(part);
        }
    }
    label
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::description::{read_description, read_statements, read_template};
    use crate::gate::load_from_pack;
    use crate::policy::packs::POLICY_PACKS;

    #[test]
    fn a_field_is_labelled_as_people_write() {
        for (name, label) in [
            ("Back-out-Plan", "Back-out plan"),
            ("Change-Type", "Change type"),
            ("AI-Impact", "AI impact"),
            ("CVE", "CVE"),
        ] {
            assert_eq!(to_label(name), label);
        }
    }

    /// A template states nothing until it is filled in, and then every field that it has a place for.
    #[test]
    fn what_the_templates_ask_for_is_read() {
        for pack in POLICY_PACKS {
            let policy = load_from_pack(pack.name).unwrap().policy;
            let template = render_pull_template(&policy);
            assert_eq!(
                read_description(&template, &read_template(&template)).statements,
                [],
                "{}",
                pack.name
            );
            let mut filled = template.replace("[ ]", "[x]").replace("<!-- as in ", "");
            for hint in ["<!-- In your own words. -->", "<!-- Where the gate asks for it. -->"] {
                filled = filled.replace(hint, "Revert this commit and deploy again.");
            }
            let lines = filled.lines().map(|line| match line.starts_with("**") {
                true => line.trim_end_matches(" -->"),
                false => line,
            });
            let filled = lines.collect::<Vec<_>>().join("\n");
            let stated = read_statements(&filled);
            for field in policy.list_required_fields() {
                let is_stated = stated.iter().any(|one| field.matches_label(&one.label));
                assert!(
                    is_stated || matches!(field.kind, FieldKind::Person),
                    "{}: {}\n{filled}",
                    pack.name,
                    field.name
                );
            }
            let message = render_commit_template(&policy);
            assert!(message.lines().all(|line| line.is_empty() || line.starts_with('#')), "{message}");
            assert!(message.contains("# Risk: <low|medium|high|critical>"), "{message}");
        }
    }

    /// The workflows are those that the README shows.
    #[test]
    fn the_workflows_are_those_of_the_readme() {
        let readme = include_str!("../../../../README.md");
        for (path, text) in WORKFLOWS {
            let (comments, workflow) = text.split_once("name: ").unwrap();
            assert!(comments.lines().all(|line| line.starts_with("# ")), "{path}");
            assert!(readme.contains(&format!("```yaml workflow\nname: {workflow}```")), "{path}");
        }
    }
}
