//! What `changegate check` is asked to judge.

use crate::change::{Fact, FactKind, Missing, NeededFacts, Oid, Text};
use crate::cli::check::args::{CheckArgs, LandingArg};
use crate::cli::command_error::CommandError;
use crate::cli::revision::{full_ref_name, resolve_commit};
use crate::gate::load_from_commit;
use crate::git::{HeadState, Repository, ResolvedRef};
use crate::policy::DEFAULT_POLICY_PATH;
use crate::yaml::shorten_for_message;

/// The default branches of most repositories.
const USUAL_BRANCHES: [&str; 3] = ["refs/heads/main", "refs/heads/master", "refs/heads/trunk"];

/// The commits to judge, and what they are judged by.
pub(super) struct CheckRequest {
    pub(super) new: Oid,
    pub(super) hidden: Vec<Oid>,
    pub(super) range_label: String,
    /// The commits to look for a policy in, in this order, with the names that reports use.
    pub(super) policy_sources: Vec<(Oid, String)>,
    /// True if the range may hold more than one piece of work.
    pub(super) covers_many_changes: bool,
    pub(super) target: Fact<Text>,
    /// How the commits land; `None` if they are judged as the policy's unit says.
    pub(super) landing: Option<LandingArg>,
}

/// Returns the commits and the policy sources that the arguments name.
pub(super) fn resolve_request(
    args: &CheckArgs,
    repository: &Repository,
) -> Result<CheckRequest, CommandError> {
    let target = match &args.target {
        Some(name) => Ok(full_ref_name(name)),
        None => Err(Missing::NotAtThisStage(FactKind::Target)),
    };
    if let Some((old, new)) = args.revisions.as_deref().and_then(|revisions| revisions.split_once("..")) {
        if args.history {
            return Err(CommandError::usage("--history takes one revision, not a range"));
        }
        if new.starts_with('.') {
            return Err(CommandError::usage("OLD...NEW is not a range of changes; use OLD..NEW"));
        }
        refuse_open_range(repository, old, new)?;
        let (old_id, new_id) = (resolve_commit(repository, old)?, resolve_commit(repository, new)?);
        return Ok(CheckRequest {
            new: new_id,
            hidden: vec![old_id],
            range_label: format!("{old}..{new}"),
            policy_sources: vec![(old_id, old.to_owned()), (new_id, new.to_owned())],
            covers_many_changes: true,
            target,
            landing: None,
        });
    }
    let spec = args.revisions.clone().unwrap_or_else(|| "HEAD".into());
    refuse_empty_revision(&spec)?;
    let new = resolve_commit(repository, &spec)?;
    if args.history {
        return Ok(CheckRequest {
            new,
            hidden: Vec::new(),
            range_label: spec.clone(),
            policy_sources: vec![(new, spec)],
            covers_many_changes: true,
            target,
            landing: None,
        });
    }
    if let Some(onto) = &args.onto {
        refuse_open_target(onto)?;
        let landing = args.landing.unwrap_or(LandingArg::Merge);
        let name = find_onto_ref(repository, onto);
        return resolve_landing(repository, (&spec, new), onto, name.as_ref(), landing, target);
    }
    let upstream = if args.revisions.is_none() { repository.find_upstream_ref()? } else { None };
    if args.revisions.is_none()
        && let Some(landing) = find_protected_default(repository, new, upstream.as_ref(), &target)?
    {
        return Ok(landing);
    }
    // A push of this branch would be judged against its upstream.
    if let Some(upstream) = upstream
        && let Some(id) = repository.resolve_ref(upstream.as_bytes())?.id
        // Where another policy is tried, there is always a change to try it on.
        && (id != new || (args.policy.is_none() && args.pack.is_none()))
    {
        let called = upstream.to_lossy().into_owned();
        return Ok(CheckRequest {
            new,
            hidden: vec![id],
            range_label: format!("{called}..HEAD"),
            policy_sources: vec![(id, called), (new, "HEAD".into())],
            covers_many_changes: false,
            target: target.or_else(|_| find_upstream_target(&upstream)),
            landing: None,
        });
    }
    resolve_newest_change(args, repository, spec, new, target)
}

/// Returns the branches that signed approvals of the commits may be for, the likeliest first: the target, if one is named
/// alone; else the branch with which the range begins, that on which the commits are to land, and the default branch of the
/// remote.
pub(super) fn list_approval_targets(
    args: &CheckArgs,
    repository: &Repository,
    request: &CheckRequest,
) -> Result<Vec<Text>, CommandError> {
    let mut likely = Vec::new();
    likely.extend(request.target.as_ref().ok().cloned());
    if args.target.is_some() {
        return Ok(likely);
    }
    let begins_with = args.revisions.as_deref().and_then(|range| range.split_once("..")).map(|(old, _)| old);
    for name in begins_with.into_iter().chain(args.onto.as_deref()) {
        let branch = find_onto_ref(repository, name).map(|name| find_upstream_target(&name));
        likely.extend(branch.and_then(Result::ok));
    }
    let default = find_default_branch(repository, true)?;
    if default.id.is_some() {
        likely.extend(find_upstream_target(&default.name));
    }
    Ok(likely)
}

/// Returns the newest change of a revision: what it has and its first parent has not.
fn resolve_newest_change(
    args: &CheckArgs,
    repository: &Repository,
    spec: String,
    new: Oid,
    mut target: Fact<Text>,
) -> Result<CheckRequest, CommandError> {
    if target.is_err()
        && args.revisions.is_none()
        && let Ok(HeadState::Branch(branch)) = repository.read_head()
    {
        target = Ok(branch.name);
    }
    let commit = repository
        .read_commit(new, &NeededFacts::new())
        .map_err(|unreadable| CommandError::Failed(unreadable.into()))?;
    let (hidden, range_label, policy_sources) = match commit.parents.first() {
        Some(parent) => {
            (vec![*parent], format!("{spec}^..{spec}"), vec![(*parent, format!("{spec}^")), (new, spec)])
        }
        None => (Vec::new(), spec.clone(), vec![(new, spec)]),
    };
    Ok(CheckRequest {
        new,
        hidden,
        range_label,
        policy_sources,
        covers_many_changes: false,
        target,
        landing: None,
    })
}

/// Returns the branch that a remote-tracking ref tracks.
pub(super) fn find_upstream_target(upstream: &Text) -> Fact<Text> {
    if let Some(rest) = upstream.as_bytes().strip_prefix(b"refs/remotes/")
        && let Some(slash) = rest.iter().position(|byte| *byte == b'/')
        && let Some(branch) = rest.get(slash + 1..)
    {
        return Ok(Text::new([b"refs/heads/".as_slice(), branch].concat()));
    }
    Ok(upstream.clone())
}

/// Refuses a range or a revision without any text, which is most often a variable without a value.
fn refuse_empty_revision(spec: &str) -> Result<(), CommandError> {
    if !spec.trim().is_empty() {
        return Ok(());
    }
    Err(CommandError::usage(
        "the range is an empty text; is a variable not set? write both ends, as in `origin/main..HEAD`, or leave it out",
    ))
}

/// Refuses a range with an empty end, which is most often a variable without a value.
fn refuse_open_range(repository: &Repository, old: &str, new: &str) -> Result<(), CommandError> {
    if old.len() >= 40 && old.bytes().all(|byte| byte == b'0') {
        return Err(CommandError::usage(
            "the range starts at the null id: the branch is new, and nothing was there before; \
             name its target instead, as in `--as merge --onto origin/main`",
        ));
    }
    let (whole, instead) = match (old.is_empty(), new.is_empty()) {
        (false, false) => return Ok(()),
        (true, false) => (format!("..{new}"), format!("origin/main..{new}")),
        (false, true) if is_at_head(repository, old) => (format!("{old}.."), format!("{old}~1..HEAD")),
        (false, true) => (format!("{old}.."), format!("{old}..HEAD")),
        (true, true) => ("..".to_owned(), "origin/main..HEAD".to_owned()),
    };
    let (whole, instead) = (shorten_for_message(&whole), shorten_for_message(&instead));
    Err(CommandError::Usage(format!(
        "the range `{whole}` has an empty end; is a variable not set? write both ends, as in `{instead}`"
    )))
}

/// Returns true if a revision is what is checked out, so that from there to HEAD there is nothing to judge.
fn is_at_head(repository: &Repository, revision: &str) -> bool {
    let head = repository.resolve_revision("HEAD").ok();
    head.is_some() && repository.resolve_revision(revision).ok() == head
}

/// Refuses a target with an empty end, which is most often a variable without a value.
fn refuse_open_target(onto: &str) -> Result<(), CommandError> {
    if !onto.trim().is_empty() && !onto.ends_with('/') {
        return Ok(());
    }
    let onto = shorten_for_message(onto);
    Err(CommandError::Usage(format!(
        "`--onto {onto}` does not end with the name of a branch; is a variable not set? write the branch that \
         the change is for, as in `--onto origin/main`"
    )))
}

/// Returns what to say where HEAD adds nothing to its upstream, so that nothing was to be judged; `None` where something
/// was.
pub(super) fn describe_idle_head(
    repository: &Repository,
    request: &CheckRequest,
) -> Result<Option<String>, CommandError> {
    if repository.list_new_commits(request.new, &request.hidden)?.next().transpose()?.is_some() {
        return Ok(None);
    }
    let (old, _) = request.range_label.split_once("..").unwrap_or((&request.range_label, "HEAD"));
    let old = shorten_for_message(old);
    let place = match request.hidden.contains(&request.new) {
        true => format!("HEAD is what `{old}` holds"),
        false => format!("HEAD is behind `{old}`"),
    };
    let has_parent = !repository.list_parents(request.new)?.is_empty();
    let newest = if has_parent { "changegate check HEAD~1..HEAD, or of all of them: " } else { "" };
    Ok(Some(format!(
        "nothing to judge: {place}, and adds nothing to it; to judge what has landed: {newest}changegate check --history"
    )))
}

/// Refuses a request without a commit to judge: a check of nothing is not a check that has passed.
pub(super) fn refuse_empty_request(
    repository: &Repository,
    request: &CheckRequest,
    is_explicit: bool,
) -> Result<(), CommandError> {
    if repository.list_new_commits(request.new, &request.hidden)?.next().transpose()?.is_some() {
        return Ok(());
    }
    let label = shorten_for_message(&request.range_label);
    let (old, new) = label.split_once("..").unwrap_or((&label, "HEAD"));
    let allow = "; to accept that: --allow-empty";
    Err(CommandError::Usage(if request.hidden.contains(&request.new) {
        format!("nothing to judge: `{old}` and `{new}` are the same commit{allow}")
    } else if is_explicit {
        format!(
            "nothing to judge: `{new}` is a part of `{old}`; are the ends the right way round? \
             write `{new}..{old}`{allow}"
        )
    } else {
        format!("nothing to judge: HEAD is behind `{old}` and adds nothing to it{allow}")
    }))
}

/// Returns the full name of the ref that a branch is to land on; `None` for a commit.
fn find_onto_ref(repository: &Repository, onto: &str) -> Option<Text> {
    for name in [onto.to_owned(), format!("refs/heads/{onto}"), format!("refs/remotes/{onto}")] {
        if name.starts_with("refs/")
            // `main~1` names a commit and no ref; what names nothing is refused where it is resolved.
            && let Ok(resolved) = repository.resolve_ref(name.as_bytes())
            && resolved.id.is_some()
        {
            return Some(resolved.name);
        }
    }
    None
}

/// Returns the request to judge what lands on `onto`, by the policy that it holds.
fn resolve_landing(
    repository: &Repository,
    (spec, new): (&str, Oid),
    onto: &str,
    onto_ref: Option<&Text>,
    landing: LandingArg,
    target: Fact<Text>,
) -> Result<CheckRequest, CommandError> {
    let onto_id = resolve_commit(repository, onto)?;
    Ok(CheckRequest {
        new,
        hidden: vec![onto_id],
        range_label: format!("{onto}..{spec}"),
        policy_sources: vec![(onto_id, onto.to_owned()), (new, spec.to_owned())],
        covers_many_changes: false,
        target: match (target, onto_ref) {
            (Err(_), Some(name)) => find_upstream_target(name),
            (target, _) => target,
        },
        landing: Some(landing),
    })
}

/// Returns the default branch of the remote; without one, the first branch here with a usual name if `or_local` is set, which
/// is the only one to land on then.
pub(super) fn find_default_branch(repository: &Repository, or_local: bool) -> anyhow::Result<ResolvedRef> {
    let mut default = repository.resolve_ref(b"refs/remotes/origin/HEAD")?;
    for name in USUAL_BRANCHES {
        if default.id.is_none() && or_local {
            default = repository.resolve_ref(name.as_bytes())?;
        }
    }
    Ok(default)
}

/// Returns the request to judge what a merge would bring into the default branch of the remote, or the local
/// one where there is neither, if that is under change control and the branch's own upstream is not.
fn find_protected_default(
    repository: &Repository,
    new: Oid,
    upstream: Option<&Text>,
    target: &Fact<Text>,
) -> Result<Option<CheckRequest>, CommandError> {
    let default = find_default_branch(repository, upstream.is_none())?;
    let Some(id) = default.id else { return Ok(None) };
    if id == new || upstream.is_some_and(|upstream| *upstream == default.name) {
        return Ok(None);
    }
    let called = default.name.to_lossy().into_owned();
    // A policy that cannot be used is found, and said, when it is loaded to judge by.
    let Ok(loaded) = load_from_commit(repository, id, DEFAULT_POLICY_PATH, &called) else { return Ok(None) };
    let protects = |name: &Text| {
        find_upstream_target(name).is_ok_and(|target| loaded.policy.protects_ref(target.as_bytes()))
    };
    if upstream.is_some_and(protects) || !protects(&default.name) {
        return Ok(None);
    }
    let has_new = repository.list_new_commits(new, &[id])?.next().transpose()?.is_some();
    if !has_new {
        return Ok(None);
    }
    let landing = LandingArg::Merge;
    resolve_landing(repository, ("HEAD", new), &called, Some(&default.name), landing, target.clone())
        .map(Some)
}
