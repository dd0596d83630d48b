//! What the fake GitHub holds: one repository with its people, history and pull requests, as plain
//! values that a test writes and changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

/// The files of a tree, by path; a mode and what is in it.
pub(crate) type Files = BTreeMap<String, (u32, Arc<[u8]>)>;

/// Everything that the fake knows.
pub(crate) struct World {
    pub(crate) owner: String,
    pub(crate) name: String,
    /// Further names under which the same repository is served, as `OWNER/NAME`.
    pub(crate) aliases: Vec<String>,
    pub(crate) default_branch: String,
    /// What a caller has to show; nothing is asked of anybody if it is empty.
    pub(crate) token: String,
    /// True if the token may not write, as for a pull request from a fork.
    pub(crate) is_read_only: bool,
    /// How many more requests are let through.
    pub(crate) rate_remaining: u64,
    pub(crate) users: Vec<User>,
    pub(crate) teams: BTreeMap<String, Vec<String>>,
    pub(crate) commits: BTreeMap<String, Commit>,
    pub(crate) branches: BTreeMap<String, String>,
    pub(crate) pulls: Vec<Pull>,
    pub(crate) issues: Vec<Issue>,
    pub(crate) runs: Vec<Run>,
    pub(crate) statuses: Vec<Status>,
    pub(crate) comments: Vec<Comment>,
    pub(crate) activity: Vec<Activity>,
    pub(crate) queue: Vec<Queued>,
    /// `ALLGREEN` or `HEADGREEN`; nothing if the token may not know.
    pub(crate) merging_strategy: Option<&'static str>,
    /// The rules that hold for a branch, as GitHub answers them.
    pub(crate) rules: BTreeMap<String, Vec<serde_json::Value>>,
    pub(crate) rulesets: Vec<serde_json::Value>,
    pub(crate) protection: BTreeMap<String, serde_json::Value>,
    pub(crate) next: u64,
}

/// An account.
#[derive(Clone)]
pub(crate) struct User {
    pub(crate) login: String,
    pub(crate) id: u64,
    /// `User`, `Bot`, `Organization` or `Mannequin`.
    pub(crate) kind: &'static str,
    /// `admin`, `maintain`, `write`, `triage`, `read` or `none`.
    pub(crate) role: &'static str,
    pub(crate) email: String,
}

/// A commit.
#[derive(Clone)]
pub(crate) struct Commit {
    pub(crate) id: String,
    pub(crate) tree: String,
    pub(crate) parents: Vec<String>,
    pub(crate) message: String,
    pub(crate) author: Signature,
    /// Those whom `Co-authored-by` names.
    pub(crate) others: Vec<Signature>,
    pub(crate) committer: Signature,
    pub(crate) files: Files,
}

/// Who made a commit, and when, as the commit says.
#[derive(Clone)]
pub(crate) struct Signature {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) at: String,
    /// The account that GitHub finds behind the address.
    pub(crate) login: Option<String>,
}

/// A pull request.
#[derive(Clone)]
pub(crate) struct Pull {
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) body: Option<String>,
    pub(crate) author: Option<String>,
    /// `open`, `closed` or `merged`.
    pub(crate) state: &'static str,
    pub(crate) is_draft: bool,
    pub(crate) is_locked: bool,
    pub(crate) base: String,
    /// Where the base stood when GitHub last looked.
    pub(crate) base_id: String,
    pub(crate) head: String,
    pub(crate) head_id: String,
    /// The repository that the head is in; `None` if it is deleted.
    pub(crate) head_repository: Option<String>,
    /// Its commits, oldest first.
    pub(crate) commits: Vec<String>,
    /// What GitHub says it changes; taken from the trees if nothing is written here.
    pub(crate) files: Option<Vec<Change>>,
    /// How many files and commits GitHub claims, if that is not how many there are.
    pub(crate) claims: (Option<u64>, Option<u64>),
    pub(crate) labels: Vec<String>,
    pub(crate) reviews: Vec<Review>,
    pub(crate) threads: Vec<Thread>,
    pub(crate) edits: Vec<Edit>,
    pub(crate) timeline: Vec<Event>,
    pub(crate) closes: Vec<u64>,
    pub(crate) merge_commit: Option<String>,
    /// Further commits that GitHub lists it for.
    pub(crate) listed_for: Vec<String>,
    pub(crate) merged_by: Option<String>,
    pub(crate) created_at: String,
    pub(crate) updated_at: String,
}

/// A changed file.
#[derive(Clone)]
pub(crate) struct Change {
    pub(crate) path: String,
    pub(crate) previous: Option<String>,
    /// `added`, `removed`, `modified`, `renamed`, `copied` or `changed`.
    pub(crate) status: &'static str,
    pub(crate) additions: u64,
    pub(crate) deletions: u64,
    pub(crate) blob: Option<String>,
}

/// A review.
#[derive(Clone)]
pub(crate) struct Review {
    pub(crate) id: u64,
    pub(crate) by: Option<String>,
    /// `APPROVED`, `CHANGES_REQUESTED`, `COMMENTED`, `DISMISSED` or `PENDING`.
    pub(crate) state: String,
    pub(crate) commit: Option<String>,
    pub(crate) at: Option<String>,
    pub(crate) body: String,
}

/// A conversation about a line.
#[derive(Clone)]
pub(crate) struct Thread {
    pub(crate) is_resolved: bool,
    pub(crate) path: String,
    pub(crate) by: Option<String>,
    pub(crate) body: String,
}

/// A description as it was from `at` on; the first one is how it was opened.
#[derive(Clone)]
pub(crate) struct Edit {
    pub(crate) at: String,
    pub(crate) by: Option<String>,
    pub(crate) text: Option<String>,
}

/// Something that happened to a pull request.
#[derive(Clone)]
pub(crate) struct Event {
    pub(crate) at: String,
    pub(crate) by: Option<String>,
    pub(crate) what: Happened,
}

/// What happened.
#[derive(Clone)]
pub(crate) enum Happened {
    Labeled(String),
    Unlabeled(String),
    MadeDraft,
    MadeReady,
    ForcePushed {
        from: Option<String>,
        to: Option<String>,
    },
    Retargeted {
        from: String,
        to: String,
    },
    /// GitHub itself did, when the base branch was merged and deleted.
    AutoRetargeted {
        from: String,
        to: String,
    },
    BaseForcePushed {
        from: Option<String>,
        to: Option<String>,
    },
    BaseDeleted(String),
    Retitled {
        from: String,
        to: String,
    },
    Dismissed {
        review: u64,
        was: &'static str,
        message: String,
    },
    Closed,
    Reopened,
}

/// An issue that is not a pull request.
#[derive(Clone)]
pub(crate) struct Issue {
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) body: Option<String>,
    pub(crate) author: Option<String>,
    /// `open` or `closed`.
    pub(crate) state: &'static str,
    pub(crate) labels: Vec<String>,
    pub(crate) created_at: String,
    pub(crate) closed_at: Option<String>,
}

/// A check run.
#[derive(Clone)]
pub(crate) struct Run {
    pub(crate) id: u64,
    pub(crate) commit: String,
    pub(crate) name: String,
    pub(crate) app: String,
    /// `queued`, `in_progress` or `completed`.
    pub(crate) status: String,
    pub(crate) conclusion: Option<String>,
    /// What the app that made it calls it.
    pub(crate) external_id: Option<String>,
    pub(crate) details_url: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) summary: Option<String>,
    pub(crate) text: Option<String>,
    pub(crate) annotations: Vec<serde_json::Value>,
    pub(crate) started_at: String,
    /// When it was finished, if it is.
    pub(crate) completed_at: String,
}

/// A commit status.
#[derive(Clone)]
pub(crate) struct Status {
    pub(crate) id: u64,
    pub(crate) commit: String,
    pub(crate) context: String,
    /// `success`, `pending`, `failure` or `error`.
    pub(crate) state: &'static str,
    pub(crate) by: Option<String>,
}

/// A comment in a conversation.
#[derive(Clone)]
pub(crate) struct Comment {
    pub(crate) id: u64,
    pub(crate) number: u64,
    pub(crate) by: Option<String>,
    pub(crate) body: String,
    pub(crate) at: String,
    pub(crate) edited_at: Option<String>,
}

/// A push, a merge or another movement of a ref.
#[derive(Clone)]
pub(crate) struct Activity {
    pub(crate) branch: String,
    pub(crate) before: String,
    pub(crate) after: String,
    pub(crate) by: Option<String>,
    /// `push`, `force_push`, `branch_creation`, `branch_deletion`, `pr_merge` or `merge_queue_merge`.
    pub(crate) kind: &'static str,
    pub(crate) at: String,
}

/// A pull request in the merge queue.
#[derive(Clone)]
pub(crate) struct Queued {
    pub(crate) pull: u64,
    /// The commit that is tried.
    pub(crate) head: String,
    pub(crate) base: String,
    /// `QUEUED`, `AWAITING_CHECKS`, `MERGEABLE`, `UNMERGEABLE` or `LOCKED`.
    pub(crate) state: &'static str,
}

/// Returns the git id of some content: a real one for a blob, a stand-in of the same form otherwise.
pub(crate) fn oid(kind: &str, bytes: &[u8]) -> String {
    if kind == "blob" {
        let id = gix::objs::compute_hash(gix::hash::Kind::Sha1, gix::objs::Kind::Blob, bytes).unwrap();
        return id.to_string();
    }
    let mut digest = Sha256::new();
    digest.update(kind.as_bytes());
    digest.update([0]);
    digest.update(bytes);
    digest.finalize().iter().take(20).map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the id of the tree that holds these files below a folder.
pub(crate) fn tree_id(files: &Files, folder: &str) -> String {
    let mut told = Vec::new();
    for (path, (mode, bytes)) in files.iter().filter(|(path, _)| path.starts_with(folder)) {
        told.extend(format!("{mode:o} {} {}\n", &path[folder.len()..], oid("blob", bytes)).bytes());
    }
    oid("tree", &told)
}

/// Returns how many lines there are.
fn lines(bytes: &[u8]) -> u64 {
    let ends = bytes.iter().filter(|byte| **byte == b'\n').count();
    (ends + usize::from(bytes.last().is_some_and(|last| *last != b'\n'))) as u64
}

/// Returns what changes from one tree to another.
pub(crate) fn changes(old: &Files, new: &Files) -> Vec<Change> {
    let mut found = Vec::new();
    for path in old.keys().chain(new.keys().filter(|path| !old.contains_key(*path))) {
        let (before, after) = (old.get(path), new.get(path));
        if before == after {
            continue;
        }
        let status = match (before, after) {
            (None, _) => "added",
            (_, None) => "removed",
            _ => "modified",
        };
        found.push(Change {
            path: path.clone(),
            previous: None,
            status,
            additions: after.map_or(0, |(_, bytes)| lines(bytes)),
            deletions: before.map_or(0, |(_, bytes)| lines(bytes)),
            blob: after.or(before).map(|(_, bytes)| oid("blob", bytes)),
        });
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

impl Signature {
    /// Returns a signature of somebody at a time.
    pub(crate) fn of(user: &User, at: &str) -> Signature {
        let login = Some(user.login.clone());
        Signature { name: user.login.clone(), email: user.email.clone(), at: at.into(), login }
    }
}

impl World {
    /// Returns `acme/shop`: `main` with a policy, and three people who may write (`ana`, `ben`, `kim`),
    /// one who may read (`rea`) and one bot (`helper[bot]`, which may write).
    pub(crate) fn new(policy: &str) -> World {
        let mut world = World {
            owner: "acme".into(),
            name: "shop".into(),
            aliases: Vec::new(),
            default_branch: "main".into(),
            token: "a-plain-token".into(),
            is_read_only: false,
            rate_remaining: 5000,
            users: Vec::new(),
            teams: BTreeMap::new(),
            commits: BTreeMap::new(),
            branches: BTreeMap::new(),
            pulls: Vec::new(),
            issues: Vec::new(),
            runs: Vec::new(),
            statuses: Vec::new(),
            comments: Vec::new(),
            activity: Vec::new(),
            queue: Vec::new(),
            merging_strategy: Some("ALLGREEN"),
            rules: BTreeMap::new(),
            rulesets: Vec::new(),
            protection: BTreeMap::new(),
            next: 1000,
        };
        for (login, role) in [("ana", "write"), ("ben", "write"), ("kim", "admin"), ("rea", "read")] {
            world.user(login, "User", role);
        }
        world.user("helper[bot]", "Bot", "write");
        let files = [("README.md", "Shop\n"), ("policies/changegate.yml", policy)];
        let root = world.commit(&[], "kim", "Begin\n\nA place to put things.\n", &files);
        world.branches.insert("main".into(), root);
        world
    }

    /// Returns `OWNER/NAME`.
    pub(crate) fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// Returns a number that was not used before.
    pub(crate) fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Adds an account.
    pub(crate) fn user(&mut self, login: &str, kind: &'static str, role: &'static str) {
        let id = self.fresh();
        let email = format!("{}@example.com", login.trim_end_matches("[bot]"));
        self.users.push(User { login: login.into(), id, kind, role, email });
    }

    /// Returns the account of a login.
    pub(crate) fn account(&self, login: &str) -> Option<&User> {
        self.users.iter().find(|user| user.login.eq_ignore_ascii_case(login))
    }

    /// Adds a commit on top of `parents`, which writes `files` over those of the first parent; a file
    /// without content is taken away. Returns its id.
    pub(crate) fn commit(
        &mut self,
        parents: &[&str],
        author: &str,
        message: &str,
        files: &[(&str, &str)],
    ) -> String {
        let mut tree = parents.first().map_or_else(Files::new, |parent| self.commits[*parent].files.clone());
        for (path, content) in files {
            match content.is_empty() {
                true => drop(tree.remove(*path)),
                false => drop(tree.insert((*path).into(), (0o100_644, content.as_bytes().into()))),
            }
        }
        let minutes = self.commits.len();
        let at = format!("2026-03-02T{:02}:{:02}:00Z", 8 + minutes / 60 % 16, minutes % 60);
        let user = self.account(author).unwrap().clone();
        self.record(Commit {
            id: String::new(),
            tree: tree_id(&tree, ""),
            parents: parents.iter().map(|parent| (*parent).to_owned()).collect(),
            message: message.into(),
            author: Signature::of(&user, &at),
            others: Vec::new(),
            committer: Signature::of(&user, &at),
            files: tree,
        })
    }

    /// Adds a commit as it is, and returns the id that it gets.
    pub(crate) fn record(&mut self, mut commit: Commit) -> String {
        let told = format!(
            "{} {:?} {} {} {} {} {}",
            commit.tree,
            commit.parents,
            commit.message,
            commit.author.email,
            commit.author.at,
            commit.committer.email,
            commit.committer.at
        );
        commit.id = oid("commit", told.as_bytes());
        let named = commit.message.lines().filter_map(|line| line.strip_prefix("Co-authored-by: "));
        let named = named.filter_map(|named| named.strip_suffix('>')?.split_once(" <"));
        let one = |(name, email): (&str, &str)| Signature {
            name: name.into(),
            email: email.into(),
            at: commit.author.at.clone(),
            login: self.users.iter().find(|user| user.email == email).map(|user| user.login.clone()),
        };
        commit.others = named.map(one).collect();
        let id = commit.id.clone();
        self.commits.insert(id.clone(), commit);
        id
    }

    /// Opens a pull request of `commits` (oldest first) from a branch into `main`, and returns its
    /// number. The pushes that brought them are in the activity.
    pub(crate) fn open(
        &mut self,
        author: &str,
        title: &str,
        body: &str,
        branch: &str,
        commits: &[String],
    ) -> u64 {
        let number = self.fresh() - 1000;
        let head = commits.last().unwrap().clone();
        let base = self.branches[&self.default_branch].clone();
        self.branches.insert(branch.into(), head.clone());
        self.activity.push(Activity {
            branch: branch.into(),
            before: "0".repeat(40),
            after: head.clone(),
            by: Some(author.into()),
            kind: "branch_creation",
            at: "2026-03-02T12:00:00Z".into(),
        });
        self.pulls.push(Pull {
            number,
            title: title.into(),
            body: Some(body.into()),
            author: Some(author.into()),
            state: "open",
            is_draft: false,
            is_locked: false,
            base: self.default_branch.clone(),
            base_id: base,
            head: branch.into(),
            head_id: head,
            head_repository: Some(self.full_name()),
            commits: commits.to_vec(),
            files: None,
            claims: (None, None),
            labels: Vec::new(),
            reviews: Vec::new(),
            threads: Vec::new(),
            edits: Vec::new(),
            timeline: Vec::new(),
            closes: Vec::new(),
            merge_commit: None,
            listed_for: Vec::new(),
            merged_by: None,
            created_at: "2026-03-02T12:01:00Z".into(),
            updated_at: "2026-03-02T12:01:00Z".into(),
        });
        number
    }

    /// Pushes one more commit to a pull request.
    pub(crate) fn push(&mut self, number: u64, by: &str, commit: &str) {
        let pull = self.pull(number);
        let (branch, before) = (pull.head.clone(), pull.head_id.clone());
        pull.commits.push(commit.into());
        pull.head_id = commit.into();
        self.branches.insert(branch.clone(), commit.into());
        self.activity.push(Activity {
            branch,
            before,
            after: commit.into(),
            by: Some(by.into()),
            kind: "push",
            at: "2026-03-02T13:00:00Z".into(),
        });
    }

    /// Adds a review of the head as it is now.
    pub(crate) fn review(&mut self, number: u64, by: &str, state: &str) -> u64 {
        let id = self.fresh();
        let pull = self.pull(number);
        let at = format!("2026-03-02T14:{:02}:00Z", pull.reviews.len());
        pull.reviews.push(Review {
            id,
            by: Some(by.into()),
            state: state.into(),
            commit: Some(pull.head_id.clone()),
            at: Some(at),
            body: String::new(),
        });
        id
    }

    /// Dismisses a review of a pull request.
    pub(crate) fn dismiss(&mut self, number: u64, by: &str, review: u64) {
        let pull = self.pull(number);
        let known = pull.reviews.iter_mut().find(|known| known.id == review).unwrap();
        let was = if known.state == "APPROVED" { "APPROVED" } else { "CHANGES_REQUESTED" };
        known.state = "DISMISSED".into();
        let what = Happened::Dismissed { review, was, message: "It is done.".into() };
        pull.timeline.push(Event { at: "2026-03-02T14:40:00Z".into(), by: Some(by.into()), what });
    }

    /// Puts a label on a pull request.
    pub(crate) fn label(&mut self, number: u64, by: &str, name: &str) {
        let pull = self.pull(number);
        pull.labels.push(name.into());
        let what = Happened::Labeled(name.into());
        pull.timeline.push(Event { at: "2026-03-02T12:30:00Z".into(), by: Some(by.into()), what });
    }

    /// Changes the description of a pull request, as somebody does who edits it.
    pub(crate) fn edit(&mut self, number: u64, by: &str, body: &str, at: &str) {
        let pull = self.pull(number);
        if pull.edits.is_empty() {
            let first =
                Edit { at: pull.created_at.clone(), by: pull.author.clone(), text: pull.body.clone() };
            pull.edits.push(first);
        }
        pull.edits.push(Edit { at: at.into(), by: Some(by.into()), text: Some(body.into()) });
        pull.body = Some(body.into());
        pull.updated_at = at.into();
    }

    /// Adds a finished check run on the head of a pull request.
    pub(crate) fn check(&mut self, number: u64, name: &str, app: &str, conclusion: &str) {
        let id = self.fresh();
        let commit = self.pull(number).head_id.clone();
        self.runs.push(Run {
            id,
            commit,
            name: name.into(),
            app: app.into(),
            status: "completed".into(),
            conclusion: Some(conclusion.into()),
            external_id: None,
            details_url: None,
            title: None,
            summary: None,
            text: None,
            annotations: Vec::new(),
            started_at: "2026-03-02T13:20:00Z".into(),
            completed_at: "2026-03-02T13:30:00Z".into(),
        });
    }

    /// Adds a comment in the conversation of a pull request.
    pub(crate) fn comment(&mut self, number: u64, by: &str, body: &str) -> u64 {
        let id = self.fresh();
        let at = "2026-03-02T15:00:00Z".into();
        let by = Some(by.into());
        self.comments.push(Comment { id, number, by, body: body.into(), at, edited_at: None });
        id
    }

    /// Puts a pull request into the merge queue, on a commit that the queue makes; returns that one.
    pub(crate) fn enqueue(&mut self, number: u64) -> String {
        let base = self.queue.last().map_or_else(|| self.branches["main"].clone(), |last| last.head.clone());
        let (tip, title) = (self.pull(number).head_id.clone(), self.pull(number).title.clone());
        let files = self.merged_files(&base, &tip);
        let by = self.account("kim").unwrap().clone();
        let head = self.record(Commit {
            id: String::new(),
            tree: tree_id(&files, ""),
            parents: vec![base.clone(), tip],
            message: format!("Merge pull request #{number} from acme/topic\n\n{title}"),
            author: Signature::of(&by, "2026-03-02T16:00:00Z"),
            others: Vec::new(),
            committer: Signature {
                name: "GitHub".into(),
                email: "noreply@github.com".into(),
                at: "2026-03-02T16:00:00Z".into(),
                login: Some("web-flow".into()),
            },
            files,
        });
        let name = format!("gh-readonly-queue/main/pr-{number}-{base}");
        self.branches.insert(name, head.clone());
        self.queue.push(Queued { pull: number, head: head.clone(), base, state: "AWAITING_CHECKS" });
        head
    }

    /// Returns the files of `base` with what `tip` changes; a file that both change is as `tip` has it.
    pub(crate) fn merged_files(&self, base: &str, tip: &str) -> Files {
        let ancestor =
            self.merge_base(base, tip).map(|id| self.commits[&id].files.clone()).unwrap_or_default();
        let (mut files, theirs) = (self.commits[base].files.clone(), &self.commits[tip].files);
        for path in ancestor.keys().chain(theirs.keys()) {
            match theirs.get(path) {
                same if same == ancestor.get(path) => {}
                Some(file) => drop(files.insert(path.clone(), file.clone())),
                None => drop(files.remove(path)),
            }
        }
        files
    }

    /// Returns a pull request, to be changed.
    pub(crate) fn pull(&mut self, number: u64) -> &mut Pull {
        self.pulls.iter_mut().find(|pull| pull.number == number).unwrap()
    }

    /// Returns the commit that a branch, a full ref or an id names.
    pub(crate) fn named(&self, name: &str) -> Option<&Commit> {
        let name = if name == "HEAD" { &self.default_branch } else { name };
        let short = name.strip_prefix("refs/heads/").unwrap_or(name);
        let id = self.branches.get(short).map_or(name, String::as_str);
        let head = name.strip_prefix("refs/pull/").and_then(|rest| rest.strip_suffix("/head"));
        if let Some(number) = head.and_then(|number| number.parse::<u64>().ok()) {
            let pull = self.pulls.iter().find(|pull| pull.number == number)?;
            return self.commits.get(&pull.head_id);
        }
        let mut short = self.commits.iter().filter(|(full, _)| id.len() >= 7 && full.starts_with(id));
        self.commits.get(id).or_else(|| short.next().map(|(_, commit)| commit))
    }

    /// Returns what a pull request changes, in the order in which GitHub lists it.
    pub(crate) fn files_of(&self, pull: &Pull) -> Vec<Change> {
        if let Some(files) = &pull.files {
            return files.clone();
        }
        let first = pull.commits.first().map(|id| &self.commits[id]);
        let base = first.and_then(|first| first.parents.first()).map(|id| self.commits[id].files.clone());
        changes(&base.unwrap_or_default(), &self.commits[&pull.head_id].files)
    }

    /// Returns every commit that `to` leads to and `from` does not, oldest first.
    pub(crate) fn between(&self, from: &str, to: &str) -> Vec<String> {
        let mut seen: Vec<String> = Vec::new();
        let mut pending = vec![from.to_owned()];
        while let Some(id) = pending.pop() {
            if let Some(commit) = self.commits.get(&id).filter(|_| !seen.contains(&id)) {
                pending.extend(commit.parents.iter().cloned());
                seen.push(id);
            }
        }
        let (mut found, mut pending) = (Vec::new(), vec![to.to_owned()]);
        while let Some(id) = pending.pop() {
            let Some(commit) = self.commits.get(&id) else { continue };
            if seen.contains(&id) || found.contains(&id) {
                continue;
            }
            pending.extend(commit.parents.iter().rev().cloned());
            found.push(id);
        }
        found.reverse();
        found
    }

    /// Returns the newest commit that both lead to.
    pub(crate) fn merge_base(&self, one: &str, other: &str) -> Option<String> {
        let outside = self.between(one, other);
        let mut pending = std::collections::VecDeque::from([other.to_owned()]);
        while let Some(id) = pending.pop_front() {
            if !outside.contains(&id) {
                return self.commits.contains_key(&id).then_some(id);
            }
            pending.extend(self.commits[&id].parents.iter().cloned());
        }
        None
    }
}
