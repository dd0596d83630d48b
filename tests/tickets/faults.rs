//! What goes wrong between the gate and a ticket system: nothing of it is a ticket that is not there,
//! nothing of it takes longer than it may, and no token goes where it does not belong.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::server::{Answer, Server, access, found, sources, sources_with, why};
use crate::systems::cloud;

const PATH: &str = "/rest/api/3/issue/PAY-1";
const T: &str = "2026-10-14T14:00:00.000+0000";

fn raw(text: &str) -> Answer {
    Answer::Raw(text.replace('\n', "\r\n").into_bytes())
}

/// Asks for PAY-1 where it is answered so.
fn asked(answer: Answer) -> (String, usize) {
    let server = Server::with([(PATH, answer)]);
    let mut sources = sources(&format!("PAY: {{ jira: '{}' }}", server.url), &server.url);
    let said = why(found(&mut sources, "PAY-1"));
    (said, server.asked().len())
}

#[test]
fn every_fault_is_a_missing_fact_with_its_reason() {
    let huge = format!("HTTP/1.1 200 X\ncontent-length: 3000000\n\n\"{}\"", "x".repeat(2_999_998));
    let locked_out = "HTTP/1.1 404 X\nX-Seraph-LoginReason: AUTHENTICATED_FAILED\ncontent-length: 2\n\n{}";
    for (answer, said, times) in [
        (Answer::Json(401, json!({})), "does not accept the token (401)", 1),
        (Answer::Json(403, json!({})), "does not let this token read that (403)", 1),
        (Answer::Json(418, json!({})), "answers with 418", 1),
        (Answer::Json(500, json!({})), "answers with 500", 4),
        (Answer::Json(503, json!({})), "answers with 503", 4),
        (Answer::Json(429, json!({})), "answers with 429", 4),
        (Answer::Json(200, json!("a page")), "without a key or a creation time", 1),
        (
            Answer::Json(200, json!({ "key": "../x", "fields": { "created": T } })),
            "without a key or a creation time",
            1,
        ),
        (
            Answer::Json(200, json!({ "key": "PAY-1", "fields": { "created": "soon" } })),
            "without a key or a creation time",
            1,
        ),
        (raw("HTTP/1.1 200 X\ncontent-length: 6\n\n<html>"), "does not answer in JSON", 1),
        (raw("HTTP/1.1 200 X\ncontent-length: 2\n\n{\"key\": \"PAY-1"), "does not answer in JSON", 1),
        (raw("HTTP/1.1 200 X\ncontent-length: 900\n\n{\"key\": \"PAY-1"), "again", 4),
        (raw(&huge), "answers with more than 2097152 bytes", 1),
        (raw("what?\n\n"), "again", 4),
        (raw(locked_out), "does not accept this account", 1),
    ] {
        let shown: String = format!("{answer:?}").chars().take(80).collect();
        let (why, asked) = asked(answer);
        match said {
            "again" => {
                assert!(why.contains("breaks off") || why.contains("cannot be reached"), "{shown}: {why}")
            }
            said => assert!(why.contains(said), "{shown}: {why}"),
        }
        assert!(why.starts_with("Jira at http://127.0.0.1:"), "{why}");
        assert_eq!(asked, times, "{shown}");
    }
}

#[test]
fn a_system_that_is_only_tired_is_asked_again() {
    let tired = raw("HTTP/1.1 429 X\nretry-after: 0\ncontent-length: 0\n\n");
    let ticket = Answer::Json(200, cloud("PAY-1", T));
    let server = Server::with([(PATH, Answer::Turns(vec![tired, Answer::Json(502, json!({})), ticket]))]);
    let mut sources = sources(&format!("PAY: {{ jira: '{}' }}", server.url), &server.url);
    assert!(found(&mut sources, "PAY-1").unwrap().is_some());
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn one_deadline_holds_for_all_that_is_asked() {
    for answer in [
        Answer::Hang(Duration::from_secs(30)),
        Answer::Drip,
        raw("HTTP/1.1 503 X\nretry-after: 3600\ncontent-length: 0\n\n"),
    ] {
        let shown = format!("{answer:?}");
        let server = Server::start(move |_, _| answer.clone());
        let access =
            changegate::tickets::TicketAccess { timeout: Duration::from_millis(700), ..access(&server.url) };
        let mut sources = sources_with(&format!("PAY: {{ jira: '{}' }}", server.url), access);
        let start = Instant::now();
        let keys: Vec<_> = (1..=20).map(|number| format!("PAY-{number}").as_str().into()).collect();
        let looked_up = sources.look_up_tickets(&keys);
        assert!(start.elapsed() < Duration::from_secs(3), "{shown}: {:?}", start.elapsed());
        assert!(looked_up.into_iter().all(|one| !why(one.found).is_empty()), "{shown}");
    }
}

#[test]
fn nobody_there() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{closed}");
    let mut sources = sources(&format!("PAY: {{ jira: '{url}' }}"), &url);
    let said = why(found(&mut sources, "PAY-1"));
    assert!(said.contains("cannot be reached"), "{said}");
}

#[test]
fn no_redirect_is_followed_and_no_token_goes_elsewhere() {
    let thief = Server::start(|_, _| Answer::Json(200, cloud("PAY-1", T)));
    for status in [301, 302, 303, 307, 308] {
        let head = format!("HTTP/1.1 {status} X\nlocation: {}{PATH}\ncontent-length: 0\n\n", thief.url);
        let (said, times) = asked(raw(&head));
        assert!(said.contains(&format!("redirects to another address ({status})")), "{said}");
        assert_eq!(times, 1);
    }
    // A policy that names another address than the token is for.
    let mut sources = sources(&format!("PAY: {{ jira: '{}' }}", thief.url), "http://127.0.0.1:9");
    assert!(why(found(&mut sources, "PAY-1")).starts_with("the token for Jira is for http://127.0.0.1:9"));
    assert_eq!(thief.asked().len(), 0);
}

#[test]
fn nothing_but_keys_is_sent() {
    let server = Server::start(|_, _| Answer::Json(404, json!({})));
    let mut sources =
        sources(&format!("PAY: {{ jira: '{}' }}\n'#': github\nENG: linear", server.url), &server.url);
    let odd = [
        "PAY-1/../../secrets",
        "PAY-1?expand=all",
        "PAY-1#",
        "PAY-1%2f..",
        "http://169.254.169.254/latest",
        "O\u{212a}-1",
        "PAY-1\r\nHost: evil.example",
        "PAY-1 ",
        "",
        "#",
        "#1/comments",
        "#-1",
        "ENG-1\"}",
        "\u{420}AY-1",
    ];
    for key in odd {
        assert!(why(found(&mut sources, key)).contains("not the key of a ticket"), "{key:?}");
    }
    assert!(why(found(&mut sources, "ZZZ-1")).contains("name no system for `ZZZ`"));
    assert_eq!(server.asked().len(), 0);
    assert_eq!(found(&mut sources, "PAY-1"), Ok(None));
}

#[test]
fn what_is_not_configured_says_how() {
    let mut sources = sources_with(
        "PAY: { jira: https://acme.example }\nENG: linear\n'#': github\nSEC: export",
        changegate::tickets::TicketAccess::default(),
    );
    for (key, said) in
        [("PAY-1", "JIRA_TOKEN"), ("ENG-1", "LINEAR_TOKEN"), ("#1", "no repository"), ("SEC-1", "_EXPORT")]
    {
        assert!(why(found(&mut sources, key)).contains(said), "{key}");
    }
}

#[test]
fn a_change_that_names_too_many_tickets_is_asked_about_no_further() {
    let server = Server::start(|_, _| Answer::Json(404, json!({})));
    let mut sources = sources(&format!("PAY: {{ jira: '{}' }}", server.url), &server.url);
    let keys: Vec<_> = (1..=60).map(|number| format!("PAY-{number}").as_str().into()).collect();
    let looked_up = sources.look_up_tickets(&keys);
    assert_eq!(looked_up.iter().filter(|one| one.found == Ok(None)).count(), 50);
    assert_eq!(server.asked().len(), 50);
    let twice = sources.look_up_tickets(&["PAY-1".into(), "PAY-1".into()]);
    assert_eq!((twice.len(), server.asked().len()), (1, 50));
}
