//! Tickets that name a change: what each system is asked for, and what its answer is worth.

use std::time::Duration;

use changegate::change::{Fact, Oid, Ticket};
use changegate::tickets::{TicketAccess, TicketExport};
use serde_json::{Value, json};

use crate::server::{Answer, Server, access, sources, sources_with, why};
use crate::systems::cloud;

const ID: &str = "1f0c3a9be27d66aa0123456789abcdef01234567";
/// Its first digits, which name no commit: one can be made that begins with them.
const DIGITS: &str = "1f0c3a9be27d";
const T: &str = "2026-10-14T14:00:00.000+0000";

fn id() -> Oid {
    Oid::from_hex(ID).unwrap()
}

fn keys(found: Fact<Vec<Ticket>>) -> Vec<String> {
    found.unwrap().into_iter().map(|ticket| ticket.key.to_lossy().into_owned()).collect()
}

fn lines(server: &Server) -> Vec<String> {
    server.asked().into_iter().map(|asked| asked.line).collect()
}

fn issue(number: u64, body: &str) -> Value {
    json!({ "number": number, "created_at": "2026-10-14T14:00:00Z", "title": "x", "body": body, "state": "open",
        "author_association": "MEMBER", "user": { "login": "ana" } })
}

#[test]
fn github_is_searched_for_all_digits() {
    let found = |numbers: &[u64]| {
        let items: Vec<Value> = numbers.iter().map(|number| json!({ "number": number })).collect();
        Answer::Json(200, json!({ "total_count": items.len(), "incomplete_results": false, "items": items }))
    };
    let server = Server::with([
        ("/search/issues", found(&[12, 13, 14])),
        ("/repos/acme/shop/issues/12", Answer::Json(200, issue(12, &format!("see {ID}")))),
        ("/repos/acme/shop/issues/14", Answer::Json(200, issue(14, DIGITS))),
        ("/repos/acme/shop/issues/13", Answer::Json(200, issue(13, "what a search finds is a hint"))),
    ]);
    let mut sources = sources("'#': github", &server.url);
    let found = sources.find_mentions(id());
    assert_eq!(found.len(), 1);
    let (system, found) = found.into_iter().next().unwrap();
    assert_eq!((system.as_str(), keys(found)), ("GitHub", vec!["#12".to_owned()]));
    let query = format!("q={ID}+repo:acme/shop+is:issue&sort=created&order=asc&per_page=20");
    assert_eq!(lines(&server)[0], format!("GET /search/issues?{query} HTTP/1.1"));
}

#[test]
fn issues_have_the_key_that_the_policy_gives_them() {
    let answer = json!({ "incomplete_results": false, "items": [{ "number": 5 }] });
    let server = Server::with([
        ("/search/issues", Answer::Json(200, answer)),
        ("/repos/acme/infra/issues/5", Answer::Json(200, issue(5, ID))),
    ]);
    let mut named = sources("INFRA: { github: acme/infra }", &server.url);
    assert_eq!(keys(named.find_mentions(id()).remove(0).1), ["INFRA-5"]);
    // Where every key may mean an issue, none does.
    let mut any = sources("'*': { github: acme/infra }", &server.url);
    let before = server.asked().len();
    assert_eq!(keys(any.find_mentions(id()).remove(0).1), [""; 0]);
    assert_eq!(server.asked().len(), before);
}

#[test]
fn a_search_that_was_not_finished_is_no_answer() {
    let answer = json!({ "incomplete_results": true, "items": [] });
    let server = Server::with([("/search/issues", Answer::Json(200, answer))]);
    let mut sources = sources("'#': github", &server.url);
    assert_eq!(why(sources.find_mentions(id()).remove(0).1), "GitHub (acme/shop) did not search to the end");
}

#[test]
fn jira_data_center_is_searched_in_the_projects_of_the_policy() {
    let mut ticket = cloud("OPS-7", T);
    ticket["fields"]["description"] = format!("{DIGITS}66").into();
    let mut other = cloud("OPS-8", T);
    other["fields"]["description"] = ID.into();
    let found = json!({ "issues": [{ "key": "OPS-7" }, { "key": "OPS-8" }, { "key": "PAY-1" }] });
    let server = Server::with([
        ("/rest/api/2/search", Answer::Json(200, found)),
        ("/rest/api/2/issue/OPS-7", Answer::Json(200, ticket)),
        ("/rest/api/2/issue/OPS-8", Answer::Json(200, other)),
        ("/rest/api/2/issue/PAY-1", Answer::Json(200, cloud("PAY-1", T))),
    ]);
    let url = &server.url;
    let systems = format!("{{ OPS: {{ jira-data-center: '{url}' }}, SEC: {{ jira-data-center: '{url}' }} }}");
    let mut sources = sources(&systems, url);
    let found = sources.find_mentions(id());
    assert_eq!(found.len(), 1);
    assert_eq!(keys(found.into_iter().next().unwrap().1), ["OPS-8"]);
    let asked = lines(&server);
    assert!(
        asked[0].starts_with("GET /rest/api/2/search?jql=project%20in%20(%22OPS%22,%22SEC%22)%20AND%20text")
    );
    assert!(!asked.iter().any(|line| line.contains("PAY-1")), "{asked:?}");
}

#[test]
fn linear_is_asked_for_what_contains_the_digits() {
    let node = json!({ "identifier": "ENG-12", "number": 12, "createdAt": "2026-10-14T14:00:00Z", "title": "x",
        "description": ID, "url": "https://linear.example/ENG-12", "state": { "name": "Todo", "type": "unstarted" },
        "team": { "key": "ENG" }, "labels": { "nodes": [] }, "assignee": null });
    let server = Server::start(move |asked, _| {
        assert_eq!(asked.line, "POST /graphql HTTP/1.1");
        let body: Value = serde_json::from_str(&asked.body).unwrap();
        let nodes = match body["variables"]["digits"].as_str() {
            Some(digits) => {
                assert_eq!((digits, &body["variables"]["first"]), (ID, &json!(20)));
                json!([{ "identifier": "ENG-12" }, { "identifier": "../x" }, { "identifier": "OTHER-1" }])
            }
            None => json!([node]),
        };
        Answer::Json(200, json!({ "data": { "issues": { "nodes": nodes } } }))
    });
    let mut asked = sources("ENG: linear", &server.url);
    assert_eq!(keys(asked.find_mentions(id()).remove(0).1), ["ENG-12"]);
    let broken = Server::with([("/graphql", Answer::Json(200, json!({ "errors": [{ "message": "x" }] })))]);
    let mut asked = sources("ENG: linear", &broken.url);
    assert_eq!(why(asked.find_mentions(id()).remove(0).1), "Linear answers with an error");
}

#[test]
fn every_system_is_asked_and_one_that_is_silent_hides_no_other() {
    let server = Server::with([]);
    let export = TicketExport::parse_export(
        "t.csv",
        format!("key,created,title\nCHG1,2026-10-14T14:00:00Z,{ID}\n").as_bytes(),
    );
    let access = TicketAccess { export: Some(export), linear: None, ..access(&server.url) };
    let systems = format!("{{ PAY: {{ jira: '{}' }}, ENG: linear, '#': github, '*': export }}", server.url);
    let mut found: Vec<(String, Fact<Vec<Ticket>>)> = sources_with(&systems, access).find_mentions(id());
    assert_eq!(keys(found.pop().unwrap().1), ["CHG1"]);
    let silent: Vec<String> = found.into_iter().map(|(_, found)| why(found)).collect();
    assert_eq!(silent.len(), 3);
    assert!(
        silent[0].ends_with("cannot be searched") && silent[1].starts_with("no key for Linear"),
        "{silent:?}"
    );
}

#[test]
fn all_that_is_asked_has_one_limit_of_time() {
    let server = Server::start(|_, _| Answer::Hang(Duration::from_secs(2)));
    let mut sources = sources("'#': github", &server.url).with_time_budget(Duration::from_millis(300));
    let started = std::time::Instant::now();
    for _ in 0..5 {
        why(sources.find_mentions(id()).remove(0).1);
    }
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
}
