//! Findings and notes about a policy: it is absent, it is not valid, it is due for review.

use std::path::Path;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::change::{Oid, Text};
use crate::gate::policy_repositories::{FOLDER_KEY, FOLDER_UNSET};
use crate::gate::policy_source::{LoadedPolicy, UnusablePolicy};
use crate::gate::settings::GateSettings;
use crate::git::{FileAtPath, HeadState, RefUpdate, Repository, ResolvedRef};
use crate::policy::{DEFAULT_POLICY_PATH, FaultyFile, Policy, PolicyErrors};
use crate::push::{GateRule, refuse_by_rule};
use crate::report::{GroupScope, JudgedRef, RefUpdateKind, ReportGroup};
use crate::verdict::quote_for_shell;
use crate::verdict::{Finding, Fixer, Judgement, Message, MessageValue, RuleLevel, messages};
use crate::yaml::{YamlFault, YamlPlace};

messages! {
    REF_UNREADABLE = "push.ref-unreadable":
        "cannot read the ref {ref}: {detail}";
    POLICY_ABSENT = "policy.absent":
        "there is no policy `{path}` at {place}, so nothing can be judged";
    POLICY_ELSEWHERE = "policy.elsewhere":
        "there is no policy `{path}` at {place}, but {branches/and} {count:holds|hold} one; no push can be judged until the server is told which branch to read";
    POLICY_PUSHED = "policy.pushed-elsewhere":
        "there is no policy `{path}` at {place}, and no push brings the one that it is judged by; {branch}, which is pushed, holds one";
    POLICY_FILE_ABSENT = "policy.file-absent":
        "changegate.policyFile names {file}, and there is no such file, so nothing can be judged";
    POLICY_FAULT = "policy.has-fault":
        "the policy is not valid: {file} line {line}: {fault}";
    POLICY_FAULTS = "policy.has-faults":
        "the policy is not valid: {file} line {line}: {fault} (and {more} more {more:fault|faults})";
    POLICY_UNUSABLE = "policy.unusable":
        "the policy is not valid";
    EXEMPTION_ENDED = "policy.exemption-ended":
        "the exemption from `{rule}` ended on {day} and no longer applies";
    REVIEW_OVERDUE = "policy.review-overdue":
        "the policy was due for review by {day}";
    WARNING_ENDS = "policy.warning-ends":
        "`{rule}` only warns until {day}; from the next day on it denies";
    WARNING_ENDED = "policy.warning-ended":
        "`{rule}` only warned until {day}; it denies now";
}

/// How many branches are searched for a policy.
const MAX_BRANCHES: usize = 1_000;

/// How many of those that have one are named.
const MAX_BRANCHES_LISTED: usize = 3;

/// The branches that most work starts from.
const USUAL_BRANCHES: [&str; 3] = ["refs/heads/main", "refs/heads/master", "refs/heads/trunk"];

/// The size of the largest policy that is looked for.
const MAX_POLICY_BYTES: u64 = 1 << 20;

/// Returns the day of an instant in UTC, by which policies count.
pub(crate) fn find_today(now: Timestamp) -> Date {
    now.to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// Returns the error that the policy at `path` cannot be read at all, for the reason `why`.
pub(crate) fn unreadable_policy(path: &str, why: String) -> UnusablePolicy {
    let fault = YamlFault::new(YamlPlace { line: 1, column: 1, length: 1 }, why);
    let file = FaultyFile { name: path.to_owned(), source: Vec::new(), faults: vec![fault] };
    UnusablePolicy::Faulty(PolicyErrors { faulty_files: vec![file], unread: None })
}

/// Returns the refusal where there is no policy to judge by; `place` is where it was looked for, and
/// `elsewhere` are the branches that hold one.
///
/// The lines to paste work in the folder of a bare repository.
pub(crate) fn refuse_missing_policy(
    why: &UnusablePolicy,
    place: &Text,
    settings: &GateSettings,
    elsewhere: &[Text],
) -> Judgement {
    match why {
        UnusablePolicy::Absent if settings.policy_file.is_some() => {
            let file = settings.policy_file.as_deref().unwrap_or(Path::new("")).to_string_lossy();
            let message = POLICY_FILE_ABSENT.with("file", Text::from(file.as_ref()));
            let finding = Finding::new(message).fixed_by(Fixer::ServerAdministrator);
            let paste = "git config changegate.policyFile <file>";
            refuse_by_rule(GateRule::PolicyPresent, finding.with_paste(paste))
        }
        UnusablePolicy::Absent if !elsewhere.is_empty() => {
            let message = POLICY_ELSEWHERE
                .with("path", settings.policy_path.as_str())
                .with("place", place)
                .with("branches", elsewhere.to_vec())
                .with("count", elsewhere.len());
            let branch = elsewhere.first().map(Text::to_lossy).unwrap_or_default();
            let paste = format!("git config changegate.policyRef {branch}");
            let finding = Finding::new(message).fixed_by(Fixer::ServerAdministrator).with_paste(paste);
            refuse_by_rule(GateRule::PolicyPresent, finding)
        }
        UnusablePolicy::Absent => {
            let message = POLICY_ABSENT.with("path", settings.policy_path.as_str()).with("place", place);
            let finding = Finding::new(message).fixed_by(Fixer::ServerAdministrator);
            let finding = match find_fetch_command(place, &settings.policy_path) {
                Some(command) => finding.with_paste(command),
                None => finding,
            };
            refuse_by_rule(GateRule::PolicyPresent, finding)
        }
        UnusablePolicy::Faulty(errors) => {
            let finding = policy_fault_finding(errors, Fixer::ServerAdministrator);
            let finding = match find_check_command(place, settings) {
                Some(command) if !is_setting_missing(errors) => finding.with_paste(command),
                _ => finding,
            };
            refuse_by_rule(GateRule::PolicyValid, finding)
        }
    }
}

/// Returns the refusal of a push to a server without a policy that brings one on `branch`, while the server reads it from
/// `place`.
pub(crate) fn refuse_pushed_policy(branch: &Text, place: &Text, settings: &GateSettings) -> Judgement {
    let message =
        POLICY_PUSHED.with("path", settings.policy_path.as_str()).with("place", place).with("branch", branch);
    let name = branch.to_lossy();
    let short = name.strip_prefix("refs/heads/").unwrap_or(&name);
    let paste = format!("git fetch CLONE {short}:{short}\ngit config changegate.policyRef {name}");
    refuse_by_rule(
        GateRule::PolicyPresent,
        Finding::new(message).fixed_by(Fixer::ServerAdministrator).with_paste(paste),
    )
}

/// Returns the command that brings the first policy past the hook; `None` for a name that a shell would read
/// as something else.
///
/// A pack in place of the policy is no way out: it would judge the whole history, and have it rewritten.
fn find_fetch_command(place: &Text, path: &str) -> Option<String> {
    let branch = place.as_utf8()?.strip_prefix("refs/heads/").filter(|branch| is_plain_word(branch))?;
    let init = build_init_command(path);
    Some(format!("# in a clone: {init}, and commit the file; then here:\ngit fetch CLONE {branch}:{branch}"))
}

/// Returns the command that writes the first policy to `path`.
pub(crate) fn build_init_command(path: &str) -> String {
    let init = "changegate policy init";
    if path == DEFAULT_POLICY_PATH {
        return init.to_owned();
    }
    let folder = match path.rsplit_once('/') {
        Some((folder, _)) => format!("mkdir -p {} && ", quote_for_shell(folder)),
        None => String::new(),
    };
    format!("{init} && {folder}mv {DEFAULT_POLICY_PATH} {}", quote_for_shell(path))
}

/// Returns the commands that show every fault of a policy to the server administrator, whose repository has
/// no work tree, and that bring the corrected policy past the hook; `None` for a name that a shell would read as something else.
fn find_check_command(place: &Text, settings: &GateSettings) -> Option<String> {
    if let Some(file) = &settings.policy_file {
        let file = file.to_str().filter(|file| is_plain_word(file))?;
        return Some(format!("changegate policy check {file}"));
    }
    let branch = place.as_utf8()?.strip_prefix("refs/heads/").filter(|branch| is_plain_word(branch))?;
    // The clone does not have the setting that leads to the policies of other repositories; an empty value is none.
    let folder = format!("-c {FOLDER_KEY}=\"$(git config {FOLDER_KEY})\" ");
    let folder = if settings.has_policy_repositories { folder.as_str() } else { "" };
    // No push brings a valid policy to a branch that has none.
    Some(format!(
        "d=$(mktemp -d) && git clone -q {folder}-b {branch} . $d && changegate policy check -C $d\n\
         # in a clone: correct the policy, and commit; then here:\ngit fetch CLONE {branch}:{branch}"
    ))
}

/// Returns the branches that have a file at the path of the policy, those with usual names first. Names
/// that a shell would not take as they are, which a pusher could choose, are left out.
pub(crate) fn list_branches_with_policy(repository: &Repository, policy_path: &str) -> Vec<Text> {
    let mut found = Vec::new();
    // What cannot be read is no advice.
    for branch in repository.list_refs("refs/heads/").unwrap_or_default().into_iter().take(MAX_BRANCHES) {
        let Some(tip) = branch.id else { continue };
        if holds_policy(repository, &branch.name, tip, policy_path) {
            found.push(branch.name);
        }
    }
    found.sort_by_key(|name| !is_usual_branch(name));
    found.truncate(MAX_BRANCHES_LISTED);
    found
}

/// Returns a branch that a push moves to a commit with a file at the path of the policy, one with a usual name before
/// others.
pub(crate) fn find_pushed_policy(
    repository: &Repository,
    updates: &[RefUpdate],
    policy_path: &str,
) -> Option<Text> {
    let mut found = Vec::new();
    for update in updates.iter().take(MAX_BRANCHES) {
        if update.name.as_bytes().starts_with(b"refs/heads/")
            && !update.new.is_null()
            && holds_policy(repository, &update.name, update.new, policy_path)
        {
            found.push(update.name.clone());
        }
    }
    found.sort_by_key(|name| !is_usual_branch(name));
    found.into_iter().next()
}

/// Returns true if a branch with a name that shells take as it is has a file at the path of the policy at `tip`.
fn holds_policy(repository: &Repository, name: &Text, tip: Oid, policy_path: &str) -> bool {
    name.as_utf8().is_some_and(is_plain_word)
        && matches!(repository.read_file_at(tip, policy_path, MAX_POLICY_BYTES), Ok(FileAtPath::Found(_)))
}

fn is_usual_branch(name: &Text) -> bool {
    USUAL_BRANCHES.iter().any(|usual| name.as_bytes() == usual.as_bytes())
}

/// Returns a branch that others start from if the policy ref, which holds `tip`, has no commit in common with it or with
/// another one of the kind; `None` if it is such a branch itself, or there is none.
///
/// # Errors
///
/// Fails if the history cannot be read.
pub(crate) fn find_unrelated_branch(
    repository: &Repository,
    policy_ref: &[u8],
    tip: Oid,
) -> anyhow::Result<Option<Text>> {
    let mut branches: Vec<Text> = Vec::new();
    if let HeadState::Branch(head) = repository.read_head()? {
        branches.push(head.name);
    }
    branches.extend(USUAL_BRANCHES.map(Text::from));
    let policy_ref = repository.resolve_ref(policy_ref)?.name;
    let mut unrelated = None;
    for branch in branches {
        let resolved = repository.resolve_ref(branch.as_bytes())?;
        let Some(id) = resolved.id.filter(|_| resolved.name != policy_ref) else { continue };
        if repository.find_common_ancestor(tip, id)?.is_some() {
            return Ok(None);
        }
        unrelated = unrelated.or(Some(resolved.name));
    }
    Ok(unrelated)
}

/// Returns true for a word that every shell takes as it is.
pub(crate) fn is_plain_word(word: &str) -> bool {
    !word.starts_with('-') && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte))
}

/// Returns the first fault as a finding, with the number of the others.
pub fn policy_fault_finding(errors: &PolicyErrors, fixer: Fixer) -> Finding {
    fault_finding_by_command(errors, fixer, "changegate policy check")
}

/// As [`policy_fault_finding`], where this command shows the fault.
pub(super) fn fault_finding_by_command(errors: &PolicyErrors, fixer: Fixer, command: &str) -> Finding {
    let mut message = Message::from(&POLICY_UNUSABLE);
    for file in &errors.faulty_files {
        let Some(fault) = file.faults.first() else { continue };
        let more = errors.count_faults().saturating_sub(1);
        let template = if more > 0 { &POLICY_FAULTS } else { &POLICY_FAULT };
        message = template
            .with("file", Text::from(file.name.as_str()))
            .with("line", fault.at.line)
            .with("fault", MessageValue::unrecorded(fault.what.as_str()));
        if more > 0 {
            message = message.with("more", more);
        }
        break;
    }
    let finding = Finding::new(message);
    if is_setting_missing(errors) {
        // Nobody who pushes can do that, and a clone that has the setting shows no fault.
        return finding
            .fixed_by(Fixer::ServerAdministrator)
            .with_paste(format!("git config {FOLDER_KEY} <folder>"));
    }
    finding.fixed_by(fixer).with_paste(command)
}

/// Returns true if the first fault is that the server was not told where the policies of other repositories are.
pub(crate) fn is_setting_missing(errors: &PolicyErrors) -> bool {
    let first = errors.faulty_files.iter().find_map(|file| file.faults.first());
    first.is_some_and(|fault| fault.what.contains(FOLDER_UNSET))
}

/// Returns the notes about a policy in use: exemptions that have ended, a review that is overdue.
pub fn list_policy_notes(loaded: &LoadedPolicy, now: Timestamp) -> Vec<Message> {
    let today = find_today(now);
    let policy = &loaded.policy;
    let mut notes = Vec::new();
    for exemption in policy.expired_exemptions(today) {
        let Some(rule) = policy.rules.get(exemption.rule_index) else { continue };
        let message = EXEMPTION_ENDED.with("rule", rule.description.id.as_str());
        notes.push(message.with("day", exemption.until.to_string()));
    }
    if let Some(day) = policy.review_by
        && day < today
    {
        notes.push(REVIEW_OVERDUE.with("day", day.to_string()));
    }
    notes
}

/// Returns the notes on the rules that only warn until a day, or did until one, and that a change of these groups
/// breaks.
pub(crate) fn list_warning_notes(policy: &Policy, groups: &[ReportGroup]) -> Vec<Message> {
    let mut notes = Vec::new();
    for rule in &policy.rules {
        let (RuleLevel::Warn, Some(until)) = (rule.level, rule.warn_until) else { continue };
        let id = &rule.description.id;
        let template = match groups.iter().find_map(|group| group.find_broken_level(id)) {
            Some(RuleLevel::Warn) => &WARNING_ENDS,
            Some(RuleLevel::Deny) => &WARNING_ENDED,
            None => continue,
        };
        notes.push(template.with("rule", id.as_str()).with("day", until.to_string()));
    }
    notes
}

/// Returns the report group of one pushed ref, which holds `actual`.
pub(crate) fn build_ref_group(
    update: &RefUpdate,
    actual: Option<Oid>,
    refusals: Vec<Judgement>,
) -> ReportGroup {
    let kind = match (actual, update.new.is_null()) {
        (None, false) => RefUpdateKind::Create { new: update.new },
        (Some(old), false) => RefUpdateKind::Move { old, new: update.new },
        (old, true) => RefUpdateKind::Delete { old: old.unwrap_or(update.old) },
    };
    let mut group = ReportGroup::new(GroupScope::Ref { name: update.name.clone(), update: kind }, Vec::new());
    group.refusals = refusals;
    group
}

/// Returns the report group of one pushed ref under change control.
pub(crate) fn build_protected_group(
    update: &RefUpdate,
    at: &ResolvedRef,
    refusals: Vec<Judgement>,
) -> ReportGroup {
    let judged_as = Some(JudgedRef { name: at.name.clone(), policies: Vec::new(), own_roster: None });
    ReportGroup { judged_ref: judged_as, ..build_ref_group(update, at.id, refusals) }
}
