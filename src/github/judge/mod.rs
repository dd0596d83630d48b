//! A pull request, judged by the policy of its base branch as that stands now.
//!
//! Everything is read live; an event only says which pull request, and at which revision the run was
//! started. A run about an older revision refuses, because a newer one exists for what would be
//! merged.

pub(crate) mod merge_queue;
pub(crate) mod policy_at_commit;
pub(crate) mod pushed;

use std::sync::Arc;

use crate::change::{Change, FactKind, Oid, Stage, Text};
use crate::gate::{LoadedPolicy, UnusablePolicy, list_policy_notes, policy_fault_finding};
use crate::github::api::GitHubClient;
use crate::github::api::names::{PullRequestName, RepositoryName};
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest;
use crate::github::facts::{GatherFailure, PullRequestGatherer, PusherSource, drop_later_facts};
use crate::github::judge::policy_at_commit::PolicyFetchError;
use crate::judge::{explain_rule, judge_change};
use crate::push::refuse_by_rule;
use crate::report::{GroupScope, PolicyDescription, Report, ReportGroup, RuleTrace, decide_groups};
use crate::tickets::{TicketAccess, TicketSources};
use crate::verdict::{
    Finding, Judgement, Message, RuleDescription, RuleLevel, RuleOutcome, Sentence, Verdict,
};

use futures_util::future::join;
use jiff::Timestamp;

/// Who keeps the policy.
const POLICY_KEEPER: &str = "whoever keeps the policy";

/// The rules of the gate about pull requests, beside those about pushes: id, what it asks. No policy
/// switches them off.
pub const PULL_REQUEST_RULES: [(&str, &str); 4] = [
    ("pull-current", "what is judged is what would be merged"),
    ("pull-complete", "all of a pull request can be seen"),
    ("pull-target", "a pull request is for a branch under change control"),
    ("pull-queued", "what a merge queue merges can be told"),
];

/// How to judge.
#[derive(Clone, Debug)]
pub struct GitHubJudgeOptions {
    /// Where the policy stands in the base branch.
    pub policy_path: String,
    /// Who tells who pushed.
    pub pusher_source: PusherSource,
    /// True to tell how each rule came to its answer.
    pub explain: bool,
    /// What it takes to ask ticket systems; `None` if nobody asks them.
    pub ticket_access: Option<TicketAccess>,
}

/// Asks ticket systems about the tickets that a change names, if its policy wants to know of them.
pub(crate) fn look_up_tickets(
    change: &mut Change,
    loaded: &LoadedPolicy,
    options: &GitHubJudgeOptions,
    repo: &RepositoryName,
) {
    let wanted = loaded.policy.needed_facts().contains(&FactKind::Tickets);
    if let (true, Some(access)) = (wanted, &options.ticket_access) {
        let access = TicketAccess { repository: Some(repo.to_string()), ..access.clone() };
        let mut sources = TicketSources::new(loaded.policy.ticket_systems.clone(), access);
        change.tickets = Ok(sources.look_up_tickets(&loaded.policy.find_ticket_keys(change)));
    }
}

/// What judging a pull request came to.
#[derive(Clone, Debug)]
pub(crate) struct JudgedGroup {
    pub(crate) group: ReportGroup,
    pub(crate) policy_name: Option<PolicyDescription>,
    pub(crate) notes: Vec<Message>,
    /// The pull request and its final revision, where that is known.
    pub(crate) pull_request_head: Option<(PullRequestName, Oid)>,
    /// The changes that the verdicts of the group are about, in the same order.
    pub(crate) changes: Vec<Change>,
    /// How each of them came to its branch, if it has.
    pub(crate) landings: Vec<ChangeLanding>,
}

/// How a change came to its branch.
#[derive(Clone, Debug)]
pub(crate) struct ChangeLanding {
    /// Which step of the branch it is, counted from the first one of the push.
    pub(crate) step_index: usize,
    /// The commit that the step ends with.
    pub(crate) landed_as: Oid,
    /// The pull request, if one brought it.
    pub(crate) pull: Option<PullRequestName>,
    /// The account that merged that, as the pull request says.
    pub(crate) merged_by: Option<Text>,
}

/// What is told from outside about the run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct GitHubRunContext {
    /// The final revision for which the run was started.
    pub(crate) expected_head: Option<Oid>,
    /// The revision whose checks count, if not the final one.
    pub(crate) checks_revision: Option<Oid>,
    /// When it landed, if it has: what came later is not looked at.
    pub(crate) landed_at: Option<Timestamp>,
}

/// Returns the judgement that refuses by a rule of [`RULES`].
pub(crate) fn refuse_pull_request(id: &str, finding: Finding) -> Judgement {
    let title = PULL_REQUEST_RULES.iter().find(|(known, _)| *known == id).map_or(id, |(_, title)| title);
    Judgement {
        rule: Arc::new(RuleDescription { id: id.into(), title: title.into(), controls: Vec::new() }),
        level: RuleLevel::Deny,
        outcome: RuleOutcome::Fail(vec![finding]),
    }
}

/// Returns the report on everything that was judged together.
pub(crate) fn build_report(client: &GitHubClient, done: Vec<JudgedGroup>) -> Report {
    let mut groups = Vec::new();
    let mut notes: Vec<Message> = Vec::new();
    let mut policy = None;
    for one in done {
        groups.push(one.group);
        policy = policy.or(one.policy_name);
        for note in one.notes {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
    }
    Report {
        decision: decide_groups(&groups, true),
        stage: Stage::PullRequest,
        enforced: true,
        seen_at: client.now(),
        policy,
        groups,
        notes,
    }
}

impl JudgedGroup {
    pub(crate) fn from_refusal(of: GroupScope, judgement: Judgement) -> JudgedGroup {
        let mut group = ReportGroup::new(of, Vec::new());
        group.refusals.push(judgement);
        group.is_amendable = false;
        JudgedGroup {
            group,
            policy_name: None,
            notes: Vec::new(),
            pull_request_head: None,
            changes: Vec::new(),
            landings: Vec::new(),
        }
    }
}

/// Judges one pull request.
///
/// # Errors
///
/// Fails if the pull request or its policy cannot be read at all.
pub(crate) async fn judge_pull_request(
    client: &GitHubClient,
    name: &PullRequestName,
    options: &GitHubJudgeOptions,
    told: GitHubRunContext,
) -> Result<JudgedGroup, GitHubFailure> {
    let path = format!("{}/pulls/{}", name.repo.rest_path(), name.number);
    let (pull, base) = join(
        client.fetch_json::<rest::RestPullRequest>(path),
        policy_at_commit::read_base_branch(client, name, &options.policy_path),
    )
    .await;
    let (pull, base) = (pull?, base?);
    if pull.number != name.number {
        return Err(GitHubFailure::new(format!(
            "GitHub was asked for {name} and tells of another pull request"
        )));
    }
    let of = GroupScope::PullRequest(Text::from(name.to_string()));
    let refused = |judgement: Judgement| {
        let mut done = JudgedGroup::from_refusal(of.clone(), judgement);
        done.pull_request_head = Some((name.clone(), pull.head.sha));
        done
    };
    let head = pull.head.sha;
    if let Some(expected) = told.expected_head.filter(|expected| *expected != head) {
        let what = format!(
            "this run is about {}, and the pull request is at {} by now; the run for that one counts",
            expected.short_hex(),
            head.short_hex()
        );
        return Ok(refused(refuse_pull_request(
            "pull-current",
            Finding::new(Sentence::from_words(what)).fixed_by("nobody"),
        )));
    }
    if base.branch != pull.base.branch {
        let what = Sentence::from_words("somebody pointed it at ").with_quote(&base.branch.as_str().into());
        let what = what.with_words(" while it was being read; judge it again");
        return Ok(refused(refuse_pull_request("pull-current", Finding::new(what).fixed_by("nobody"))));
    }
    let target = Text::from(format!("refs/heads/{}", pull.base.branch));
    let Some(tip) = base.tip else {
        let what =
            Sentence::from_words("the branch ").with_quote(&target).with_words(" that it is for is gone");
        return Ok(refused(refuse_by_rule("policy-present", Finding::new(what).fixed_by(POLICY_KEEPER))));
    };
    let called = target.to_lossy();
    let loaded = match policy_at_commit::load_policy(
        client,
        &name.repo,
        tip,
        &options.policy_path,
        &called,
        Some(&base),
    )
    .await
    {
        Ok(loaded) => loaded,
        Err(PolicyFetchError::NotFetched(failure)) => return Err(failure),
        Err(PolicyFetchError::Unusable(why)) => {
            return Ok(refused(refuse_unusable_policy(&why, &options.policy_path, &target, POLICY_KEEPER)));
        }
    };
    let mut done = judge_with_policy(client, name, options, told, &pull, tip, &loaded).await;
    done.policy_name = Some(loaded.name());
    done.notes.splice(0..0, list_policy_notes(&loaded, client.now()));
    done.pull_request_head = Some((name.clone(), head));
    Ok(done)
}

/// Judges a pull request by a policy that is loaded; `tip` is where its base branch stands.
pub(crate) async fn judge_with_policy(
    client: &GitHubClient,
    name: &PullRequestName,
    options: &GitHubJudgeOptions,
    told: GitHubRunContext,
    pull: &rest::RestPullRequest,
    tip: Oid,
    loaded: &LoadedPolicy,
) -> JudgedGroup {
    let of = GroupScope::PullRequest(Text::from(name.to_string()));
    let target = Text::from(format!("refs/heads/{}", pull.base.branch));
    let needs = loaded.policy.needed_facts();
    let gathering = PullRequestGatherer {
        client,
        name,
        pull,
        base_tip: tip,
        needs: &needs,
        trusted: loaded.trusted_keys(client.now()),
        pusher_source: options.pusher_source,
        checks_revision: told.checks_revision.unwrap_or(pull.head.sha),
        seen_at: told.landed_at.unwrap_or(client.now()),
    };
    let mut change = match gathering.gather_change().await {
        Ok(change) => change,
        Err(GatherFailure::CommitsUnavailable(failure)) => {
            let finding = Finding::new(Sentence::from_words(failure.why)).fixed_by("whoever runs the gate");
            return JudgedGroup::from_refusal(of, refuse_pull_request("pull-complete", finding));
        }
        Err(GatherFailure::HeadMoved(what)) => {
            let finding = Finding::new(Sentence::from_words(what)).fixed_by("nobody");
            return JudgedGroup::from_refusal(of, refuse_pull_request("pull-current", finding));
        }
    };
    if let Some(at) = told.landed_at
        && let Err(what) = drop_later_facts(&mut change, at)
    {
        return JudgedGroup::from_refusal(
            of,
            refuse_pull_request("pull-complete", Finding::new(what).fixed_by("nobody")),
        );
    }
    look_up_tickets(&mut change, loaded, options, &name.repo);
    let verdict = judge_change(&loaded.policy, &change, true);
    let traces = if options.explain { explain_judgements(loaded, &change, &verdict) } else { Vec::new() };
    let mut group = ReportGroup::new(of, vec![verdict]);
    group.traces = traces;
    // What was pushed is amended by another push, which takes the approvals with it.
    group.is_amendable = false;
    if !loaded.policy.protects_ref(target.as_bytes()) {
        let what = Sentence::from_words("the policy of ")
            .with_quote(&target)
            .with_words(" does not put that branch under change control");
        group.refusals.push(refuse_pull_request("pull-target", Finding::new(what).fixed_by(POLICY_KEEPER)));
    }
    group.refusals.extend(refuse_policy_break(client, name, options, pull, loaded, &change).await);
    let mut notes = Vec::new();
    if pull.state != "open" {
        notes.push(Message::from("this pull request is closed"));
    }
    JudgedGroup {
        group,
        policy_name: None,
        notes,
        pull_request_head: None,
        changes: vec![change],
        landings: Vec::new(),
    }
}

/// Returns what refuses a pull request after which its base branch would have no policy that can be
/// used, or none that is about it.
async fn refuse_policy_break(
    client: &GitHubClient,
    name: &PullRequestName,
    options: &GitHubJudgeOptions,
    pull: &rest::RestPullRequest,
    loaded: &LoadedPolicy,
    change: &Change,
) -> Option<Judgement> {
    let author = "the author";
    let paths = match change.pull.as_deref().map(|pull| &pull.paths) {
        Ok(Ok(paths)) => paths,
        Ok(Err(missing)) | Err(missing) => {
            let what = format!("nobody can tell whether this changes the policy: {missing}");
            return Some(refuse_by_rule(
                "policy-valid",
                Finding::new(Sentence::from_words(what)).fixed_by("whoever runs the gate"),
            ));
        }
    };
    // A folder can be swapped for a link, so that what lies below it changes without being listed.
    let about = |path: &str| {
        paths.iter().any(|change| {
            let changed = change.path.as_bytes();
            let rest = path.as_bytes().strip_prefix(changed);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        })
    };
    if !loaded.file_paths().any(about) {
        return None;
    }
    let target = Text::from(format!("refs/heads/{}", pull.base.branch));
    let called = format!("the head of {name}");
    match policy_at_commit::load_policy(
        client,
        &name.repo,
        pull.head.sha,
        &options.policy_path,
        &called,
        None,
    )
    .await
    {
        Ok(new) if new.policy.protects_ref(target.as_bytes()) => None,
        Ok(_) => {
            let what = Sentence::from_words("after this ")
                .with_quote(&target)
                .with_words(" would not be under change control any more");
            Some(refuse_by_rule("policy-valid", Finding::new(what).fixed_by(author)))
        }
        Err(PolicyFetchError::Unusable(UnusablePolicy::Absent)) => {
            let what = format!("this takes away the policy `{}`", options.policy_path);
            Some(refuse_by_rule("policy-valid", Finding::new(Sentence::from_words(what)).fixed_by(author)))
        }
        Err(PolicyFetchError::Unusable(UnusablePolicy::Faulty(errors))) => {
            Some(refuse_by_rule("policy-valid", policy_fault_finding(&errors, author)))
        }
        Err(PolicyFetchError::NotFetched(failure)) => {
            let what = format!("the policy that this brings could not be read: {}", failure.why);
            Some(refuse_by_rule(
                "policy-valid",
                Finding::new(Sentence::from_words(what)).fixed_by("whoever runs the gate"),
            ))
        }
    }
}

/// Returns the refusal where there is no policy to judge by.
pub(crate) fn refuse_unusable_policy(why: &UnusablePolicy, path: &str, place: &Text, who: &str) -> Judgement {
    match why {
        UnusablePolicy::Absent => {
            let what = Sentence::from_words(format!("there is no `{path}` at "))
                .with_quote(place)
                .with_words(", so nothing can be judged");
            refuse_by_rule(
                "policy-present",
                Finding::new(what).fixed_by(who).with_paste("changegate policy init"),
            )
        }
        UnusablePolicy::Faulty(errors) => refuse_by_rule("policy-valid", policy_fault_finding(errors, who)),
    }
}

/// Returns how every rule that said something came to its answer.
pub(crate) fn explain_judgements(
    loaded: &LoadedPolicy,
    change: &Change,
    verdict: &Verdict,
) -> Vec<RuleTrace> {
    let told = verdict.judgements.iter().filter(|judgement| judgement.outcome != RuleOutcome::NotApplicable);
    told.flat_map(|judgement| {
        let rule = judgement.rule.id.clone();
        explain_rule(&loaded.policy, change, &judgement.rule.id).into_iter().map(move |trace| RuleTrace {
            verdict_index: 0,
            rule_id: rule.clone(),
            trace,
        })
    })
    .collect()
}
