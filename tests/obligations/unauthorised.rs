//! Unauthorised changes, by real pushes: who can regularise them, and that they stay marked.

use crate::break_glass::server;
use crate::past::EMERGENCY;
use crate::world::{MAIN, Pushed, World, good};

/// The policy that names no team to regularise unauthorised changes.
const NOBODY: &str = "\
changegate: 1
name: test
extends: [startup]
protects: [main, 'release/*', 'refs/tags/v*']
obligations: { block-on-overdue: true, suspend-shortcut: true }
";

const WHY: &str =
    "Emergency-Reason: the hook was off while the disk was replaced, and the fix could not wait\n";

fn regularising_message(named: &str, fields: &str) -> String {
    format!("{}For-Change: {named}\n{fields}", good("Regularise what came past the hook"))
}

impl World {
    /// Lands a commit on main past the hook, and has the ledger find out.
    fn bypass(&self, message: &str) -> String {
        let id = self.commit(message);
        self.git_in("server.git", &["fetch", "-q", "../work", "+main:main"]);
        self.reconcile();
        id
    }

    fn unauthorised_change(&self) -> serde_json::Value {
        let output = self
            .command(crate::world::BINARY, "server.git")
            .args(["obligations", "--all", "--format", "json"])
            .output()
            .unwrap();
        let list: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let found: Vec<_> = list["obligations"].as_array().unwrap().clone();
        found.into_iter().find(|one| one["rule"] == "unauthorised-change").unwrap()
    }

    /// Pushes one more commit to main with this message, and takes it away again if it was refused.
    fn says(&mut self, who: &str, message: &str) -> Pushed {
        self.is(who).commit(message);
        let pushed = self.push(&["main"]);
        if !pushed.ok {
            self.git(&["reset", "-q", "--hard", "HEAD~1"]);
        }
        pushed
    }

    fn obligations(&self) -> Pushed {
        self.changegate("server.git", &["obligations"])
    }
}

#[test]
fn a_member_of_the_team_regularises_it_in_time_and_it_stays_marked() {
    let mut world = server();
    let first = world.head();
    let bypassed = world.bypass("Past the hook\n");
    assert_eq!(world.kinds(), ["begin", "unauthorised", "regularisation-terms"]);
    world
        .obligations()
        .accepted()
        .says(&format!("{} on main: unauthorised-change", &bypassed[..12]))
        .says("owed by a member of duty-managers")
        .says("1 due soon");
    world.verify().refused("unauthorised record 2");
    let range = format!("{first}..main");
    world
        .changegate("server.git", &["deploy-check", &range])
        .refused(&format!("{bypassed}: it landed without a decision"));
    let pushed =
        world.says("kim@example.com", &regularising_message(&bypassed, &format!("{WHY}Incident: INC-1\n")));
    pushed.accepted().says("record 2, an unauthorised change, is regularised");
    let found = world.unauthorised_change();
    assert_eq!(found["standing"], "closed");
    assert_eq!(found["regularised"], true);
    world.changegate("server.git", &["obligations", "--all"]).accepted().says("regularised");
    world.verify().accepted().says("regularised record 2").says("regularised by record 6");
    world.changegate("server.git", &["ledger", "log"]).accepted().says("Regularise record 2 of");
    world.changegate("server.git", &["ledger", "show", "6"]).accepted().says("regularised");
    world
        .changegate("server.git", &["deploy-check", &range])
        .accepted()
        .says(&format!("{bypassed}: landed without a decision, and was regularised"))
        .says("1 decided and landed, 1 regularised");
    world.is_whole();
}

#[test]
fn no_other_person_regularises_it_and_not_without_a_reason() {
    let mut world = server();
    let bypassed = world.bypass("Past the hook\n");
    let whole = format!("{WHY}Incident: INC-1\n");
    for (who, message, why) in [
        (
            "ana@example.com",
            regularising_message(&bypassed, &whole),
            "a person whom the policy lets regularise it",
        ),
        (
            "release[bot]",
            regularising_message(&bypassed, &whole),
            "a person whom the policy lets regularise it",
        ),
        (
            "kim@example.com",
            regularising_message(&bypassed, WHY),
            "does not state what the policy asks of an emergency",
        ),
        (
            "kim@example.com",
            regularising_message(&bypassed, "Incident: INC-1\n"),
            "does not state what the policy asks",
        ),
    ] {
        let pushed = world.says(who, &message);
        pushed.accepted().says("record 2 stays open").says(why);
    }
    // What names another change, or another record, says nothing of this one.
    for named in ["ledger:3", "0123456789ab"] {
        world
            .says("kim@example.com", &regularising_message(named, &whole))
            .accepted()
            .does_not_say("stays open");
    }
    // Who pushes is not known to a sweep, nor to a server that cannot tell.
    world.configure("changegate.pusher", "none");
    world.says("", &regularising_message(&bypassed, &whole)).accepted().says("stays open");
    world.changegate("server.git", &["sweep"]).accepted();
    assert_ne!(world.unauthorised_change()["standing"], "closed");
    world.configure("changegate.pusher", "env:WHO");
    world.says("kim@example.com", &regularising_message("ledger:2", &whole)).accepted().says("record 2,");
    world.verify().accepted();
    // A reason that cannot count is told to whoever gives it.
    let placeholder = regularising_message(&bypassed, "Emergency-Reason: TODO\nIncident: INC-1\n");
    world.says("kim@example.com", &placeholder).refused("closing-values");
}

#[test]
fn an_annotated_tag_past_the_hook_is_regularised_by_another_person_than_its_tagger() {
    let mut world =
        World::under(&crate::break_glass::GLASS.replace("'release/*'", "'release/*', 'refs/tags/v*'"));
    world.configure("changegate.pusher", "env:WHO");
    world.is("ana@example.com").commit(&good("Begin"));
    world.push(&["main"]).accepted();
    world.environment.extend([
        ("GIT_COMMITTER_NAME".to_owned(), "Ben".to_owned()),
        ("GIT_COMMITTER_EMAIL".to_owned(), "ben@example.com".to_owned()),
    ]);
    world.git(&["tag", "-a", "-m", "one", "v1"]);
    world.environment.retain(|(name, _)| !name.starts_with("GIT_COMMITTER"));
    world.git_in("server.git", &["fetch", "-q", "../work", "refs/tags/v1:refs/tags/v1"]);
    world.reconcile();
    let tag = world.at("refs/tags/v1").unwrap();
    assert_eq!(world.git_in("server.git", &["cat-file", "-t", &tag]), "tag");
    let found = world.unauthorised_change();
    let number = found["record"].as_u64().unwrap();
    let named = format!("For-Change: {}", &tag[..12]);
    world.obligations().says(&named).says("owed by a member of duty-managers");
    // Who made the tag made the change.
    let message = |named: &str| regularising_message(named, &format!("{WHY}Incident: INC-1\n"));
    let own = message(&tag[..12]).replace("Ben <ben", "Dan <dan");
    world.says("ben@example.com", &own).accepted().says("a contributor to the change cannot close it");
    let pushed = world.says("kim@example.com", &message(&tag[..12]));
    pushed.accepted().says(&format!("record {number}, an unauthorised change, is regularised"));
    assert_eq!(world.unauthorised_change()["standing"], "closed");
    world.verify().accepted();
    // One that is moved past the hook, to another tag of the same commit.
    world.git(&["tag", "-f", "-a", "-m", "two", "v1", "v1^{}"]);
    world.git_in("server.git", &["fetch", "-q", "../work", "+refs/tags/v1:refs/tags/v1"]);
    world.reconcile();
    let moved = world.at("refs/tags/v1").unwrap();
    world.says("kim@example.com", &message(&moved)).accepted().says("is regularised");
    world.verify().accepted();
}

#[test]
fn its_contributors_cannot_regularise_it() {
    let mut world = server();
    world.environment = crate::past::BEN.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
    let bypassed = world.bypass("Past the hook\n\nCo-authored-by: Eve <eve@example.com>\n");
    let makers = world.records()[2]["event"]["contributors"].as_array().unwrap().len();
    assert_eq!(makers, 2);
    world.environment.clear();
    let message = regularising_message(&bypassed, &format!("{WHY}CVE: CVE-2026-12345\n"));
    let message = message.replace("Ben <ben", "Dan <dan");
    world.says("ben@example.com", &message).accepted().says("a contributor to the change cannot close it");
    world.says("kim@example.com", &message).accepted().says("is regularised");
}

#[test]
fn what_was_taken_away_is_named_by_its_record() {
    let mut world = server();
    let first = world.head();
    world.commit(&good("One"));
    world.is("ana@example.com").push(&["main", "main:release/1"]).accepted();
    // A branch that is gone, and one that went back.
    world.git_in("server.git", &["update-ref", "-d", "refs/heads/release/1"]);
    world.git_in("server.git", &["update-ref", MAIN, &first]);
    world.reconcile();
    let unauthorised_records: Vec<u64> = world
        .records()
        .iter()
        .filter(|record| record["event"]["kind"] == "unauthorised")
        .map(|record| record["number"].as_u64().unwrap())
        .collect();
    let [rewound, gone] = unauthorised_records[..] else { panic!("{unauthorised_records:?}") };
    world.obligations().accepted().says(&format!("For-Change: ledger:{gone}"));
    world.git(&["reset", "-q", "--hard", &first]);
    let both = format!("{WHY}Incident: INC-1\nFor-Change: ledger:{gone}\n");
    world
        .says("kim@example.com", &regularising_message(&format!("ledger:{rewound}"), &both))
        .accepted()
        .says(&format!("record {rewound}, an unauthorised change, is regularised"))
        .says(&format!("record {gone}, an unauthorised change, is regularised"));
    world.verify().accepted();
}

#[test]
fn one_push_finds_and_regularises_what_came_before_it() {
    let mut world = server();
    let bypassed = world.commit("Past the hook\n");
    world.git_in("server.git", &["fetch", "-q", "../work", "+main:main"]);
    world
        .says("kim@example.com", &regularising_message(&bypassed, &format!("{WHY}Incident: INC-1\n")))
        .accepted()
        .says("moved without a decision")
        .says("is regularised");
    world.verify().accepted();
}

#[test]
fn where_the_policy_names_no_team_it_stays_open_until_it_does() {
    let mut world = World::under(NOBODY);
    world.configure("changegate.pusher", "env:WHO");
    let bypassed = world.bypass("Past the hook\n");
    assert_eq!(world.kinds(), ["begin", "unauthorised"]);
    world.obligations().refused("1 overdue").says("the policy names no team (`regularise`)");
    let whole = format!("{WHY}Incident: INC-1\n");
    world
        .says("kim@example.com", &regularising_message(&bypassed, &whole))
        .accepted()
        .says("record 2 stays open: the policy does not say who may regularise it");
    // What nobody can close is in nobody's way: neither of ordinary changes, nor of emergencies.
    world.says("ana@example.com", &good("One")).accepted();
    world.says("ana@example.com", EMERGENCY).accepted();
    // As soon as the policy names a team it can be regularised, and is late.
    let named = "obligations: { regularise: { from: [duty-managers], within: 1m } }\n\
                 people: { teams: { duty-managers: [kim@example.com] } }\n";
    world.write("policies/changegate.yml", &NOBODY.replace("obligations: {", "#").to_string());
    let policy = std::fs::read_to_string(world.path("work/policies/changegate.yml")).unwrap();
    world.write("policies/changegate.yml", &format!("{policy}{named}"));
    world.says("ana@example.com", &good("Say who regularises")).accepted();
    assert!(world.kinds().contains(&"regularisation-terms".to_owned()));
    world.says("kim@example.com", &regularising_message(&bypassed, &whole)).accepted().says("is regularised");
    world.verify().accepted();
}

#[test]
fn an_overdue_change_that_can_be_regularised_blocks() {
    let policy = crate::break_glass::GLASS.replace("within: 24h", "within: 1m");
    let mut world = World::under(&policy);
    world.configure("changegate.pusher", "env:WHO");
    let bypassed = world.bypass("Past the hook\n");
    world.age_by_hours(2);
    world.obligations().refused("1 overdue");
    world
        .says("ana@example.com", &good("One"))
        .refused("nothing-overdue")
        .says(&format!("For-Change: {}", &bypassed[..12]))
        .says("Emergency-Reason:");
    // Ana made it, so she takes no shortcut either.
    world.says("ana@example.com", EMERGENCY).refused("shortcut-suspended");
    world
        .says("kim@example.com", &regularising_message(&bypassed, &format!("{WHY}Incident: INC-1\n")))
        .accepted()
        .says("is regularised, late");
    assert_eq!(world.unauthorised_change()["standing"], "closed-late");
    world.says("ana@example.com", &good("Two")).accepted();
}

impl World {
    /// Makes what is owed in the state beside the newest record older, as if time had passed.
    fn age_by_hours(&self, hours: i64) {
        let mut links = self.links();
        let last = links.last_mut().unwrap();
        let mut state: serde_json::Value = serde_json::from_slice(&last.files["state.json"]).unwrap();
        for (_, owed) in state["obligations"].as_object_mut().unwrap() {
            for key in ["since", "due"] {
                let at: jiff::Timestamp = owed[key].as_str().unwrap().parse().unwrap();
                let earlier = at.checked_sub(jiff::SignedDuration::from_hours(hours)).unwrap();
                owed[key] = earlier.to_string().into();
            }
        }
        last.files.insert("state.json".into(), serde_json::to_vec(&state).unwrap());
        self.forge(&links);
    }
}
