//! The fake itself: its pages, tags, limits and the ways in which it fails.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::fake::{Fake, How};
use crate::scene::{ask, full, get, plain, query};

const REVIEWS: &str = "/repos/acme/shop/pulls/6/reviews";

#[test]
fn lists_come_in_pages_that_lead_to_each_other() {
    let fake = Fake::start(full());
    let mut path = format!("{REVIEWS}?per_page=3");
    let mut found = Vec::new();
    loop {
        let told = get(&fake.url(), &path);
        found.extend(told.json().as_array().unwrap().iter().map(|review| review["id"].clone()));
        let link = told.header("link").unwrap_or_default().to_owned();
        let Some(next) = link.split(", ").find(|link| link.contains("rel=\"next\"")) else { break };
        let url = next.split(['<', '>']).nth(1).unwrap();
        path = url.strip_prefix(&fake.url()).unwrap().to_owned();
    }
    assert_eq!(found.len(), 4);
    assert_eq!(fake.seen().len(), 2);
}

#[test]
fn what_has_not_changed_is_not_sent_again_and_costs_nothing() {
    let fake = Fake::start(plain());
    let first = get(&fake.url(), REVIEWS);
    let tag = first.header("etag").unwrap();
    let again = ask(&fake.url(), "GET", REVIEWS, &[("if-none-match", tag)], None);
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(first.header("x-ratelimit-remaining"), again.header("x-ratelimit-remaining"));
    fake.world(|world| world.review(6, "kim", "APPROVED"));
    assert_eq!(ask(&fake.url(), "GET", REVIEWS, &[("if-none-match", tag)], None).status, 200);
}

#[test]
fn it_lets_in_who_has_the_token_while_the_limit_lasts() {
    let fake = Fake::start(plain());
    fake.world(|world| world.token = "another".into());
    assert_eq!(get(&fake.url(), REVIEWS).status, 401);
    fake.world(|world| world.token = "a-plain-token".into());
    fake.world(|world| world.rate_remaining = 1);
    assert_eq!(get(&fake.url(), REVIEWS).status, 200);
    let told = get(&fake.url(), REVIEWS);
    assert_eq!((told.status, told.header("x-ratelimit-remaining")), (403, Some("0")));
    fake.world(|world| (world.rate_remaining, world.is_read_only) = (9, true));
    let comment = json!({ "body": "one" });
    let told = ask(&fake.url(), "POST", "/repos/acme/shop/issues/6/comments", &[], Some(&comment));
    assert_eq!(told.status, 403);
}

#[test]
fn it_fails_as_it_is_told_to() {
    let fake = Fake::start(full());
    let busy = How::Status(503, vec![("retry-after", "1".into())], json!({ "message": "busy" }));
    fake.spoil_some("GET /repos/acme/shop/pulls/6/reviews", 1, 1, busy);
    let statuses: Vec<u16> = (0..3).map(|_| get(&fake.url(), REVIEWS).status).collect();
    assert_eq!(statuses, [200, 503, 200]);
    fake.spoil("/pulls/6/files", How::Cut(10));
    assert_eq!(get(&fake.url(), "/repos/acme/shop/pulls/6/files").body.len(), 10);
    fake.spoil("/pulls/6/commits", How::Bytes(b"[{]".to_vec()));
    assert_eq!(get(&fake.url(), "/repos/acme/shop/pulls/6/commits").body, b"[{]");
    fake.spoil("/pulls/6?", How::Edit(|pull| pull["user"] = json!(null)));
    assert!(get(&fake.url(), "/repos/acme/shop/pulls/6").json()["user"].is_null());
    fake.spoil("nameWithOwner", How::Delay(Duration::from_millis(60)));
    let start = Instant::now();
    query(&fake.url(), "{ repository(owner: \"acme\", name: \"shop\") { nameWithOwner } }", &json!({}));
    assert!(Duration::from_millis(60) <= start.elapsed());
}

#[test]
fn it_keeps_githubs_limits_on_lists() {
    let fake = Fake::start(plain());
    let ids = fake.world(|world| {
        let mut tip = world.pull(6).head_id.clone();
        for at in 0..259 {
            tip = world.commit(&[&tip], "ana", &format!("Step {at}\n"), &[("n.txt", &at.to_string())]);
            world.push(6, "ana", &tip);
        }
        world.pull(6).commits.len()
    });
    assert_eq!(ids, 260);
    assert_eq!(get(&fake.url(), "/repos/acme/shop/pulls/6").json()["commits"], 260);
    let page = |page: u8| {
        let path = format!("/repos/acme/shop/pulls/6/commits?per_page=100&page={page}");
        get(&fake.url(), &path).json().as_array().unwrap().len()
    };
    assert_eq!([page(1), page(2), page(3), page(4)], [100, 100, 50, 0]);
    let many = "{ repository(owner: \"acme\", name: \"shop\") { pullRequest(number: 6) { commits(first: 101) { totalCount } } } }";
    let told = query(&fake.url(), many, &json!({})).json();
    assert_eq!(told["errors"][0]["type"], "EXCESSIVE_PAGINATION");
}
