//! The text of a first policy, with what the repository tells about itself filled in.
//!
//! What is certain stands there and is in force; what only its people can decide stands there as a comment.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::cli::policy::init::code_owners::CodeOwner;
use crate::cli::policy::init::owner_rules::{OwnerDraft, OwnerRule};
use crate::cli::policy::init::repository_survey::RepositorySurvey;
use crate::cli::policy::init::template_fields::TemplateReading;
use crate::cli::policy::roster_draft::quote_text;

/// How many patterns stand on one line.
const MAX_PATTERNS_OF_LINE: usize = 6;

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
    /// The path of the CODEOWNERS file, and what it amounts to.
    pub(super) owners: Option<(&'found str, &'found OwnerDraft)>,
    /// True if rules for owners can be in force; else they all stand there as comments.
    pub(super) enforces_owners: bool,
    /// The path of the template of descriptions that is there already, and what it amounts to.
    pub(super) template: Option<(&'found str, &'found TemplateReading)>,
}

/// Whether the roster is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RosterState {
    /// There is none.
    Absent,
    /// It has one person, who could approve nothing.
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
changegate: 1
name: change-management
extends: [{}]
",
            self.schema, self.pack
        );
        if self.survey.has_models && self.pack != "ai-company" {
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
            let _ = writeln!(text, "# There too, if you like: {}", names.join(", "));
        }
    }

    fn add_people(&self, text: &mut String) {
        text.push_str(
            "
# Who is who. The duty managers open break-glass sessions, and regularise changes that landed past
# the gate; without members, no one can.
",
        );
        let teams = self.list_teams();
        let has_teams = teams.values().any(|(_, is_open)| !is_open);
        let is_empty = self.roster != RosterState::InForce && !has_teams && self.bots.is_empty();
        let mark = if is_empty { "# " } else { "" };
        if self.roster == RosterState::TooSmall {
            text.push_str(
                "\
# The roster is a draft with one person, and is not in force: without it, each address is a person. Add
# the other people to it, with their `accounts` on the server that they push to, and then take away the
# `#` of the line that names it.
",
            );
        }
        let _ = writeln!(text, "{mark}people:");
        let roster_mark = if self.roster == RosterState::InForce { "" } else { "# " };
        let _ = writeln!(text, "{roster_mark}  roster: policies/people.yml");
        let _ = writeln!(text, "{}  teams:", if has_teams { "" } else { "# " });
        text.push_str("#     duty-managers: [kim@example.com]\n");
        for (team, (members, is_open)) in &teams {
            let mark = if *is_open { "# " } else { "" };
            let _ = writeln!(text, "{mark}    {team}: {members}");
        }
        if !self.bots.is_empty() {
            let bots: Vec<String> = self.bots.iter().map(|bot| quote_text(bot)).collect();
            text.push_str("  # From the history: are they all machines? A bot never approves.\n");
            text.push_str(&wrap_list("  bots: ", &bots));
        }
    }

    /// Returns the members of each team that a rule for owners names, and whether they are left open.
    fn list_teams(&self) -> BTreeMap<String, (String, bool)> {
        let mut teams = BTreeMap::new();
        let Some((_, owners)) = self.owners else { return teams };
        for rule in &owners.rules {
            let is_open = !self.is_in_force(rule);
            let mut members: Vec<String> = Vec::new();
            for owner in &rule.owners {
                members.extend(match owner {
                    CodeOwner::Account(login) => Some(quote_text(&format!("github:{login}"))),
                    CodeOwner::Address(address) => Some(quote_if_needed(address)),
                    CodeOwner::Team(_) => None,
                });
            }
            let unknown: Vec<&str> = rule
                .owners
                .iter()
                .filter_map(|owner| match owner {
                    CodeOwner::Team(path) => Some(path.as_str()),
                    _ => None,
                })
                .collect();
            let mut written = format!("[{}]", members.join(", "));
            if !unknown.is_empty() {
                let _ = write!(written, "   # the members of @{}", unknown.join(", @"));
            }
            let entry = teams.entry(rule.team.clone()).or_insert((written, is_open));
            entry.1 &= is_open;
        }
        teams
    }

    fn is_in_force(&self, rule: &OwnerRule) -> bool {
        self.enforces_owners && self.roster == RosterState::InForce && rule.is_staffed()
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
        let in_force: Vec<&OwnerRule> = self.list_owner_rules(true);
        let _ = writeln!(text, "{}rules:", if in_force.is_empty() { "# " } else { "" });
        text.push_str(
            "#   change-type: { level: warn, reason: introduced step by step, until: 2030-12-31 }\n",
        );
        for rule in in_force {
            text.push_str(&render_owner_rule(rule, ""));
        }
        let open = self.list_owner_rules(false);
        if let Some((path, owners)) = self.owners {
            if !open.is_empty() {
                let _ = writeln!(
                    text,
                    "# From `{}`. These are in force once the roster knows two people of each team, by the addresses or\n\
                     # accounts that the team lists:",
                    shown(path)
                );
            }
            for rule in open {
                text.push_str(&render_owner_rule(rule, "# "));
            }
            if owners.is_cut {
                let _ = writeln!(text, "# `{}` has more lines than are taken over here.", shown(path));
            }
            let unread: Vec<String> = owners
                .unread_patterns
                .iter()
                .take(20)
                .map(|pattern| format!("`{}`", shown(pattern)))
                .collect();
            if !unread.is_empty() {
                let _ = writeln!(
                    text,
                    "# `{}` has patterns that mean nothing here: {}",
                    shown(path),
                    unread.join(", ")
                );
            }
        }
        self.add_suggestions(text);
    }

    fn list_owner_rules(&self, in_force: bool) -> Vec<&OwnerRule> {
        let rules = self.owners.iter().flat_map(|(_, owners)| &owners.rules);
        rules.filter(|rule| self.is_in_force(rule) == in_force).collect()
    }

    /// Adds rules for what the repository holds, as comments.
    fn add_suggestions(&self, text: &mut String) {
        let folders: Vec<String> =
            self.survey.careful_folders.iter().map(|name| format!("{name}/")).collect();
        if !folders.is_empty() {
            let _ = write!(
                text,
                "\
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
#   pointers:
#     title: what .gitattributes gives to Git LFS is stored as pointers
#     require: {{ blob: {{ lfs-pointer: well-formed, lfs: [{}] }} }}
",
                patterns.join(", ")
            );
        }
    }
}

fn render_owner_rule(rule: &OwnerRule, mark: &str) -> String {
    let quote_all =
        |patterns: &[String]| patterns.iter().map(|pattern| quote_text(pattern)).collect::<Vec<_>>();
    let mut when = wrap_list("", &quote_all(&rule.paths)).trim_end().to_owned();
    if !rule.ignored.is_empty() {
        let ignored = wrap_list("", &quote_all(&rule.ignored));
        when = format!("{{ paths: {when}, ignore: {} }}", ignored.trim_end());
    }
    let text = format!(
        "  {}:
    title: approved by {}
    not-for: [record, standard, emergency, pipeline-emergency]
    when: {{ touches: {when} }}
    require: {{ approvals: {{ from: [{}], trust: claimed }} }}
",
        rule.id, rule.team, rule.team
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
