//! `changegate policy init`: writes a policy and, from the history, a draft of its roster.

use std::io::Write as _;
use std::path::Path;

use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::policy::lookup::{find_work_tree, unknown_pack_error};
use crate::cli::policy::roster_draft::{Mailmap, RosterDraft};
use crate::gate::load_from_pack;
use crate::git::{HeadState, Repository};
use crate::people::PeopleDirectory;
use crate::policy::DEFAULT_POLICY_PATH;

/// The name of the schema that stands beside the policy, where the first line of the policy names it.
const SCHEMA_FILE_NAME: &str = "changegate.schema.json";

/// The path of the roster that is drafted.
const ROSTER_PATH: &str = "policies/people.yml";

/// How many of the newest commits the roster is drafted from.
const MAX_DRAFTED_COMMITS: usize = 10_000;

/// The largest `.mailmap` that is read, in bytes.
const MAX_MAILMAP_BYTES: u64 = 1 << 20;

/// What became of the roster.
enum DraftedRoster {
    /// It was there before.
    Existing,
    /// The history names no people.
    NoPeople,
    /// It was written, with this many people, who are enough to approve each other's changes.
    Written(usize),
    /// It was written, and is not in force: the history names one person, who could approve nothing.
    OnePerson,
}

pub(super) fn init_policy(pack: &str, context: &Context) -> Result<CommandExit, CommandError> {
    let Ok(loaded) = load_from_pack(pack) else { return Err(unknown_pack_error(pack)) };
    let root = find_work_tree(context);
    let path = root.join(DEFAULT_POLICY_PATH);
    // Nothing is written beside a policy that is there already.
    if path.exists() {
        return Err(CommandError::Usage(format!("{} already exists, and is not changed", path.display())));
    }
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let roster = write_roster(&root, &loaded.policy.people)?;
    let text = format_policy(pack, &find_current_branch(&root), &roster);
    if !write_new_file(&path, &text)? {
        return Err(CommandError::Usage(format!("{} already exists, and is not changed", path.display())));
    }
    std::fs::write(path.with_file_name(SCHEMA_FILE_NAME), crate::policy::schema::render_schema())?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "wrote {DEFAULT_POLICY_PATH}, which extends {pack}")?;
    writeln!(out, "wrote policies/{SCHEMA_FILE_NAME}, by which editors complete and check it")?;
    match roster {
        DraftedRoster::Written(count) => writeln!(
            out,
            "wrote {ROSTER_PATH} with {count} people from the history: check who is whom,\n  \
             who is missing, and who has left; only the people in it can approve"
        )?,
        DraftedRoster::Existing => writeln!(out, "{ROSTER_PATH} was there already, and is the roster")?,
        DraftedRoster::OnePerson => writeln!(
            out,
            "wrote {ROSTER_PATH} with 1 person from the history; it is not in force yet, since no\n  \
             person approves their own change: add the others, and then name it in the policy"
        )?,
        DraftedRoster::NoPeople => {}
    }
    if let DraftedRoster::Written(_) | DraftedRoster::OnePerson = roster {
        writeln!(
            out,
            "for a server that knows who pushes: add to each person in it the `accounts`\n  by which they push"
        )?;
    }
    writeln!(out, "next: review it, run `changegate policy check`, and commit it")?;
    writeln!(
        out,
        "to test it, with people of your own in the place of Ana, Ben and Kim:\n  \
         changegate policy packs {pack} --tests > policies/changegate.test.yml\n  changegate policy test"
    )?;
    Ok(CommandExit::Allowed)
}

fn format_policy(pack: &str, branch: &str, roster: &DraftedRoster) -> String {
    let people = match roster {
        DraftedRoster::NoPeople => {
            "\
# people:
#   roster: policies/people.yml
#   teams:
#     duty-managers: [kim@example.com]
"
        }
        DraftedRoster::OnePerson => {
            "\
# The roster is a draft with one person, and is not in force: without it, each address is a person. Add
# the other people to it, with their `accounts` on the server that they push to, and then take away the
# `#` of the next two lines.
# people:
#   roster: policies/people.yml
#   teams:
#     duty-managers: [kim@example.com]
"
        }
        DraftedRoster::Existing | DraftedRoster::Written(_) => {
            "\
people:
  roster: policies/people.yml
#   teams:
#     duty-managers: [kim@example.com]
"
        }
    };
    format!(
        "\
# yaml-language-server: $schema={SCHEMA_FILE_NAME}
# The change-management policy of this repository. The gate reads it from the target branch as it
# was before the push, so a change of this file takes effect with the next push.
#
#   changegate policy check     shows all errors in it
#   changegate policy show      lists the effective rules
#   changegate policy explain   lists what a rule can require
changegate: 1
name: change-management
extends: [{pack}]

# Branches and tags under change control; all others are free.
protects: [{branch}, 'release/*', 'refs/tags/v*']

# Who is who. The duty managers open break-glass sessions, and regularise changes that landed past
# the gate; without members, no one can.
{people}
# Changes that are approved in advance, by the id that `Standard-Change` states:
# standard-changes:
#   STD-DEPS-PATCH:
#     paths: ['**/Cargo.lock', '**/package-lock.json']
#     size: {{ files: {{ at-most: 10 }} }}
#     approved-by: Dana Fox <dana@example.com>
#     approved-on: 2026-05-04
#     review-by: 2027-05-04

# Change a rule of the pack here, by its id:
# rules:
#   change-type: {{ level: warn, reason: introduced step by step, until: 2030-12-31 }}
"
    )
}

/// Drafts the roster from the history of HEAD, and writes it unless there is one.
fn write_roster(root: &Path, known: &PeopleDirectory) -> Result<DraftedRoster, CommandError> {
    let path = root.join(ROSTER_PATH);
    if path.exists() {
        return Ok(DraftedRoster::Existing);
    }
    let Some(draft) = draft_roster(root, known) else { return Ok(DraftedRoster::NoPeople) };
    if draft.count_people() == 0 {
        return Ok(DraftedRoster::NoPeople);
    }
    match write_new_file(&path, &draft.render_roster())? {
        true if draft.count_people() < 2 => Ok(DraftedRoster::OnePerson),
        true => Ok(DraftedRoster::Written(draft.count_people())),
        false => Ok(DraftedRoster::Existing),
    }
}

/// Returns what the history tells about people; `None` where there is no history that can be read.
fn draft_roster(root: &Path, known: &PeopleDirectory) -> Option<RosterDraft> {
    let repository = Repository::discover_from(root).ok()?;
    let tip = repository.resolve_revision("HEAD").ok()?;
    let mut draft = RosterDraft::new(read_mailmap(root));
    let needs = crate::change::NeededFacts::new();
    for id in repository.list_new_commits(tip, &[]).ok()?.take(MAX_DRAFTED_COMMITS) {
        // A draft is as good as the history that can be read.
        let Ok(id) = id else { break };
        if let Ok(commit) = repository.read_commit(id, &needs) {
            draft.add_commit(&commit, known);
        }
    }
    Some(draft)
}

fn read_mailmap(root: &Path) -> Mailmap {
    let path = root.join(".mailmap");
    match std::fs::symlink_metadata(&path) {
        Ok(found) if found.is_file() && found.len() <= MAX_MAILMAP_BYTES => match std::fs::read(&path) {
            Ok(text) => Mailmap::parse_mailmap(&text),
            Err(_) => Mailmap::default(),
        },
        _ => Mailmap::default(),
    }
}

/// Writes a file that is not there yet; false if it is. `create_new` never overwrites one.
fn write_new_file(path: &Path, text: &str) -> Result<bool, CommandError> {
    let mut file = match std::fs::OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    file.write_all(text.as_bytes())?;
    Ok(true)
}

/// Returns the short name of the branch that HEAD is on, or `main`.
fn find_current_branch(root: &Path) -> String {
    if let Ok(repository) = Repository::discover_from(root)
        && let Ok(HeadState::Branch(branch)) = repository.read_head()
        && let Some(name) = branch.name.to_lossy().strip_prefix("refs/heads/")
    {
        return name.to_owned();
    }
    "main".to_owned()
}
