//! What `changegate policy init` tells: what it wrote and what it found there, and what to do next, in order.

use std::io::{self, Write};
use std::path::Path;

use crate::cli::output::wrap_text;
use crate::cli::policy::init::owner_rule::{OWNER_RULE, OwnerDraft};
use crate::cli::policy::init::policy_draft::RosterState;
use crate::cli::policy::init::repository_survey::LikelyForge;
use crate::cli::policy::init::starter_files::{COMMIT_TEMPLATE_PATH, RELEASE_PLACEHOLDER};

/// How many columns a command takes at most, unless one path takes more.
const MAX_COMMAND_COLUMNS: usize = 74;

/// A file that is to be written unless it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlannedFile {
    /// Its path from the root of the work tree.
    pub(super) path: String,
    /// What it is to hold.
    pub(super) text: String,
    /// True if it is there already, and is not changed.
    pub(super) is_there: bool,
}

/// What was found and what is written.
#[derive(Clone, Debug, Default)]
pub(super) struct InitReport {
    /// True if nothing is written.
    pub(super) is_dry_run: bool,
    /// The pack that the policy extends.
    pub(super) pack: String,
    /// The files, in the order of writing.
    pub(super) files: Vec<PlannedFile>,
    /// The state of the roster, how many people the history names, and whether it was there; `None` if there was a
    /// policy.
    pub(super) roster: Option<(RosterState, usize, bool)>,
    /// The path of the roster.
    pub(super) roster_path: String,
    /// What the file of code owners amounts to.
    pub(super) owners: Option<OwnerDraft>,
    /// True if the rule that asks them is in force.
    pub(super) is_owner_rule_in_force: bool,
    /// True if the folder is in a repository.
    pub(super) has_repository: bool,
    /// The template of descriptions that was there, and the labels that it lacks.
    pub(super) template: Option<(String, Vec<String>)>,
    /// How many tests are left out.
    pub(super) left_out_tests: usize,
    /// True if the repository holds models.
    pub(super) has_models: bool,
    /// The forge that the repository is on, as far as it shows.
    pub(super) forge: LikelyForge,
    /// True if the command was run in a folder of the work tree.
    pub(super) is_below_root: bool,
    /// The options with which git runs where the command did, each followed by a space.
    pub(super) git_location: String,
    /// The option with which this program runs where the command did, after a space.
    pub(super) program_location: String,
}

impl InitReport {
    /// Plans a file, which is not written if it is there.
    pub(super) fn add_file(&mut self, root: &Path, path: &str, text: String) {
        // A link that leads nowhere is something that is there, too.
        let is_there = std::fs::symlink_metadata(root.join(path)).is_ok();
        self.files.push(PlannedFile { path: path.to_owned(), text, is_there });
    }
}

/// Writes the report.
pub(super) fn write_init_report(report: &InitReport, out: &mut dyn Write) -> io::Result<()> {
    for file in &report.files {
        let done = match (file.is_there, report.is_dry_run) {
            (true, _) => "kept",
            (false, true) => "would write",
            (false, false) => "wrote",
        };
        let about = if file.is_there {
            "which is there already".to_owned()
        } else {
            describe_file(&file.path, report)
        };
        writeln!(out, "{}", wrap_text(&format!("{done} "), 2, &format!("{}, {about}", file.path)))?;
    }
    for note in list_notes(report) {
        writeln!(out, "{}", wrap_text("note: ", 2, &note))?;
    }
    if report.is_dry_run {
        return Ok(());
    }
    writeln!(out, "\nnext, in this order:")?;
    for (index, (what, commands)) in list_steps(report).iter().enumerate() {
        writeln!(out, "{}", wrap_text(&format!("{}. ", index + 1), 3, what))?;
        for command in commands {
            writeln!(out, "     {command}")?;
        }
    }
    Ok(())
}

fn describe_file(path: &str, report: &InitReport) -> String {
    match path {
        "policies/changegate.yml" => format!("which extends {}", report.pack),
        path if path == report.roster_path => {
            let count = report.roster.map_or(0, |(_, count, _)| count);
            let people = count_nouns(count, "person", "people");
            format!("a draft of the roster, with {people} of the last year of the history")
        }
        "policies/changegate.test.yml" => "tests of the policy".to_owned(),
        path if path.ends_with(".schema.json") => "by which editors complete and check it".to_owned(),
        COMMIT_TEMPLATE_PATH => "a template of commit messages".to_owned(),
        path if path.ends_with(".md") => "a template of descriptions with the fields".to_owned(),
        _ => "a workflow, as in the README".to_owned(),
    }
}

/// Returns a number with the noun that it counts.
fn count_nouns(count: usize, one: &str, several: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {several}") }
}

/// Returns what is good to know about what was found.
fn list_notes(report: &InitReport) -> Vec<String> {
    let mut notes = Vec::new();
    match report.roster {
        Some((RosterState::TooSmall, _, _)) => notes.push(
            "the roster is not in force yet, since the rules need more people than it has: add the others, and then name \
             it in the policy"
                .to_owned(),
        ),
        Some((_, _, true)) => {
            notes.push(format!("{} was there already, and is the roster", report.roster_path));
        }
        _ => {}
    }
    if let Some(owners) = &report.owners {
        let path = owners.path();
        let mut note = match (owners.has_owners(), report.is_owner_rule_in_force) {
            (false, _) => format!("`{path}` names no owner whose approval could be asked"),
            (true, true) => {
                format!("the rule `{OWNER_RULE}` asks the owners that `{path}` names, and is in force")
            }
            (true, false) => format!(
                "the rule `{OWNER_RULE}` would ask the owners that `{path}` names; it is a comment until the roster \
                 knows two people of each line, and says who is missing"
            ),
        };
        if owners.count_ignored_lines() > 0 {
            let lines = count_nouns(owners.count_ignored_lines(), "line", "lines");
            note.push_str(&format!("; {lines} of it mean nothing to its forge"));
        }
        notes.push(note);
    }
    if let Some((path, missing)) = &report.template
        && !missing.is_empty()
    {
        let labels: Vec<String> = missing.iter().map(|label| format!("`{label}`")).collect();
        notes.push(format!(
            "`{path}` has no place for {}, which the rules ask for; add a heading for each",
            labels.join(", ")
        ));
    }
    if report.left_out_tests > 0 {
        notes.push(format!(
            "{} left out, mostly for want of people",
            count_nouns(report.left_out_tests, "test of the pack is", "tests of the pack are")
        ));
    }
    if report.has_models {
        notes.push("this repository holds models: look at `changegate policy packs ai-company`".to_owned());
    }
    notes
}

/// Returns what to do next, each with its commands.
fn list_steps(report: &InitReport) -> Vec<(String, Vec<String>)> {
    let is_written = |path: &str| report.files.iter().any(|file| file.path == path && !file.is_there);
    let (git, program) = (format!("git {}", report.git_location), &report.program_location);
    let check = format!("changegate policy check{program} && changegate policy test{program}");
    let mut steps = Vec::new();
    if !report.has_repository {
        steps.push(("make this folder a repository".to_owned(), vec![format!("{git}init")]));
    }
    if is_written(&report.roster_path) {
        steps.push((
            format!(
                "read {}, which is only a draft, as anyone can type a name into a commit: is each entry one person, who is \
                 missing, who has left? Only the people in it can approve. For a server that knows who pushes, add the \
                 `accounts` by which they push",
                report.roster_path
            ),
            Vec::new(),
        ));
    }
    if is_written("policies/changegate.yml") {
        steps.push(("read policies/changegate.yml, and name the duty managers".to_owned(), vec![check]));
    } else {
        steps.push(("see that all holds".to_owned(), vec![check]));
    }
    let is_workflow_written =
        report.files.iter().any(|file| file.path.contains("workflows/") && !file.is_there);
    if is_workflow_written {
        steps.push((
            format!(
                "put the release that you use in place of `{RELEASE_PLACEHOLDER}` in .github/workflows/changegate.yml; it is \
                 the only line that has to be changed"
            ),
            Vec::new(),
        ));
    }
    // From a folder, git takes `:/` for the root.
    let prefix = if report.is_below_root { ":/" } else { "" };
    let mut commands: Vec<String> = Vec::new();
    for file in &report.files {
        let path = format!("{prefix}{}", file.path);
        match commands.last_mut() {
            Some(command) if command.len() + path.len() < MAX_COMMAND_COLUMNS => {
                command.push(' ');
                command.push_str(&path);
            }
            _ => commands.push(format!("{git}add {path}")),
        }
    }
    commands.push(format!("{git}commit"));
    steps.push(("commit these files".to_owned(), commands));
    steps.push((
        "in each clone: hooks that help early, and the template in the editor".to_owned(),
        vec![
            format!("changegate install{program}"),
            format!("{git}config commit.template {COMMIT_TEMPLATE_PATH}"),
        ],
    ));
    let server = "on a server of your own, bring it in as docs/server.md says".to_owned();
    match &report.forge {
        LikelyForge::GitHub(name) => {
            let name = name.as_deref().unwrap_or("OWNER/NAME");
            steps.push((
                "push, require the check `change-gate`, and see whether the settings hold people to it"
                    .to_owned(),
                vec![format!("changegate doctor --github {name}")],
            ));
        }
        LikelyForge::Unknown => {
            let github = "on GitHub, push, and require the check `change-gate`".to_owned();
            steps.push((format!("{github}; {server}, and leave `.github` out"), Vec::new()));
        }
        LikelyForge::Other => steps.push((server, Vec::new())),
    }
    steps
}
