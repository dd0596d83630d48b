//! What the world looks like in GraphQL: which object has which field.
//!
//! Only what the gate may want is here. A field that is asked for and is not here is an error in the
//! answer, so that a query cannot go further than the fake without anybody noticing.

use serde_json::{Map, Value, json};

use super::shapes::app_id;
use super::world::{
    Change, Comment, Commit, Edit, Event, Happened, Issue, Pull, Queued, Review, Run, Signature, Status,
    Thread, World, oid, tree_id,
};

/// An object.
#[derive(Clone)]
pub(crate) enum Node<'w> {
    Query,
    Repository,
    Ref(String),
    Commit(&'w Commit),
    Tree(&'w Commit, String),
    Entry(&'w Commit, String),
    Blob(&'w [u8]),
    Pull(&'w Pull),
    PullCommit(&'w Pull, &'w Commit),
    File(Change),
    Actor(String),
    GitActor(&'w Signature),
    Review(&'w Pull, &'w Review),
    Thread(&'w Pull, &'w Thread),
    ThreadComment(&'w Pull, &'w Thread),
    Comment(&'w Comment),
    Label(String),
    Edit(&'w Pull, &'w Edit),
    Event(&'w Pull, &'w Event),
    Rollup(&'w Commit),
    Combined(&'w Commit),
    Run(&'w Run),
    Suite(&'w Run),
    Status(&'w Status),
    App(String),
    Issue(&'w Issue),
    Queue,
    Queued(usize, &'w Queued),
    /// A type's name, and all of its fields.
    Plain(&'static str, Value),
}

/// What a field holds.
pub(crate) enum Out<'w> {
    Value(Value),
    Node(Node<'w>),
    List(Vec<Node<'w>>),
    /// Items, and how many GitHub says there are.
    Connection(Vec<Node<'w>>, usize),
    NotFound(String),
    Unknown,
}

fn actor<'w>(world: &World, login: Option<&str>) -> Out<'w> {
    match login {
        Some(login) if login == "web-flow" || world.account(login).is_some() => {
            Out::Node(Node::Actor(login.into()))
        }
        _ => Out::Value(Value::Null),
    }
}

fn all(items: Vec<Node<'_>>) -> Out<'_> {
    let total = items.len();
    Out::Connection(items, total)
}

fn maybe(node: Option<Node<'_>>) -> Out<'_> {
    node.map_or(Out::Value(Value::Null), Out::Node)
}

fn upper(word: &str) -> Value {
    json!(word.to_ascii_uppercase())
}

impl<'w> Node<'w> {
    /// Returns the name of the type.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Node::Query => "Query",
            Node::Repository => "Repository",
            Node::Ref(_) => "Ref",
            Node::Commit(_) => "Commit",
            Node::Tree(..) => "Tree",
            Node::Entry(..) => "TreeEntry",
            Node::Blob(_) => "Blob",
            Node::Pull(_) => "PullRequest",
            Node::PullCommit(..) => "PullRequestCommit",
            Node::File(_) => "PullRequestChangedFile",
            Node::Actor(login) if login.ends_with("[bot]") => "Bot",
            Node::Actor(_) => "User",
            Node::GitActor(_) => "GitActor",
            Node::Review(..) => "PullRequestReview",
            Node::Thread(..) => "PullRequestReviewThread",
            Node::ThreadComment(..) => "PullRequestReviewComment",
            Node::Comment(_) => "IssueComment",
            Node::Label(_) => "Label",
            Node::Edit(..) => "UserContentEdit",
            Node::Event(_, event) => match event.what {
                Happened::Labeled(_) => "LabeledEvent",
                Happened::Unlabeled(_) => "UnlabeledEvent",
                Happened::ForcePushed { .. } => "HeadRefForcePushedEvent",
                Happened::Retargeted { .. } => "BaseRefChangedEvent",
                Happened::AutoRetargeted { .. } => "AutomaticBaseChangeSucceededEvent",
                Happened::BaseForcePushed { .. } => "BaseRefForcePushedEvent",
                Happened::BaseDeleted(_) => "BaseRefDeletedEvent",
                Happened::Retitled { .. } => "RenamedTitleEvent",
                Happened::Dismissed { .. } => "ReviewDismissedEvent",
                Happened::MadeDraft => "ConvertToDraftEvent",
                Happened::MadeReady => "ReadyForReviewEvent",
                Happened::Closed => "ClosedEvent",
                Happened::Reopened => "ReopenedEvent",
            },
            Node::Rollup(_) => "StatusCheckRollup",
            Node::Combined(_) => "Status",
            Node::Run(_) => "CheckRun",
            Node::Suite(_) => "CheckSuite",
            Node::Status(_) => "StatusContext",
            Node::App(_) => "App",
            Node::Issue(_) => "Issue",
            Node::Queue => "MergeQueue",
            Node::Queued(..) => "MergeQueueEntry",
            Node::Plain(name, _) => name,
        }
    }

    /// Returns whether a fragment on a type, an interface or a union is about this object.
    pub(crate) fn is_a(&self, on: &str) -> bool {
        let name = self.name();
        name == on
            || match on {
                "Actor" => matches!(name, "User" | "Bot" | "Mannequin" | "Organization"),
                "GitObject" => matches!(name, "Commit" | "Tree" | "Blob" | "Tag"),
                "Node" => !matches!(name, "GitActor" | "TreeEntry" | "PageInfo"),
                "StatusCheckRollupContext" => matches!(name, "CheckRun" | "StatusContext"),
                "IssueOrPullRequest" => matches!(name, "Issue" | "PullRequest"),
                "PullRequestTimelineItems" => name.ends_with("Event"),
                "RequirableByPullRequest" => matches!(name, "CheckRun" | "StatusContext"),
                _ => false,
            }
    }

    /// Returns what a field holds.
    pub(crate) fn field(&self, world: &'w World, name: &str, arguments: &Map<String, Value>) -> Out<'w> {
        let text = |name: &str| arguments.get(name).and_then(Value::as_str);
        match self {
            Node::Query => match name {
                "repository" => {
                    let is_ours = text("owner").is_some_and(|owner| owner.eq_ignore_ascii_case(&world.owner))
                        && text("name").is_some_and(|name| name.eq_ignore_ascii_case(&world.name));
                    let called = format!("{}/{}", text("owner").unwrap_or(""), text("name").unwrap_or(""));
                    match is_ours || world.aliases.contains(&called) {
                        true => Out::Node(Node::Repository),
                        false => Out::NotFound("a Repository with that name".into()),
                    }
                }
                "viewer" => Out::Node(Node::Actor("helper[bot]".into())),
                "rateLimit" => Out::Node(Node::Plain(
                    "RateLimit",
                    json!({
                        "limit": 5000, "cost": 1, "remaining": world.rate_remaining, "used": 5000 - world.rate_remaining,
                        "resetAt": "2026-09-21T13:33:20Z", "nodeCount": 100,
                    }),
                )),
                _ => Out::Unknown,
            },
            Node::Repository => repository(world, name, arguments),
            Node::Ref(branch) => match name {
                "name" => Out::Value(json!(branch)),
                "prefix" => Out::Value(json!("refs/heads/")),
                "target" => Out::Node(Node::Commit(&world.commits[&world.branches[branch]])),
                "id" => Out::Value(json!(format!("REF_{branch}"))),
                "branchProtectionRule" => Out::Value(Value::Null),
                _ => Out::Unknown,
            },
            Node::Commit(commit) => self::commit(world, commit, name, arguments),
            Node::Tree(commit, folder) => match name {
                "id" | "oid" => Out::Value(json!(tree_id(&commit.files, folder))),
                "entries" => {
                    let mut found: Vec<String> = Vec::new();
                    for path in commit.files.keys().filter_map(|path| path.strip_prefix(folder.as_str())) {
                        let name = path.split('/').next().unwrap_or(path);
                        if !found.iter().any(|known| known == name) {
                            found.push(name.into());
                        }
                    }
                    let entry = |name| Node::Entry(commit, format!("{folder}{name}"));
                    Out::List(found.into_iter().map(entry).collect())
                }
                _ => Out::Unknown,
            },
            Node::Entry(commit, path) => {
                let file = commit.files.get(path);
                match name {
                    "name" => Out::Value(json!(path.rsplit('/').next())),
                    "path" => Out::Value(json!(path)),
                    "mode" => Out::Value(json!(file.map_or(0o040_000, |(mode, _)| *mode))),
                    "size" => Out::Value(json!(file.map_or(0, |(_, bytes)| bytes.len()))),
                    "type" => Out::Value(json!(match file.map(|(mode, _)| *mode) {
                        None => "tree",
                        Some(0o160_000) => "commit",
                        Some(_) => "blob",
                    })),
                    "oid" => Out::Value(json!(match file {
                        Some((_, bytes)) => oid("blob", bytes),
                        None => tree_id(&commit.files, &format!("{path}/")),
                    })),
                    "object" => match file {
                        Some((0o160_000, _)) => Out::Value(Value::Null),
                        Some((_, bytes)) => Out::Node(Node::Blob(bytes)),
                        None => Out::Node(Node::Tree(commit, format!("{path}/"))),
                    },
                    _ => Out::Unknown,
                }
            }
            Node::Blob(bytes) => {
                let text = std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
                match name {
                    "id" | "oid" => Out::Value(json!(oid("blob", bytes))),
                    "byteSize" => Out::Value(json!(bytes.len())),
                    "isBinary" => Out::Value(json!(text.is_none())),
                    "isTruncated" => Out::Value(json!(512_000 < bytes.len())),
                    "text" => Out::Value(json!(text)),
                    _ => Out::Unknown,
                }
            }
            Node::Pull(pull) => self::pull(world, pull, name, arguments),
            Node::PullCommit(pull, commit) => match name {
                "commit" => Out::Node(Node::Commit(commit)),
                "pullRequest" => Out::Node(Node::Pull(pull)),
                "id" => Out::Value(json!(format!("PRC_{}", commit.id))),
                _ => Out::Unknown,
            },
            Node::File(change) => Out::Value(match name {
                "path" => json!(change.path),
                "additions" => json!(change.additions),
                "deletions" => json!(change.deletions),
                "viewerViewedState" => json!("UNVIEWED"),
                "changeType" => match change.status {
                    "removed" => json!("DELETED"),
                    status => upper(status),
                },
                _ => return Out::Unknown,
            }),
            Node::Actor(login) => account(world, login, name),
            Node::GitActor(who) => match name {
                "name" => Out::Value(json!(who.name)),
                "email" => Out::Value(json!(who.email)),
                "date" => Out::Value(json!(who.at)),
                // GitHub finds people here, and no bots.
                "user" => actor(world, who.login.as_deref().filter(|login| !login.ends_with("[bot]"))),
                _ => Out::Unknown,
            },
            Node::Review(pull, review) => self::review(world, pull, review, name),
            Node::Thread(pull, thread) => match name {
                "id" => Out::Value(json!(format!("PRRT_{}", thread.path))),
                "isResolved" => Out::Value(json!(thread.is_resolved)),
                "isOutdated" => Out::Value(json!(false)),
                "path" => Out::Value(json!(thread.path)),
                "line" | "startLine" => Out::Value(json!(1)),
                "resolvedBy" => Out::Value(Value::Null),
                "comments" => all(vec![Node::ThreadComment(pull, thread)]),
                _ => Out::Unknown,
            },
            Node::ThreadComment(pull, thread) => match name {
                "author" => actor(world, thread.by.as_deref()),
                "body" | "bodyText" => Out::Value(json!(thread.body)),
                "path" => Out::Value(json!(thread.path)),
                "url" => Out::Value(json!(format!("{}#discussion_r1", page(world, pull.number)))),
                "createdAt" => Out::Value(json!("2026-03-02T14:30:00Z")),
                "id" => Out::Value(json!("PRRC_1")),
                _ => Out::Unknown,
            },
            Node::Comment(comment) => match name {
                "id" => Out::Value(json!(format!("IC_{}", comment.id))),
                "databaseId" => Out::Value(json!(comment.id)),
                "fullDatabaseId" => Out::Value(json!(comment.id.to_string())),
                "author" | "editor" if name == "editor" && comment.edited_at.is_none() => {
                    Out::Value(Value::Null)
                }
                "author" | "editor" => actor(world, comment.by.as_deref()),
                "body" | "bodyText" => Out::Value(json!(comment.body)),
                "createdAt" | "publishedAt" => Out::Value(json!(comment.at)),
                "updatedAt" => Out::Value(json!(comment.edited_at.as_ref().unwrap_or(&comment.at))),
                "lastEditedAt" => Out::Value(json!(comment.edited_at)),
                "includesCreatedEdit" => Out::Value(json!(comment.edited_at.is_some())),
                "isMinimized" => Out::Value(json!(false)),
                "authorAssociation" => Out::Value(json!("MEMBER")),
                "url" => {
                    Out::Value(json!(format!("{}#issuecomment-{}", page(world, comment.number), comment.id)))
                }
                _ => Out::Unknown,
            },
            Node::Label(label) => Out::Value(match name {
                "name" => json!(label),
                "id" => json!(format!("LA_{label}")),
                "color" => json!("ededed"),
                "description" => Value::Null,
                _ => return Out::Unknown,
            }),
            Node::Edit(pull, edit) => match name {
                "id" => Out::Value(json!(format!("UCE_{}_{}", pull.number, edit.at))),
                "createdAt" | "editedAt" | "updatedAt" => Out::Value(json!(edit.at)),
                "diff" => Out::Value(json!(edit.text)),
                "editor" => actor(world, edit.by.as_deref()),
                "deletedAt" => Out::Value(json!(edit.text.is_none().then_some(&edit.at))),
                "deletedBy" => Out::Value(Value::Null),
                _ => Out::Unknown,
            },
            Node::Event(pull, event) => self::event(world, pull, event, name),
            Node::Rollup(commit) => {
                let runs = world.runs.iter().filter(|run| run.commit == commit.id).map(Node::Run);
                let statuses =
                    world.statuses.iter().filter(|status| status.commit == commit.id).map(Node::Status);
                match name {
                    "contexts" => all(runs.chain(statuses).collect()),
                    "state" => Out::Value(json!("SUCCESS")),
                    "id" => Out::Value(json!(format!("SCR_{}", commit.id))),
                    "commit" => Out::Node(Node::Commit(commit)),
                    _ => Out::Unknown,
                }
            }
            Node::Combined(commit) => {
                let statuses = world.statuses.iter().filter(|status| status.commit == commit.id);
                match name {
                    "contexts" => Out::List(statuses.map(Node::Status).collect()),
                    "id" => Out::Value(json!(format!("S_{}", commit.id))),
                    _ => Out::Unknown,
                }
            }
            Node::Run(run) => match name {
                "id" => Out::Value(json!(format!("CR_{}", run.id))),
                "databaseId" => Out::Value(json!(run.id)),
                "name" => Out::Value(json!(run.name)),
                "status" => Out::Value(upper(&run.status)),
                "conclusion" => Out::Value(run.conclusion.as_deref().map_or(Value::Null, upper)),
                "title" => Out::Value(json!(run.title)),
                "summary" => Out::Value(json!(run.summary)),
                "text" => Out::Value(json!(run.text)),
                "startedAt" => Out::Value(json!("2026-03-02T15:00:00Z")),
                "completedAt" => {
                    Out::Value(json!((run.status == "completed").then_some("2026-03-02T15:30:00Z")))
                }
                "detailsUrl" | "url" | "permalink" => {
                    Out::Value(json!(format!("https://github.com/{}/runs/{}", world.full_name(), run.id)))
                }
                "isRequired" => Out::Value(json!(false)),
                "checkSuite" => Out::Node(Node::Suite(run)),
                _ => Out::Unknown,
            },
            Node::Suite(run) => match name {
                "app" => Out::Node(Node::App(run.app.clone())),
                "id" => Out::Value(json!(format!("CS_{}", run.id))),
                "databaseId" => Out::Value(json!(run.id)),
                "commit" => maybe(world.commits.get(&run.commit).map(Node::Commit)),
                "workflowRun" => Out::Value(Value::Null),
                _ => Out::Unknown,
            },
            Node::App(slug) => Out::Value(match name {
                "slug" | "name" => json!(slug),
                "databaseId" => json!(app_id(slug)),
                "id" => json!(format!("A_{slug}")),
                "url" => json!(format!("https://github.com/apps/{slug}")),
                _ => return Out::Unknown,
            }),
            Node::Status(status) => match name {
                "id" => Out::Value(json!(format!("SC_{}", status.id))),
                "context" => Out::Value(json!(status.context)),
                "state" => Out::Value(upper(status.state)),
                "creator" => actor(world, status.by.as_deref()),
                "targetUrl" => Out::Value(json!(format!("https://ci.example.com/{}", status.id))),
                "description" => Out::Value(Value::Null),
                "createdAt" => Out::Value(json!("2026-03-02T15:10:00Z")),
                "isRequired" => Out::Value(json!(false)),
                _ => Out::Unknown,
            },
            Node::Issue(issue) => match name {
                "id" => Out::Value(json!(format!("I_{}", issue.number))),
                "number" => Out::Value(json!(issue.number)),
                "title" => Out::Value(json!(issue.title)),
                "body" => Out::Value(json!(issue.body.clone().unwrap_or_default())),
                "state" => Out::Value(upper(issue.state)),
                "createdAt" => Out::Value(json!(issue.created_at)),
                "closedAt" => Out::Value(json!(issue.closed_at)),
                "author" => actor(world, issue.author.as_deref()),
                "labels" => all(issue.labels.iter().cloned().map(Node::Label).collect()),
                "repository" => Out::Node(Node::Repository),
                "url" => Out::Value(json!(format!(
                    "https://github.com/{}/issues/{}",
                    world.full_name(),
                    issue.number
                ))),
                _ => Out::Unknown,
            },
            Node::Queue => match name {
                "entries" => {
                    all(world.queue.iter().enumerate().map(|(at, queued)| Node::Queued(at, queued)).collect())
                }
                "id" => Out::Value(json!("MQ_1")),
                "configuration" => match world.merging_strategy {
                    Some(strategy) => Out::Node(Node::Plain(
                        "MergeQueueConfiguration",
                        json!({ "mergingStrategy": strategy }),
                    )),
                    None => Out::Value(Value::Null),
                },
                "url" => Out::Value(json!(format!("https://github.com/{}/queue/main", world.full_name()))),
                _ => Out::Unknown,
            },
            Node::Queued(at, queued) => match name {
                "id" => Out::Value(json!(format!("MQE_{}", queued.pull))),
                "position" => Out::Value(json!(at + 1)),
                "state" => Out::Value(json!(queued.state)),
                "enqueuedAt" => Out::Value(json!("2026-03-02T16:00:00Z")),
                "headCommit" => maybe(world.commits.get(&queued.head).map(Node::Commit)),
                "baseCommit" => maybe(world.commits.get(&queued.base).map(Node::Commit)),
                "pullRequest" => {
                    maybe(world.pulls.iter().find(|pull| pull.number == queued.pull).map(Node::Pull))
                }
                "enqueuer" => Out::Node(Node::Actor("kim".into())),
                "jump" | "solo" => Out::Value(json!(false)),
                _ => Out::Unknown,
            },
            Node::Plain(_, all) => all.get(name).cloned().map_or(Out::Unknown, Out::Value),
        }
    }
}

fn page(world: &World, number: u64) -> String {
    format!("https://github.com/{}/pull/{number}", world.full_name())
}

fn account<'w>(world: &World, login: &str, name: &str) -> Out<'w> {
    let known = world.account(login);
    // In GraphQL a bot's login comes without `[bot]`.
    let bare = login.trim_end_matches("[bot]");
    Out::Value(match name {
        "login" => json!(bare),
        "databaseId" => json!(known.map_or(19_864_447, |user| user.id)),
        "id" => json!(format!("U_{}", known.map_or(19_864_447, |user| user.id))),
        "url" => json!(format!("https://github.com/{bare}")),
        "resourcePath" => json!(format!("/{bare}")),
        "avatarUrl" => json!("https://avatars.example.com/u/1"),
        "name" => json!(known.map(|user| user.login.clone())),
        "email" => json!(""),
        // Of an edge of collaborators.
        "permission" => upper(known.map_or("none", |user| user.role)),
        _ => return Out::Unknown,
    })
}

fn repository<'w>(world: &'w World, name: &str, arguments: &Map<String, Value>) -> Out<'w> {
    let text = |name: &str| arguments.get(name).and_then(Value::as_str);
    let number = arguments.get("number").and_then(Value::as_u64);
    let pull = || world.pulls.iter().find(|pull| Some(pull.number) == number).map(Node::Pull);
    let issue = || world.issues.iter().find(|issue| Some(issue.number) == number).map(Node::Issue);
    match name {
        "id" => Out::Value(json!("R_42")),
        "databaseId" => Out::Value(json!(42)),
        "name" => Out::Value(json!(world.name)),
        "nameWithOwner" => Out::Value(json!(world.full_name())),
        "url" => Out::Value(json!(format!("https://github.com/{}", world.full_name()))),
        "isPrivate" => Out::Value(json!(true)),
        "isFork" | "isArchived" => Out::Value(json!(false)),
        "visibility" => Out::Value(json!("PRIVATE")),
        "viewerPermission" => Out::Value(json!(if world.is_read_only { "READ" } else { "WRITE" })),
        "owner" => {
            let owner = json!({ "login": world.owner, "id": "O_1" });
            Out::Node(Node::Plain("Organization", owner))
        }
        "defaultBranchRef" => Out::Node(Node::Ref(world.default_branch.clone())),
        "ref" => {
            let wanted = text("qualifiedName").unwrap_or_default();
            let branch = wanted.strip_prefix("refs/heads/").unwrap_or(wanted);
            maybe(world.branches.contains_key(branch).then(|| Node::Ref(branch.into())))
        }
        "object" => object(world, text("oid").or(text("expression")).unwrap_or_default()),
        "pullRequest" => match pull() {
            Some(pull) => Out::Node(pull),
            None => Out::NotFound("a PullRequest with that number".into()),
        },
        "issue" => match issue() {
            Some(issue) => Out::Node(issue),
            None => Out::NotFound("an Issue with that number".into()),
        },
        "issueOrPullRequest" => match pull().or_else(issue) {
            Some(found) => Out::Node(found),
            None => Out::NotFound("an issue or pull request with that number".into()),
        },
        "mergeQueue" => maybe((!world.queue.is_empty()).then_some(Node::Queue)),
        "collaborators" => {
            let wanted = text("login").or(text("query")).map(str::to_owned);
            let users = world.users.iter().filter(|user| {
                user.role != "none" && wanted.as_ref().is_none_or(|login| *login == user.login)
            });
            all(users.map(|user| Node::Actor(user.login.clone())).collect())
        }
        _ => Out::Unknown,
    }
}

/// Returns the folder of a commit that has this id, with a slash at its end; the root is empty.
fn folder_of(commit: &Commit, tree: &str) -> Option<String> {
    let mut folders = vec![String::new()];
    for path in commit.files.keys() {
        folders.extend(path.match_indices('/').map(|(at, _)| path[..=at].to_owned()));
    }
    folders.into_iter().find(|folder| tree_id(&commit.files, folder) == tree)
}

fn object<'w>(world: &'w World, expression: &str) -> Out<'w> {
    let (name, path) = expression.split_once(':').unwrap_or((expression, "\0"));
    let Some(commit) = world.named(name) else {
        let tree = world
            .commits
            .values()
            .find_map(|commit| Some(Node::Tree(commit, folder_of(commit, expression)?)));
        return maybe(tree);
    };
    if path == "\0" {
        return Out::Node(Node::Commit(commit));
    }
    let path = path.trim_end_matches('/');
    if let Some((_, bytes)) = commit.files.get(path) {
        return Out::Node(Node::Blob(bytes));
    }
    let folder = if path.is_empty() { String::new() } else { format!("{path}/") };
    let is_there = commit.files.keys().any(|known| known.starts_with(&folder));
    maybe(is_there.then_some(Node::Tree(commit, folder)))
}

fn commit<'w>(world: &'w World, commit: &'w Commit, name: &str, arguments: &Map<String, Value>) -> Out<'w> {
    let first = commit.message.split('\n').next().unwrap_or_default();
    match name {
        "id" => Out::Value(json!(format!("C_{}", commit.id))),
        "oid" => Out::Value(json!(commit.id)),
        "abbreviatedOid" => Out::Value(json!(&commit.id[..7])),
        "message" => Out::Value(json!(commit.message)),
        "messageHeadline" => Out::Value(json!(first)),
        "messageBody" => Out::Value(json!(commit.message[first.len()..].trim_start_matches('\n'))),
        "author" => Out::Node(Node::GitActor(&commit.author)),
        "committer" => Out::Node(Node::GitActor(&commit.committer)),
        "authors" => all(std::iter::once(&commit.author).chain(&commit.others).map(Node::GitActor).collect()),
        "authoredDate" => Out::Value(json!(commit.author.at)),
        "committedDate" => Out::Value(json!(commit.committer.at)),
        "pushedDate" => Out::Value(Value::Null),
        "committedViaWeb" => Out::Value(json!(commit.committer.login.as_deref() == Some("web-flow"))),
        "authoredByCommitter" => Out::Value(json!(commit.author.email == commit.committer.email)),
        "parents" => {
            all(commit.parents.iter().filter_map(|id| world.commits.get(id)).map(Node::Commit).collect())
        }
        "tree" => Out::Node(Node::Tree(commit, String::new())),
        "additions" | "deletions" | "changedFilesIfAvailable" => Out::Value(json!(0)),
        "signature" => Out::Value(Value::Null),
        "url" => Out::Value(json!(format!("https://github.com/{}/commit/{}", world.full_name(), commit.id))),
        "file" => {
            let path = arguments.get("path").and_then(Value::as_str).unwrap_or_default();
            let folder = format!("{path}/");
            let is_there = commit.files.contains_key(path)
                || commit.files.keys().any(|known| known.starts_with(&folder));
            maybe(is_there.then(|| Node::Entry(commit, path.into())))
        }
        "status" => {
            let any = world.statuses.iter().any(|status| status.commit == commit.id);
            maybe(any.then_some(Node::Combined(commit)))
        }
        "statusCheckRollup" => {
            let any = world.runs.iter().any(|run| run.commit == commit.id)
                || world.statuses.iter().any(|status| status.commit == commit.id);
            maybe(any.then_some(Node::Rollup(commit)))
        }
        "associatedPullRequests" => {
            let pulls = world.pulls.iter().filter(|pull| {
                pull.commits.contains(&commit.id) || pull.merge_commit.as_ref() == Some(&commit.id)
            });
            all(pulls.map(Node::Pull).collect())
        }
        "repository" => Out::Node(Node::Repository),
        _ => Out::Unknown,
    }
}

fn pull<'w>(world: &'w World, pull: &'w Pull, name: &str, arguments: &Map<String, Value>) -> Out<'w> {
    let files = || world.files_of(pull);
    match name {
        "id" => Out::Value(json!(format!("PR_{}", pull.number))),
        "databaseId" => Out::Value(json!(9000 + pull.number)),
        "fullDatabaseId" => Out::Value(json!((9000 + pull.number).to_string())),
        "number" => Out::Value(json!(pull.number)),
        "url" | "permalink" => Out::Value(json!(page(world, pull.number))),
        "title" => Out::Value(json!(pull.title)),
        "body" => Out::Value(json!(pull.body.clone().unwrap_or_default())),
        "state" => Out::Value(upper(pull.state)),
        "isDraft" => Out::Value(json!(pull.is_draft)),
        "locked" => Out::Value(json!(pull.is_locked)),
        "closed" => Out::Value(json!(pull.state != "open")),
        "merged" => Out::Value(json!(pull.state == "merged")),
        "mergedAt" => Out::Value(json!((pull.state == "merged").then_some(&pull.updated_at))),
        "closedAt" => Out::Value(json!((pull.state != "open").then_some(&pull.updated_at))),
        "mergeable" => Out::Value(json!("MERGEABLE")),
        "reviewDecision" | "autoMergeRequest" | "mergedBy" => Out::Value(Value::Null),
        "createdAt" | "publishedAt" => Out::Value(json!(pull.created_at)),
        "updatedAt" => Out::Value(json!(pull.updated_at)),
        "lastEditedAt" => Out::Value(json!(pull.edits.last().map(|edit| &edit.at))),
        "includesCreatedEdit" => Out::Value(json!(!pull.edits.is_empty())),
        "author" => actor(world, pull.author.as_deref()),
        "editor" => actor(world, pull.edits.last().and_then(|edit| edit.by.as_deref())),
        "authorAssociation" => Out::Value(json!("MEMBER")),
        "isCrossRepository" => Out::Value(json!(pull.head_repository.as_deref() != Some(&world.full_name()))),
        "maintainerCanModify" => Out::Value(json!(false)),
        "baseRefName" => Out::Value(json!(pull.base)),
        "baseRefOid" => Out::Value(json!(pull.base_id)),
        "headRefName" => Out::Value(json!(pull.head)),
        "headRefOid" => Out::Value(json!(pull.head_id)),
        "baseRef" => maybe(world.branches.contains_key(&pull.base).then(|| Node::Ref(pull.base.clone()))),
        "headRef" => {
            let is_here = pull.head_repository.as_deref() == Some(&world.full_name());
            maybe((is_here && world.branches.contains_key(&pull.head)).then(|| Node::Ref(pull.head.clone())))
        }
        "baseRepository" | "repository" => Out::Node(Node::Repository),
        "headRepository" => match pull.head_repository.as_deref() {
            Some(full) if full == world.full_name() => Out::Node(Node::Repository),
            Some(full) => Out::Node(Node::Plain(
                "Repository",
                json!({
                    "id": "R_43", "databaseId": 43, "nameWithOwner": full, "isFork": true,
                    "name": full.split('/').next_back(),
                }),
            )),
            None => Out::Value(Value::Null),
        },
        "headRepositoryOwner" => match &pull.head_repository {
            Some(full) => {
                Out::Node(Node::Plain("User", json!({ "login": full.split('/').next(), "id": "U_9" })))
            }
            None => Out::Value(Value::Null),
        },
        "additions" => Out::Value(json!(files().iter().map(|file| file.additions).sum::<u64>())),
        "deletions" => Out::Value(json!(files().iter().map(|file| file.deletions).sum::<u64>())),
        "changedFiles" => Out::Value(json!(pull.claims.0.unwrap_or(files().len() as u64))),
        "files" => {
            let found = files();
            let total = pull.claims.0.map_or(found.len(), |claimed| claimed as usize);
            Out::Connection(found.into_iter().take(3000).map(Node::File).collect(), total)
        }
        "commits" => {
            let found = pull.commits.iter().take(250).map(|id| Node::PullCommit(pull, &world.commits[id]));
            let total = pull.claims.1.map_or(pull.commits.len(), |claimed| claimed as usize);
            Out::Connection(found.collect(), total)
        }
        "labels" => all(pull.labels.iter().cloned().map(Node::Label).collect()),
        "reviews" | "latestReviews" | "latestOpinionatedReviews" => {
            all(pull.reviews.iter().map(|review| Node::Review(pull, review)).collect())
        }
        "reviewThreads" => all(pull.threads.iter().map(|thread| Node::Thread(pull, thread)).collect()),
        "comments" => {
            let mine = world.comments.iter().filter(|comment| comment.number == pull.number);
            all(mine.map(Node::Comment).collect())
        }
        "userContentEdits" => match pull.edits.is_empty() {
            true => all(Vec::new()),
            // The newest comes first.
            false => all(pull.edits.iter().rev().map(|edit| Node::Edit(pull, edit)).collect()),
        },
        "timelineItems" => {
            let wanted: Option<Vec<String>> =
                arguments.get("itemTypes").and_then(Value::as_array).map(|types| {
                    types
                        .iter()
                        .filter_map(Value::as_str)
                        .map(|name| name.replace('_', "").to_lowercase())
                        .collect()
                });
            let events = pull.timeline.iter().map(|event| Node::Event(pull, event)).filter(|node| {
                wanted.as_ref().is_none_or(|wanted| wanted.contains(&node.name().to_lowercase()))
            });
            all(events.collect())
        }
        "closingIssuesReferences" => {
            let issues =
                pull.closes.iter().filter_map(|number| world.issues.iter().find(|i| i.number == *number));
            all(issues.map(Node::Issue).collect())
        }
        "statusCheckRollup" => commit(world, &world.commits[&pull.head_id], "statusCheckRollup", arguments),
        "mergeCommit" => {
            maybe(pull.merge_commit.as_ref().and_then(|id| world.commits.get(id)).map(Node::Commit))
        }
        "potentialMergeCommit" => Out::Value(Value::Null),
        "isInMergeQueue" => Out::Value(json!(world.queue.iter().any(|queued| queued.pull == pull.number))),
        "mergeQueueEntry" => {
            let entry = world.queue.iter().enumerate().find(|(_, queued)| queued.pull == pull.number);
            maybe(entry.map(|(at, queued)| Node::Queued(at, queued)))
        }
        "mergeQueue" => maybe((!world.queue.is_empty()).then_some(Node::Queue)),
        _ => Out::Unknown,
    }
}

fn review<'w>(world: &'w World, pull: &'w Pull, review: &'w Review, name: &str) -> Out<'w> {
    match name {
        "id" => Out::Value(json!(format!("PRR_{}", review.id))),
        "databaseId" => Out::Value(json!(review.id)),
        "fullDatabaseId" => Out::Value(json!(review.id.to_string())),
        "author" => actor(world, review.by.as_deref()),
        "state" => Out::Value(json!(review.state)),
        "body" | "bodyText" => Out::Value(json!(review.body)),
        "submittedAt" | "publishedAt" => Out::Value(json!(review.at)),
        "createdAt" | "updatedAt" => Out::Value(json!(review.at.as_ref().unwrap_or(&pull.updated_at))),
        "lastEditedAt" => Out::Value(Value::Null),
        "includesCreatedEdit" => Out::Value(json!(false)),
        "commit" => maybe(review.commit.as_ref().and_then(|id| world.commits.get(id)).map(Node::Commit)),
        "authorCanPushToRepository" => {
            let by = review.by.as_deref().and_then(|login| world.account(login));
            Out::Value(json!(by.is_some_and(|user| matches!(user.role, "write" | "maintain" | "admin"))))
        }
        "authorAssociation" => Out::Value(json!("MEMBER")),
        "url" => Out::Value(json!(format!("{}#pullrequestreview-{}", page(world, pull.number), review.id))),
        "pullRequest" => Out::Node(Node::Pull(pull)),
        _ => Out::Unknown,
    }
}

fn event<'w>(world: &'w World, pull: &'w Pull, event: &'w Event, name: &str) -> Out<'w> {
    let commit =
        |id: &'w Option<String>| maybe(id.as_ref().and_then(|id| world.commits.get(id)).map(Node::Commit));
    match (name, &event.what) {
        ("id", _) => Out::Value(json!(format!("EV_{}", event.at))),
        ("actor", _) => actor(world, event.by.as_deref()),
        ("createdAt", _) => Out::Value(json!(event.at)),
        ("label", Happened::Labeled(label) | Happened::Unlabeled(label)) => {
            Out::Node(Node::Label(label.clone()))
        }
        ("beforeCommit", Happened::ForcePushed { from, .. } | Happened::BaseForcePushed { from, .. }) => {
            commit(from)
        }
        ("afterCommit", Happened::ForcePushed { to, .. } | Happened::BaseForcePushed { to, .. }) => {
            commit(to)
        }
        ("oldBase", Happened::AutoRetargeted { from, .. }) => Out::Value(json!(from)),
        ("newBase", Happened::AutoRetargeted { to, .. }) => Out::Value(json!(to)),
        ("baseRefName", Happened::BaseDeleted(branch)) => Out::Value(json!(branch)),
        ("previousRefName", Happened::Retargeted { from, .. }) => Out::Value(json!(from)),
        ("currentRefName", Happened::Retargeted { to, .. }) => Out::Value(json!(to)),
        ("previousTitle", Happened::Retitled { from, .. }) => Out::Value(json!(from)),
        ("currentTitle", Happened::Retitled { to, .. }) => Out::Value(json!(to)),
        ("dismissalMessage", Happened::Dismissed { message, .. }) => Out::Value(json!(message)),
        ("previousReviewState", Happened::Dismissed { was, .. }) => Out::Value(json!(was)),
        ("review", Happened::Dismissed { review, .. }) => {
            let review = pull.reviews.iter().find(|known| known.id == *review);
            maybe(review.map(|review| Node::Review(pull, review)))
        }
        _ => Out::Unknown,
    }
}
