//! The policies that `changegate check` judges by.

use jiff::Timestamp;

use crate::calendar::written_time::WrittenTime;
use crate::change::Oid;
use crate::cli::check::args::CheckArgs;
use crate::cli::check::request::{CheckRequest, find_default_branch};
use crate::cli::command_error::CommandError;
use crate::cli::context::Context;
use crate::cli::policy::lookup;
use crate::gate::{
    HistorySpan, LoadedPolicy, UnusablePolicy, find_commit_as_of, find_history_spans, load_from_commit,
    load_from_pack,
};
use crate::git::Repository;
use crate::policy::{DEFAULT_POLICY_PATH, packs};
use crate::report::PolicyLocation;
use crate::yaml::shorten_for_message;

/// The policies of a history, and the time at which its changes are seen.
pub(super) struct HistoryPolicies {
    /// The parts of the history with their policies, oldest first; empty if one policy judges all of it.
    pub(super) spans: Vec<HistorySpan>,
    /// The policy where the history has none that can be used.
    pub(super) fallback: LoadedPolicy,
    /// The clock for all changes; `None` if each is seen at its own time.
    pub(super) clock: Option<Timestamp>,
}

impl HistoryPolicies {
    /// Returns the number of spans at the start that no policy judges.
    ///
    /// What a branch took before it held its first policy broke none. A policy that is gone or faulty later
    /// is another matter, and so is a history that holds none at all: by what is that to be judged?
    pub(super) fn count_unjudged_spans(&self) -> usize {
        let is_before_policy = |span: &HistorySpan| matches!(span.policy, Err(UnusablePolicy::Absent));
        let before = self.spans.iter().take_while(|span| is_before_policy(span)).count();
        if before == self.spans.len() { 0 } else { before }
    }
}

/// Loads the policies of the whole history of the request.
pub(super) fn load_history_policies(
    args: &CheckArgs,
    repository: &Repository,
    request: &CheckRequest,
    context: &Context,
) -> Result<HistoryPolicies, CommandError> {
    let clock = args.as_of.as_deref().map(|written| parse_as_of(written, context)).transpose()?;
    if args.policy.is_some() || args.pack.is_some() {
        let fallback = load_check_policy(args, repository, request, context)?;
        return Ok(HistoryPolicies { spans: Vec::new(), fallback, clock });
    }
    let Some(clock) = clock else {
        let fallback = load_check_policy(args, repository, request, context)?;
        let spans = find_history_spans(repository, request.new, DEFAULT_POLICY_PATH)?;
        return Ok(HistoryPolicies { spans, fallback, clock: None });
    };
    let at = find_commit_as_of(repository, request.new, clock.as_second())?;
    let Some(at) = at else {
        return Err(CommandError::Usage(format!("the history has no commit that was made by {clock}")));
    };
    let called = at.short_hex();
    let fallback = load_source_policy(repository, &[(at, called)])?;
    Ok(HistoryPolicies { spans: Vec::new(), fallback, clock: Some(clock) })
}

/// Reads `now`, a day (its end, in UTC) or an instant.
fn parse_as_of(written: &str, context: &Context) -> Result<Timestamp, CommandError> {
    if written == "now" {
        return Ok(context.now);
    }
    let time = WrittenTime::parse_time(written)
        .map_err(|why| CommandError::Usage(format!("--as-of takes `now`, a day or an instant: {why}")))?;
    time.last_second().ok_or_else(|| CommandError::usage("--as-of is too far away"))
}

pub(super) fn load_check_policy(
    args: &CheckArgs,
    repository: &Repository,
    request: &CheckRequest,
    context: &Context,
) -> Result<LoadedPolicy, CommandError> {
    if let Some(file) = &args.policy {
        return lookup::load_local_policy(Some(file), context);
    }
    if let Some(pack) = &args.pack {
        return load_from_pack(pack).map_err(|_| lookup::unknown_pack_error(pack));
    }
    let mut sources = request.policy_sources.clone();
    // It judges a branch that is older than the policy.
    let default = find_default_branch(repository, true)?;
    sources.extend(default.id.map(|id| (id, default.name.to_lossy().into_owned())));
    let loaded = load_source_policy(repository, &sources)?;
    if (args.enforce || args.onto.is_some()) && is_brought_policy(args, request, &loaded) {
        let new = shorten_for_message(request.policy_sources.last().map_or("HEAD", |(_, called)| called));
        let held = match request.policy_sources.as_slice() {
            [(_, target), _, ..] => format!("`{}` holds no policy", shorten_for_message(target)),
            _ => "there is no policy from before the change".to_owned(),
        };
        return Err(CommandError::Usage(format!(
            "{held}, and the policy that `{new}` brings does not judge `{new}`; to judge by another one: \
             --policy FILE or --pack NAME"
        )));
    }
    Ok(loaded)
}

/// Returns true if the policy is the one of the change that is judged, because nothing before it has one.
///
/// Contributors choose what such a policy says, so it is advice at most.
pub(super) fn is_brought_policy(args: &CheckArgs, request: &CheckRequest, loaded: &LoadedPolicy) -> bool {
    // A range that ends where it begins brings nothing.
    let is_empty = request.hidden.contains(&request.new);
    let is_of_end = matches!(&loaded.place, PolicyLocation::Commit { id, .. } if *id == request.new);
    !args.history && !is_empty && is_of_end
}

/// Loads the first policy that one of these commits has, or else the default pack.
fn load_source_policy(
    repository: &Repository,
    sources: &[(Oid, String)],
) -> Result<LoadedPolicy, CommandError> {
    for (commit, called) in sources {
        match load_from_commit(repository, *commit, DEFAULT_POLICY_PATH, called) {
            Ok(loaded) => return Ok(loaded),
            Err(UnusablePolicy::Absent) => {}
            Err(why) => {
                return Err(
                    CommandError::from_unusable_policy(why, DEFAULT_POLICY_PATH).with_policy_commit(called)
                );
            }
        }
    }
    load_from_pack(packs::DEFAULT_PACK)
        .map_err(|why| CommandError::from_unusable_policy(why, packs::DEFAULT_PACK))
}
