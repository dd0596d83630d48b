//! The REST API: which path leads to what, page by page.

use serde_json::{Value, json};

use super::http::{Answer, Request, decoded};
use super::shapes;
use super::world::{Comment, Run, World, changes, oid, tree_id};

/// GitHub lists no more commits and no more files of a pull request than this.
const MOST: (usize, usize) = (250, 3000);

/// Answers a request below the API's root.
pub(crate) fn answer(world: &mut World, request: &Request, path: &str, base: &str) -> Answer {
    let parts: Vec<String> = path.trim_matches('/').split('/').map(decoded).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let ours = [world.owner.clone(), world.name.clone()];
    let is_get = request.method == "GET" || request.method == "HEAD";
    match (request.method.as_str(), parts.as_slice()) {
        ("GET", ["user"]) => missing(403, "Resource not accessible by integration"),
        ("GET", ["rate_limit"]) => {
            let mut told = shapes::example("rate-limit-overview");
            told["rate"]["remaining"] = json!(world.rate_remaining);
            told["resources"]["core"]["remaining"] = json!(world.rate_remaining);
            Answer::json(200, &told)
        }
        ("GET", ["search", "issues"]) => {
            // The word comes first, and its limits after it.
            let wanted = request.asked("q").unwrap_or_default().replace('+', " ");
            let word = wanted.split(' ').next().unwrap_or_default().to_owned();
            let has = |text: &str| text.split(|one: char| !one.is_alphanumeric()).any(|one| one == word);
            let is_found =
                |issue: &&crate::fake::Issue| has(&issue.title) || issue.body.as_deref().is_some_and(has);
            let found: Vec<Value> =
                world.issues.iter().filter(is_found).map(|issue| shapes::issue(world, issue)).collect();
            let told = json!({ "total_count": found.len(), "incomplete_results": false, "items": found });
            Answer::json(200, &told)
        }
        ("GET", ["orgs", org, "teams", team, "members"]) if *org == world.owner => {
            match world.teams.get(*team) {
                Some(logins) => {
                    let people = logins.iter().map(|login| shapes::account(world, Some(login))).collect();
                    paged(people, request, base, path)
                }
                None => missing(404, "Not Found"),
            }
        }
        ("GET", ["orgs", org, "members"]) if *org == world.owner => {
            let people = world.users.iter().map(|user| shapes::account(world, Some(&user.login))).collect();
            paged(people, request, base, path)
        }
        (_, ["repos", owner, name, rest @ ..]) if *owner == ours[0] && *name == ours[1] => {
            if is_get {
                read(world, request, rest, path, base)
            } else if world.is_read_only {
                missing(403, "Resource not accessible by integration")
            } else {
                write(world, request, rest)
            }
        }
        _ => missing(404, "Not Found"),
    }
}

fn missing(status: u16, message: &str) -> Answer {
    let told = json!({
        "message": message, "documentation_url": "https://docs.github.com/rest", "status": status.to_string(),
    });
    Answer::json(status, &told)
}

/// Returns one page of a list, with links to the others.
fn paged(items: Vec<Value>, request: &Request, base: &str, path: &str) -> Answer {
    let (items, link) = page(items, request, base, path);
    let answer = Answer::json(200, &Value::Array(items));
    match link {
        Some(link) => answer.with("link", link),
        None => answer,
    }
}

fn page(items: Vec<Value>, request: &Request, base: &str, path: &str) -> (Vec<Value>, Option<String>) {
    let number = |name: &str, other: usize| request.asked(name).and_then(|n| n.parse().ok()).unwrap_or(other);
    let size = number("per_page", 30).clamp(1, 100);
    let at = number("page", 1).max(1);
    let last = items.len().div_ceil(size).max(1);
    let rest: String = request
        .query
        .iter()
        .filter(|(name, _)| name != "page")
        .map(|(name, value)| {
            format!("{name}={}&", value.replace('%', "%25").replace(' ', "%20").replace('+', "%2B"))
        })
        .collect();
    let link = |page: usize, rel: &str| format!("<{base}{path}?{rest}page={page}>; rel=\"{rel}\"");
    let mut links = Vec::new();
    if 1 < at {
        links.extend([link(at - 1, "prev"), link(1, "first")]);
    }
    if at < last {
        links.extend([link(at + 1, "next"), link(last, "last")]);
    }
    let shown = items.into_iter().skip((at - 1) * size).take(size).collect();
    (shown, (!links.is_empty()).then(|| links.join(", ")))
}

/// Returns one page of a list that stands in an object.
fn counted(
    name: &str,
    mut whole: Value,
    items: Vec<Value>,
    request: &Request,
    base: &str,
    path: &str,
) -> Answer {
    let (items, link) = page(items, request, base, path);
    whole[name] = Value::Array(items);
    let answer = Answer::json(200, &whole);
    match link {
        Some(link) => answer.with("link", link),
        None => answer,
    }
}

fn read(world: &World, request: &Request, rest: &[&str], path: &str, base: &str) -> Answer {
    match rest {
        [] => Answer::json(200, &shapes::repository(world)),
        ["pulls"] => {
            let state = request.asked("state").unwrap_or("open");
            let all = world.pulls.iter().rev().filter(|pull| match state {
                "all" => true,
                "open" => pull.state == "open",
                _ => pull.state != "open",
            });
            let by_base = all.filter(|pull| request.asked("base").is_none_or(|base| base == pull.base));
            let owner = world.owner.as_str();
            let by_head = by_base.filter(|pull| {
                request.asked("head").is_none_or(|head| head == format!("{owner}:{}", pull.head))
            });
            paged(by_head.map(|pull| shapes::pull(world, pull, false)).collect(), request, base, path)
        }
        ["pulls", number, below @ ..] => {
            let number = number.parse::<u64>().ok();
            let Some(pull) = world.pulls.iter().find(|pull| Some(pull.number) == number) else {
                return missing(404, "Not Found");
            };
            let items: Vec<Value> = match below {
                [] => return Answer::json(200, &shapes::pull(world, pull, true)),
                ["commits"] => {
                    let commits = pull.commits.iter().take(MOST.0);
                    commits.map(|id| shapes::commit(world, &world.commits[id])).collect()
                }
                ["files"] => {
                    let files = world.files_of(pull);
                    let shape = |file| shapes::file(world, file, &pull.head_id);
                    files.iter().take(MOST.1).map(shape).collect()
                }
                ["reviews"] => {
                    let handed_in = pull.reviews.iter().filter(|review| review.state != "PENDING");
                    handed_in.map(|review| shapes::review(world, pull.number, review)).collect()
                }
                _ => return missing(404, "Not Found"),
            };
            paged(items, request, base, path)
        }
        ["commits", name @ .., "check-runs"] => match world.named(&name.join("/")) {
            Some(commit) => {
                let wanted = request.asked("check_name");
                let runs = world.runs.iter().filter(|run| run.commit == commit.id);
                let mut runs: Vec<&Run> =
                    runs.filter(|run| wanted.is_none_or(|name| run.name == name)).collect();
                if request.asked("filter") != Some("all") {
                    let newest = |run: &Run| {
                        !world.runs.iter().any(|other| {
                            (&other.name, &other.app, &other.commit) == (&run.name, &run.app, &run.commit)
                                && run.id < other.id
                        })
                    };
                    runs.retain(|run| newest(run));
                }
                let whole = json!({ "total_count": runs.len(), "check_runs": [] });
                let items = runs.iter().map(|run| shapes::run(world, run)).collect();
                counted("check_runs", whole, items, request, base, path)
            }
            None => missing(422, "No commit found for SHA"),
        },
        ["commits", name @ .., "status"] => match world.named(&name.join("/")) {
            Some(commit) => {
                let all: Vec<_> = world.statuses.iter().filter(|status| status.commit == commit.id).collect();
                let state = match () {
                    () if all.iter().any(|status| matches!(status.state, "failure" | "error")) => "failure",
                    () if all.is_empty() || all.iter().any(|status| status.state == "pending") => "pending",
                    () => "success",
                };
                let mut whole = shapes::example("combined-commit-status");
                whole["sha"] = json!(commit.id);
                whole["state"] = json!(state);
                whole["total_count"] = json!(all.len());
                let items = all.iter().map(|status| shapes::status(world, status)).collect();
                counted("statuses", whole, items, request, base, path)
            }
            None => missing(404, "Not Found"),
        },
        ["commits", id, "pulls"] => {
            let pulls = world.pulls.iter().filter(|pull| {
                let mut listed = pull.commits.iter().chain(&pull.listed_for).chain(&pull.merge_commit);
                listed.any(|commit| commit == id)
            });
            paged(pulls.map(|pull| shapes::pull(world, pull, false)).collect(), request, base, path)
        }
        ["commits", name @ ..] => match world.named(&name.join("/")) {
            Some(commit) => {
                let old = commit.parents.first().map(|id| world.commits[id].files.clone());
                let files = changes(&old.unwrap_or_default(), &commit.files);
                let mut whole = shapes::commit(world, commit);
                whole["stats"] = json!({ "additions": 0, "deletions": 0, "total": 0 });
                let items = files.iter().map(|file| shapes::file(world, file, &commit.id)).collect();
                counted("files", whole, items, request, base, path)
            }
            None => missing(422, "No commit found for SHA"),
        },
        ["git", "blobs", id] => {
            let mut files = world.commits.values().flat_map(|commit| commit.files.values());
            match files.find(|(_, bytes)| oid("blob", bytes) == **id) {
                Some((_, bytes)) => Answer::json(
                    200,
                    &json!({ "sha": id, "size": bytes.len(), "encoding": "base64", "content": shapes::base64(bytes) }),
                ),
                None => missing(404, "Not Found"),
            }
        }
        ["git", "commits", id] => match world.commits.get(*id) {
            Some(commit) => Answer::json(200, &shapes::git_commit(world, commit)),
            None => missing(404, "Not Found"),
        },
        ["git", "ref", "heads", name @ ..] => match world.branches.get(&name.join("/")) {
            Some(id) => {
                let mut told = shapes::example("git-ref");
                told["ref"] = json!(format!("refs/heads/{}", name.join("/")));
                told["object"]["sha"] = json!(id);
                Answer::json(200, &told)
            }
            None => missing(404, "Not Found"),
        },
        ["git", "matching-refs", name @ ..] => {
            let start = format!("refs/{}", name.join("/"));
            let all = world.branches.iter().map(|(name, id)| (format!("refs/heads/{name}"), id));
            let found = all.filter(|(name, _)| name.starts_with(&start)).map(|(name, id)| {
                let mut told = shapes::example("git-ref");
                (told["ref"], told["object"]["sha"]) = (json!(name), json!(id));
                told
            });
            paged(found.collect(), request, base, path)
        }
        ["compare", name @ ..] => compare(world, request, &name.join("/"), path, base),
        ["contents", below @ ..] => contents(world, request, &below.join("/")),
        ["branches", name @ .., "protection"] => match world.protection.get(&name.join("/")) {
            Some(told) => Answer::json(200, told),
            None if world.is_read_only => missing(403, "Resource not accessible by integration"),
            None => missing(404, "Branch not protected"),
        },
        ["branches", name @ ..] => match world.branches.get(&name.join("/")) {
            Some(id) => {
                let name = name.join("/");
                let mut told = shapes::example("branch-get");
                told["name"] = json!(name);
                told["commit"] = shapes::commit(world, &world.commits[id]);
                told["protected"] = json!(world.protection.contains_key(&name));
                Answer::json(200, &told)
            }
            None => missing(404, "Branch not found"),
        },
        ["rules", "branches", name @ ..] => {
            paged(world.rules.get(&name.join("/")).cloned().unwrap_or_default(), request, base, path)
        }
        ["rulesets"] => {
            let short = world.rulesets.iter().map(|ruleset| {
                let mut short = ruleset.clone();
                for part in ["rules", "conditions", "bypass_actors"] {
                    short.as_object_mut().unwrap().remove(part);
                }
                short
            });
            paged(short.collect(), request, base, path)
        }
        ["rulesets", id] => {
            match world.rulesets.iter().find(|ruleset| ruleset["id"].as_u64() == id.parse().ok()) {
                Some(ruleset) => Answer::json(200, ruleset),
                None => missing(404, "Not Found"),
            }
        }
        ["activity"] => activity(world, request, path, base),
        ["collaborators", login, "permission"] => permission(world, login),
        ["issues", "comments", id] => {
            match world.comments.iter().find(|comment| comment.id.to_string() == **id) {
                Some(comment) => Answer::json(200, &shapes::comment(world, comment)),
                None => missing(404, "Not Found"),
            }
        }
        ["issues", number, below @ ..] => {
            let Ok(number) = number.parse::<u64>() else { return missing(404, "Not Found") };
            let pull = world.pulls.iter().find(|pull| pull.number == number);
            let issue = world.issues.iter().find(|issue| issue.number == number);
            match (below, pull, issue) {
                ([], Some(pull), _) => Answer::json(200, &shapes::pull_as_issue(world, pull)),
                ([], _, Some(issue)) => Answer::json(200, &shapes::issue(world, issue)),
                (["comments"], ..) => {
                    let all = world.comments.iter().filter(|comment| comment.number == number);
                    paged(all.map(|comment| shapes::comment(world, comment)).collect(), request, base, path)
                }
                (["timeline"], Some(pull), _) => {
                    let all = pull.timeline.iter().enumerate();
                    paged(
                        all.map(|(at, event)| shapes::event(world, at, event)).collect(),
                        request,
                        base,
                        path,
                    )
                }
                _ => missing(404, "Not Found"),
            }
        }
        ["check-runs", id] => match world.runs.iter().find(|run| run.id.to_string() == **id) {
            Some(run) => Answer::json(200, &shapes::run(world, run)),
            None => missing(404, "Not Found"),
        },
        _ => missing(404, "Not Found"),
    }
}

fn compare(world: &World, request: &Request, basehead: &str, path: &str, base: &str) -> Answer {
    let sides = basehead.split_once("...");
    let named = |name: &str| world.named(name.rsplit(':').next().unwrap_or(name));
    let Some((from, to)) = sides.and_then(|(from, to)| Some((named(from)?, named(to)?))) else {
        return missing(404, "Not Found");
    };
    let Some(merge_base) = world.merge_base(&from.id, &to.id) else {
        return missing(404, "No common ancestor");
    };
    let ahead = world.between(&from.id, &to.id);
    let behind = world.between(&to.id, &from.id);
    let status = match (ahead.len(), behind.len()) {
        (0, 0) => "identical",
        (_, 0) => "ahead",
        (0, _) => "behind",
        _ => "diverged",
    };
    let mut whole = shapes::example("commit-comparison");
    whole["base_commit"] = shapes::commit(world, from);
    whole["merge_base_commit"] = shapes::commit(world, &world.commits[&merge_base]);
    whole["status"] = json!(status);
    whole["ahead_by"] = json!(ahead.len());
    whole["behind_by"] = json!(behind.len());
    whole["total_commits"] = json!(ahead.len());
    let files = changes(&world.commits[&merge_base].files, &to.files);
    let is_first = request.asked("page").is_none_or(|page| page == "1");
    let files = if is_first {
        files.iter().take(300).map(|file| shapes::file(world, file, &to.id)).collect()
    } else {
        Vec::new()
    };
    whole["files"] = Value::Array(files);
    let items = ahead.iter().map(|id| shapes::commit(world, &world.commits[id])).collect();
    counted("commits", whole, items, request, base, path)
}

fn contents(world: &World, request: &Request, path: &str) -> Answer {
    let Some(commit) = world.named(request.asked("ref").unwrap_or("HEAD")) else {
        return missing(404, "No commit found for the ref");
    };
    let name = path.rsplit('/').next().unwrap_or(path);
    let url = format!("https://api.github.com/repos/{}/contents/{path}?ref={}", world.full_name(), commit.id);
    let told = |kind: &str, name: &str, path: &str, id: &str, size: usize| {
        json!({
            "type": kind, "name": name, "path": path, "sha": id, "size": size, "url": url, "git_url": url,
            "html_url": url, "download_url": url, "_links": { "git": url, "self": url, "html": url },
        })
    };
    if let Some((mode, bytes)) = commit.files.get(path) {
        if request.header("accept").is_some_and(|accept| accept.contains("raw")) {
            let headers =
                vec![("content-type".into(), "application/vnd.github.raw+json; charset=utf-8".into())];
            return Answer { status: 200, headers, body: bytes.to_vec(), cut: None };
        }
        let kind = match mode {
            0o120_000 => "symlink",
            0o160_000 => "submodule",
            _ => "file",
        };
        let mut file = told(kind, name, path, &oid("blob", bytes), bytes.len());
        match kind {
            "symlink" => file["target"] = json!(String::from_utf8_lossy(bytes)),
            "submodule" => file["submodule_git_url"] = json!("https://example.com/lib.git"),
            _ => {
                file["encoding"] = json!("base64");
                file["content"] = json!(shapes::base64(bytes));
            }
        }
        return Answer::json(200, &file);
    }
    let folder = if path.is_empty() { String::new() } else { format!("{path}/") };
    let mut found: Vec<Value> = Vec::new();
    for (inside, (_, bytes)) in commit.files.range(folder.clone()..) {
        let Some(rest) = inside.strip_prefix(&folder) else { break };
        let (name, is_folder) = rest.split_once('/').map_or((rest, false), |(name, _)| (name, true));
        if found.iter().any(|entry| entry["name"] == *name) {
            continue;
        }
        let path = format!("{folder}{name}");
        found.push(match is_folder {
            true => told("dir", name, &path, &tree_id(&commit.files, &format!("{path}/")), 0),
            false => told("file", name, &path, &oid("blob", bytes), bytes.len()),
        });
    }
    match found.is_empty() {
        true => missing(404, "Not Found"),
        false => Answer::json(200, &Value::Array(found)),
    }
}

/// GitHub pages this list by cursors: `after` names the last entry that was seen.
fn activity(world: &World, request: &Request, path: &str, base: &str) -> Answer {
    let wanted = request.asked("ref").map(|name| name.strip_prefix("refs/heads/").unwrap_or(name).to_owned());
    let kinds: Option<Vec<&str>> = request.asked("activity_type").map(|kinds| kinds.split(',').collect());
    let all = world.activity.iter().enumerate().filter(|(_, activity)| {
        wanted.as_ref().is_none_or(|name| *name == activity.branch)
            && kinds.as_ref().is_none_or(|kinds| kinds.contains(&activity.kind))
            && request.asked("actor").is_none_or(|actor| activity.by.as_deref() == Some(actor))
    });
    let mut all: Vec<Value> = all.map(|(at, activity)| shapes::activity(world, at, activity)).collect();
    if request.asked("direction") != Some("asc") {
        all.reverse();
    }
    let size = request.asked("per_page").and_then(|size| size.parse().ok()).unwrap_or(30_usize).clamp(1, 100);
    let start = request.asked("after").and_then(|after| after.parse::<usize>().ok()).unwrap_or(0);
    let more = all.len().saturating_sub(start + size);
    let shown: Vec<Value> = all.into_iter().skip(start).take(size).collect();
    let answer = Answer::json(200, &Value::Array(shown));
    if more == 0 {
        return answer;
    }
    let rest: String = request
        .query
        .iter()
        .filter(|(name, _)| name != "after")
        .map(|(name, value)| format!("{name}={value}&"))
        .collect();
    answer.with("link", format!("<{base}{path}?{rest}after={}>; rel=\"next\"", start + size))
}

fn permission(world: &World, login: &str) -> Answer {
    let Some(user) = world.account(login) else { return missing(404, "Not Found") };
    // As GitHub says: `maintain` is told as `write`, and `triage` as `read`.
    let permission = match user.role {
        "maintain" => "write",
        "triage" => "read",
        role => role,
    };
    let mut who = shapes::user(user);
    let may = |roles: &[&str]| roles.contains(&user.role);
    who["permissions"] = json!({
        "admin": may(&["admin"]), "maintain": may(&["admin", "maintain"]),
        "push": may(&["admin", "maintain", "write"]), "triage": may(&["admin", "maintain", "write", "triage"]),
        "pull": user.role != "none",
    });
    who["role_name"] = json!(user.role);
    Answer::json(200, &json!({ "permission": permission, "role_name": user.role, "user": who }))
}

fn write(world: &mut World, request: &Request, rest: &[&str]) -> Answer {
    let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
        return missing(400, "Problems parsing JSON");
    };
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    match (request.method.as_str(), rest) {
        ("POST", ["issues", number, "comments"]) => {
            let (Ok(number), Some(text)) = (number.parse(), text("body")) else {
                return missing(422, "Validation Failed");
            };
            let id = world.fresh();
            world.comments.push(Comment {
                id,
                number,
                by: Some("helper[bot]".into()),
                body: text,
                at: "2026-03-02T15:30:00Z".into(),
                edited_at: None,
            });
            Answer::json(201, &shapes::comment(world, world.comments.last().unwrap()))
        }
        ("PATCH", ["issues", "comments", id]) => {
            let text = text("body").unwrap_or_default();
            let Some(at) = world.comments.iter().position(|comment| comment.id.to_string() == **id) else {
                return missing(404, "Not Found");
            };
            let comment = &mut world.comments[at];
            comment.body = text;
            comment.edited_at = Some("2026-03-02T15:31:00Z".into());
            Answer::json(200, &shapes::comment(world, &world.comments[at]))
        }
        ("POST", ["check-runs"]) => {
            let Some(commit) = text("head_sha").filter(|id| world.commits.contains_key(id)) else {
                return missing(422, "No commit found for SHA");
            };
            let run = Run {
                id: world.fresh(),
                commit,
                name: text("name").unwrap_or_default(),
                app: "github-actions".into(),
                status: "queued".into(),
                conclusion: None,
                external_id: None,
                details_url: None,
                title: None,
                summary: None,
                text: None,
                annotations: Vec::new(),
                started_at: "2026-03-02T15:20:00Z".into(),
                completed_at: "2026-03-02T15:30:00Z".into(),
            };
            world.runs.push(run);
            let at = world.runs.len() - 1;
            conclude(&mut world.runs[at], &body);
            Answer::json(201, &shapes::run(world, &world.runs[at]))
        }
        ("PATCH", ["check-runs", id]) => {
            let Some(at) = world.runs.iter().position(|run| run.id.to_string() == **id) else {
                return missing(404, "Not Found");
            };
            if world.runs[at].app != "github-actions" {
                return missing(403, "Invalid app_id: only the app that made a check run can change it");
            }
            conclude(&mut world.runs[at], &body);
            Answer::json(200, &shapes::run(world, &world.runs[at]))
        }
        _ => missing(404, "Not Found"),
    }
}

fn conclude(run: &mut Run, body: &Value) {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    run.status = text(&body["status"]).unwrap_or_else(|| run.status.clone());
    run.details_url = text(&body["details_url"]).or(run.details_url.take());
    run.external_id = text(&body["external_id"]).or(run.external_id.take());
    run.started_at = text(&body["started_at"]).unwrap_or_else(|| run.started_at.clone());
    if run.status != "completed" {
        run.conclusion = None;
    }
    if let Some(conclusion) = text(&body["conclusion"]) {
        run.conclusion = Some(conclusion);
        // GitHub sets the time itself where it is not told.
        run.completed_at = text(&body["completed_at"]).unwrap_or_else(|| "2026-03-02T15:30:00Z".into());
        run.status = "completed".into();
    }
    let output = &body["output"];
    run.title = text(&output["title"]).or(run.title.take());
    run.summary = text(&output["summary"]).or(run.summary.take());
    run.text = text(&output["text"]).or(run.text.take());
    // Annotations of one request after another add up.
    run.annotations.extend(output["annotations"].as_array().into_iter().flatten().cloned());
}
