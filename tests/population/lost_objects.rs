//! Whatever object a repository has lost, the report is made, and says what it could not read.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use changegate::audit::audit_run::{AuditResult, AuditRun, AuditScope, GivenFiles};
use changegate::audit::dataset::{AuditFiles, AuditProfile};
use changegate::audit::inputs::merged_pulls::GivenPulls;
use changegate::audit::page::ReportPage;
use changegate::audit::population::judged_part::AuditPolicy;
use changegate::audit::population::period::AuditPeriod;
use changegate::audit::ref_request::{AuditProgress, RefAuditRequest};
use changegate::change::Text;
use changegate::git::Repository;
use changegate::policy::DEFAULT_POLICY_PATH;

use crate::audited::read_lines;
use crate::simulated_year::{Year, at, normal};
use crate::unjudged::list_kind;
use crate::world::MAIN;

struct NoProgress;

impl AuditProgress for NoProgress {
    fn count_step(&mut self) {}

    fn expect_steps(&mut self, _: usize) {}
}

/// Audits main of a repository into a folder, in this process.
fn audit_main(repository: &Path, out: &Path) -> AuditResult {
    let repository = Repository::open_at(repository, None).unwrap();
    let as_of = at("12-31T00:00");
    let given = GivenFiles::default();
    let mut progress = NoProgress;
    let files = AuditFiles::create_files(out, "Audit", (AuditProfile::Full, false)).unwrap();
    let page = ReportPage::create_page(files.work_folder()).unwrap();
    let scope = AuditScope { period: AuditPeriod::default(), as_of };
    let mut run = AuditRun::begin_run((files, page, None), scope, &given, &mut progress);
    let tip = repository.resolve_ref(MAIN.as_bytes()).unwrap().id.unwrap();
    let request = RefAuditRequest {
        repository_name: "shop".to_owned(),
        ref_name: Text::from(MAIN),
        tip,
        is_ref_tip: true,
        period: AuditPeriod::default(),
        after: None,
        until: None,
        only: None,
        policy: AuditPolicy::OfItsTime(DEFAULT_POLICY_PATH),
        incidents: &[],
        deployments: &[],
        merged_pulls: &GivenPulls::NotAsked,
        now: as_of,
        threads: || 1,
        journal: None,
    };
    run.audit_ref(&repository, &request).unwrap();
    run.finish_run("test".to_owned(), &[]).unwrap()
}

/// A year with a merge, a refusal and folders, all of whose objects are files of their own.
fn make_year() -> Year {
    let mut year = Year::start();
    let ana = "ana@example.com";
    year.world.write("deep/er/one", "1");
    year.land(at("01-10T10:00"), ana, Some("deep/a.txt"), &normal("Add a folder", ""));
    let unreviewed = normal("Round the amounts", "").replace("Reviewed-by: Ben <ben@example.com>\n", "");
    year.commit(at("01-11T09:00"), ana, Some("b.txt"), &unreviewed);
    year.push(at("01-11T09:05"), ana);
    year.land(at("01-11T11:00"), ana, Some("b.txt"), &normal("Round the amounts", ""));
    // A commit inside a merge, past the hooks, so that no record holds a verdict on it.
    let base = year.world.head();
    year.commit(at("01-12T09:00"), ana, Some("deep/c.txt"), &normal("Work on a topic", ""));
    let topic = year.world.head();
    year.world.git(&["reset", "-q", "--hard", &base]);
    year.world.git(&["merge", "-q", "--no-ff", "-m", &normal("Merge the topic", ""), &topic]);
    year.bypass(at("01-12T11:00"));
    year.land(at("01-13T10:00"), ana, Some("deep/er/two"), &normal("Add a file", ""));
    year
}

#[test]
fn every_object_that_is_lost_is_told_and_the_report_is_made() {
    let year = make_year();
    let world = &year.world;
    let git = |args: &[&str]| world.git_in("server.git", args);
    let server = world.path("server.git");
    let out = world.path("report");
    let whole = audit_main(&server, &out);
    assert!(!whole.has_holes, "{:#?}", list_kind(&out, "unreadable"));
    let steps = whole.changes;
    assert_eq!(steps, 5);
    let tips: BTreeSet<String> =
        ["main", "refs/changegate/ledger"].map(|name| git(&["rev-parse", name])).into_iter().collect();
    // What an audit has to read: commits and trees of the branch, and the records with what they rest on.
    let mut wanted: BTreeSet<String> = BTreeSet::new();
    for line in git(&["rev-list", "--objects", "--no-object-names", "main"]).lines() {
        if git(&["cat-file", "-t", line]) != "blob" {
            wanted.insert(line.to_owned());
        }
    }
    let policy = git(&["rev-parse", "main:policies/changegate.yml"]);
    wanted.insert(policy);
    for commit in git(&["rev-list", "refs/changegate/ledger"]).lines() {
        wanted.insert(commit.to_owned());
        wanted.insert(git(&["rev-parse", &format!("{commit}^{{tree}}")]));
        // Of what was refused the facts are read, by which it is recognised; of what was allowed the reasons.
        let is_refusal = git(&["show", &format!("{commit}:record.json")]).contains("\"decision\":\"deny\"");
        let beside = if is_refusal { "facts.jsonl" } else { "reasons.jsonl" };
        for line in git(&["ls-tree", commit]).lines() {
            let (head, name) = line.split_once('\t').unwrap();
            if name == "record.json" || name == beside {
                wanted.insert(head.rsplit(' ').next().unwrap().to_owned());
            }
        }
    }
    assert!(wanted.len() > 40, "{}", wanted.len());
    let mut silent = Vec::new();
    for id in wanted.iter().filter(|id| !tips.contains(*id)) {
        let path = server.join("objects").join(&id[..2]).join(&id[2..]);
        let content = fs::read(&path).unwrap_or_else(|error| panic!("{id} is in a pack: {error}"));
        let mode = fs::metadata(&path).unwrap().permissions();
        fs::remove_file(&path).unwrap();
        let result = audit_main(&server, &out);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, mode).unwrap();
        let told = result.has_holes
            && result.completeness.iter().any(|check| check.agrees == Some(false))
            && ["unreadable", "broken-ledger", "not-judged"]
                .iter()
                .any(|kind| !list_kind(&out, kind).is_empty());
        if !told {
            silent.push((id.clone(), git(&["cat-file", "-t", id])));
        }
        // Steps that can be reached by the first parents are rows, whatever else is missing.
        let is_step = git(&["rev-list", "--first-parent", "main"]).lines().any(|step| step == id);
        let rows = read_lines(&out, "changes.jsonl").len();
        assert!(is_step || rows == steps, "{id}: {rows} rows");
    }
    assert_eq!(silent, []);
}

#[test]
fn a_branch_whose_newest_commit_is_lost_gets_a_report_that_says_so() {
    let year = make_year();
    let world = &year.world;
    let tip = world.git_in("server.git", &["rev-parse", "main"]);
    fs::remove_file(world.path("server.git/objects").join(&tip[..2]).join(&tip[2..])).unwrap();
    let (code, out) = world.audit_with_code("server.git", &["--ref", "main"]);
    assert_eq!((code, read_lines(&out, "changes.jsonl").len()), (Some(3), 0));
    let found = list_kind(&out, "unreadable");
    let what = found[0]["what_happened"].as_str().unwrap();
    assert!(what.starts_with("the repository could not be audited: cannot read commit"), "{what}");
}

/// A partial clone has the trees of its newest commit only, and is no whole repository.
#[test]
fn a_clone_without_trees_is_told() {
    let year = make_year();
    let world = &year.world;
    world.git_in("server.git", &["config", "uploadpack.allowFilter", "true"]);
    let url = format!("file://{}", world.path("server.git").display());
    world.git_in("", &["clone", "-q", "--no-checkout", "--filter=tree:0", &url, "partial"]);
    // Nothing is fetched behind the audit's back.
    world.git_in("partial", &["remote", "set-url", "origin", "file:///nowhere.git"]);
    let (code, out) = world.audit_with_code("partial", &["--ref", "main"]);
    assert_eq!((code, read_lines(&out, "changes.jsonl").len()), (Some(3), 5));
    assert!(!list_kind(&out, "unreadable").is_empty());
}
