//! How a client behaves towards a server that does not.

use std::time::Duration;

use serde_json::{Value, json};

use crate::github::api::names::GitHubServer as Place;
use crate::github::api::request::RequestMethod;
use crate::github::api::*;
use crate::github::tests::server::{LoopbackServer, ScriptedResponse};

const SECRET: &str = "ghs_0123456789abcdefSECRET";

fn impatient() -> RequestPolicy {
    RequestPolicy {
        total_timeout: Duration::from_secs(3),
        connect_timeout: Duration::from_millis(500),
        request_timeout: Duration::from_millis(400),
        first_retry_pause: Duration::from_millis(5),
        max_attempts: 3,
        max_response_bytes: 4096,
    }
}

fn parse_secret() -> Secret {
    Secret::parse_token(SECRET).unwrap_or_else(|why| panic!("{why}"))
}

fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

/// Runs `ask` with a client for `url`.
fn with<T>(url: &str, patience: RequestPolicy, ask: impl AsyncFnOnce(&GitHubClient) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let token = parse_secret();
    runtime.block_on(async {
        let place = Place::new(url, None).unwrap();
        let client = GitHubClient::open_live(&place, Some(&token), patience, now(), None).unwrap();
        ask(&client).await
    })
}

fn get(url: &str, patience: RequestPolicy) -> Result<Value, GitHubFailure> {
    with(url, patience, async |client| client.fetch_json::<Value>("/x").await)
}

#[test]
fn an_answer_comes_with_the_token_and_under_the_prefix() {
    let server = LoopbackServer::start_server(|_, _| ScriptedResponse::json_response(&json!({ "ok": true })));
    let url = format!("{}/api/v3", server.url);
    assert_eq!(get(&url, impatient()), Ok(json!({ "ok": true })));
    let asked =
        with(&url, impatient(), async |client| client.run_query::<Value>("query Q { x }", json!({})).await);
    assert!(asked.unwrap_err().why.contains("answered nothing"));
    let heard = server.list_received();
    assert_eq!(heard[0].path, "/api/v3/x");
    assert_eq!(heard[0].find_header("authorization"), Some(format!("Bearer {SECRET}").as_str()));
    assert!(heard[0].find_header("user-agent").is_some());
    assert_eq!((heard[1].method.as_str(), heard[1].path.as_str()), ("POST", "/api/graphql"));
}

#[test]
fn server_errors_are_tried_again_and_refusals_are_not() {
    for (status, requests) in [(500, 3), (502, 3), (503, 3), (404, 1), (403, 1), (401, 1), (422, 1)] {
        let server = LoopbackServer::start_server(move |_, _| {
            ScriptedResponse::raw_response(status, r#"{"message":"no::error::\n\u001b[2J"}"#)
        });
        let failure = get(&server.url, impatient()).unwrap_err();
        assert_eq!((failure.status, server.list_received().len()), (Some(status), requests));
        assert!(failure.why.starts_with(&format!("GitHub answered {status} to /x: no")), "{}", failure.why);
        assert!(!failure.why.contains(['\n', '\u{1b}']), "{}", failure.why);
    }
    let server = LoopbackServer::start_server(|_, number| match number {
        1 => ScriptedResponse::raw_response(502, "<html>"),
        _ => ScriptedResponse::json_response(&json!(1)),
    });
    assert_eq!(get(&server.url, impatient()), Ok(json!(1)));
}

#[test]
fn a_rate_limit_is_waited_for_as_long_as_it_says_and_there_is_time() {
    let server = LoopbackServer::start_server(|_, number| match number {
        1 => ScriptedResponse::raw_response(429, "{}").with_header("retry-after", "1"),
        _ => ScriptedResponse::json_response(&json!(1)),
    });
    let started = read_clock();
    assert_eq!(get(&server.url, impatient()), Ok(json!(1)));
    assert!(Duration::from_secs(1) <= started.elapsed());

    // Secondary limits come as 403.
    let server = LoopbackServer::start_server(|_, number| match number {
        1 => ScriptedResponse::raw_response(403, "{}").with_header("retry-after", "0"),
        _ => ScriptedResponse::json_response(&json!(1)),
    });
    assert_eq!(get(&server.url, impatient()), Ok(json!(1)));

    // The primary one says when it ends.
    let reset = now().as_second();
    let server = LoopbackServer::start_server(move |_, number| match number {
        1 => ScriptedResponse::raw_response(403, "{}")
            .with_header("x-ratelimit-remaining", "0")
            .with_header("x-ratelimit-reset", reset.to_string()),
        _ => ScriptedResponse::json_response(&json!(1)),
    });
    assert_eq!(get(&server.url, impatient()), Ok(json!(1)));

    // An hour is not waited for, and that is found out without waiting.
    let server = LoopbackServer::start_server(|_, _| {
        ScriptedResponse::raw_response(429, r#"{"message":"slow down"}"#).with_header("retry-after", "3600")
    });
    let started = read_clock();
    let why = get(&server.url, impatient()).unwrap_err().why;
    assert!(started.elapsed() < Duration::from_secs(1));
    assert!(why.contains("slow down") && why.contains("3600 s"), "{why}");
    assert_eq!(server.list_received().len(), 1);
}

#[test]
fn a_server_that_hangs_or_breaks_off_costs_no_more_than_the_time_there_is() {
    let server = LoopbackServer::start_server(|_, _| ScriptedResponse {
        delay: Duration::from_secs(20),
        ..ScriptedResponse::json_response(&json!(1))
    });
    let patience = RequestPolicy { total_timeout: Duration::from_secs(1), ..impatient() };
    let started = read_clock();
    assert!(get(&server.url, patience).is_err());
    assert!(started.elapsed() < Duration::from_secs(2));

    let server = LoopbackServer::start_server(|_, _| ScriptedResponse {
        sent_bytes: Some(3),
        ..ScriptedResponse::json_response(&json!({ "long": "enough" }))
    });
    let why = get(&server.url, impatient()).unwrap_err().why;
    assert_eq!(server.list_received().len(), 3);
    assert!(why.contains("/x"), "{why}");

    // Nothing listens there.
    let gone = LoopbackServer::start_server(|_, _| ScriptedResponse::raw_response(200, "")).url.clone();
    let why = get(&gone, impatient()).unwrap_err().why;
    assert!(!why.contains(SECRET), "{why}");
}

#[test]
fn what_is_not_what_it_should_be_is_no_answer() {
    for body in ["", "{", "[]", "null", "\"x\"", r#"{"other":1}"#, "<html>"] {
        let server = LoopbackServer::start_server(move |_, _| ScriptedResponse::raw_response(200, body));
        let failure = with(&server.url, impatient(), async |client| {
            client.fetch_json::<std::collections::BTreeMap<String, bool>>("/x").await
        });
        assert!(failure.is_err(), "{body}");
        // What is no JSON comes from something before GitHub, and may be gone the next time.
        let requests = if matches!(body, "" | "{" | "<html>") { 3 } else { 1 };
        assert_eq!(server.list_received().len(), requests, "{body}");
    }
    let server = LoopbackServer::start_server(|_, _| ScriptedResponse::raw_response(200, vec![b' '; 5000]));
    assert!(get(&server.url, impatient()).unwrap_err().why.contains("more than 4096 bytes"));
}

#[test]
fn redirects_stay_on_the_host() {
    let other = LoopbackServer::start_server(|_, _| ScriptedResponse::json_response(&json!("stolen")));
    let away = other.url.clone();
    let server = LoopbackServer::start_server(move |_, _| {
        ScriptedResponse::raw_response(302, "").with_header("location", format!("{away}/x"))
    });
    assert!(get(&server.url, impatient()).unwrap_err().why.contains("another server"));
    assert!(other.list_received().is_empty());

    // What is in no repository may be found elsewhere on the server.
    let server = LoopbackServer::start_server(|heard, _| match heard.path.as_str() {
        "/x" => ScriptedResponse::raw_response(301, "")
            .with_header("location", format!("http://{}/repositories/1", heard.find_header("host").unwrap())),
        _ => ScriptedResponse::json_response(&json!("renamed")),
    });
    assert_eq!(get(&server.url, impatient()), Ok(json!("renamed")));

    let server = LoopbackServer::start_server(|heard, _| {
        ScriptedResponse::raw_response(301, "")
            .with_header("location", format!("http://{}/x", heard.find_header("host").unwrap()))
    });
    assert!(get(&server.url, impatient()).is_err());
    assert!(server.list_received().len() <= 4);
}

#[test]
fn redirects_stay_in_the_repository() {
    let answer_to = |place: &'static str| {
        let server = LoopbackServer::start_server(move |heard, _| match heard.path.as_str() {
            "/repos/acme/shop/pulls/6" => ScriptedResponse::raw_response(301, "")
                .with_header("location", format!("http://{}{place}", heard.find_header("host").unwrap())),
            _ => ScriptedResponse::json_response(&json!("found")),
        });
        with(&server.url, impatient(), async |client| {
            client.fetch_json::<Value>("/repos/acme/shop/pulls/6").await
        })
    };
    assert_eq!(answer_to("/repos/Acme/shop/pulls/6?x=1"), Ok(json!("found")));
    for elsewhere in ["/repos/acme/other/pulls/6", "/repos/acme/shopping/pulls/6", "/repositories/7/pulls/6"]
    {
        let refused = answer_to(elsewhere).unwrap_err();
        assert!(refused.why.contains("leads to another repository"), "{}", refused.why);
    }
}

#[test]
fn a_list_is_followed_to_its_end_and_never_elsewhere() {
    let list = |url: &str| {
        with(url, impatient(), async |client| {
            client.fetch_list("/x?page=1", |page: Vec<u32>| page, |_| false).await
        })
    };
    let server = LoopbackServer::start_server(|heard, number| {
        let host = heard.find_header("host").unwrap().to_owned();
        let says = ScriptedResponse::json_response(&json!([number]));
        let link = format!(
            "<http://{host}/x?page=9>; rel=\"last\", <http://{host}/x?page={}>; rel=\"next\"",
            number + 1
        );
        if number < 3 { says.with_header("link", link) } else { says }
    });
    assert_eq!(list(&server.url), Ok(vec![1, 2, 3]));

    let server = LoopbackServer::start_server(|_, _| {
        ScriptedResponse::json_response(&json!([1]))
            .with_header("link", "<https://evil.example/x>; rel=\"next\"")
    });
    assert!(list(&server.url).unwrap_err().why.contains("another server"));

    let server = LoopbackServer::start_server(|heard, _| {
        let host = heard.find_header("host").unwrap().to_owned();
        ScriptedResponse::json_response(&json!([1]))
            .with_header("link", format!("<http://{host}/x>; rel=\"next\""))
    });
    assert!(list(&server.url).unwrap_err().why.contains("10000 entries"));
    assert!(server.list_received().len() <= MAX_LIST_PAGES);
}

#[test]
fn what_was_asked_before_is_asked_whether_it_changed() {
    let server = LoopbackServer::start_server(|heard, _| match heard.find_header("if-none-match") {
        Some("\"a\"") => ScriptedResponse::raw_response(304, ""),
        _ => ScriptedResponse::json_response(&json!("whole")).with_header("etag", "\"a\""),
    });
    let both = with(&server.url, impatient(), async |client| {
        [client.fetch_json::<Value>("/x").await, client.fetch_json::<Value>("/x").await]
    });
    assert_eq!(both, [Ok(json!("whole")), Ok(json!("whole"))]);
    assert_eq!(server.list_received().len(), 2);
}

#[test]
fn what_writes_is_sent_once() {
    let request =
        GitHubRequest { method: RequestMethod::Post, path: "/x".into(), body: Some(json!({ "a": 1 })) };
    let send = |url: &str| with(url, impatient(), async |client| client.send_request(&request).await);
    let server = LoopbackServer::start_server(|_, _| ScriptedResponse::raw_response(502, "{}"));
    assert_eq!(send(&server.url).unwrap().status, 502);
    assert_eq!(server.list_received().len(), 1);
    // Turned away for the rate, it was not carried out.
    let server = LoopbackServer::start_server(|_, number| match number {
        1 => ScriptedResponse::raw_response(429, "{}").with_header("retry-after", "0"),
        _ => ScriptedResponse::raw_response(201, "{}"),
    });
    assert_eq!(send(&server.url).unwrap().status, 201);
}

#[test]
fn a_record_answers_alike_and_holds_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let server = LoopbackServer::start_server(|heard, _| match heard.path.as_str() {
        "/x" => ScriptedResponse::json_response(&json!({ "b": 1, "a": [null] })),
        "/graphql" => ScriptedResponse::json_response(&json!({ "data": { "x": 2 } })),
        _ => ScriptedResponse::raw_response(404, r#"{"message":"Not Found"}"#),
    });
    let ask = async |client: &GitHubClient| {
        let query = client.run_query::<Value>("query Q { x }", json!({ "n": 1 })).await;
        (client.fetch_json::<Value>("/x").await, client.fetch_json::<Value>("/gone").await, query)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let token = parse_secret();
    let live = runtime.block_on(async {
        let place = Place::new(&server.url, None).unwrap();
        let client =
            GitHubClient::open_live(&place, Some(&token), impatient(), now(), Some(folder.path())).unwrap();
        ask(&client).await
    });
    drop(server);
    let (again, other, at) = runtime.block_on(async {
        let client = GitHubClient::open_recording(folder.path()).unwrap();
        (ask(&client).await, client.fetch_json::<Value>("/other").await, client.now())
    });
    assert_eq!(again, live);
    assert_eq!(at, now());
    assert!(other.unwrap_err().why.contains("the recording holds no answer"));
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(!text.contains(SECRET) && !text.to_lowercase().contains("authorization"), "{text}");
    }
    // Two runs do not mix.
    assert!(ResponseRecording::create_recording(folder.path(), now()).is_err());
    assert!(GitHubClient::open_recording(&folder.path().join("none")).is_err());
}
