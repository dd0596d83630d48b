//! A push that happened already: what it brought, held against the policy as it was before.
//!
//! Nothing is kept out here; it is found. Each new step of the branch has to have come in by a pull
//! request, which GitHub is asked about (a number in a message proves nothing), and is judged with
//! what is known of that. A step that none brought in is judged by its commits alone.

use std::collections::{HashMap, HashSet};

use futures_util::future::join_all;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use crate::change::{Change, Commits, FactKind, Missing, Oid, PusherIdentity, Stage, Text};
use crate::gate::{LoadedPolicy, UnusablePolicy, list_policy_notes};
use crate::github::api::GitHubClient;
use crate::github::api::graphql::GraphqlObjectId;
use crate::github::api::names::{PullRequestName, RepositoryName};
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest::{RestCommit as Listed, RestListedPullRequest, RestPullRequest};
use crate::github::facts::accounts::account_of_user;
use crate::github::facts::commits;
use crate::github::judge::policy_at_commit::{self, PolicyFetchError};
use crate::github::judge::{
    ChangeLanding, GitHubJudgeOptions, GitHubRunContext, JudgedGroup, explain_judgements, judge_with_policy,
    look_up_tickets, refuse_pull_request, refuse_unusable_policy,
};
use crate::judge::judge_change;
use crate::push::{self, ProposedRefUpdate, RefTargetKind, refuse_by_rule};
use crate::report::{GroupScope, RefUpdateKind, ReportGroup};
use crate::verdict::{Finding, Message, Sentence};

const BRANCH_QUERY: &str = include_str!("../api/queries/branch.graphql");

/// How many new steps of a branch are judged.
const MAX_PUSHED_STEPS: usize = 100;

/// A push.
#[derive(Clone, Debug)]
pub(crate) struct CompletedPush<'event> {
    pub(crate) repo: &'event RepositoryName,
    pub(crate) ref_name: &'event str,
    pub(crate) before: Oid,
    pub(crate) after: Oid,
    pub(crate) forced: bool,
    /// When it happened, if that is known; without it, a ref that has moved on since is refused.
    pub(crate) pushed_at: Option<Timestamp>,
    /// Who pushed, if that is known.
    pub(crate) pusher: Option<PusherIdentity>,
}

/// What judging a push came to.
pub(crate) struct JudgedPush {
    /// What is about the ref and what came without a pull request, then each pull request; nothing for
    /// a ref that is not under change control.
    pub(crate) groups: Vec<JudgedGroup>,
    /// The policy that it was judged by, if there is one.
    pub(crate) loaded_policy: Option<LoadedPolicy>,
    /// The tree of what the ref holds, if that is known.
    pub(crate) new_tree: Option<Oid>,
}

#[derive(Deserialize)]
struct BranchResponse {
    repository: Option<BranchRepository>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BranchRepository {
    default_branch_ref: Option<DefaultBranchRef>,
    #[serde(rename = "ref")]
    named_ref: Option<NamedRef>,
}

#[derive(Deserialize)]
struct DefaultBranchRef {
    name: String,
    target: Option<GraphqlObjectId>,
}

#[derive(Deserialize)]
struct NamedRef {
    target: Option<GraphqlObjectId>,
}

impl CompletedPush<'_> {
    fn non_null_id(id: Oid) -> Option<Oid> {
        (!id.is_null()).then_some(id)
    }

    fn ref_update(&self) -> RefUpdateKind {
        match (Self::non_null_id(self.before), Self::non_null_id(self.after)) {
            (Some(old), Some(new)) if self.forced => RefUpdateKind::Rewrite { old, new },
            (Some(old), Some(new)) => RefUpdateKind::Move { old, new },
            (None, _) => RefUpdateKind::Create { new: self.after },
            (Some(old), None) => RefUpdateKind::Delete { old },
        }
    }

    fn report_subject(&self) -> GroupScope {
        GroupScope::Ref { name: Text::from(self.ref_name), update: self.ref_update() }
    }
}

/// Where the default branch stands, and another ref.
struct BranchTips {
    default_branch: String,
    default_tip: Oid,
    ref_tip: Option<Oid>,
}

async fn read_branch_tips(
    client: &GitHubClient,
    repo: &RepositoryName,
    name: &str,
) -> Result<BranchTips, GitHubFailure> {
    let variables = json!({ "owner": repo.owner, "name": repo.name, "ref": name });
    let answer: BranchResponse = client.run_query(BRANCH_QUERY, variables).await?;
    let found = answer.repository.ok_or_else(|| GitHubFailure::new(format!("GitHub knows no {repo}")))?;
    let default = found.default_branch_ref.and_then(|branch| Some((branch.name, branch.target?.oid)));
    let (default, default_tip) =
        default.ok_or_else(|| GitHubFailure::new(format!("{repo} has no default branch")))?;
    let now = found.named_ref.and_then(|now| now.target).map(|target| target.oid);
    Ok(BranchTips { default_branch: format!("refs/heads/{default}"), default_tip, ref_tip: now })
}

/// Returns the full name of the default branch, and where it stands.
///
/// # Errors
///
/// Fails if there is none.
pub(crate) async fn read_default_branch(
    client: &GitHubClient,
    repo: &RepositoryName,
) -> Result<(String, Oid), GitHubFailure> {
    let found = read_branch_tips(client, repo, "HEAD").await?;
    Ok((found.default_branch, found.default_tip))
}

/// Judges a push.
///
/// # Errors
///
/// Fails if neither the default branch nor its policy can be read.
pub(crate) async fn judge_completed_push(
    client: &GitHubClient,
    landed: &CompletedPush<'_>,
    options: &GitHubJudgeOptions,
) -> Result<JudgedPush, GitHubFailure> {
    let repo = landed.repo;
    let name = Text::from(landed.ref_name);
    let BranchTips { default_branch: default, default_tip, ref_tip: now } =
        read_branch_tips(client, repo, landed.ref_name).await?;
    // What the branch held before decides; one that is new, or older than its policy, is judged as the
    // default branch says. Before its own push, the default branch stood at `before`.
    let old = CompletedPush::non_null_id(landed.before);
    let own = match old {
        Some(old) => {
            policy_at_commit::load_policy(client, repo, old, &options.policy_path, landed.ref_name, None)
                .await
        }
        None => Err(PolicyFetchError::Unusable(UnusablePolicy::Absent)),
    };
    let loaded = match own {
        Err(PolicyFetchError::Unusable(UnusablePolicy::Absent)) if landed.ref_name != default => {
            policy_at_commit::load_policy(client, repo, default_tip, &options.policy_path, &default, None)
                .await
        }
        // A branch can be made from a commit whose policy did not know of it.
        Ok(own) if landed.ref_name != default && !own.policy.protects_ref(name.as_bytes()) => {
            match policy_at_commit::load_policy(
                client,
                repo,
                default_tip,
                &options.policy_path,
                &default,
                None,
            )
            .await
            {
                Ok(loaded) if loaded.policy.protects_ref(name.as_bytes()) => Ok(loaded),
                Err(PolicyFetchError::NotFetched(failure)) => Err(PolicyFetchError::NotFetched(failure)),
                _ => Ok(own),
            }
        }
        other => other,
    };
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err(PolicyFetchError::NotFetched(failure)) => return Err(failure),
        Err(PolicyFetchError::Unusable(why)) => {
            let judgement =
                refuse_unusable_policy(&why, &options.policy_path, &name, "whoever keeps the policy");
            return Ok(JudgedPush {
                groups: vec![JudgedGroup::from_refusal(landed.report_subject(), judgement)],
                loaded_policy: None,
                new_tree: None,
            });
        }
    };
    if !loaded.policy.protects_ref(name.as_bytes()) {
        return Ok(JudgedPush { groups: Vec::new(), loaded_policy: Some(loaded), new_tree: None });
    }
    let mut group = ReportGroup::new(landed.report_subject(), Vec::new());
    group.is_amendable = false;
    if landed.pushed_at.is_none() && now != CompletedPush::non_null_id(landed.after) {
        let what =
            Sentence::from_words("the ref has moved on since; the run for the newer push tells of that");
        group.refusals.push(refuse_pull_request("pull-current", Finding::new(what).fixed_by("nobody")));
    }
    let notes = list_policy_notes(&loaded, client.now());
    let (changes, ways) = (Vec::new(), Vec::new());
    let mut first = JudgedGroup {
        group,
        policy_name: Some(loaded.name()),
        notes,
        pull_request_head: None,
        changes,
        landings: ways,
    };
    let (mut done, tree) = match judge_pushed_steps(client, landed, options, &loaded, &default, &mut first)
        .await
    {
        Ok(brought) => brought,
        Err(failure) => {
            let finding = Finding::new(Sentence::from_words(failure.why)).fixed_by("whoever runs the gate");
            first.group.refusals.push(refuse_by_rule("whole-history", finding));
            (Vec::new(), None)
        }
    };
    done.insert(0, first);
    Ok(JudgedPush { groups: done, loaded_policy: Some(loaded), new_tree: tree })
}

/// Judges what a push brought, and returns what pull requests did, with the tree of the last commit;
/// what is about the ref itself goes into `first`, as does what came without one.
async fn judge_pushed_steps(
    client: &GitHubClient,
    landed: &CompletedPush<'_>,
    options: &GitHubJudgeOptions,
    loaded: &LoadedPolicy,
    default: &str,
    first: &mut JudgedGroup,
) -> Result<(Vec<JudgedGroup>, Option<Oid>), GitHubFailure> {
    let group = &mut first.group;
    let name = Text::from(landed.ref_name);
    let (old, new) = (CompletedPush::non_null_id(landed.before), CompletedPush::non_null_id(landed.after));
    let asked = |forward: bool| ProposedRefUpdate {
        name: &name,
        claimed_old: old,
        actual_old: old,
        new,
        target_kind: RefTargetKind::Commit,
        is_fast_forward: forward,
    };
    let Some(new) = new else {
        group.refusals.extend(push::judge_ref_update(&asked(false)));
        return Ok((Vec::new(), None));
    };
    let start = old.map_or_else(
        || default.strip_prefix("refs/heads/").unwrap_or(default).to_owned(),
        |old| old.to_string(),
    );
    let any = PullRequestName { repo: landed.repo.clone(), number: 0 };
    let ends = format!("{}...{new}", crate::github::api::names::escape_path(&start));
    let (status, commits) = commits::compare_commits(client, &any, &ends).await?;
    let forward = !landed.forced && matches!(status.as_str(), "ahead" | "identical");
    group.refusals.extend(push::judge_ref_update(&asked(forward || old.is_none())));
    let tree = commits.iter().find(|commit| commit.sha == new).map(|commit| commit.commit.tree.sha);
    if landed.ref_name.starts_with("refs/tags/") {
        if !commits.is_empty() {
            let what = format!("{} is not on the default branch", new.short_hex());
            group.refusals.push(refuse_by_rule(
                "tag-of-reviewed",
                Finding::new(Sentence::from_words(what)).fixed_by("the pusher"),
            ));
        }
        return Ok((Vec::new(), tree));
    }
    let steps = split_into_steps(&commits, new);
    if MAX_PUSHED_STEPS < steps.len() {
        let what =
            format!("this push brought {} steps, and at most {MAX_PUSHED_STEPS} are judged", steps.len());
        group.refusals.push(refuse_by_rule(
            "push-size",
            Finding::new(Sentence::from_words(what)).fixed_by("the pusher"),
        ));
        return Ok((Vec::new(), tree));
    }
    let branch = landed.ref_name.strip_prefix("refs/heads/").unwrap_or(landed.ref_name);
    let found =
        join_all(steps.iter().map(|step| find_merged_pulls(client, landed.repo, step.id, branch))).await;
    let found: Vec<Vec<RestListedPullRequest>> = found.into_iter().collect::<Result<_, _>>()?;
    let mut seen = HashSet::new();
    let mut pulls = Vec::new();
    for (at, (step, listed)) in steps.iter().zip(&found).enumerate() {
        // A rebase brings in several steps, of which the pull request names the last.
        let later = |id: Oid| steps.iter().skip(at).any(|step| step.id == id);
        // GitHub takes a merge that somebody made by hand and pushed for one of its own, whatever else
        // it holds: nobody has looked at that.
        let by_hand = commits.iter().any(|commit| {
            commit.sha == step.id && 1 < commit.parents.len() && !commits::is_forge_commit(commit)
        });
        let pull = listed.iter().find(|pull| !by_hand && pull.merge_commit_sha.is_some_and(later));
        match pull {
            Some(pull) if seen.insert(pull.number) => {
                let last = steps.iter().position(|step| pull.merge_commit_sha == Some(step.id));
                pulls.push((pull.number, last.unwrap_or(at), pull.merge_commit_sha.unwrap_or(step.id)));
            }
            Some(_) => {}
            None => {
                let place = group.verdicts.len();
                let change = build_direct_push_change(client, landed, options, loaded, step, &commits)?;
                let verdict = judge_change(&loaded.policy, &change, true);
                let mut told =
                    if options.explain { explain_judgements(loaded, &change, &verdict) } else { Vec::new() };
                told.iter_mut().for_each(|trace| trace.verdict_index = place);
                group.verdicts.push(verdict);
                group.traces.extend(told);
                first.changes.push(change);
                first.landings.push(ChangeLanding {
                    step_index: at,
                    landed_as: step.id,
                    pull: None,
                    merged_by: None,
                });
            }
        }
    }
    let judged = join_all(pulls.iter().map(|&(number, place, at)| async move {
        let name = PullRequestName { repo: landed.repo.clone(), number };
        let pull: RestPullRequest =
            client.fetch_json(format!("{}/pulls/{number}", landed.repo.rest_path())).await?;
        let tip = old.unwrap_or(pull.base.sha);
        let landed_at = pull.merged_at.or(landed.pushed_at);
        let told = GitHubRunContext { landed_at, ..GitHubRunContext::default() };
        let mut done = judge_with_policy(client, &name, options, told, &pull, tip, loaded).await;
        done.notes.retain(|note| *note != Message::from("this pull request is closed"));
        let by = account_of_user(pull.merged_by.as_ref()).map(|account| account.id);
        done.landings =
            vec![
                ChangeLanding { step_index: place, landed_as: at, pull: Some(name), merged_by: by };
                done.changes.len()
            ];
        Ok::<_, GitHubFailure>(done)
    }));
    let done: Vec<JudgedGroup> = judged.await.into_iter().collect::<Result<_, _>>()?;
    Ok((done, tree))
}

/// A step of the first-parent history, with the commits that it brings in.
struct PushedStep {
    id: Oid,
    commit_ids: Vec<Oid>,
}

/// Returns the steps that lead to `tip`, oldest first.
fn split_into_steps(commits: &[Listed], tip: Oid) -> Vec<PushedStep> {
    let parents: HashMap<Oid, Vec<Oid>> = commits
        .iter()
        .map(|commit| (commit.sha, commit.parents.iter().map(|parent| parent.sha).collect()))
        .collect();
    let mut line = Vec::new();
    let mut at = Some(tip);
    while let Some(id) = at.filter(|id| parents.contains_key(id) && line.len() <= commits.len()) {
        line.push(id);
        at = parents.get(&id).and_then(|parents| parents.first().copied());
    }
    line.reverse();
    let mut taken: HashSet<Oid> = HashSet::new();
    let mut steps = Vec::new();
    for id in line {
        let mut reached = HashSet::new();
        let mut open = vec![id];
        while let Some(next) = open.pop() {
            if taken.contains(&next) || !reached.insert(next) {
                continue;
            }
            open.extend(
                parents.get(&next).into_iter().flatten().filter(|parent| parents.contains_key(parent)),
            );
        }
        taken.extend(&reached);
        // In the order of the list, the step itself at the end.
        let mut commits: Vec<Oid> = commits
            .iter()
            .map(|commit| commit.sha)
            .filter(|sha| *sha != id && reached.contains(sha))
            .collect();
        commits.push(id);
        steps.push(PushedStep { id, commit_ids: commits });
    }
    steps
}

/// Returns the pull requests by which a commit came to `branch`, as GitHub knows them.
async fn find_merged_pulls(
    client: &GitHubClient,
    repo: &RepositoryName,
    id: Oid,
    branch: &str,
) -> Result<Vec<RestListedPullRequest>, GitHubFailure> {
    let path = format!("{}/commits/{id}/pulls?per_page=100", repo.rest_path());
    let mut pulls: Vec<RestListedPullRequest> =
        client.fetch_list(path, |page: Vec<RestListedPullRequest>| page, |_| false).await?;
    pulls.retain(|pull| pull.merged_at.is_some() && pull.base.branch == branch);
    Ok(pulls)
}

/// Returns a step that no pull request brought in, as it is judged.
fn build_direct_push_change(
    client: &GitHubClient,
    landed: &CompletedPush<'_>,
    options: &GitHubJudgeOptions,
    loaded: &LoadedPolicy,
    step: &PushedStep,
    listed: &[Listed],
) -> Result<Change, GitHubFailure> {
    let none = |need| Missing::Unavailable(need, "no pull request brought this in".into());
    let needs = loaded.policy.needed_facts();
    let by_id: HashMap<Oid, &Listed> = listed.iter().map(|commit| (commit.sha, commit)).collect();
    let commits = step
        .commit_ids
        .iter()
        .filter_map(|id| by_id.get(id))
        .map(|listed| commits::convert_commit(listed, &needs, loaded.trusted_keys(client.now())))
        .collect();
    let commits = Commits::new(commits)
        .ok_or_else(|| GitHubFailure::new(format!("GitHub lists no commits for {}", step.id.short_hex())))?;
    let mut change = Change {
        stage: Stage::PullRequest,
        target: Ok(Text::from(landed.ref_name)),
        seen_at: landed.pushed_at.unwrap_or(client.now()),
        pusher: landed.pusher.clone().ok_or_else(|| none(FactKind::Pusher)),
        pull: Err(none(FactKind::Pull)),
        tickets: Change::missing_tickets(Stage::PullRequest),
        commits,
    };
    look_up_tickets(&mut change, loaded, options, landed.repo);
    Ok(change)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(id: u8, parents: &[u8]) -> Listed {
        let hex = |byte: u8| Oid::from_bytes(&[byte; 20]).unwrap().to_string();
        let parents: Vec<_> = parents.iter().map(|parent| json!({ "sha": hex(*parent) })).collect();
        let body = json!({ "message": "m", "author": null, "committer": null, "tree": { "sha": hex(9) }, "verification": null });
        let commit =
            json!({ "sha": hex(id), "commit": body, "author": null, "committer": null, "parents": parents });
        serde_json::from_value(commit).unwrap()
    }

    fn told(commits: &[Listed], tip: u8) -> Vec<(u8, Vec<u8>)> {
        let first = |id: &Oid| id.as_bytes()[0];
        split_into_steps(commits, Oid::from_bytes(&[tip; 20]).unwrap())
            .iter()
            .map(|step| (first(&step.id), step.commit_ids.iter().map(first).collect()))
            .collect()
    }

    #[test]
    fn a_merge_brings_its_side_in_and_a_line_brings_each_commit() {
        let commits =
            [listed(1, &[0]), listed(2, &[0]), listed(3, &[2]), listed(4, &[1, 3]), listed(5, &[4])];
        assert_eq!(told(&commits, 5), [(1, vec![1]), (4, vec![2, 3, 4]), (5, vec![5])]);
        assert_eq!(told(&commits, 7), []);
    }

    #[test]
    fn a_circle_ends() {
        let commits = [listed(1, &[2]), listed(2, &[1])];
        assert!(told(&commits, 1).len() <= 3);
    }
}
