//! What each system says, in the form in which it says it.

use changegate::change::CreationDoubt;
use serde_json::{Value, json};

use crate::server::{Answer, Server, TOKEN, found, sources, why};

/// An issue as Jira's REST API 3 has it; `description` is a document of its own.
pub(crate) fn cloud(key: &str, created: &str) -> Value {
    json!({
        "id": "10042",
        "key": key,
        "self": "https://acme.example/rest/api/3/issue/10042",
        "fields": {
            "created": created,
            "summary": "Token check lets everybody in",
            "description": { "type": "doc", "version": 1, "content": [
                { "type": "paragraph", "content": [{ "type": "text", "text": "See INC-1." }] },
            ] },
            "issuetype": { "id": "1", "name": "Incident", "subtask": false },
            "status": { "name": "In Progress", "statusCategory": { "id": 4, "key": "indeterminate" } },
            "labels": ["p1"],
            "assignee": { "accountId": "5b", "displayName": "Kim Lee" },
            "project": { "id": "1", "key": key.split('-').next().unwrap(), "name": "Payments" },
        },
    })
}

const T: &str = "2026-10-14T14:00:00.000+0000";

#[test]
fn a_key_in_small_letters_is_that_of_the_system() {
    let server = Server::with([("/rest/api/3/issue/PAY-412", Answer::Json(200, cloud("PAY-412", T)))]);
    let mut sources = sources(&format!("PAY: {{ jira: '{}' }}", server.url), &server.url);
    assert_eq!(found(&mut sources, "pay-412").unwrap().unwrap().key, "PAY-412".into());
}

#[test]
fn jira_cloud() {
    let server = Server::with([
        ("/rest/api/3/issue/PAY-412", Answer::Json(200, cloud("PAY-412", T))),
        ("/rest/api/3/issue/PAY-410", Answer::Json(200, cloud("PAY-410", "2026-10-14T09:00:00.000+0200"))),
    ]);
    let mut sources = sources(&format!("PAY: {{ jira: '{}' }}", server.url), &server.url);
    let ticket = found(&mut sources, "PAY-412").unwrap().unwrap();
    assert_eq!(ticket.key, "PAY-412".into());
    assert_eq!(ticket.project, "PAY".into());
    assert_eq!(ticket.created.to_string(), "2026-10-14T14:00:00Z");
    assert_eq!(ticket.backdated, Ok(None));
    assert_eq!((ticket.kind.clone(), ticket.state.clone()), ("Incident".into(), "In Progress".into()));
    assert_eq!((ticket.is_closed, ticket.labels.clone()), (Some(false), vec!["p1".into()]));
    assert_eq!(ticket.assignee, Some("Kim Lee".into()));
    assert!(ticket.mentions_word(&"INC-1".into()) && !ticket.mentions_word(&"INC-2".into()));
    assert_eq!(ticket.url, format!("{}/browse/PAY-412", server.url).into());
    // It was asked once, with the neighbours below until there was one, and not again.
    assert_eq!(found(&mut sources, "PAY-412"), Ok(Some(ticket)));
    let asked = server.asked();
    let lines: Vec<&str> = asked.iter().map(|asked| asked.line.as_str()).collect();
    let fields = "?fields=created,status,issuetype,labels,assignee,summary,description,project";
    assert_eq!(
        lines,
        [
            format!("GET /rest/api/3/issue/PAY-412{fields} HTTP/1.1").as_str(),
            "GET /rest/api/3/issue/PAY-411?fields=created HTTP/1.1",
            "GET /rest/api/3/issue/PAY-410?fields=created HTTP/1.1",
        ]
    );
    // gate@example.com:s3cret-t0ken
    let basic = "Basic Z2F0ZUBleGFtcGxlLmNvbTpzM2NyZXQtdDBrZW4=";
    assert!(asked.iter().all(|asked| asked.headers["authorization"] == basic));
    assert_eq!(found(&mut sources, "PAY-9"), Ok(None));
}

#[test]
fn jira_data_center() {
    let mut issue = cloud("OPS-7", T);
    issue["fields"]["description"] = "See INC-1 in h1.".into();
    issue["fields"]["status"] = json!({ "name": "Rejected", "statusCategory": { "key": "done" } });
    issue["fields"]["assignee"] = Value::Null;
    let server = Server::with([("/jira/rest/api/2/issue/OPS-7", Answer::Json(200, issue))]);
    let url = format!("{}/jira", server.url);
    let mut sources = sources(&format!("OPS: {{ jira-data-center: '{url}' }}"), &url);
    let ticket = found(&mut sources, "OPS-7").unwrap().unwrap();
    assert_eq!((ticket.is_closed, ticket.assignee.clone()), (Some(true), None));
    assert!(ticket.mentions_word(&"INC-1".into()));
    assert_eq!(server.asked()[0].headers["authorization"], format!("Bearer {TOKEN}"));
}

#[test]
fn a_ticket_of_jira_that_is_older_than_the_one_before_it_is_doubted() {
    let server = Server::with([
        ("/rest/api/3/issue/PAY-412", Answer::Json(200, cloud("PAY-412", "2026-10-01T10:00:00.000+0000"))),
        ("/rest/api/3/issue/PAY-411", Answer::Json(200, cloud("PAY-411", T))),
        // One that was moved to PAY has the number that came next, and its old time.
        ("/rest/api/3/issue/OPS-7", Answer::Json(200, cloud("PAY-412", "2026-10-01T10:00:00.000+0000"))),
        // One that was moved away says nothing about the order.
        ("/rest/api/3/issue/SEC-2", Answer::Json(200, cloud("SEC-2", "2026-10-01T10:00:00.000+0000"))),
        ("/rest/api/3/issue/SEC-1", Answer::Json(200, cloud("PAY-411", T))),
        ("/rest/api/3/issue/ERR-2", Answer::Json(200, cloud("ERR-2", T))),
        ("/rest/api/3/issue/ERR-1", Answer::Json(403, json!({}))),
    ]);
    let mut sources = sources(&format!("'*': {{ jira: '{}' }}", server.url), &server.url);
    let mut doubt = |key: &str| found(&mut sources, key).unwrap().unwrap().backdated;
    for key in ["PAY-412", "OPS-7"] {
        let lower_created = "2026-10-14T14:00:00Z".parse().unwrap();
        let expected = CreationDoubt::LowerKeyIsLater { lower: "PAY-411".into(), lower_created };
        assert_eq!(doubt(key), Ok(Some(expected)), "{key}");
    }
    assert_eq!(doubt("SEC-2"), Ok(None));
    assert!(why(doubt("ERR-2")).contains("does not let this token read that (403)"));
}

#[test]
fn github_issues() {
    let issue = |number: u64, created: &str| {
        json!({
            "number": number, "created_at": created, "title": "Token check", "body": "See INC-1", "state": "open",
            "state_reason": null, "labels": [{ "id": 1, "name": "p1" }, "plain"], "assignee": { "login": "kim" },
            "html_url": "https://github.example/acme/shop/issues/12", "type": { "name": "Incident" },
        })
    };
    let mut pull = issue(11, "2026-10-13T14:00:00Z");
    pull["pull_request"] = json!({ "url": "https://github.example/pulls/11" });
    let mut closed = issue(5, "2026-10-01T14:00:00Z");
    closed["state"] = "closed".into();
    closed["state_reason"] = "not_planned".into();
    closed["body"] = Value::Null;
    closed["type"] = Value::Null;
    let server = Server::with([
        ("/repos/acme/shop/issues/12", Answer::Json(200, issue(12, "2026-10-14T14:00:00Z"))),
        ("/repos/acme/shop/issues/11", Answer::Json(200, pull)),
        ("/repos/acme/infra/issues/5", Answer::Json(200, closed)),
        ("/repos/acme/shop/issues/3", Answer::Json(410, json!({ "message": "This issue was deleted" }))),
    ]);
    let mut sources = sources("'#': github\nINFRA: { github: acme/infra }", &server.url);
    let ticket = found(&mut sources, "#12").unwrap().unwrap();
    assert_eq!(
        (ticket.project, ticket.kind, ticket.state),
        ("acme/shop".into(), "Incident".into(), "open".into())
    );
    assert_eq!((ticket.labels.len(), ticket.is_closed, ticket.backdated), (2, Some(false), Ok(None)));
    assert_eq!(found(&mut sources, "#11"), Ok(None), "a pull request is no ticket");
    assert_eq!(found(&mut sources, "#3"), Ok(None));
    let ticket = found(&mut sources, "INFRA-5").unwrap().unwrap();
    assert_eq!(
        (ticket.state, ticket.is_closed, ticket.kind),
        ("not_planned".into(), Some(true), "Issue".into())
    );
    assert_eq!(server.asked()[0].headers["authorization"], format!("Bearer {TOKEN}"));
}

#[test]
fn linear() {
    let node = |number: u64, created: &str| {
        json!({
            "identifier": format!("ENG-{number}"), "number": number, "createdAt": created, "title": "Token check",
            "description": "See INC-1", "url": "https://linear.example/ENG-412",
            "state": { "name": "Canceled", "type": "canceled" }, "team": { "key": "ENG" },
            "labels": { "nodes": [{ "name": "p1" }] }, "assignee": null,
        })
    };
    let server = Server::start(move |asked, _| {
        let body: Value = serde_json::from_str(&asked.body).unwrap();
        let numbers: Vec<u64> = serde_json::from_value(body["variables"]["numbers"].clone()).unwrap();
        assert_eq!(body["variables"]["team"], "ENG");
        let nodes = [node(412, "2026-10-14T14:00:00.000Z"), node(411, "2026-10-15T14:00:00.000Z")];
        let nodes: Vec<_> =
            nodes.into_iter().filter(|node| numbers.contains(&node["number"].as_u64().unwrap())).collect();
        Answer::Json(200, json!({ "data": { "issues": { "nodes": nodes } } }))
    });
    let mut sources = sources("ENG: linear", &server.url);
    let ticket = found(&mut sources, "ENG-412").unwrap().unwrap();
    assert_eq!((ticket.project.clone(), ticket.is_closed), ("ENG".into(), Some(true)));
    let doubt = ticket.backdated.clone().unwrap().unwrap();
    assert!(matches!(doubt, CreationDoubt::LowerKeyIsLater { lower, .. } if lower == "ENG-411"));
    assert!(ticket.mentions_word(&"INC-1".into()));
    assert_eq!(found(&mut sources, "ENG-414"), Ok(None), "only neighbours are there");
    assert_eq!(server.asked()[0].headers["authorization"], TOKEN);
}

#[test]
fn errors_of_linear_are_no_absence() {
    for (status, code, said) in [
        (200, "RATELIMITED", "was asked too often"),
        (200, "AUTHENTICATION_ERROR", "does not accept the key"),
        (200, "SOMETHING", "answers with an error"),
        (400, "RATELIMITED", "answers with 400"),
        (404, "", "is not at this address"),
    ] {
        let body = json!({ "data": null, "errors": [{ "message": TOKEN, "extensions": { "code": code } }] });
        let server = Server::start(move |_, _| Answer::Json(status, body.clone()));
        let mut sources = sources("ENG: linear", &server.url);
        let said_why = why(found(&mut sources, "ENG-1"));
        assert!(said_why.contains(said), "{said_why}");
    }
    let server = Server::start(|_, _| Answer::Json(200, json!({ "data": {} })));
    assert!(
        why(found(&mut sources("ENG: linear", &server.url), "ENG-1"))
            .contains("something other than tickets")
    );
}
