//! What the world looks like in REST: GitHub's own example of each answer, with what the world holds
//! written over it. What the gate never reads stays as GitHub has it there.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::world::{
    Activity, Change, Comment, Commit, Event, Happened, Issue, Pull, Review, Run, Status, User, World,
};

static DESCRIPTION: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../contract/api.json")).unwrap());

/// Returns GitHub's example of an answer; the first one, if it is a list.
pub(crate) fn example(name: &str) -> Value {
    let value = &DESCRIPTION["components"]["examples"][name]["value"];
    assert!(!value.is_null(), "there is no example `{name}`");
    let value = value.get("value").unwrap_or(value);
    value.as_array().map_or(value, |items| &items[0]).clone()
}

/// Writes `parts` over a value.
fn over(mut value: Value, parts: Value) -> Value {
    let (Value::Object(all), Value::Object(parts)) = (&mut value, parts) else { panic!("not an object") };
    all.extend(parts);
    value
}

fn only(value: &Value, kept: &[&str]) -> Value {
    let all = value.as_object().unwrap();
    let parts = all.iter().filter(|(name, _)| kept.contains(&name.as_str()));
    Value::Object(parts.map(|(name, part)| (name.clone(), part.clone())).collect::<Map<_, _>>())
}

/// Returns an account; `null` for one that is gone.
pub(crate) fn account(world: &World, login: Option<&str>) -> Value {
    match login {
        Some("web-flow") => {
            let known = User {
                login: "web-flow".into(),
                id: 19_864_447,
                kind: "User",
                role: "none",
                email: String::new(),
            };
            user(&known)
        }
        Some(login) => world.account(login).map_or(Value::Null, user),
        None => Value::Null,
    }
}

/// Returns an account.
pub(crate) fn user(user: &User) -> Value {
    let shape = only(
        &example("team-member-items"),
        &[
            "gravatar_id",
            "followers_url",
            "following_url",
            "gists_url",
            "starred_url",
            "subscriptions_url",
            "organizations_url",
            "repos_url",
            "events_url",
            "received_events_url",
        ],
    );
    let login = &user.login;
    let encoded = login.replace('[', "%5B").replace(']', "%5D");
    let page = login.strip_suffix("[bot]").map_or(login.clone(), |app| format!("apps/{app}"));
    let parts = json!({
        "login": login,
        "id": user.id,
        "node_id": format!("U_{}", user.id),
        "avatar_url": format!("https://avatars.example.com/u/{}", user.id),
        "url": format!("https://api.github.com/users/{encoded}"),
        "html_url": format!("https://github.com/{page}"),
        "type": user.kind,
        "site_admin": false,
    });
    over(shape, parts)
}

fn owner(world: &World) -> Value {
    let known =
        User { login: world.owner.clone(), id: 1, kind: "Organization", role: "none", email: String::new() };
    user(&known)
}

/// Returns the repository.
pub(crate) fn repository(world: &World) -> Value {
    let mut shape = example("full-repository-default-response");
    for part in ["template_repository", "parent", "source", "organization", "temp_clone_token"] {
        shape.as_object_mut().unwrap().remove(part);
    }
    named(world, shape, &world.full_name())
}

fn named(world: &World, shape: Value, full_name: &str) -> Value {
    let name = full_name.split_once('/').map_or(full_name, |(_, name)| name);
    let parts = json!({
        "id": if full_name == world.full_name() { 42 } else { 43 },
        "name": name,
        "full_name": full_name,
        "owner": owner(world),
        "default_branch": world.default_branch,
        "url": format!("https://api.github.com/repos/{full_name}"),
        "html_url": format!("https://github.com/{full_name}"),
        "fork": full_name != world.full_name(),
        "private": true,
        "visibility": "private",
        "language": null,
    });
    over(shape, parts)
}

/// Returns a pull request; `is_whole` as one gets it alone, otherwise as in a list.
pub(crate) fn pull(world: &World, pull: &Pull, is_whole: bool) -> Value {
    let shape = example(if is_whole { "pull-request" } else { "pull-request-simple-items" });
    let name = world.full_name();
    let api = format!("https://api.github.com/repos/{name}/pulls/{}", pull.number);
    let page = format!("https://github.com/{name}/pull/{}", pull.number);
    let side = |branch: &str, id: &str, repository: Option<&str>| {
        let at = repository.map(|full| named(world, shape["base"]["repo"].clone(), full));
        let whose = repository.and_then(|full| full.split_once('/')).map_or("unknown", |(whose, _)| whose);
        let user = if whose == world.owner { owner(world) } else { account(world, Some(whose)) };
        json!({ "label": format!("{whose}:{branch}"), "ref": branch, "sha": id, "user": user, "repo": at })
    };
    let base = side(&pull.base, &pull.base_id, Some(&name));
    let head = side(&pull.head, &pull.head_id, pull.head_repository.as_deref());
    let files = world.files_of(pull);
    let state = if pull.state == "open" { "open" } else { "closed" };
    let merged_at = (pull.state == "merged").then(|| pull.updated_at.clone());
    let labels: Vec<Value> = pull.labels.iter().map(|label| named_label(label)).collect();
    let mut parts = json!({
        "url": api, "html_url": page, "number": pull.number, "id": 9000 + pull.number, "state": state,
        "locked": pull.is_locked, "title": pull.title, "body": pull.body, "draft": pull.is_draft,
        "user": account(world, pull.author.as_deref()), "labels": labels, "milestone": null,
        "active_lock_reason": null, "created_at": pull.created_at, "updated_at": pull.updated_at,
        "closed_at": (state == "closed").then(|| pull.updated_at.clone()), "merged_at": merged_at,
        "merge_commit_sha": pull.merge_commit, "assignee": null, "assignees": [],
        "requested_reviewers": [], "requested_teams": [], "head": head, "base": base,
        "author_association": "MEMBER", "auto_merge": null,
    });
    if is_whole {
        let more = json!({
            "merged": pull.state == "merged", "mergeable": true, "rebaseable": true,
            "mergeable_state": "clean", "merged_by": account(world, pull.merged_by.as_deref()), "maintainer_can_modify": false,
            "comments": world.comments.iter().filter(|comment| comment.number == pull.number).count(),
            "review_comments": pull.threads.len(),
            "commits": pull.claims.1.unwrap_or(pull.commits.len() as u64),
            "additions": files.iter().map(|file| file.additions).sum::<u64>(),
            "deletions": files.iter().map(|file| file.deletions).sum::<u64>(),
            "changed_files": pull.claims.0.unwrap_or(files.len() as u64),
        });
        parts = over(parts, more);
    }
    over(shape, parts)
}

fn named_label(name: &str) -> Value {
    json!({
        "id": 7000 + name.len(), "node_id": "LA_1", "name": name, "color": "ededed", "default": false,
        "url": "https://api.github.com/repos/acme/shop/labels/one", "description": "",
    })
}

/// Returns a commit, without its files.
pub(crate) fn commit(world: &World, commit: &Commit) -> Value {
    let url = format!("https://api.github.com/repos/{}/commits/{}", world.full_name(), commit.id);
    let parents = commit.parents.iter().map(|id| {
        let url = format!("https://api.github.com/repos/{}/commits/{id}", world.full_name());
        json!({ "sha": id, "url": url, "html_url": format!("https://github.com/{}/commit/{id}", world.full_name()) })
    });
    let signed =
        |who: &super::world::Signature| json!({ "name": who.name, "email": who.email, "date": who.at });
    let mut body = example("commit-items")["commit"].clone();
    if commit.committer.login.as_deref() == Some("web-flow") {
        // What GitHub itself makes, it signs.
        body["verification"] = json!({
            "verified": true, "reason": "valid", "signature": "-", "payload": "-", "verified_at": commit.committer.at,
        });
    }
    let parts = json!({
        "sha": commit.id, "url": url, "html_url": format!("https://github.com/{}/commit/{}", world.full_name(), commit.id),
        "comments_url": format!("{url}/comments"),
        "commit": over(body, json!({
            "author": signed(&commit.author), "committer": signed(&commit.committer),
            "message": commit.message,
            "tree": { "sha": commit.tree, "url": format!("https://api.github.com/repos/{}/git/trees/{}", world.full_name(), commit.tree) },
        })),
        "author": account(world, commit.author.login.as_deref()),
        "committer": account(world, commit.committer.login.as_deref()),
        "parents": parents.collect::<Vec<_>>(),
    });
    over(example("commit-items"), parts)
}

/// Returns a commit as Git has it.
pub(crate) fn git_commit(world: &World, commit: &Commit) -> Value {
    let whole = self::commit(world, commit);
    let mut shape =
        over(example("git-commit-2"), only(&whole["commit"], &["author", "committer", "message", "tree"]));
    shape["sha"] = json!(commit.id);
    shape["parents"] = whole["parents"].clone();
    shape
}

/// Returns a changed file, as it is in a revision.
pub(crate) fn file(world: &World, change: &Change, revision: &str) -> Value {
    let api = format!("https://api.github.com/repos/{}/contents", world.full_name());
    let mut shape = over(
        example("diff-entry-items"),
        json!({
            "sha": change.blob, "filename": change.path, "status": change.status,
            "additions": change.additions, "deletions": change.deletions,
            "changes": change.additions + change.deletions,
            "contents_url": format!("{api}/{}?ref={revision}", change.path.replace('/', "%2F")),
        }),
    );
    shape.as_object_mut().unwrap().remove("patch");
    if let Some(previous) = &change.previous {
        shape["previous_filename"] = json!(previous);
    }
    shape
}

/// Returns a review.
pub(crate) fn review(world: &World, number: u64, review: &Review) -> Value {
    let page =
        format!("https://github.com/{}/pull/{number}#pullrequestreview-{}", world.full_name(), review.id);
    let mut shape = over(
        example("pull-request-review-items"),
        json!({
            "id": review.id, "node_id": format!("PRR_{}", review.id), "user": account(world, review.by.as_deref()),
            "body": review.body, "state": review.state, "html_url": page, "commit_id": review.commit,
        }),
    );
    match &review.at {
        Some(at) => shape["submitted_at"] = json!(at),
        None => drop(shape.as_object_mut().unwrap().remove("submitted_at")),
    }
    shape
}

/// Returns a check run.
pub(crate) fn run(world: &World, run: &Run) -> Value {
    let mut shape = example("check-run-paginated")["check_runs"][0].clone();
    let app = over(
        shape["app"].clone(),
        json!({
            "slug": run.app, "name": run.app, "id": app_id(&run.app), "html_url": format!("https://github.com/apps/{}", run.app),
        }),
    );
    let is_over = run.status == "completed";
    shape = over(
        shape,
        json!({
            "id": run.id, "head_sha": run.commit, "name": run.name, "status": run.status,
            "conclusion": run.conclusion, "app": app, "pull_requests": [], "external_id": run.external_id,
            "url": format!("https://api.github.com/repos/{}/check-runs/{}", world.full_name(), run.id),
            "html_url": format!("https://github.com/{}/runs/{}", world.full_name(), run.id),
            "details_url": run.details_url.clone().unwrap_or_else(|| {
                format!("https://github.com/{}/runs/{}", world.full_name(), run.id)
            }),
            "started_at": run.started_at, "completed_at": is_over.then_some(&run.completed_at),
        }),
    );
    shape["output"] = over(
        shape["output"].clone(),
        json!({
            "title": run.title, "summary": run.summary, "text": run.text, "annotations_count": run.annotations.len(),
        }),
    );
    shape
}

/// Returns the number of an app.
pub(crate) fn app_id(slug: &str) -> u64 {
    if slug == "github-actions" { 15368 } else { 100 + slug.len() as u64 }
}

/// Returns a commit status.
pub(crate) fn status(world: &World, status: &Status) -> Value {
    let shape = example("combined-commit-status")["statuses"][0].clone();
    over(
        shape,
        json!({
            "id": status.id, "state": status.state, "context": status.context,
            "avatar_url": "https://avatars.example.com/u/1", "description": null,
            "url": format!("https://api.github.com/repos/{}/statuses/{}", world.full_name(), status.commit),
            "target_url": format!("https://ci.example.com/{}", status.id),
        }),
    )
}

/// Returns a comment.
pub(crate) fn comment(world: &World, comment: &Comment) -> Value {
    let name = world.full_name();
    over(
        example("issue-comment"),
        json!({
            "id": comment.id, "node_id": format!("IC_{}", comment.id), "body": comment.body,
            "user": account(world, comment.by.as_deref()), "created_at": comment.at,
            "updated_at": comment.edited_at.as_ref().unwrap_or(&comment.at),
            "url": format!("https://api.github.com/repos/{name}/issues/comments/{}", comment.id),
            "html_url": format!("https://github.com/{name}/pull/{}#issuecomment-{}", comment.number, comment.id),
            "issue_url": format!("https://api.github.com/repos/{name}/issues/{}", comment.number),
        }),
    )
}

/// Returns an issue.
pub(crate) fn issue(world: &World, issue: &Issue) -> Value {
    let labels: Vec<Value> = issue.labels.iter().map(|label| named_label(label)).collect();
    let author = issue.author.as_deref().and_then(|login| world.account(login));
    let association = if author.is_some_and(|user| user.role != "none") { "COLLABORATOR" } else { "NONE" };
    let mut shape = over(
        plain_issue(),
        json!({
            "number": issue.number, "title": issue.title, "body": issue.body, "state": issue.state,
            "user": account(world, issue.author.as_deref()), "labels": labels, "created_at": issue.created_at,
            "closed_at": issue.closed_at, "author_association": association,
            "html_url": format!("https://github.com/{}/issues/{}", world.full_name(), issue.number),
        }),
    );
    shape.as_object_mut().unwrap().remove("pull_request");
    shape
}

/// Returns a pull request as the issue that it also is.
pub(crate) fn pull_as_issue(world: &World, pull: &Pull) -> Value {
    let whole = self::pull(world, pull, true);
    let url = whole["url"].as_str().unwrap();
    let mut shape = over(
        plain_issue(),
        only(
            &whole,
            &[
                "number",
                "title",
                "body",
                "state",
                "user",
                "labels",
                "created_at",
                "closed_at",
                "html_url",
                "draft",
            ],
        ),
    );
    shape["pull_request"] = json!({ "url": url, "html_url": whole["html_url"], "diff_url": null, "patch_url": null, "merged_at": whole["merged_at"] });
    shape
}

fn plain_issue() -> Value {
    let value = &DESCRIPTION["components"]["examples"]["issue"]["value"];
    let mut shape = value.get("value").unwrap_or(value).clone();
    for part in ["milestone", "assignee", "closed_by", "active_lock_reason"] {
        shape[part] = Value::Null;
    }
    shape["assignees"] = json!([]);
    shape.as_object_mut().unwrap().remove("x-github-breaking-changes");
    shape
}

/// Returns something that happened to a pull request.
pub(crate) fn event(world: &World, at: usize, event: &Event) -> Value {
    let mut parts = json!({});
    let name = match &event.what {
        Happened::Labeled(label) | Happened::Unlabeled(label) => {
            parts["label"] = json!({ "name": label, "color": "ededed" });
            if matches!(event.what, Happened::Labeled(_)) { "labeled" } else { "unlabeled" }
        }
        Happened::ForcePushed { .. } => "head_ref_force_pushed",
        Happened::Retargeted { .. } => "base_ref_changed",
        Happened::AutoRetargeted { .. } => "automatic_base_change_succeeded",
        Happened::BaseForcePushed { .. } => "base_ref_force_pushed",
        Happened::BaseDeleted(_) => "base_ref_deleted",
        Happened::Retitled { from, to } => {
            parts["rename"] = json!({ "from": from, "to": to });
            "renamed"
        }
        Happened::Dismissed { review, message, .. } => {
            parts["dismissed_review"] =
                json!({ "state": "approved", "review_id": review, "dismissal_message": message });
            "review_dismissed"
        }
        Happened::MadeDraft => "convert_to_draft",
        Happened::MadeReady => "ready_for_review",
        Happened::Closed => "closed",
        Happened::Reopened => "reopened",
    };
    let commit = match &event.what {
        Happened::ForcePushed { to, .. } => json!(to),
        _ => Value::Null,
    };
    over(
        json!({
            "id": 500 + at, "node_id": format!("EV_{at}"), "url": format!("https://api.github.com/repos/{}/issues/events/{at}", world.full_name()),
            "actor": account(world, event.by.as_deref()), "event": name, "commit_id": commit, "commit_url": null,
            "created_at": event.at, "performed_via_github_app": null,
        }),
        parts,
    )
}

/// Returns a movement of a ref.
pub(crate) fn activity(world: &World, at: usize, activity: &Activity) -> Value {
    json!({
        "id": 600 + at, "node_id": format!("PSH_{at}"), "before": activity.before, "after": activity.after,
        "ref": format!("refs/heads/{}", activity.branch), "timestamp": activity.at,
        "activity_type": activity.kind, "actor": account(world, activity.by.as_deref()),
    })
}

/// Returns base64 in lines of 60, as GitHub sends content.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut digits = String::new();
    for chunk in bytes.chunks(3) {
        let all =
            chunk.iter().fold(0_u32, |all, byte| all << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let digit = DIGITS[(all >> (18 - 6 * at) & 63) as usize];
            digits.push(if at <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    let lines: Vec<&str> =
        digits.as_bytes().chunks(60).map(|line| std::str::from_utf8(line).unwrap()).collect();
    lines.iter().map(|line| format!("{line}\n")).collect()
}
