//! The git side of the fake: a bare repository behind git's own `http-backend`, which asks for the token
//! and fails in the way a test asks for.

use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use super::http::{Answer, Request};

/// A git server that is gone when the test is over.
#[derive(Clone)]
pub(crate) struct Backend {
    port: u16,
    folder: Arc<tempfile::TempDir>,
    inner: Arc<Mutex<Inner>>,
}

/// Part of a request, and what happens before it is answered.
type Before = (&'static str, Box<dyn FnOnce() + Send>);

#[derive(Default)]
struct Inner {
    is_read_only: bool,
    /// What happens just before the next request that holds a text.
    before: Vec<Before>,
    seen: Vec<Request>,
}

impl Backend {
    /// Serves an empty repository `acme/shop.git`, which takes pushes by who has the token.
    pub(crate) fn start() -> Backend {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let backend = Backend { port, folder: Arc::new(folder), inner: Arc::default() };
        let at = backend.path();
        std::fs::create_dir_all(&at).unwrap();
        let git = |args: &[&str]| {
            assert!(Command::new("git").arg("-C").arg(&at).args(args).status().unwrap().success());
        };
        git(&["init", "--quiet", "--bare"]);
        git(&["config", "http.receivepack", "true"]);
        let (root, inner) = (backend.folder.path().to_owned(), Arc::clone(&backend.inner));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (root, inner) = (root.clone(), Arc::clone(&inner));
                std::thread::spawn(move || serve(stream, &root, &inner));
            }
        });
        backend
    }

    /// Returns the address of the server.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns where the repository is.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("acme/shop.git")
    }

    /// Lets nobody push.
    pub(crate) fn read_only(&self, is_read_only: bool) {
        self.inner.lock().unwrap().is_read_only = is_read_only;
    }

    /// Does something just before the next request that holds `on` is answered.
    pub(crate) fn before(&self, on: &'static str, what: impl FnOnce() + Send + 'static) {
        self.inner.lock().unwrap().before.push((on, Box::new(what)));
    }

    /// Returns every request so far.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.inner.lock().unwrap().seen.clone()
    }
}

fn serve(mut stream: TcpStream, root: &Path, inner: &Mutex<Inner>) {
    let Ok(copy) = stream.try_clone() else { return };
    let mut from = BufReader::new(copy);
    while let Some(request) = Request::read(&mut from) {
        let query: Vec<String> =
            request.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let query = query.join("&");
        let told = format!("{} {}?{query}", request.method, request.path);
        let (is_read_only, before) = {
            let mut inner = inner.lock().unwrap();
            inner.seen.push(request.clone());
            let at = inner.before.iter().position(|(on, _)| told.contains(on));
            (inner.is_read_only, at.map(|at| inner.before.remove(at).1))
        };
        if let Some(what) = before {
            what();
        }
        // As GitHub takes it: `x-access-token` and the token of these tests.
        let wanted = "Basic eC1hY2Nlc3MtdG9rZW46YS1wbGFpbi10b2tlbg==";
        let plain = |status, text: &str| Answer {
            status,
            headers: vec![("content-type".into(), "text/plain".into())],
            body: text.as_bytes().to_vec(),
            cut: None,
        };
        let answer = if request.header("authorization") != Some(wanted) {
            plain(401, "Authentication failed\n").with("www-authenticate", "Basic realm=\"GitHub\"")
        } else if is_read_only && told.contains("git-receive-pack") {
            plain(403, "remote: Write access to repository not granted.\n")
        } else {
            run(&request, &query, root)
        };
        if !answer.send(&mut stream) {
            return;
        }
    }
}

/// Asks `git http-backend`.
fn run(request: &Request, query: &str, root: &Path) -> Answer {
    let mut command = Command::new("git");
    command.arg("http-backend").stdin(Stdio::piped()).stdout(Stdio::piped()).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap()).env("GIT_PROJECT_ROOT", root);
    command.env("GIT_HTTP_EXPORT_ALL", "1").env("REMOTE_USER", "x-access-token").env("HOME", root);
    command.env("PATH_INFO", &request.path).env("QUERY_STRING", query);
    command.env("REQUEST_METHOD", &request.method).env("CONTENT_LENGTH", request.body.len().to_string());
    for (name, variable) in [
        ("content-type", "CONTENT_TYPE"),
        ("content-encoding", "HTTP_CONTENT_ENCODING"),
        ("git-protocol", "GIT_PROTOCOL"),
    ] {
        command.env(variable, request.header(name).unwrap_or_default());
    }
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let body = request.body.clone();
    let writer = std::thread::spawn(move || drop(stdin.write_all(&body)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let out = output.stdout;
    let end = out.windows(4).position(|part| part == b"\r\n\r\n").unwrap();
    let mut answer = Answer { status: 200, headers: Vec::new(), body: out[end + 4..].to_vec(), cut: None };
    for line in String::from_utf8_lossy(&out[..end]).lines() {
        let (name, value) = line.split_once(": ").unwrap();
        match name {
            "Status" => answer.status = value.split(' ').next().unwrap().parse().unwrap(),
            _ => answer.headers.push((name.to_ascii_lowercase(), value.to_owned())),
        }
    }
    answer
}
