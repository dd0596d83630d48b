//! How a client behaves towards a server that does not.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::github::ask::Method;
use crate::github::place::Server as Place;
use crate::github::tests::server::{Says, Server};

const SECRET: &str = "ghs_0123456789abcdefSECRET";

fn impatient() -> Patience {
    Patience {
        deadline: Duration::from_secs(3),
        connect: Duration::from_millis(500),
        request: Duration::from_millis(400),
        pause: Duration::from_millis(5),
        attempts: 3,
        largest: 4096,
    }
}

fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

/// Runs `ask` with a client for `url`.
fn with<T>(url: &str, patience: Patience, ask: impl AsyncFnOnce(&Client) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let token = Token::new(SECRET.into()).unwrap();
    runtime.block_on(async {
        let place = Place::new(url, None).unwrap();
        let client = Client::live(&place, Some(&token), patience, now(), None).unwrap();
        ask(&client).await
    })
}

fn get(url: &str, patience: Patience) -> Result<Value, Failure> {
    with(url, patience, async |client| client.get::<Value>("/x").await)
}

#[test]
fn an_answer_comes_with_the_token_and_under_the_prefix() {
    let server = Server::start(|_, _| Says::json(&json!({ "ok": true })));
    let url = format!("{}/api/v3", server.url);
    assert_eq!(get(&url, impatient()), Ok(json!({ "ok": true })));
    let asked =
        with(&url, impatient(), async |client| client.query::<Value>("query Q { x }", json!({})).await);
    assert!(asked.unwrap_err().why.contains("answered nothing"));
    let heard = server.heard();
    assert_eq!(heard[0].path, "/api/v3/x");
    assert_eq!(heard[0].header("authorization"), Some(format!("Bearer {SECRET}").as_str()));
    assert!(heard[0].header("user-agent").is_some());
    assert_eq!((heard[1].method.as_str(), heard[1].path.as_str()), ("POST", "/api/graphql"));
}

#[test]
fn server_errors_are_tried_again_and_refusals_are_not() {
    for (status, requests) in [(500, 3), (502, 3), (503, 3), (404, 1), (403, 1), (401, 1), (422, 1)] {
        let server = Server::start(move |_, _| Says::raw(status, r#"{"message":"no::error::\n\u001b[2J"}"#));
        let failure = get(&server.url, impatient()).unwrap_err();
        assert_eq!((failure.status, server.heard().len()), (Some(status), requests));
        assert!(failure.why.starts_with(&format!("GitHub answered {status} to /x: no")), "{}", failure.why);
        assert!(!failure.why.contains(['\n', '\u{1b}']), "{}", failure.why);
    }
    let server = Server::start(|_, number| match number {
        1 => Says::raw(502, "<html>"),
        _ => Says::json(&json!(1)),
    });
    assert_eq!(get(&server.url, impatient()), Ok(json!(1)));
}

#[test]
fn a_rate_limit_is_waited_for_as_long_as_it_says_and_there_is_time() {
    let server = Server::start(|_, number| match number {
        1 => Says::raw(429, "{}").with("retry-after", "1"),
        _ => Says::json(&json!(1)),
    });
    let started = Instant::now();
    assert_eq!(get(&server.url, impatient()), Ok(json!(1)));
    assert!(Duration::from_secs(1) <= started.elapsed());

    // Secondary limits come as 403.
    let server = Server::start(|_, number| match number {
        1 => Says::raw(403, "{}").with("retry-after", "0"),
        _ => Says::json(&json!(1)),
    });
    assert_eq!(get(&server.url, impatient()), Ok(json!(1)));

    // The primary one says when it ends.
    let reset = now().as_second();
    let server = Server::start(move |_, number| match number {
        1 => Says::raw(403, "{}")
            .with("x-ratelimit-remaining", "0")
            .with("x-ratelimit-reset", reset.to_string()),
        _ => Says::json(&json!(1)),
    });
    assert_eq!(get(&server.url, impatient()), Ok(json!(1)));

    // An hour is not waited for, and nobody waits to find that out.
    let server =
        Server::start(|_, _| Says::raw(429, r#"{"message":"slow down"}"#).with("retry-after", "3600"));
    let started = Instant::now();
    let why = get(&server.url, impatient()).unwrap_err().why;
    assert!(started.elapsed() < Duration::from_secs(1));
    assert!(why.contains("slow down") && why.contains("3600 s"), "{why}");
    assert_eq!(server.heard().len(), 1);
}

#[test]
fn a_server_that_hangs_or_breaks_off_costs_no_more_than_the_time_there_is() {
    let server = Server::start(|_, _| Says { after: Duration::from_secs(20), ..Says::json(&json!(1)) });
    let patience = Patience { deadline: Duration::from_secs(1), ..impatient() };
    let started = Instant::now();
    assert!(get(&server.url, patience).is_err());
    assert!(started.elapsed() < Duration::from_secs(2));

    let server = Server::start(|_, _| Says { cut: Some(3), ..Says::json(&json!({ "long": "enough" })) });
    let why = get(&server.url, impatient()).unwrap_err().why;
    assert_eq!(server.heard().len(), 3);
    assert!(why.contains("/x"), "{why}");

    // Nothing listens there.
    let gone = Server::start(|_, _| Says::raw(200, "")).url.clone();
    let why = get(&gone, impatient()).unwrap_err().why;
    assert!(!why.contains(SECRET), "{why}");
}

#[test]
fn what_is_not_what_it_should_be_is_no_answer() {
    for body in ["", "{", "[]", "null", "\"x\"", r#"{"other":1}"#, "<html>"] {
        let server = Server::start(move |_, _| Says::raw(200, body));
        let failure = with(&server.url, impatient(), async |client| {
            client.get::<std::collections::BTreeMap<String, bool>>("/x").await
        });
        assert!(failure.is_err(), "{body}");
        assert_eq!(server.heard().len(), 1);
    }
    let server = Server::start(|_, _| Says::raw(200, vec![b' '; 5000]));
    assert!(get(&server.url, impatient()).unwrap_err().why.contains("more than 4096 bytes"));
}

#[test]
fn redirects_stay_on_the_host() {
    let other = Server::start(|_, _| Says::json(&json!("stolen")));
    let away = other.url.clone();
    let server = Server::start(move |_, _| Says::raw(302, "").with("location", format!("{away}/x")));
    assert!(get(&server.url, impatient()).unwrap_err().why.contains("another server"));
    assert!(other.heard().is_empty());

    // A repository that was renamed is found under its number.
    let server = Server::start(|heard, _| match heard.path.as_str() {
        "/x" => Says::raw(301, "")
            .with("location", format!("http://{}/repositories/1", heard.header("host").unwrap())),
        _ => Says::json(&json!("renamed")),
    });
    assert_eq!(get(&server.url, impatient()), Ok(json!("renamed")));

    let server = Server::start(|heard, _| {
        Says::raw(301, "").with("location", format!("http://{}/x", heard.header("host").unwrap()))
    });
    assert!(get(&server.url, impatient()).is_err());
    assert!(server.heard().len() <= 4);
}

#[test]
fn a_list_is_followed_to_its_end_and_never_elsewhere() {
    let list = |url: &str| {
        with(url, impatient(), async |client| {
            client.list("/x?page=1", |page: Vec<u32>| page, |_| false).await
        })
    };
    let server = Server::start(|heard, number| {
        let host = heard.header("host").unwrap().to_owned();
        let says = Says::json(&json!([number]));
        let link = format!(
            "<http://{host}/x?page=9>; rel=\"last\", <http://{host}/x?page={}>; rel=\"next\"",
            number + 1
        );
        if number < 3 { says.with("link", link) } else { says }
    });
    assert_eq!(list(&server.url), Ok(vec![1, 2, 3]));

    let server =
        Server::start(|_, _| Says::json(&json!([1])).with("link", "<https://evil.example/x>; rel=\"next\""));
    assert!(list(&server.url).unwrap_err().why.contains("another server"));

    let server = Server::start(|heard, _| {
        let host = heard.header("host").unwrap().to_owned();
        Says::json(&json!([1])).with("link", format!("<http://{host}/x>; rel=\"next\""))
    });
    assert!(list(&server.url).unwrap_err().why.contains("pages"));
    assert!(server.heard().len() <= MOST_PAGES);
}

#[test]
fn what_was_asked_before_is_asked_whether_it_changed() {
    let server = Server::start(|heard, _| match heard.header("if-none-match") {
        Some("\"a\"") => Says::raw(304, ""),
        _ => Says::json(&json!("whole")).with("etag", "\"a\""),
    });
    let both = with(&server.url, impatient(), async |client| {
        [client.get::<Value>("/x").await, client.get::<Value>("/x").await]
    });
    assert_eq!(both, [Ok(json!("whole")), Ok(json!("whole"))]);
    assert_eq!(server.heard().len(), 2);
}

#[test]
fn what_writes_is_sent_once() {
    let request = Request { method: Method::Post, path: "/x".into(), body: Some(json!({ "a": 1 })) };
    let send = |url: &str| with(url, impatient(), async |client| client.ask(&request).await);
    let server = Server::start(|_, _| Says::raw(502, "{}"));
    assert_eq!(send(&server.url).unwrap().status, 502);
    assert_eq!(server.heard().len(), 1);
    // Turned away for the rate, it was not carried out.
    let server = Server::start(|_, number| match number {
        1 => Says::raw(429, "{}").with("retry-after", "0"),
        _ => Says::raw(201, "{}"),
    });
    assert_eq!(send(&server.url).unwrap().status, 201);
}

#[test]
fn a_record_answers_alike_and_holds_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|heard, _| match heard.path.as_str() {
        "/x" => Says::json(&json!({ "b": 1, "a": [null] })),
        "/graphql" => Says::json(&json!({ "data": { "x": 2 } })),
        _ => Says::raw(404, r#"{"message":"Not Found"}"#),
    });
    let ask = async |client: &Client| {
        let query = client.query::<Value>("query Q { x }", json!({ "n": 1 })).await;
        (client.get::<Value>("/x").await, client.get::<Value>("/gone").await, query)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let token = Token::new(SECRET.into()).unwrap();
    let live = runtime.block_on(async {
        let place = Place::new(&server.url, None).unwrap();
        let client = Client::live(&place, Some(&token), impatient(), now(), Some(folder.path())).unwrap();
        ask(&client).await
    });
    drop(server);
    let (again, other, at) = runtime.block_on(async {
        let client = Client::replay(folder.path()).unwrap();
        (ask(&client).await, client.get::<Value>("/other").await, client.now())
    });
    assert_eq!(again, live);
    assert_eq!(at, now());
    assert!(other.unwrap_err().why.contains("the record holds no answer"));
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(!text.contains(SECRET) && !text.to_lowercase().contains("authorization"), "{text}");
    }
    // Two runs do not mix.
    assert!(Record::create(folder.path(), now()).is_err());
    assert!(Client::replay(&folder.path().join("none")).is_err());
}

#[test]
fn a_token_that_is_none_is_not_repeated() {
    for bad in ["", " ", "a b", "a\nb", "\u{e9}"] {
        let Err(why) = Token::new(bad.into()) else { panic!("{bad}") };
        assert!(bad.trim().is_empty() || !why.contains(bad.trim()), "{why}");
    }
    let token = Token::new(format!(" {SECRET}\n")).unwrap();
    assert_eq!(token.hide(&format!("x {SECRET} y")), "x *** y");
}
