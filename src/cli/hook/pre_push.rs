//! `changegate hook pre-push`: judges a push as the server will, before anything is sent.
//!
//! Judges only refs under change control of the remote that has the gate, by the policy of the
//! remote's branch as it is there. Reviews and the pusher's account are known only to the server; they are
//! listed as checked later. What cannot be judged here is named and goes through: the server decides.

use std::io::{Read as _, Write as _};

use crate::change::{FactKind, Missing, Oid, Stage, Text};
use crate::cli::command_error::{CommandError, CommandExit, replace_invisible};
use crate::cli::context::{Context, count_threads};
use crate::cli::hook::clone_state::{is_evaluating, open_clone};
use crate::cli::hook::git_command::GitCommand;
use crate::cli::output::{self, ReportFormatArg};
use crate::gate::published_commits::mark_published_commits;
use crate::gate::push::promotion::deferred_rules::describe_deferred_rules;
use crate::gate::push_remote::PushRemote;
use crate::gate::rewording_place::{find_reader_checkout, mark_rewrites};
use crate::gate::signed_approvals::fetched_approvals::is_approval_note;
use crate::gate::{LoadedPolicy, RangeRequest, UnusablePolicy, judge_range, load_for_hook};
use crate::git::{CommitRange, PeeledObject, PushedRef, Repository, parse_pre_push};
use crate::policy::{DEFAULT_POLICY_PATH, PolicyErrors};
use crate::report::escape::{escape_sentence, escape_words};
use crate::report::{HeldChanges, ReportStyle, write_exemption_note};
use crate::verdict::Decision;

/// Check a push before it is sent
#[derive(Debug, clap::Args)]
pub(crate) struct PrePushArgs {
    /// Name of the remote [default: as pre-commit names it]
    remote: Option<String>,
    /// Address of the remote
    url: Option<String>,
}

pub(crate) fn run_pre_push(args: &PrePushArgs, context: &Context) -> Result<CommandExit, CommandError> {
    if args.remote.is_none() && context.read_variable("PRE_COMMIT_REMOTE_NAME").is_none() {
        return Err(CommandError::usage(
            "pre-push takes the name of the remote, as git gives it to the hook",
        ));
    }
    let mut input = Vec::new();
    std::io::stdin().lock().read_to_end(&mut input)?;
    match judge_pushed_refs(&input, args, context) {
        Ok(exit) => Ok(exit),
        Err(error) => {
            name_unchecked("this push", &format!("{error:#}"));
            Ok(CommandExit::Allowed)
        }
    }
}

/// Judges the refs of a push one by one; one that cannot be judged does not keep the others from it.
///
/// # Errors
///
/// Fails if nothing of the push can be read.
fn judge_pushed_refs(input: &[u8], args: &PrePushArgs, context: &Context) -> anyhow::Result<CommandExit> {
    let given = if input.is_empty() { read_pre_commit_variables(context) } else { None };
    let pushed_refs = parse_pre_push(given.as_deref().unwrap_or(input))?;
    let named = context.read_text_variable("PRE_COMMIT_REMOTE_NAME");
    let remote = args.remote.as_deref().or(named.as_deref()).unwrap_or_default();
    let repository = open_clone(context)?;
    let location = GitCommand::find_pushing(context).map(|command| command.location).unwrap_or_default();
    let mut push_remote = PushRemote::read_config(&repository, remote)?;
    push_remote.git_location = location;
    push_remote.push_url = args.url.clone().or_else(|| context.read_text_variable("PRE_COMMIT_REMOTE_URL"));
    let mut exit = CommandExit::Allowed;
    if push_remote.has_gate == Some(false) {
        return Ok(exit);
    }
    for pushed in &pushed_refs {
        match judge_pushed_ref(&repository, &push_remote, pushed, context) {
            Ok(CommandExit::Denied) => exit = CommandExit::Denied,
            Ok(_) => {}
            Err(error) => name_unchecked(&pushed.remote_name.to_lossy(), &format!("{error:#}")),
        }
    }
    if exit == CommandExit::Denied {
        let command = push_remote.build_setting_command(false);
        let advice = format!("changegate: if {} has no gate: {command}", push_remote.name);
        let _ = writeln!(std::io::stderr().lock(), "{}", replace_invisible(&advice));
    }
    Ok(exit)
}

/// Returns the line that git has written to pre-commit, which reads it and passes its parts on in variables.
fn read_pre_commit_variables(context: &Context) -> Option<Vec<u8>> {
    let read = |name: &str| context.read_text_variable(name);
    let (local, id) = (read("PRE_COMMIT_LOCAL_BRANCH")?, read("PRE_COMMIT_TO_REF")?);
    // The other id is not what the remote has, but where pre-commit begins.
    let null = "0".repeat(id.len());
    Some(format!("{local} {id} {} {null}\n", read("PRE_COMMIT_REMOTE_BRANCH")?).into_bytes())
}

fn judge_pushed_ref(
    repository: &Repository,
    remote: &PushRemote<'_>,
    pushed: &PushedRef,
    context: &Context,
) -> anyhow::Result<CommandExit> {
    let name = pushed.remote_name.to_lossy();
    let base = match remote.find_tracking_ref(pushed.remote_name.as_bytes()) {
        Some(tracking_ref) if pushed.remote_name.as_bytes().starts_with(b"refs/heads/") => {
            find_base_commit(repository, &tracking_ref, pushed)?
        }
        _ => None,
    };
    let (Some(base), false) = (base, pushed.local_id.is_null()) else {
        if is_protected_elsewhere(repository, remote, pushed) {
            let why = if pushed.local_id.is_null() {
                "it is deleted"
            } else {
                "this clone does not know what the remote has there"
            };
            name_unchecked(&name, why);
        }
        return Ok(CommandExit::Allowed);
    };
    // As git calls it here: `origin/main`.
    let called = format!("{}/{}", remote.name, name.strip_prefix("refs/heads/").unwrap_or(&name));
    let loaded = match load_for_hook(repository, base, DEFAULT_POLICY_PATH, &called) {
        Ok(loaded) => loaded,
        // A branch that is older than the policy is judged by that of the default branch.
        Err(UnusablePolicy::Absent) => match remote.find_default_policy(repository, &pushed.remote_name) {
            Some((_, loaded)) => loaded,
            None => return Ok(CommandExit::Allowed),
        },
        Err(UnusablePolicy::Faulty(PolicyErrors { unread: Some(unread), .. })) => {
            let why = output::describe_unread_files(&unread, &remote.git_location);
            let what = format!("{DEFAULT_POLICY_PATH} at {called} could not be read: {why}");
            name_unchecked(&name, &what);
            return Ok(CommandExit::Allowed);
        }
        Err(UnusablePolicy::Faulty(errors)) => {
            let first = errors.faulty_files.iter().find_map(|file| file.faults.first());
            let why = first.map(|fault| format!(" ({})", fault.what)).unwrap_or_default();
            name_unchecked(&name, &format!("{DEFAULT_POLICY_PATH} at {called} cannot be used{why}"));
            return Ok(CommandExit::Allowed);
        }
    };
    if !loaded.policy.protects_ref(pushed.remote_name.as_bytes()) {
        return Ok(CommandExit::Allowed);
    }
    if let Some(why) = remote.find_doubt(repository, &pushed.remote_name)? {
        name_unchecked(&format!("{name} of {}", remote.name), &why);
        return Ok(CommandExit::Allowed);
    }
    judge_new_commits(repository, &loaded, (remote, base), pushed, context)
}

/// Returns what the ref of the remote holds: what the remote has just said, if that is known here, or what
/// was fetched last.
fn find_base_commit(
    repository: &Repository,
    tracking_ref: &[u8],
    pushed: &PushedRef,
) -> anyhow::Result<Option<Oid>> {
    let Some(fetched) = repository.resolve_ref(tracking_ref)?.id else { return Ok(None) };
    if !pushed.remote_id.is_null()
        && let Ok(PeeledObject::Commit(current)) = repository.peel_tags(pushed.remote_id)
    {
        return Ok(Some(current));
    }
    Ok(Some(fetched))
}

/// Returns true if the policy of the remote's default branch, as it was fetched last, or that of the
/// pushed commit protects the ref.
fn is_protected_elsewhere(repository: &Repository, remote: &PushRemote<'_>, pushed: &PushedRef) -> bool {
    let head = format!("refs/remotes/{}/HEAD", remote.name);
    let default_tip = repository.resolve_ref(head.as_bytes()).ok().and_then(|head| head.id);
    let pushed_tip = if pushed.local_id.is_null() { None } else { Some(pushed.local_id) };
    let Some(tip) = default_tip.or(pushed_tip) else { return false };
    let Ok(PeeledObject::Commit(commit)) = repository.peel_tags(tip) else { return false };
    load_for_hook(repository, commit, DEFAULT_POLICY_PATH, "")
        .is_ok_and(|loaded| loaded.policy.protects_ref(pushed.remote_name.as_bytes()))
}

fn judge_new_commits(
    repository: &Repository,
    loaded: &LoadedPolicy,
    (remote, base): (&PushRemote<'_>, Oid),
    pushed: &PushedRef,
    context: &Context,
) -> anyhow::Result<CommandExit> {
    // As the gate does: what the branch with its policy holds is judged.
    let mut hidden = vec![base];
    if let Some(default_tip) = remote.find_default_tip(repository, &pushed.remote_name) {
        hidden.push(default_tip);
        let name = &pushed.remote_name;
        let called = format!("the default branch of {}", remote.name);
        let what = (pushed.local_id, &[base][..], name);
        if let Some(left) = describe_deferred_rules(repository, loaded, what, (default_tip, &called))? {
            write_line(&format!("changegate: {}", escape_words(&left.to_plain_text())));
        }
    }
    let request = RangeRequest {
        wants_plans: true,
        range: CommitRange { tip: pushed.local_id, hidden_tips: &hidden, trusted_keys: None },
        display_name: Text::new(pushed.remote_name.as_bytes()),
        target: Ok(pushed.remote_name.clone()),
        approval_targets: &[],
        pusher: Err(Missing::NotAtThisStage(FactKind::Pusher)),
        push_certificate: crate::change::PushCertificate::Absent,
        unauthorised: None,
        stage: Stage::PrePush,
        unit: loaded.policy.change_unit,
        enforce: false,
        held: HeldChanges::Sample { first: 0, objections: 0 },
        explain: false,
        wants_reasons: false,
        names_unused: false,
        threads: count_threads,
        now: context.now,
        own_time: false,
    };
    let mut report = judge_range(repository, loaded, &request)?;
    if report.decision == Decision::Deny {
        mark_published_commits(&mut report, repository, &loaded.policy, &[pushed.local_id], None)?;
        // Without the marks, advice is less good; the push is refused all the same.
        let _ = mark_rewrites(&mut report.groups, repository, Some(pushed.local_id));
        let local_name = pushed.local_name.to_lossy();
        let checkout = find_reader_checkout(repository, local_name.strip_prefix("refs/heads/"));
        let is_at_head = checkout.branch_to_switch.is_none()
            && repository.resolve_ref(b"HEAD").is_ok_and(|head| head.id == Some(pushed.local_id));
        for group in &mut report.groups {
            group.amendable = is_at_head.then_some(pushed.local_id);
            group.checkout = checkout.clone();
        }
    }
    report.is_evaluation = report.decision == Decision::Deny && is_evaluating(repository);
    let style = ReportStyle {
        colour: output::stderr_colour(context.colour),
        quiet: true,
        git_location: remote.git_location.clone(),
        ..ReportStyle::default()
    };
    let mut out = std::io::stderr().lock();
    // A denial stays one when its reader is gone.
    let _ = crate::report::write_report(ReportFormatArg::Terminal.into(), &report, &style, &mut out);
    if report.decision == Decision::Allow {
        let _ = write_exemption_note(&report, &style, &mut out);
        for note in report.notes.iter().filter(|note| is_approval_note(note)) {
            let line = format!("changegate: {}", escape_sentence(&note.sentence()));
            let _ = writeln!(out, "{}", output::wrap_error(&line));
        }
    }
    Ok(report.effective_decision().into())
}

/// Says that something goes to the server without a look at it, and why.
fn name_unchecked(what: &str, why: &str) {
    let line = match why.split_once('\n') {
        Some((why, commands)) => {
            format!("changegate: {what} is not checked here, and the server decides: {why}\n{commands}")
        }
        None => format!("changegate: {what} is not checked here: {why}; the server decides"),
    };
    write_line(&line);
}

fn write_line(line: &str) {
    // Where nothing can be written, there is no reader.
    let _ = writeln!(std::io::stderr().lock(), "{}", output::wrap_error(line));
}
