//! A second opinion on Jira Data Center: `jira820`, somebody else's mock of version 8.20. It is
//! looked for in `target/ticket-tools`, where `.ci/run` puts it; without it this is skipped, and says
//! so.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use changegate::change::Oid;
use serde_json::json;

use crate::server::{found, sources};

/// A process that ends with the test.
struct Mock(Child);

impl Drop for Mock {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn jira_data_center_as_somebody_else_understands_it() {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/ticket-tools/bin/jira820");
    if !program.exists() {
        eprintln!("skipped: there is no {}", program.display());
        return;
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new(program);
    command.env("JIRA820_PORT", port.to_string()).env("JIRA820_HOST", "127.0.0.1");
    let _mock = Mock(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let answers = (0..300).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    assert!(answers, "the mock does not start");
    let url = format!("http://127.0.0.1:{port}");
    let mut sources = sources(&format!("'*': {{ jira-data-center: '{url}' }}"), &url);
    let ticket = found(&mut sources, "JIRA820-1").unwrap().unwrap();
    assert_eq!((ticket.key, ticket.project), ("JIRA820-1".into(), "JIRA820".into()));
    assert_eq!(ticket.backdated, Ok(None));
    assert_eq!((ticket.kind, ticket.state, ticket.is_closed), ("Epic".into(), "Done".into(), Some(true)));
    assert!(!ticket.text.as_bytes().is_empty());
    // Its tickets are not made in the order of their keys, and that is seen.
    let doubted = (2..60)
        .filter(|number| {
            let ticket = found(&mut sources, &format!("JIRA820-{number}")).unwrap().unwrap();
            ticket.backdated.unwrap().is_some()
        })
        .count();
    assert!(0 < doubted, "none is out of order");
    assert_eq!(found(&mut sources, "JIRA820-99999"), Ok(None));
    assert_eq!(found(&mut sources, "NOPE-1"), Ok(None));
    // A ticket that names a commit is found by its digits.
    let id = "1f0c3a9be27d66aa0123456789abcdef01234567";
    assert_eq!(sources.find_mentions(Oid::from_hex(id).unwrap()).remove(0).1, Ok(Vec::new()));
    let made = make(port, &format!("Bypass of {id}"));
    let named = sources.find_mentions(Oid::from_hex(id).unwrap()).remove(0).1.unwrap();
    assert_eq!(named.len(), 1);
    assert!(made.contains(&format!("\"{}\"", named[0].key.to_lossy())), "{made}");
}

/// Makes a ticket with this title, and returns what the mock says.
fn make(port: u16, title: &str) -> String {
    let body = json!({ "fields": {
        "project": { "key": "JIRA820" }, "summary": title, "issuetype": { "name": "Bug" },
    } });
    let (body, mut told) = (body.to_string(), String::new());
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(
        stream,
        "POST /rest/api/2/issue HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    stream.read_to_string(&mut told).unwrap();
    told
}
