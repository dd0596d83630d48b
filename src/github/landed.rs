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

use super::accounts::of_user;
use super::answers::{Commit as Listed, ListedPull, Pull};
use super::ask::Failure;
use super::client::Client;
use super::commits;
use super::graphql::Id;
use super::judge::{
    Done, LandedAs, Options, Told, judge_with, look_up_tickets, refuse_pull, traces, unusable,
};
use super::place::{PullName, RepoName};
use super::policy::{self, NoPolicy};
use crate::change::{Change, Missing, Need, Oid, Pusher, Stage, Text};
use crate::gate::{Loaded, Unusable, notes_on};
use crate::judge::judge;
use crate::push::{self, Asked, Object, refuse};
use crate::report::{Group, Of, Update};
use crate::verdict::{Finding, Line};

const BRANCH: &str = include_str!("queries/branch.graphql");

/// How many new steps of a branch are judged.
const MOST_STEPS: usize = 100;

/// A push.
#[derive(Clone, Debug)]
pub(super) struct Landed<'event> {
    pub(super) repo: &'event RepoName,
    pub(super) name: &'event str,
    pub(super) before: Oid,
    pub(super) after: Oid,
    pub(super) forced: bool,
    /// When it happened, if that is known; without it, a ref that has moved on since is refused.
    pub(super) at: Option<Timestamp>,
    /// Who pushed, if that is known.
    pub(super) pusher: Option<Pusher>,
}

/// What judging a push came to.
pub(super) struct Judged {
    /// What is about the ref and what came without a pull request, then each pull request; nothing for
    /// a ref that is not under change control.
    pub(super) done: Vec<Done>,
    /// The policy that it was judged by, if there is one.
    pub(super) loaded: Option<Loaded>,
    /// The tree of what the ref holds, if that is known.
    pub(super) tree: Option<Oid>,
}

#[derive(Deserialize)]
struct BranchAnswer {
    repository: Option<BranchRepository>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BranchRepository {
    default_branch_ref: Option<DefaultBranch>,
    #[serde(rename = "ref")]
    now: Option<RefNow>,
}

#[derive(Deserialize)]
struct DefaultBranch {
    name: String,
    target: Option<Id>,
}

#[derive(Deserialize)]
struct RefNow {
    target: Option<Id>,
}

impl Landed<'_> {
    fn given(id: Oid) -> Option<Oid> {
        (!id.is_null()).then_some(id)
    }

    fn update(&self) -> Update {
        match (Self::given(self.before), Self::given(self.after)) {
            (Some(old), Some(new)) if self.forced => Update::Rewrite { old, new },
            (Some(old), Some(new)) => Update::Move { old, new },
            (None, _) => Update::Create { new: self.after },
            (Some(old), None) => Update::Delete { old },
        }
    }

    fn of(&self) -> Of {
        Of::Ref { name: Text::from(self.name), update: self.update() }
    }
}

/// Where the default branch stands, and another ref.
struct Branches {
    default: String,
    default_tip: Oid,
    now: Option<Oid>,
}

async fn branches(client: &Client, repo: &RepoName, name: &str) -> Result<Branches, Failure> {
    let variables = json!({ "owner": repo.owner, "name": repo.name, "ref": name });
    let answer: BranchAnswer = client.query(BRANCH, variables).await?;
    let found = answer.repository.ok_or_else(|| Failure::new(format!("GitHub knows no {repo}")))?;
    let default = found.default_branch_ref.and_then(|branch| Some((branch.name, branch.target?.oid)));
    let (default, default_tip) =
        default.ok_or_else(|| Failure::new(format!("{repo} has no default branch")))?;
    let now = found.now.and_then(|now| now.target).map(|target| target.oid);
    Ok(Branches { default: format!("refs/heads/{default}"), default_tip, now })
}

/// Returns the full name of the default branch, and where it stands.
///
/// # Errors
///
/// Fails if there is none.
pub(super) async fn default_branch(client: &Client, repo: &RepoName) -> Result<(String, Oid), Failure> {
    let found = branches(client, repo, "HEAD").await?;
    Ok((found.default, found.default_tip))
}

/// Judges a push.
///
/// # Errors
///
/// Fails if neither the default branch nor its policy can be read.
pub(super) async fn judge_landed(
    client: &Client,
    landed: &Landed<'_>,
    options: &Options,
) -> Result<Judged, Failure> {
    let repo = landed.repo;
    let name = Text::from(landed.name);
    let Branches { default, default_tip, now } = branches(client, repo, landed.name).await?;
    // What the branch held before decides; one that is new, or older than its policy, is judged as the
    // default branch says. Before its own push, the default branch stood at `before`.
    let old = Landed::given(landed.before);
    let own = match old {
        Some(old) => policy::load(client, repo, old, &options.policy, landed.name, None).await,
        None => Err(NoPolicy::Unusable(Unusable::Absent)),
    };
    let loaded = match own {
        Err(NoPolicy::Unusable(Unusable::Absent)) if landed.name != default => {
            policy::load(client, repo, default_tip, &options.policy, &default, None).await
        }
        // A branch can be made from a commit whose policy did not know of it.
        Ok(own) if landed.name != default && !own.policy.protects(name.as_bytes()) => {
            match policy::load(client, repo, default_tip, &options.policy, &default, None).await {
                Ok(loaded) if loaded.policy.protects(name.as_bytes()) => Ok(loaded),
                Err(NoPolicy::Unread(failure)) => Err(NoPolicy::Unread(failure)),
                _ => Ok(own),
            }
        }
        other => other,
    };
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err(NoPolicy::Unread(failure)) => return Err(failure),
        Err(NoPolicy::Unusable(why)) => {
            let judgement = unusable(&why, &options.policy, &name, "whoever keeps the policy");
            return Ok(Judged {
                done: vec![Done::refused(landed.of(), judgement)],
                loaded: None,
                tree: None,
            });
        }
    };
    if !loaded.policy.protects(name.as_bytes()) {
        return Ok(Judged { done: Vec::new(), loaded: Some(loaded), tree: None });
    }
    let mut group = Group::new(landed.of(), Vec::new());
    group.amendable = false;
    if landed.at.is_none() && now != Landed::given(landed.after) {
        let what = Line::say("the ref has moved on since; the run for the newer push tells of that");
        group.refusals.push(refuse_pull("pull-current", Finding::new(what).by("nobody")));
    }
    let notes = notes_on(&loaded, client.now());
    let (changes, ways) = (Vec::new(), Vec::new());
    let mut first = Done { group, policy: Some(loaded.name()), notes, head: None, changes, landed: ways };
    let (mut done, tree) = match bring(client, landed, options, &loaded, &default, &mut first).await {
        Ok(brought) => brought,
        Err(failure) => {
            let finding = Finding::new(Line::say(failure.why)).by("whoever runs the gate");
            first.group.refusals.push(refuse("whole-history", finding));
            (Vec::new(), None)
        }
    };
    done.insert(0, first);
    Ok(Judged { done, loaded: Some(loaded), tree })
}

/// Judges what a push brought, and returns what pull requests did, with the tree of the last commit;
/// what is about the ref itself goes into `first`, as does what came without one.
async fn bring(
    client: &Client,
    landed: &Landed<'_>,
    options: &Options,
    loaded: &Loaded,
    default: &str,
    first: &mut Done,
) -> Result<(Vec<Done>, Option<Oid>), Failure> {
    let group = &mut first.group;
    let name = Text::from(landed.name);
    let (old, new) = (Landed::given(landed.before), Landed::given(landed.after));
    let asked = |forward: bool| Asked {
        name: &name,
        claimed: old,
        actual: old,
        new,
        object: Object::Commit,
        forward,
    };
    let Some(new) = new else {
        group.refusals.extend(push::judge(&asked(false)));
        return Ok((Vec::new(), None));
    };
    let start = old.map_or_else(
        || default.strip_prefix("refs/heads/").unwrap_or(default).to_owned(),
        |old| old.to_string(),
    );
    let any = PullName { repo: landed.repo.clone(), number: 0 };
    let ends = format!("{}...{new}", super::place::escaped(&start));
    let (status, commits) = commits::between(client, &any, &ends).await?;
    let forward = !landed.forced && matches!(status.as_str(), "ahead" | "identical");
    group.refusals.extend(push::judge(&asked(forward || old.is_none())));
    let tree = commits.iter().find(|commit| commit.sha == new).map(|commit| commit.commit.tree.sha);
    if landed.name.starts_with("refs/tags/") {
        if !commits.is_empty() {
            let what = format!("{} is not on the default branch", new.short());
            group.refusals.push(refuse("tag-of-reviewed", Finding::new(Line::say(what)).by("the pusher")));
        }
        return Ok((Vec::new(), tree));
    }
    let steps = steps(&commits, new);
    if MOST_STEPS < steps.len() {
        let what = format!("this push brought {} steps, and at most {MOST_STEPS} are judged", steps.len());
        group.refusals.push(refuse("push-size", Finding::new(Line::say(what)).by("the pusher")));
        return Ok((Vec::new(), tree));
    }
    let branch = landed.name.strip_prefix("refs/heads/").unwrap_or(landed.name);
    let found = join_all(steps.iter().map(|step| brought_by(client, landed.repo, step.id, branch))).await;
    let found: Vec<Vec<ListedPull>> = found.into_iter().collect::<Result<_, _>>()?;
    let mut seen = HashSet::new();
    let mut pulls = Vec::new();
    for (at, (step, listed)) in steps.iter().zip(&found).enumerate() {
        // A rebase brings in several steps, of which the pull request names the last.
        let later = |id: Oid| steps.iter().skip(at).any(|step| step.id == id);
        // GitHub takes a merge that somebody made by hand and pushed for one of its own, whatever else
        // it holds: nobody has looked at that.
        let by_hand = commits
            .iter()
            .any(|commit| commit.sha == step.id && 1 < commit.parents.len() && !commits::is_by_forge(commit));
        let pull = listed.iter().find(|pull| !by_hand && pull.merge_commit_sha.is_some_and(later));
        match pull {
            Some(pull) if seen.insert(pull.number) => {
                let last = steps.iter().position(|step| pull.merge_commit_sha == Some(step.id));
                pulls.push((pull.number, last.unwrap_or(at), pull.merge_commit_sha.unwrap_or(step.id)));
            }
            Some(_) => {}
            None => {
                let place = group.verdicts.len();
                let change = without_pull(client, landed, options, loaded, step, &commits);
                let verdict = judge(&loaded.policy, &change, true);
                let mut told = if options.explain { traces(loaded, &change, &verdict) } else { Vec::new() };
                told.iter_mut().for_each(|trace| trace.verdict = place);
                group.verdicts.push(verdict);
                group.traces.extend(told);
                first.changes.push(change);
                first.landed.push(LandedAs { place: at, at: step.id, pull: None, by: None });
            }
        }
    }
    let judged = join_all(pulls.iter().map(|&(number, place, at)| async move {
        let name = PullName { repo: landed.repo.clone(), number };
        let pull: Pull = client.get(format!("{}/pulls/{number}", landed.repo.path())).await?;
        let tip = old.unwrap_or(pull.base.sha);
        let landed_at = pull.merged_at.or(landed.at);
        let told = Told { landed_at, ..Told::default() };
        let mut done = judge_with(client, &name, options, told, &pull, tip, loaded).await;
        done.notes.retain(|note| *note != Line::say("this pull request is closed"));
        let by = of_user(pull.merged_by.as_ref()).map(|account| account.id);
        done.landed = vec![LandedAs { place, at, pull: Some(name), by }; done.changes.len()];
        Ok::<_, Failure>(done)
    }));
    let done: Vec<Done> = judged.await.into_iter().collect::<Result<_, _>>()?;
    Ok((done, tree))
}

/// A step of the first-parent history, with the commits that it brings in.
struct Step {
    id: Oid,
    commits: Vec<Oid>,
}

/// Returns the steps that lead to `tip`, oldest first.
fn steps(commits: &[Listed], tip: Oid) -> Vec<Step> {
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
        steps.push(Step { id, commits });
    }
    steps
}

/// Returns the pull requests by which a commit came to `branch`, as GitHub knows them.
async fn brought_by(
    client: &Client,
    repo: &RepoName,
    id: Oid,
    branch: &str,
) -> Result<Vec<ListedPull>, Failure> {
    let path = format!("{}/commits/{id}/pulls?per_page=100", repo.path());
    let mut pulls: Vec<ListedPull> = client.list(path, |page: Vec<ListedPull>| page, |_| false).await?;
    pulls.retain(|pull| pull.merged_at.is_some() && pull.base.branch == branch);
    Ok(pulls)
}

/// Returns a step that no pull request brought in, as it is judged.
fn without_pull(
    client: &Client,
    landed: &Landed<'_>,
    options: &Options,
    loaded: &Loaded,
    step: &Step,
    listed: &[Listed],
) -> Change {
    let none = |need| Missing::Unavailable(need, "no pull request brought this in".into());
    let needs = loaded.policy.needs();
    let by_id: HashMap<Oid, &Listed> = listed.iter().map(|commit| (commit.sha, commit)).collect();
    let mut change = Change {
        stage: Stage::PullRequest,
        target: Ok(Text::from(landed.name)),
        seen_at: landed.at.unwrap_or(client.now()),
        pusher: landed.pusher.clone().ok_or_else(|| none(Need::Pusher)),
        pull: Err(none(Need::Pull)),
        tickets: Change::no_tickets(Stage::PullRequest),
        commits: step
            .commits
            .iter()
            .filter_map(|id| by_id.get(id))
            .map(|listed| commits::commit(listed, &needs, loaded.trusted(client.now())))
            .collect(),
    };
    look_up_tickets(&mut change, loaded, options, landed.repo);
    change
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
        steps(commits, Oid::from_bytes(&[tip; 20]).unwrap())
            .iter()
            .map(|step| (first(&step.id), step.commits.iter().map(first).collect()))
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
