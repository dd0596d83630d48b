//! `changegate policy check`: finds what is wrong with a policy, and lists what it weakens.

use std::io::{self, Write};
use std::path::PathBuf;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::change::{FactKind, Text};
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::output::wrap_text;
use crate::cli::policy::lookup::{find_bare_repository, find_work_tree, load_local_policy};
use crate::cli::policy::told_weakenings::write_weakenings;
use crate::gate::base_revisions::list_unprotected_bases;
use crate::gate::policy_ref::name_own_ref;
use crate::gate::policy_repositories::FOLDER_KEY;
use crate::gate::protected_names::list_misnamed_refs;
use crate::gate::{LoadedPolicy, check_policy, check_server_policy, list_idle_patterns, require_own_branch};
use crate::git::{HeadState, Repository};
use crate::github::repository_settings::list_check_names;
use crate::policy::{EmergencyGap, PlacedFault, PlacedPattern, Policy};
use crate::yaml::shorten_for_message;

/// The branches that most repositories have their policy on.
const USUAL_BRANCHES: [&str; 3] = ["refs/heads/main", "refs/heads/master", "refs/heads/trunk"];

/// How many workflows are looked at.
const MAX_WORKFLOWS: usize = 1_000;

/// The size of the largest workflow that is looked at.
const MAX_WORKFLOW_BYTES: u64 = 1 << 20;

/// The parameters of `policy check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate policy check
  changegate policy check --against-pack
  changegate policy check --server
  changegate policy check --server --pusher ana
  changegate policy check policies/changegate.yml")]
pub(crate) struct PolicyCheckArgs {
    /// Policy file [default: policies/changegate.yml of this repository]
    file: Option<PathBuf>,

    /// List what the policy weakens of the packs and files that it extends
    #[arg(long)]
    against_pack: bool,

    /// Check as the hook of a server does: refuse a rule that only a forge can decide
    #[arg(long)]
    server: bool,

    /// With --server: account by which the server knows one of those who push, as in its environment
    #[arg(long, value_name = "ACCOUNT", requires = "server")]
    pusher: Option<String>,
}

pub(crate) fn check_policy_file(
    args: &PolicyCheckArgs,
    context: &Context,
) -> Result<CommandExit, CommandError> {
    let loaded = load_local_policy(args.file.as_deref(), context)?;
    let branches = list_read_branches(args, &loaded.policy, context);
    let pusher = args.pusher.as_deref().map(Text::from);
    let inspected = match args.server {
        true => check_server_policy(&loaded, &branches.names, pusher.as_ref(), context.now),
        false => check_policy(&loaded, &branches.names, context.now),
    };
    let inspection = inspected
        .and_then(|inspection| match branches.are_certain {
            true => require_own_branch(&loaded, &branches.names).map(|()| inspection),
            false => Ok(inspection),
        })
        .map_err(|errors| CommandError::InvalidPolicy(errors, None))?;
    let policy = &loaded.policy;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{}: valid; {}, {}, sha256:{}",
        loaded.source,
        count_nouns(policy.rules.len(), "rule"),
        count_nouns(policy.exemptions.len(), "exemption"),
        policy.digest.get(..12).unwrap_or_default(),
    )?;
    let mut notes = inspection.notes;
    notes.extend(find_idle_patterns(&inspection.path_patterns, context));
    if let Ok(around) = Repository::discover_from(&find_work_tree(context)) {
        // What cannot be read is no reason to refuse the policy: these are notes.
        notes.extend(list_misnamed_refs(&around, &loaded).unwrap_or_default());
    }
    notes.sort_by(|one, other| (&one.file, one.fault.at).cmp(&(&other.file, other.fault.at)));
    for note in &notes {
        write_placed_note(note, &mut out)?;
    }
    if let Some(note) = describe_unprotected_branch(&branches, policy) {
        writeln!(out, "{}", wrap_text("note: ", 2, &note))?;
    }
    if args.server {
        write_account_note(policy, &mut out)?;
        write_base_note(&loaded, context, &mut out)?;
    }
    let around = Repository::discover_from(&find_work_tree(context)).ok();
    for note in list_unprotected_bases(&loaded, around.as_ref()) {
        writeln!(out, "{}", wrap_text("note: ", 2, &note))?;
    }
    write_policy_notes(&loaded, context, &mut out)?;
    if args.file.is_none() {
        write_own_check_notes(policy, context, &mut out)?;
    }
    if args.against_pack {
        write_weakenings(&inspection.weakenings, &mut out)?;
    }
    Ok(CommandExit::Allowed)
}

/// Returns a number with the noun that it counts, as in `1 rule` and `2 rules`.
fn count_nouns(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Returns a note for each pattern that matches no file of HEAD; none without a commit to look at.
fn find_idle_patterns(patterns: &[PlacedPattern], context: &Context) -> Vec<PlacedFault> {
    let Ok(repository) = Repository::discover_from(&find_work_tree(context)) else { return Vec::new() };
    let Ok(Some(head)) = repository.resolve_ref(b"HEAD").map(|head| head.id) else { return Vec::new() };
    // What cannot be read is no reason to refuse the policy: these are notes.
    list_idle_patterns(&repository, head, "HEAD", patterns).unwrap_or_default()
}

/// The branches that the policy of a repository is most likely read from.
#[derive(Default)]
struct PolicyBranches {
    /// Their full names; any of them may be the one.
    names: Vec<Text>,
    /// True if the remote names it, or it has a usual name; false for a branch that only happens to be checked out.
    are_certain: bool,
}

/// Returns the note that the policy of this repository does not protect the branch that a server may read it from, so
/// that the server refuses every push. Where the branch is certain, that is a fault instead.
fn describe_unprotected_branch(branches: &PolicyBranches, policy: &Policy) -> Option<String> {
    let branch = branches.names.first()?;
    if branches.names.iter().any(|branch| policy.protects_ref(branch.as_bytes())) {
        return None;
    }
    let name = branch.to_lossy();
    let name = shorten_for_message(name.strip_prefix("refs/heads/").unwrap_or(&name));
    Some(format!(
        "`protects` leaves out the branch `{name}`; a server that reads the policy from it refuses every push, \
         so add `{name}` to `protects`"
    ))
}

/// Returns the branches that the policy of this repository is read from; none if a file is named, which may be
/// the policy of another repository.
fn list_read_branches(args: &PolicyCheckArgs, policy: &Policy, context: &Context) -> PolicyBranches {
    if args.file.is_some() {
        return PolicyBranches::default();
    }
    // A server knows which one it is.
    if let Some(server) = find_bare_repository(context)
        && let Ok(settings) = context.read_gate_settings(&server)
    {
        let own = match &settings.policy_file {
            None => name_own_ref(&server, &settings.policy_ref, policy).ok().flatten(),
            Some(_) => None,
        };
        return PolicyBranches { names: own.into_iter().collect(), are_certain: true };
    }
    match Repository::discover_from(&find_work_tree(context)) {
        Ok(repository) => list_policy_branches(&repository),
        Err(_) => PolicyBranches::default(),
    }
}

/// Returns the branches that a policy is most likely read from: the default branch of the remote, else those with usual
/// names, else the only one.
fn list_policy_branches(repository: &Repository) -> PolicyBranches {
    if let Ok(default) = repository.resolve_ref(b"refs/remotes/origin/HEAD")
        && let Some(name) = default.name.as_bytes().strip_prefix(b"refs/remotes/origin/")
        && name != b"HEAD"
    {
        let names = vec![Text::new([b"refs/heads/", name].concat())];
        return PolicyBranches { names, are_certain: true };
    }
    // What cannot be read is no reason for a note.
    let branches = repository.list_refs("refs/heads/").unwrap_or_default();
    let mut names = Vec::new();
    for branch in &branches {
        if USUAL_BRANCHES.iter().any(|usual| branch.name.as_bytes() == usual.as_bytes()) {
            names.push(branch.name.clone());
        }
    }
    let are_certain = !names.is_empty();
    if names.is_empty() {
        match (branches.as_slice(), repository.read_head()) {
            ([only], _) => names.push(only.name.clone()),
            ([], Ok(HeadState::Branch(unborn))) => names.push(unborn.name),
            _ => {}
        }
    }
    PolicyBranches { names, are_certain }
}

fn write_placed_note(note: &PlacedFault, out: &mut dyn Write) -> io::Result<()> {
    let PlacedFault { file, fault } = note;
    let help = fault.help.as_ref().map_or_else(String::new, |help| format!("; {help}"));
    let text = format!("{file}:{}: {}{help}", fault.at.line, fault.what);
    writeln!(out, "{}", wrap_text("note: ", 2, &text))
}

fn write_policy_notes(loaded: &LoadedPolicy, context: &Context, out: &mut dyn Write) -> io::Result<()> {
    let policy = &loaded.policy;
    let today = context.now.to_zoned(TimeZone::UTC).date();
    for exemption in policy.expired_exemptions(today) {
        let Some(rule) = policy.rules.get(exemption.rule_index) else { continue };
        let rule = &rule.description.id;
        writeln!(out, "note: the exemption from `{rule}` ({}) ended on {}", exemption.id, exemption.until)?;
    }
    if let Some(day) = policy.review_by
        && day < today
    {
        writeln!(out, "note: the review of this policy was due on {day}")?;
    }
    for rule in &policy.switched_off {
        let id = &rule.description.id;
        let note = format!("the rule `{id}` is off: {}", shorten_for_message(&rule.reason));
        writeln!(out, "{}", wrap_text("note: ", 2, &note))?;
    }
    write_standing_notes(policy, today, out)?;
    // A server hook denies where only a forge has a fact, which is easy to overlook in a policy.
    let has_keys = loaded.keys.is_some();
    if policy.needed_facts().contains(&FactKind::Reviews) && has_keys {
        let note = "a rule needs reviews from a forge (`trust: verified`, the default of `approvals`); on a server, people \
                    approve with their keys instead (`changegate approve`)";
        writeln!(out, "{}", wrap_text("note: ", 2, note))?;
    } else if policy.needed_facts().contains(&FactKind::Reviews) {
        writeln!(
            out,
            "note: a rule needs reviews from a forge (`trust: verified`, the default of `approvals`);\n  \
             a server hook cannot see them, and denies"
        )?;
    }
    let mut is_for_forge = false;
    for (rule, need) in policy.forge_dependent_rules(today, has_keys) {
        is_for_forge = true;
        if need != FactKind::Reviews {
            let id = &rule.description.id;
            let note = format!("the rule `{id}` needs {need}; a server hook cannot see that, and denies");
            writeln!(out, "{}", wrap_text("note: ", 2, &note))?;
        }
    }
    if is_for_forge {
        let note = "a server that hooks guard refuses a push of this policy; to check it as such a server does: \
                    changegate policy check --server";
        writeln!(out, "{}", wrap_text("note: ", 2, note))?;
    }
    if !policy.people.has_roster() {
        writeln!(out, "note: without a roster, each address counts as a separate person")?;
    }
    Ok(())
}

/// Writes which rules ask for a check that the gate itself writes, by the workflows of this work tree.
fn write_own_check_notes(policy: &Policy, context: &Context, out: &mut dyn Write) -> io::Result<()> {
    let folder = find_work_tree(context).join(".github/workflows");
    let mut names = Vec::new();
    // What cannot be read is no reason for a note.
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten().take(MAX_WORKFLOWS) {
        let is_small = entry.metadata().is_ok_and(|file| file.is_file() && file.len() <= MAX_WORKFLOW_BYTES);
        if is_small && let Ok(text) = std::fs::read_to_string(entry.path()) {
            names.extend(list_check_names(&text));
        }
    }
    names.sort_unstable();
    names.dedup();
    for name in &names {
        for rule in policy.rules_asking_check(name) {
            let note = format!(
                "the rule `{}` asks for the check `{}`, which the gate itself writes; it is never met, so name \
                 the checks of your pipeline",
                rule.description.id,
                shorten_for_message(name)
            );
            writeln!(out, "{}", wrap_text("note: ", 2, &note))?;
        }
    }
    Ok(())
}

/// Writes that a server cannot recognise anyone by the accounts of the roster, if these are all of a forge.
fn write_account_note(policy: &Policy, out: &mut dyn Write) -> io::Result<()> {
    let (Some(roster), Some(account)) = (&policy.people.roster, policy.people.find_forge_account_only())
    else {
        return Ok(());
    };
    let bare = account.rsplit(':').next().unwrap_or(account);
    let note = format!(
        "all accounts in `{}` are of a forge, such as `{}`; a server that knows by a bare account, such as `{}`, who          pushes (`changegate.pusher`) refuses all pushes, so list the accounts of the server as well",
        shorten_for_message(roster),
        shorten_for_message(account),
        shorten_for_message(bare)
    );
    writeln!(out, "{}", wrap_text("note: ", 2, &note))
}

/// Writes that the server needs a setting to read what the policy extends of other repositories; nothing on the server
/// itself, which has read it.
fn write_base_note(loaded: &LoadedPolicy, context: &Context, out: &mut dyn Write) -> io::Result<()> {
    let Some(name) = loaded.list_remote_names().next() else { return Ok(()) };
    if find_bare_repository(context).is_some() {
        return Ok(());
    }
    let note = format!(
        "the policy extends `{}` of another repository; a server refuses every push while the git configuration of its \
         repository has no `{FOLDER_KEY}`, which names the folder that holds these repositories",
        shorten_for_message(name)
    );
    writeln!(out, "{}", wrap_text("note: ", 2, &note))
}

/// Writes what a valid policy most likely does not mean, or means no longer.
fn write_standing_notes(policy: &Policy, today: Date, out: &mut dyn Write) -> io::Result<()> {
    for (id, entry) in policy.standard_changes.list_entries() {
        if entry.review_by < today {
            writeln!(
                out,
                "note: the standard change `{id}` counted until {}; its review is due",
                entry.review_by
            )?;
        }
    }
    for (id, paths) in policy.find_catalogue_gaps() {
        let paths: Vec<String> =
            paths.into_iter().map(|path| format!("`{}`", shorten_for_message(path))).collect();
        let note = format!(
            "the standard change `{id}` may touch {}; it is approved in advance, and what changes the gate or a \
             pipeline should not be, so name other paths",
            paths.join(", ")
        );
        writeln!(out, "{}", wrap_text("note: ", 2, &note))?;
    }
    if let Some(roster) = policy.people.roster.as_ref().filter(|_| policy.people.lacks_accounts()) {
        let note = format!(
            "`{}` lists no `accounts`; a server that knows by which account each push is made refuses all pushes, \
             since it cannot tell whose account it is",
            shorten_for_message(roster)
        );
        writeln!(out, "{}", wrap_text("note: ", 2, &note))?;
    }
    write_emergency_gaps(&policy.find_emergency_gaps(), out)?;
    match policy.count_untried_words() {
        0 => {}
        count => {
            let note = format!(
                "the classes ask for more words than are tried: for {count} of them, it is not known whether they choose \
                 what is asked of a change of the gate"
            );
            writeln!(out, "{}", wrap_text("note: ", 2, &note))?;
        }
    }
    for team in policy.people.list_empty_teams() {
        writeln!(out, "note: the team `{team}` has no members; name them under `people`, `teams`")?;
    }
    Ok(())
}

/// Writes which files of the gate an emergency could change, those of the same classes together.
fn write_emergency_gaps(gaps: &[EmergencyGap], out: &mut dyn Write) -> io::Result<()> {
    let mut told: Vec<&EmergencyGap> = Vec::new();
    for gap in gaps {
        if told.iter().any(|known| known.is_same_kind(gap)) {
            continue;
        }
        told.push(gap);
        let mut paths = Vec::new();
        for other in gaps.iter().filter(|other| other.is_same_kind(gap)) {
            paths.push(format!("`{}`", shorten_for_message(&other.path)));
        }
        let ordinary = match &gap.ordinary_class {
            Some(class) => format!("`{class}`"),
            None => "none".into(),
        };
        let note = format!(
            "a change that states `{}: {}` is of the class `{}` and not {ordinary} if it touches {}; a word does not \
             choose what is asked of a change of the gate, so put the class that takes it first",
            gap.field,
            shorten_for_message(&gap.word),
            gap.class,
            paths.join(", "),
        );
        writeln!(out, "{}", wrap_text("note: ", 2, &note))?;
    }
    Ok(())
}
