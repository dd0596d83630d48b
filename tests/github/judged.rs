//! What is gathered from the fake, and what comes of it: facts, gaps, verdicts.

use std::time::Duration;

use changegate::change::pull_request::{CheckState, ContributorRole, ReviewState};
use changegate::change::{Change, FactKind, NeededFacts, Oid, PusherIdentity};
use changegate::github::event::EventSubject;
use changegate::github::{
    GitHubFailure, GitHubJudgeOptions, GitHubServer, GitHubSession, GitHubSource, JudgedEvent, OwnChecks,
    PullRequestName, PusherSource, RepositoryName,
};
use changegate::http::{RequestPolicy, Secret};
use changegate::report::{ReportFormat, ReportStyle, write_report};
use changegate::verdict::Decision;
use serde_json::{Value, json};

use crate::fake::{Fake, How, World};
use crate::scene::{POLICY, full, plain};

const NOW: &str = "2026-03-02T14:00:00Z";

fn patience() -> RequestPolicy {
    RequestPolicy {
        first_retry_pause: Duration::from_millis(1),
        total_timeout: Duration::from_secs(20),
        ..RequestPolicy::FORGE
    }
}

fn options() -> GitHubJudgeOptions {
    GitHubJudgeOptions {
        missing_policy: changegate::gate::MissingPolicyAction::Deny,
        policy_path: "policies/changegate.yml".into(),
        pusher_source: PusherSource::BranchActivity,
        explain: false,
        own_checks: OwnChecks::default(),
        ticket_access: None,
    }
}

fn name() -> PullRequestName {
    PullRequestName { repo: RepositoryName::parse_name("acme/shop").unwrap(), number: 6 }
}

/// Runs `ask` in a conversation with the fake.
fn with<T>(fake: &Fake, ask: impl FnOnce(&GitHubSession) -> T) -> T {
    let server = GitHubServer::new(&fake.url(), None).unwrap();
    let token = Secret::parse_token("a-plain-token").unwrap_or_else(|why| panic!("{why}"));
    let source = GitHubSource::Live {
        server: &server,
        token: Some(&token),
        limits: patience(),
        record_to: None,
        now: NOW.parse().unwrap(),
    };
    ask(&GitHubSession::open_session(source).unwrap_or_else(|failure| panic!("{}", failure.why)))
}

pub(crate) fn judge(fake: &Fake, subject: &EventSubject) -> Result<JudgedEvent, GitHubFailure> {
    with(fake, |session| session.judge_event(subject, &options()))
}

pub(crate) fn pull(expected: Option<&str>) -> EventSubject {
    EventSubject::PullRequest {
        repo: name().repo,
        number: 6,
        expected_head: expected.and_then(Oid::from_hex),
    }
}

/// Returns the ids of the rules that deny; nothing if the pull request may go on.
pub(crate) fn denied(fake: &Fake, subject: &EventSubject) -> String {
    let outcome = judge(fake, subject).unwrap_or_else(|failure| panic!("{}", failure.why));
    let ids = changegate::github::step_outputs::list_denied_rules(&outcome.report);
    assert_eq!(outcome.report.decision == Decision::Deny, !ids.is_empty());
    ids
}

/// Makes the policy ask that nothing touches `secrets`, and has the pull request do that.
pub(crate) fn spoil(world: &mut World, message: &str) {
    let main = world.branches["main"].clone();
    let rule = "rules:\n  no-secrets: { title: no secrets, require: { not: { touches: ['secrets/**'] } } }\n";
    let policy = format!("{POLICY}{rule}");
    let stricter = world.commit(&[&main], "kim", "Stricter\n", &[("policies/changegate.yml", &policy)]);
    world.branches.insert("main".into(), stricter);
    let head = world.pull(6).head_id.clone();
    let bad = world.commit(&[&head], "ana", message, &[("secrets/key", "abc\n")]);
    world.push(6, "ana", &bad);
}

pub(crate) fn gather(fake: &Fake, needs: &NeededFacts) -> Result<Change, GitHubFailure> {
    with(fake, |session| session.gather_change(&name(), needs, PusherSource::BranchActivity))
}

fn everything() -> NeededFacts {
    NeededFacts::from([
        FactKind::Reviews,
        FactKind::Approvals,
        FactKind::Pull,
        FactKind::Checks,
        FactKind::Comments,
        FactKind::Conversations,
        FactKind::Paths,
        FactKind::Lines,
        FactKind::FileKinds,
        FactKind::Blobs,
        FactKind::Pusher,
    ])
}

#[test]
fn a_good_pull_request_is_allowed_and_a_bad_one_is_not() {
    let fake = Fake::start(plain());
    assert_eq!(denied(&fake, &pull(None)), "");
    let head = fake.world(|world| world.pull(6).head_id.clone());
    assert_eq!(denied(&fake, &pull(Some(&head))), "");
    assert_eq!(denied(&fake, &pull(Some(&"7".repeat(40)))), "pull-current");
    fake.world(|world| spoil(world, "More\n"));

    assert_eq!(denied(&fake, &pull(None)), "no-secrets");
}

#[test]
fn everything_that_is_wanted_is_there() {
    let fake = Fake::start(full());
    let change = gather(&fake, &everything()).unwrap();
    let pull = change.pull.as_deref().unwrap();
    assert_eq!(change.commits.len(), 2);
    assert_eq!(change.tip().id, Some(pull.head.id));
    assert_eq!(change.target.as_ref().unwrap(), &"refs/heads/main".into());
    let Ok(PusherIdentity::Account(pusher)) = &change.pusher else { panic!("{:?}", change.pusher) };
    assert_eq!(pusher, &"github:ben".into());
    let reviews = pull.reviews.as_ref().unwrap();
    let states: Vec<_> = reviews.iter().map(|review| review.state.clone()).collect();
    let states_told = [
        ReviewState::Approved,
        ReviewState::ChangesRequested,
        ReviewState::Dismissed,
        ReviewState::Commented,
    ];
    assert_eq!(states, states_told);
    assert_eq!(reviews[0].by.as_ref().unwrap().id, "github:kim".into());
    assert_eq!(reviews[0].may_approve, Ok(true));
    assert!(
        reviews[0].revision.as_ref().is_some_and(|of| of.id == pull.head.id && of.tree == pull.head.tree)
    );
    assert_eq!(reviews[0].revision.as_ref().unwrap().parents, pull.head.parents);
    // An account that is gone, and a revision that GitHub has lost.
    assert_eq!((reviews[2].by.is_none(), reviews[3].revision.is_none()), (true, true));
    assert!(!reviews[3].by.as_ref().unwrap().is_person);
    let makers = pull.contributors.as_ref().unwrap();
    let made = |role: ContributorRole, login: &str| {
        makers.iter().any(|maker| {
            maker.role == role && maker.account.as_ref().is_some_and(|account| account.id == login.into())
        })
    };
    assert!(
        made(ContributorRole::Author, "github:ana") && made(ContributorRole::Author, "github:ben"),
        "{makers:?}"
    );
    assert!(
        made(ContributorRole::Pusher, "github:ana") && made(ContributorRole::Pusher, "github:ben"),
        "{makers:?}"
    );
    let label = &pull.labels.as_ref().unwrap()[0];
    assert_eq!(label.name, "ready".into());
    assert_eq!(label.by.as_ref().unwrap().as_ref().unwrap().id, "github:ana".into());
    let checks = pull.checks.as_ref().unwrap();
    let check = |name: &str| checks.iter().find(|check| check.name == name.into()).unwrap();
    assert_eq!(check("test").state, CheckState::Success);
    assert_eq!(check("test").by, Some("github-actions".into()));
    assert_eq!(check("lint").state, CheckState::Neutral);
    assert_eq!(check("ci/old").by, Some("github:ben".into()));
    let comments = pull.comments.as_ref().unwrap();
    assert_eq!((comments.len(), &comments[0].may_approve), (1, &Ok(false)));
    let conversation = &pull.conversations.as_ref().unwrap()[0];
    assert!(!conversation.is_resolved && conversation.by.is_none());
    assert!(pull.retargeted_at.as_ref().unwrap().is_some());
    let edits = pull.edits.as_ref().unwrap();
    assert!(edits.len() >= 2 && edits.last().unwrap().statements.is_none(), "{edits:?}");
    let paths = pull.paths.as_ref().unwrap();
    assert!(!paths.is_empty() && paths.iter().all(|path| path.blob.is_ok()), "{paths:?}");
    assert!(pull.statements.iter().any(|one| one.label == "Risk"));
}

#[test]
fn what_nobody_wants_is_not_asked_for() {
    let fake = Fake::start(full());
    let change = gather(&fake, &NeededFacts::new()).unwrap();
    assert!(change.pull.as_deref().unwrap().reviews.is_err());
    let asked: Vec<String> = fake.seen().into_iter().map(|request| request.path).collect();
    // The pull request, its base branch, its commits, its files, and once more what its files are.
    assert_eq!(asked.len(), 5, "{asked:?}");
}

#[test]
fn the_facts_of_a_large_pull_request_take_eight_requests() {
    let mut world = plain();
    for at in 0..29 {
        let head = world.pull(6).head_id.clone();
        let files: Vec<(String, String)> =
            (0..4).map(|file| (format!("src/{at}-{file}.rs"), format!("{at}\n"))).collect();
        let files: Vec<(&str, &str)> =
            files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let message = format!("Step {at}\n\nWhy.\n\nChange-Type: normal\nRisk: low\n");
        let commit = world.commit(&[&head], "ana", &message, &files[..if at < 12 { 4 } else { 3 }]);
        world.push(6, "ana", &commit);
    }
    for at in 0..20 {
        world.review(6, if at % 2 == 0 { "kim" } else { "ben" }, "APPROVED");
    }
    let fake = Fake::start(world);
    let needs = NeededFacts::from([
        FactKind::Reviews,
        FactKind::Approvals,
        FactKind::Paths,
        FactKind::Checks,
        FactKind::Pusher,
    ]);
    let change = gather(&fake, &needs).unwrap();
    let pull = change.pull.as_deref().unwrap();
    assert_eq!(change.commits.len(), 30);
    assert_eq!(pull.reviews.as_ref().unwrap().len(), 20);
    assert_eq!(pull.paths.as_ref().unwrap().len(), 100);
    // One is for the templates, which a judgement learns of together with the policy; then there is one more for the
    // second look at what would be allowed.
    assert_eq!(fake.seen().len(), 8);
}

/// What is asked for, and the fact that is a gap if that goes wrong.
type Asked = (&'static str, fn(&Change) -> bool);

#[test]
fn an_answer_that_goes_wrong_leaves_a_gap_and_never_something_empty() {
    let asked: [Asked; 5] = [
        ("/pulls/6/reviews", |change| change.pull.as_deref().unwrap().reviews.is_err()),
        ("/pulls/6/files", |change| change.pull.as_deref().unwrap().paths.is_err()),
        ("/check-runs", |change| change.pull.as_deref().unwrap().checks.is_err()),
        ("/activity", |change| {
            change.pusher.is_err() && change.pull.as_deref().unwrap().contributors.is_err()
        }),
        ("query Details", |change| {
            let pull = change.pull.as_deref().unwrap();
            let may = pull.reviews.as_ref().unwrap().iter().all(|review| review.may_approve.is_err());
            let label = pull.labels.as_ref().unwrap()[0].by.is_err();
            let rest = pull.contributors.is_err() && pull.checks.is_err() && pull.edits.is_err();
            may && label
                && rest
                && pull.comments.is_err()
                && pull.conversations.is_err()
                && pull.retargeted_at.is_err()
        }),
    ];
    let said = json!({ "message": "no\n::error::no" });
    let ways = [
        How::Status(403, Vec::new(), said.clone()),
        How::Status(404, Vec::new(), said.clone()),
        How::Status(429, vec![("retry-after", "3600".into())], said.clone()),
        How::Status(500, Vec::new(), said.clone()),
        How::Status(502, Vec::new(), json!("<html>")),
        How::Bytes(b"".to_vec()),
        How::Bytes(b"[".to_vec()),
        How::Bytes(b"{}".to_vec()),
        How::Bytes(b"null".to_vec()),
        How::Bytes(b"[{}]".to_vec()),
        How::Bytes(b"\"a text\"".to_vec()),
        How::Cut(7),
    ];
    for (path, is_gap) in asked {
        for (at, how) in ways.iter().enumerate() {
            let fake = Fake::start(full());
            fake.spoil(path, how.clone());
            let change = gather(&fake, &everything()).unwrap();
            assert!(is_gap(&change), "{path}, way {at}");
        }
    }
    // Without these there is nothing to judge.
    for path in ["/pulls/6?", "/pulls/6/commits"] {
        for (at, how) in ways.iter().enumerate() {
            let fake = Fake::start(full());
            fake.spoil(path, how.clone());
            let failure = gather(&fake, &everything()).map(|_| ()).unwrap_err();
            assert!(!failure.why.contains('\n'), "{path}, way {at}: {}", failure.why);
            let outcome = judge(&fake, &pull(None));
            assert!(outcome.is_err() || denied(&fake, &pull(None)) == "pull-complete", "{path}, way {at}");
        }
    }
}

#[test]
fn a_list_that_is_shorter_than_its_count_is_no_list() {
    let drop_one = |value: &mut Value| {
        value.as_array_mut().unwrap().pop();
    };
    let fake = Fake::start(full());
    fake.spoil("/pulls/6/files", How::Edit(drop_one));
    assert!(gather(&fake, &everything()).unwrap().pull.unwrap().paths.is_err());
    let fake = Fake::start(full());
    fake.spoil("/check-runs", How::Edit(|value| value["total_count"] = json!(9)));
    assert!(gather(&fake, &everything()).unwrap().pull.unwrap().checks.is_err());
    let fake = Fake::start(full());
    fake.spoil("/check-runs", How::Edit(|value| value["check_runs"][0]["head_sha"] = json!("7".repeat(40))));
    assert!(gather(&fake, &everything()).unwrap().pull.unwrap().checks.is_err());
    let fake = Fake::start(plain());
    fake.world(|world| world.pull(6).claims = (None, Some(31)));
    assert!(judge(&fake, &pull(None)).unwrap_err().why.contains("31 commits"));
    let fake = Fake::start(plain());
    fake.world(|world| world.pull(6).claims = (Some(3001), None));
    assert!(judge(&fake, &pull(None)).unwrap_err().why.contains("3001"));
}

#[test]
fn more_commits_than_github_lists_come_from_the_comparison() {
    let mut world = plain();
    for at in 0..259 {
        let tip = world.pull(6).head_id.clone();
        let message = format!("Step {at}\n\nWhy.\n\nChange-Type: normal\nRisk: low\n");
        let commit = world.commit(&[&tip], "ana", &message, &[("n.txt", &at.to_string())]);
        world.push(6, "ana", &commit);
    }
    let fake = Fake::start(world);
    let change = gather(&fake, &NeededFacts::new()).unwrap();
    assert_eq!(change.commits.len(), 260);
    fake.spoil("/compare/", How::Edit(|value| value["total_commits"] = json!(261)));
    assert!(gather(&fake, &NeededFacts::new()).is_err());
}

#[test]
fn somebody_who_pushes_meanwhile_is_noticed() {
    let fake = Fake::start(full());
    fake.spoil(
        "query Details",
        How::Edit(|value| value["data"]["repository"]["pullRequest"]["headRefOid"] = json!("7".repeat(40))),
    );
    assert!(gather(&fake, &everything()).unwrap_err().why.contains("was pushed while"));
    let fake = Fake::start(plain());
    fake.spoil(
        "query Policy",
        How::Edit(|value| value["data"]["repository"]["pullRequest"]["baseRefName"] = json!("next")),
    );
    assert_eq!(denied(&fake, &pull(None)), "pull-current");
}

#[test]
fn an_error_in_one_part_leaves_the_others() {
    let fake = Fake::start(full());
    fake.spoil(
        "query Details",
        How::Edit(|value| {
            value["data"]["repository"]["pullRequest"]["reviewThreads"] = json!(null);
            value["errors"] = json!([{
                "message": "Resource not accessible", "path": ["repository", "pullRequest", "reviewThreads"],
            }]);
        }),
    );
    let pull = gather(&fake, &everything()).unwrap().pull.unwrap();
    assert!(pull.conversations.is_err() && pull.contributors.is_ok() && pull.labels.unwrap()[0].by.is_ok());
}

#[test]
fn the_policy_is_that_of_the_base_branch_and_has_to_stay_one() {
    let on_main = |files: &[(&str, &str)]| -> Fake {
        let mut world = plain();
        let main = world.branches["main"].clone();
        let commit = world.commit(&[&main], "kim", "Change the policy\n", files);
        world.branches.insert("main".into(), commit);
        Fake::start(world)
    };
    let policy = "policies/changegate.yml";
    assert_eq!(denied(&on_main(&[(policy, "changegate: 2\n")]), &pull(None)), "policy-valid");
    let elsewhere = "changegate: 1\nname: x\nextends: [core]\nprotects: [other]\n";
    assert_eq!(denied(&on_main(&[(policy, elsewhere)]), &pull(None)), "pull-target");
    let roster = format!("{POLICY}people:\n  roster: elsewhere/people.yml\n");
    assert_eq!(denied(&on_main(&[(policy, &roster)]), &pull(None)), "policy-valid");
    let people = "people:\n  - name: Ana\n    emails: [anaexample.com]\n";
    let fake = on_main(&[(policy, &roster), ("elsewhere/people.yml", people)]);
    let found = denied(&fake, &pull(None));
    assert!(!found.contains("policy-present"), "{found}");

    // What the pull request makes of it.
    let in_pull = |files: &[(&str, &str)]| -> String {
        let mut world = plain();
        let head = world.pull(6).head_id.clone();
        let message = "Change the policy\n\nWhy not.\n\nChange-Type: normal\nRisk: low\n";
        let commit = world.commit(&[&head], "ana", message, files);
        world.push(6, "ana", &commit);
        denied(&Fake::start(world), &pull(None))
    };
    assert_eq!(in_pull(&[(policy, &format!("{POLICY}# a remark\n"))]), "");
    assert_eq!(in_pull(&[(policy, "changegate: 1\n")]), "policy-valid");
    assert_eq!(in_pull(&[(policy, elsewhere)]), "policy-valid");

    for (path, how) in [
        ("query Policy", How::Status(403, Vec::new(), json!({ "message": "no" }))),
        ("query Policy", How::Bytes(b"{\"data\":null}".to_vec())),
        ("query Policy", How::Bytes(b"{".to_vec())),
    ] {
        let fake = Fake::start(plain());
        fake.spoil(path, how);
        assert!(judge(&fake, &pull(None)).is_err());
    }
    let fake = Fake::start(plain());
    fake.world(|world| drop(world.branches.remove("main")));
    let outcome = judge(&fake, &pull(None));
    assert!(outcome.is_err() || denied(&fake, &pull(None)) == "policy-present");
}

#[test]
fn a_policy_that_is_a_link_is_none() {
    let fake = Fake::start(plain());
    fake.spoil(
        "query Policy",
        How::Edit(|value| {
            let target = &mut value["data"]["repository"]["pullRequest"]["baseRef"]["target"];
            for entry in target["file"]["object"]["entries"].as_array_mut().unwrap() {
                entry["mode"] = json!(0o120_000);
            }
        }),
    );
    assert_eq!(denied(&fake, &pull(None)), "policy-valid");
}

#[test]
fn a_record_gives_the_same_bytes_without_a_network() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::start(full());
    let told = |session: &GitHubSession| {
        let outcome =
            session.judge_event(&pull(None), &options()).unwrap_or_else(|failure| panic!("{}", failure.why));
        let mut json = Vec::new();
        write_report(ReportFormat::Json, &outcome.report, &ReportStyle::default(), &mut json).unwrap();
        json
    };
    let server = GitHubServer::new(&fake.url(), None).unwrap();
    let token = Secret::parse_token("a-plain-token").unwrap_or_else(|why| panic!("{why}"));
    let source = GitHubSource::Live {
        server: &server,
        token: Some(&token),
        limits: patience(),
        record_to: Some(folder.path()),
        now: NOW.parse().unwrap(),
    };
    let live = told(&GitHubSession::open_session(source).unwrap_or_else(|failure| panic!("{}", failure.why)));
    fake.stop();
    let replay = || {
        GitHubSession::open_session(GitHubSource::Recording(folder.path()))
            .unwrap_or_else(|failure| panic!("{}", failure.why))
    };
    assert_eq!(told(&replay()), live);
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let path = file.unwrap().path();
        assert!(!std::fs::read_to_string(&path).unwrap().contains("a-plain-token"));
    }
    // Whatever is taken out of it, the answer gets no better.
    let was_denied = String::from_utf8_lossy(&live).contains("\"decision\": \"deny\"");
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path()).collect();
    for path in names.iter().filter(|path| path.extension().is_some()) {
        let kept = std::fs::read(path).unwrap();
        std::fs::remove_file(path).unwrap();
        let outcome = replay().judge_event(&pull(None), &options());
        let is_denied = outcome.map_or(true, |outcome| outcome.report.decision == Decision::Deny);
        assert!(is_denied || !was_denied, "{}", path.display());
        std::fs::write(path, kept).unwrap();
    }
}

#[test]
fn a_group_of_the_queue_is_judged_pull_by_pull() {
    let mut world = plain();
    world.enqueue(6);
    let (base, head) = (world.queue[0].base.clone(), world.queue[0].head.clone());
    let fake = Fake::start(world);
    let group = |head: &str| EventSubject::MergeGroup {
        repo: name().repo,
        base_ref: "refs/heads/main".into(),
        base_tip: Oid::from_hex(&base).unwrap(),
        group_head: Oid::from_hex(head).unwrap(),
    };
    assert_eq!(denied(&fake, &group(&head)), "");
    assert_eq!(denied(&fake, &group(&"7".repeat(40))), "pull-queued");
    fake.spoil("query Queue", How::Status(403, Vec::new(), json!({ "message": "no" })));
    assert_eq!(denied(&fake, &group(&head)), "pull-queued");
}

/// Returns a world in which pull request 6 was merged, and the push that did it.
fn merged(how: &str) -> (World, EventSubject) {
    let mut world = plain();
    let before = world.branches["main"].clone();
    let head = world.pull(6).head_id.clone();
    let after = match how {
        "merge" => world.commit(
            &[&before, &head],
            "kim",
            "Merge pull request #6\n",
            &[("src/search.rs", "fn search() {}\n")],
        ),
        _ => world.commit(&[&before], "kim", "Push by hand (#6)\n", &[("src/search.rs", "evil")]),
    };
    world.branches.insert("main".into(), after.clone());
    if how == "merge" {
        let pull = world.pull(6);
        pull.merge_commit = Some(after.clone());
        pull.state = "merged";
    }
    let push = push("refs/heads/main", &before, &after, false);
    (world, push)
}

pub(crate) fn push(name_of_ref: &str, before: &str, after: &str, forced: bool) -> EventSubject {
    EventSubject::Push {
        repo: name().repo,
        ref_name: name_of_ref.into(),
        before: Oid::from_hex(before).unwrap(),
        after: Oid::from_hex(after).unwrap(),
        forced,
    }
}

#[test]
fn a_push_is_what_github_says_and_not_what_its_message_says() {
    let (world, subject) = merged("merge");
    let fake = Fake::start(world);
    // Somebody made the merge and pushed it; what it holds beside the pull request nobody has seen.
    let outcome = judge(&fake, &subject).unwrap();
    assert_eq!((outcome.report.groups.len(), outcome.report.groups[0].verdicts.len()), (1, 1));
    fake.spoil(
        "/compare/",
        How::Edit(|value| {
            for commit in value["commits"].as_array_mut().unwrap() {
                commit["committer"]["login"] = json!("web-flow");
                commit["commit"]["verification"]["verified"] = json!(true);
            }
        }),
    );
    let outcome = judge(&fake, &subject).unwrap();
    assert_eq!(outcome.report.groups.len(), 2, "{:?}", outcome.report);
    let (world, subject) = merged("by hand");
    let fake = Fake::start(world);
    let outcome = judge(&fake, &subject).unwrap();
    assert_eq!((outcome.report.groups.len(), outcome.report.groups[0].verdicts.len()), (1, 1));
    assert_eq!(outcome.report.decision, Decision::Deny);
    fake.spoil("/commits/", How::Status(500, Vec::new(), json!({})));
    // An outage says nothing about the push: a later run judges it.
    let outcome = judge(&fake, &subject).unwrap();
    assert!(outcome.failures[0].why.contains("500"), "{:?}", outcome.failures);
    fake.spoil("/compare/", How::Status(500, Vec::new(), json!({})));
    assert!(judge(&fake, &subject).unwrap_err().why.contains("500"));
}

#[test]
fn a_branch_under_change_control_is_not_deleted_or_rewritten() {
    let fake = Fake::start(plain());
    let main = fake.world(|world| world.branches["main"].clone());
    let zero = "0".repeat(40);
    assert!(denied(&fake, &push("refs/heads/main", &main, &zero, false)).contains("ref-deleted"));
    let (world, _) = merged("by hand");
    let fake = Fake::start(world);
    let after = fake.world(|world| world.branches["main"].clone());
    let head = fake.world(|world| world.pull(6).head_id.clone());
    assert!(denied(&fake, &push("refs/heads/main", &head, &after, false)).contains("ref-rewritten"));
    assert!(denied(&fake, &push("refs/heads/main", &main, &after, true)).contains("ref-rewritten"));
    // What is not under change control is not judged.
    assert_eq!(denied(&fake, &push("refs/heads/topic", &zero, &after, false)), "");
}

#[test]
fn a_branch_from_before_its_protection_is_judged_as_the_default_branch_says() {
    let (mut world, _) = merged("by hand");
    let old = world.branches["main"].clone();
    let wider = POLICY.replace("protects: [main]", "protects: [main, 'release/*']");
    let commit =
        world.commit(&[&old], "kim", "Protect releases\n", &[("policies/changegate.yml", wider.as_str())]);
    world.branches.insert("main".into(), commit);
    let bad = world.commit(&[&old], "ana", "Nothing is said\n", &[("src/a.rs", "a")]);
    world.branches.insert("release/1".into(), bad.clone());
    let fake = Fake::start(world);
    assert!(denied(&fake, &push("refs/heads/release/1", &old, &bad, false)).contains("risk"));
    assert_eq!(denied(&fake, &push("refs/heads/topic", &old, &bad, false)), "");
}

/// Returns a world whose main branch and pull request 6 have one more commit each: a policy, and one
/// that says nothing for itself.
fn with_silent_commit(policy: &str) -> World {
    let mut world = plain();
    let main = world.branches["main"].clone();
    let commit = world.commit(&[&main], "kim", "Change the policy\n", &[("policies/changegate.yml", policy)]);
    world.branches.insert("main".into(), commit);
    let head = world.pull(6).head_id.clone();
    let silent = world.commit(&[&head], "ana", "Nothing is said\n", &[("src/a.rs", "a")]);
    world.push(6, "ana", &silent);
    world
}

#[test]
fn each_commit_of_a_pull_request_is_judged_where_each_is_a_change() {
    let by_commit = format!("{POLICY}unit: commit\n");
    assert_eq!(denied(&Fake::start(with_silent_commit(POLICY)), &pull(None)), "");
    let fake = Fake::start(with_silent_commit(&by_commit));
    let outcome = judge(&fake, &pull(None)).unwrap();
    assert_eq!(outcome.report.groups[0].verdicts.len(), 2);
    assert_eq!(denied(&fake, &pull(None)), "change-type,risk");
    // The only commit of a pull request is the pull request.
    let mut world = with_silent_commit(&by_commit);
    let base = world.pull(6).base_id.clone();
    let only = world.commit(&[&base], "ana", "Nothing is said\n", &[("src/b.rs", "b")]);
    world.push(6, "ana", &only);
    world.pull(6).commits = vec![only];
    assert_eq!(denied(&Fake::start(world), &pull(None)), "");
}

#[test]
fn each_commit_of_a_push_is_judged_where_each_is_a_change() {
    for (unit, verdicts) in [("step", 1), ("commit", 2)] {
        let mut world = World::new(&format!("{POLICY}unit: {unit}\n"));
        let main = world.branches["main"].clone();
        let side = world.commit(&[&main], "ana", "Nothing is said\n", &[("src/a.rs", "a")]);
        let merge = world.commit(
            &[&main, &side],
            "ana",
            "Bring it in\n\nAll of it.\n\nChange-Type: normal\nRisk: low\n",
            &[("src/a.rs", "a")],
        );
        world.branches.insert("main".into(), merge.clone());
        let fake = Fake::start(world);
        let subject = push("refs/heads/main", &main, &merge, false);
        let outcome = judge(&fake, &subject).unwrap();
        assert_eq!(outcome.report.groups[0].verdicts.len(), verdicts, "{unit}");
        assert_eq!(denied(&fake, &subject).contains("risk"), unit == "commit", "{unit}");
    }
}

#[test]
fn the_default_branch_of_today_counts_beside_the_policy_of_an_older_branch() {
    let wide = POLICY.replace("protects: [main]", "protects: [main, 'release/*']");
    let rule = "rules:\n  no-index: { title: no index, require: { not: { touches: ['src/search.rs'] } } }\n";
    for (today, of_pull, of_push) in [
        (wide.clone(), "", ""),
        (format!("{wide}unit: commit\n"), "change-type,risk", "change-type,risk"),
        // GitHub tells no files of what no pull request brought.
        (format!("{wide}{rule}"), "no-index", "no-index"),
        // A check on a commit counts for every branch, so a pull request needs the word of the default one.
        (format!("{POLICY}unit: commit\n{rule}"), "pull-target", ""),
        ("changegate: 2\n".to_owned(), "policy-valid", "policy-valid"),
    ] {
        let mut world = with_silent_commit(&today);
        let main = world.branches["main"].clone();
        let policy = [("policies/changegate.yml", wide.as_str())];
        let release = world.commit(&[&main], "kim", "As it was\n", &policy);
        world.branches.insert("release/1".into(), release.clone());
        world.pull(6).base = "release/1".into();
        let said = "Bring it in\n\nAll of it.\n\nChange-Type: normal\nRisk: low\n";
        let side = world.commit(&[&release], "ana", "Nothing is said\n", &[("src/b.rs", "b")]);
        let merge = world.commit(&[&release, &side], "ana", said, &[("src/b.rs", "b")]);
        let fake = Fake::start(world);
        assert_eq!(denied(&fake, &pull(None)), of_pull, "{today}");
        fake.world(|world| world.branches.insert("release/1".into(), merge.clone()));
        let found = denied(&fake, &push("refs/heads/release/1", &release, &merge, false));
        assert_eq!(found, of_push, "{today}");
    }
}

#[test]
fn all_open_pull_requests_are_judged() {
    let fake = Fake::start(plain());
    let all = EventSubject::OpenPullRequests { repo: name().repo };
    let outcome = judge(&fake, &all).unwrap();
    assert_eq!(outcome.pull_requests.len(), outcome.report.groups.len());
    assert!(outcome.pull_requests.iter().any(|pull| pull.name == name()));
}
