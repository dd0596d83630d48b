//! The text of a first policy, with what the repository tells about itself filled in.
//!
//! What is certain stands there and is in force; what only its people can decide stands there as a comment.

use std::fmt::Write as _;

use crate::cli::policy::init::owner_rule::{OWNER_RULE, OwnerDraft};
use crate::cli::policy::init::repository_survey::RepositorySurvey;
use crate::cli::policy::init::template_fields::TemplateReading;
use crate::cli::policy::roster_draft::quote_text;

/// How many patterns stand on one line.
const MAX_PATTERNS_OF_LINE: usize = 6;

/// The pack for repositories that hold models.
pub(super) const MODEL_PACK: &str = "ai-company";

/// How many missing owners are named.
const MAX_NAMED_OWNERS: usize = 12;

/// What is known for a first policy.
pub(super) struct PolicyDraft<'found> {
    /// The pack that it extends.
    pub(super) pack: &'found str,
    /// The name of the schema beside it.
    pub(super) schema: &'found str,
    /// What the repository tells.
    pub(super) survey: &'found RepositorySurvey,
    /// Whether the roster is in force.
    pub(super) roster: RosterState,
    /// The addresses of bots that the history names.
    pub(super) bots: &'found [String],
    /// What the file of code owners amounts to.
    pub(super) owners: Option<&'found OwnerDraft>,
    /// True if the rule for owners can be in force; else it stands there as a comment.
    pub(super) enforces_owners: bool,
    /// The path of the template of descriptions that is there already, and what it amounts to.
    pub(super) template: Option<(&'found str, &'found TemplateReading)>,
}

/// Whether the roster is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RosterState {
    /// There is none.
    Absent,
    /// It has fewer people than the rules ask for, such as one, who could approve nothing.
    TooSmall,
    /// It is named by the policy.
    InForce,
}

impl PolicyDraft<'_> {
    /// Returns the policy as YAML.
    pub(super) fn render_policy(&self) -> String {
        let mut text = format!(
            "\
# yaml-language-server: $schema={}
# The change-management policy of this repository. The gate reads it from the target branch as it
# was before the push, so a change of this file takes effect with the next push.
#
#   changegate policy check     shows all errors in it
#   changegate policy test      runs the tests beside it
#   changegate policy show      lists the effective rules
#   changegate policy explain   lists what a rule can require
#
# Some lines are proposals behind `# `. To use one, take `# ` away, the sign and the space, from it and
# from the key above it that it belongs to.
changegate: 1
name: change-management
extends: [{}]
",
            self.schema, self.pack
        );
        if self.survey.has_models && self.pack != MODEL_PACK {
            text.push_str(
                "\
# This repository holds models. The pack `ai-company` is `iso27001` with what they need: weights as
# pointers, evaluations, where training data is from.
",
            );
        }
        self.add_protected(&mut text);
        self.add_people(&mut text);
        self.add_fields(&mut text);
        self.add_standard_changes(&mut text);
        self.add_rules(&mut text);
        text
    }

    fn add_protected(&self, text: &mut String) {
        let refs: Vec<String> = self.survey.protected.iter().map(|name| quote_if_needed(name)).collect();
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "
# Branches and tags under change control; all others are free.
protects: [{}]
",
            refs.join(", ")
        );
        if !self.survey.other_branches.is_empty() {
            let names: Vec<String> =
                self.survey.other_branches.iter().map(|name| quote_if_needed(name)).collect();
            let _ = writeln!(
                text,
                "# There too, and free so far; add those from which you release: {}",
                names.join(", ")
            );
        }
    }

    fn add_people(&self, text: &mut String) {
        text.push_str(
            "
# Who is who. The duty managers open break-glass sessions, and regularise changes that landed past
# the gate; without members, no one can.
",
        );
        let is_empty = self.roster != RosterState::InForce && self.bots.is_empty();
        let mark = if is_empty { "# " } else { "" };
        if self.roster == RosterState::TooSmall {
            text.push_str(
                "\
# The roster has too few people for the rules, and is not in force: without it, each address is a person. Add
# the other people to it, with their `accounts` on the server that they push to, and then take away the
# `# ` of the line that names it.
",
            );
        }
        let _ = writeln!(text, "{mark}people:");
        let roster_mark = if self.roster == RosterState::InForce { "" } else { "# " };
        let _ = writeln!(text, "{roster_mark}  roster: policies/people.yml");
        text.push_str("#   teams:\n#     duty-managers: [kim@example.com]\n");
        if self.owners.is_some_and(|owners| owners.is_format_told) {
            let _ = writeln!(text, "{mark}  codeowners: gitlab");
        }
        if !self.bots.is_empty() {
            let bots: Vec<String> = self.bots.iter().map(|bot| quote_text(bot)).collect();
            text.push_str("  # From the history: are they all machines? A bot never approves.\n");
            text.push_str(&wrap_list("  bots: ", &bots));
        }
    }

    /// Returns true if the rule for owners is in force.
    pub(super) fn is_owner_rule_in_force(&self) -> bool {
        self.enforces_owners
            && self.roster == RosterState::InForce
            && self.owners.is_some_and(OwnerDraft::is_staffed)
    }

    fn add_fields(&self, text: &mut String) {
        let Some((path, reading)) = self.template else { return };
        if !reading.fields.is_empty() {
            let _ =
                write!(text, "\n# These read `{}`, which calls them by other names.\nfields:\n", shown(path));
            for field in &reading.fields {
                let _ = writeln!(text, "  {}: {}", field.name, field.yaml);
            }
            let redefined: Vec<&str> = reading
                .fields
                .iter()
                .filter(|field| field.is_redefined)
                .map(|field| field.name.as_str())
                .collect();
            if !redefined.is_empty() {
                text.push_str("# A field replaces that of the pack as a whole: these differ from it in their aliases only.\nreasons:\n");
                for name in redefined {
                    let _ =
                        writeln!(text, "  fields.{name}: the template of descriptions calls it otherwise");
                }
            }
        }
        if !reading.unread_labels.is_empty() {
            let labels: Vec<String> =
                reading.unread_labels.iter().take(20).map(|label| format!("`{}`", shown(label))).collect();
            let _ = writeln!(
                text,
                "\n# `{}` also has these, which no field reads: {}",
                shown(path),
                labels.join(", ")
            );
        }
    }

    fn add_standard_changes(&self, text: &mut String) {
        let paths: Vec<String> = match self.survey.lock_files.is_empty() {
            true => vec!["'**/Cargo.lock'".to_owned(), "'**/package-lock.json'".to_owned()],
            false => self.survey.lock_files.iter().map(|name| format!("'**/{name}'")).collect(),
        };
        let _ = write!(
            text,
            "
# Changes that are approved in advance, by the id that `Standard-Change` states:
# standard-changes:
#   STD-DEPS-PATCH:
#     paths: [{}]
#     size: {{ files: {{ at-most: 10 }} }}
#     approved-by: Dana Fox <dana@example.com>
#     approved-on: 2026-05-04
#     review-by: 2027-05-04
",
            paths.join(", ")
        );
    }

    fn add_rules(&self, text: &mut String) {
        text.push_str("\n# Change a rule of the pack here, by its id, and add your own:\n");
        let in_force = self.is_owner_rule_in_force();
        let _ = writeln!(text, "{}rules:", if in_force { "" } else { "# " });
        text.push_str(
            "#   change-type: { level: warn, reason: introduced step by step, until: 2030-12-31 }\n",
        );
        if let Some(owners) = self.owners.filter(|owners| owners.has_owners()) {
            if in_force {
                let _ = writeln!(
                    text,
                    "  # The owners that `{}` names, by the meaning of its forge.",
                    shown(owners.path())
                );
            } else {
                text.push_str(&describe_open_owners(owners));
            }
            text.push_str(&render_owner_rule(if in_force { "" } else { "# " }));
        }
        self.add_suggestions(text);
    }

    /// Adds rules for what the repository holds, as comments.
    fn add_suggestions(&self, text: &mut String) {
        let folders: Vec<String> =
            self.survey.careful_folders.iter().map(|name| format!("{name}/")).collect();
        if !folders.is_empty() {
            let _ = write!(
                text,
                "\
# From the folders of the repository:
#   careful-folders:
#     title: what reaches far has at least medium risk
#     not-for: [record]
#     when: {{ touches: [{}] }}
#     require: {{ field: {{ Risk: {{ at-least: medium }} }} }}
",
                folders.join(", ")
            );
        }
        if !self.survey.lfs_patterns.is_empty() {
            let patterns: Vec<String> =
                self.survey.lfs_patterns.iter().map(|pattern| quote_text(pattern)).collect();
            let _ = write!(
                text,
                "\
# From `.gitattributes`:
#   lfs-pointers:
#     title: what .gitattributes gives to Git LFS is stored as pointers
#     require: {{ blob: {{ lfs-pointer: well-formed, lfs: [{}] }} }}
",
                patterns.join(", ")
            );
        }
    }
}

/// Returns the comment that says what is missing before the owners can be asked.
fn describe_open_owners(owners: &OwnerDraft) -> String {
    let mut text = format!(
        "# The owners that `{}` names. Take `# ` away here and of `rules:` once the roster knows two people\n\
         # of each line.\n",
        shown(owners.path())
    );
    let mut missing = Vec::new();
    for (owner, line) in owners.unknown_owners.iter().take(MAX_NAMED_OWNERS) {
        missing.push(format!("`{}` (line {line})", shown(owner)));
    }
    for line in owners.short_lines.iter().take(MAX_NAMED_OWNERS) {
        missing.push(format!("a further owner (line {line})"));
    }
    for chunk in missing.chunks(MAX_PATTERNS_OF_LINE) {
        let _ = writeln!(text, "# Missing there: {}", chunk.join(", "));
    }
    if owners.unknown_owners.iter().any(|(owner, _)| owner.contains('/')) {
        text.push_str(
            "# A team of the forge needs a name here: `people: { codeowners: { teams: { '@acme/web': web } } }`\n",
        );
    }
    text
}

fn render_owner_rule(mark: &str) -> String {
    let text = format!(
        "  {OWNER_RULE}:
    title: approved by an owner of each path that has one
    why: Whoever answers for a part of the repository sees what becomes of it.
    not-for: [record, standard, emergency, pipeline-emergency]
    require: {{ approvals: {{ from: codeowners, unowned: nobody, trust: claimed }} }}
"
    );
    text.lines().map(|line| format!("{mark}{line}\n")).collect()
}

/// Returns a list in brackets, over several lines if it is long.
fn wrap_list(before: &str, items: &[String]) -> String {
    if items.len() <= MAX_PATTERNS_OF_LINE {
        return format!("{before}[{}]\n", items.join(", "));
    }
    let lines: Vec<String> =
        items.chunks(MAX_PATTERNS_OF_LINE).map(|chunk| format!("        {}", chunk.join(", "))).collect();
    format!("{before}[\n{}]\n", lines.join(",\n"))
}

/// Returns a word of YAML, between quotes unless it is one to every reader.
fn quote_if_needed(word: &str) -> String {
    let is_plain = word.starts_with(|first: char| first.is_ascii_alphabetic())
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./@+".contains(&byte))
        && !["null", "true", "false", "yes", "no", "on", "off", "y", "n"]
            .contains(&word.to_ascii_lowercase().as_str());
    if is_plain { word.to_owned() } else { quote_text(word) }
}

/// Returns a text as a comment can hold it.
fn shown(text: &str) -> String {
    text.chars().filter(|one| one.is_ascii_graphic() || *one == ' ').take(100).collect()
}
