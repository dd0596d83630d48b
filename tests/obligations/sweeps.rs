//! Sweeps: what they find, and what they tell a place that listens on this machine.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::past::{EMERGENCY, TICKET, ago, closes};
use crate::world::{POLICY, World, good};

/// Listens on this machine, answers with these codes one after the other, and passes on what it is
/// told.
fn listen(answers: Vec<u16>) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/secret-path", listener.local_addr().unwrap());
    let (sender, told) = channel();
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            let mut seen = Vec::new();
            let mut buffer = [0; 4096];
            loop {
                let read = stream.read(&mut buffer).unwrap_or(0);
                seen.extend_from_slice(&buffer[..read]);
                let text = String::from_utf8_lossy(&seen).to_ascii_lowercase();
                let length = text.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
                let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
                let head = text.find("\r\n\r\n");
                if read == 0 || head.is_some_and(|head| head + 4 + length <= seen.len()) {
                    break;
                }
            }
            let _ = write!(stream, "HTTP/1.1 {answer} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let text = String::from_utf8(seen).unwrap();
            sender.send(text.split_once("\r\n\r\n").unwrap().1.to_owned()).unwrap();
        }
    });
    (address, told)
}

#[test]
fn a_sweep_tells_once_and_tries_again_where_nobody_heard() {
    let world = World::new();
    let change = world.commit(EMERGENCY);
    world.land_at(ago(25));
    let (address, told) = listen(vec![500, 200, 200]);
    let (webhook, slack) = (format!("webhook={address}"), format!("slack={address}"));
    let wait = Duration::from_secs(10);
    world
        .changegate("server.git", &["sweep", "--notify", &webhook])
        .refused("notification not sent: webhook answers with 500")
        .does_not_say("secret-path");
    told.recv_timeout(wait).unwrap();
    world.changegate("server.git", &["sweep", "--notify", &webhook, "--notify", &slack]).refused("1 overdue");
    let list: serde_json::Value = serde_json::from_str(&told.recv_timeout(wait).unwrap()).unwrap();
    assert_eq!(list["obligations"][0]["change"], change);
    assert_eq!(list["obligations"][0]["standing"], "overdue");
    assert_eq!(list["obligations"].as_array().unwrap().len(), 1);
    let slack_told: serde_json::Value = serde_json::from_str(&told.recv_timeout(wait).unwrap()).unwrap();
    assert!(slack_told["text"].as_str().unwrap().contains(&change[..12]));
    // Nobody listens any more, and nobody has to.
    world
        .changegate("server.git", &["sweep", "--notify", &webhook])
        .refused("1 overdue")
        .does_not_say("told");
    assert_eq!(world.kinds().iter().filter(|kind| *kind == "escalated").count(), 1);
    world.verify().accepted();
}

#[test]
fn a_sweep_finds_what_no_push_has_recorded() {
    let world = World::new();
    let change = world.commit(EMERGENCY);
    world.land_at(ago(23));
    world.changegate("server.git", &["sweep"]).accepted().says("1 due soon");
    // The policy does not know this name of the trailer yet.
    world.commit(&closes(&change, &TICKET.replace("Emergency-Ticket", "Night-Ticket")));
    world.push(&["main"]).accepted();
    world.changegate("server.git", &["sweep"]).accepted().says("1 due soon");
    let field = "Emergency-Ticket: { matches: '[A-Z][A-Z0-9_]*-[0-9]+|([A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+)?#[0-9]+|https://[!-~]+', example: SEC-78, aliases: [Night-Ticket] }";
    world.write(
        "policies/changegate.yml",
        &format!(
            "{POLICY}fields: {{ {field} }}\nreasons: {{ fields.Emergency-Ticket: its old name is in use }}\n"
        ),
    );
    world.commit(&good("Name tickets as they are named"));
    world.push(&["main"]).accepted();
    world.changegate("server.git", &["sweep"]).accepted().says("1 open, 1 closed in time");
    world.is_whole();
}

#[test]
fn a_place_that_is_not_safe_is_told_nothing() {
    let world = World::new();
    for place in [
        "slack=http://example.com/x",
        "webhook=ftp://localhost/",
        "pager=https://example.com/",
        "slack",
        "slack=env:NOT_SET",
    ] {
        let told = world.changegate("server.git", &["sweep", "--notify", place]);
        told.refused("--notify").does_not_say("example.com");
    }
}

/// A record that cannot be read may say that what closes something was denied: nothing is closed, and the sweep says why.
/// What is older than everything that is owed does not matter.
#[test]
fn a_sweep_closes_nothing_where_a_record_may_say_that_it_was_denied() {
    let world = World::new();
    world.commit(&good("Before"));
    world.push(&["main"]).accepted();
    let change = world.commit(EMERGENCY);
    world.land_at(ago(23));
    world.commit(&closes(&change, &TICKET.replace("Emergency-Ticket", "Night-Ticket")));
    world.push(&["main"]).accepted();
    let field = "Emergency-Ticket: { matches: '[A-Z][A-Z0-9_]*-[0-9]+|([A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+)?#[0-9]+|https://[!-~]+', example: SEC-78, aliases: [Night-Ticket] }";
    world.write(
        "policies/changegate.yml",
        &format!(
            "{POLICY}fields: {{ {field} }}\nreasons: {{ fields.Emergency-Ticket: its old name is in use }}\n"
        ),
    );
    world.commit(&good("Name tickets as they are named"));
    world.push(&["main"]).accepted();
    world.reconcile().accepted();
    let whole = world.links();
    let decisions: Vec<usize> = world
        .kinds()
        .iter()
        .enumerate()
        .filter(|(_, kind)| *kind == "decision")
        .map(|(place, _)| place)
        .collect();
    let damage = |place: usize| {
        let mut links = whole.clone();
        links[place].files.insert("record.json".into(), b"{".to_vec());
        world.forge(&links);
        let _ = std::fs::remove_file(world.path("server.git/changegate/newest"));
    };
    // The decision of the change that closes it is the last but one.
    damage(decisions[decisions.len() - 2]);
    let told = world.changegate("server.git", &["sweep"]);
    assert!(!told.ok, "{}", told.seen);
    told.says("no change on refs/heads/main closes an obligation: the record in commit")
        .says("may say that one landed although it was denied")
        .says("1 due soon");
    damage(decisions[0]);
    world.changegate("server.git", &["sweep"]).accepted().says("1 open, 1 closed in time");
}
