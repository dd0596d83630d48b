//! A second opinion on Jira Data Center: `jira820`, somebody else's mock of version 8.20. It is
//! looked for in `target/ticket-tools`, where `.ci/run` puts it; without it this is skipped, and says
//! so.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

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
    assert_eq!(ticket.doubt, Ok(None));
    assert_eq!((ticket.kind, ticket.state, ticket.is_closed), ("Epic".into(), "Done".into(), Some(true)));
    assert!(!ticket.text.as_bytes().is_empty());
    // Its tickets are not made in the order of their keys, and that is seen.
    let doubted = (2..60)
        .filter(|number| {
            let ticket = found(&mut sources, &format!("JIRA820-{number}")).unwrap().unwrap();
            ticket.doubt.unwrap().is_some()
        })
        .count();
    assert!(0 < doubted, "none is out of order");
    assert_eq!(found(&mut sources, "JIRA820-99999"), Ok(None));
    assert_eq!(found(&mut sources, "NOPE-1"), Ok(None));
}
