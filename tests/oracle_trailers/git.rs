//! Git as the judge: what it makes of messages, many of them per process.
//!
//! Git runs in an empty repository of its own and without anybody's configuration, so that its
//! answers depend on nothing but the messages and its version.

use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// What `git log` shows of one commit.
pub(crate) struct Logged {
    pub(crate) subject: Vec<u8>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<u8>,
}

/// A git with a repository that holds nothing but what a test puts there.
pub(crate) struct Git {
    home: TempDir,
}

impl Git {
    pub(crate) fn new() -> Self {
        let git = Git { home: tempfile::tempdir().unwrap() };
        git.run(&["init", "--quiet", "--initial-branch=main", "."], b"");
        git
    }

    /// Runs git with `arguments` and `input`, and returns what it printed.
    pub(crate) fn run(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut child = isolated(Command::new("git"))
            .args(arguments)
            .current_dir(self.home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("git has to be on PATH, it is the judge");
        let mut stdin = child.stdin.take().unwrap();
        // Git may print before it has read everything, so that writing and reading have to overlap.
        let output = std::thread::scope(|scope| {
            scope.spawn(move || stdin.write_all(input).unwrap());
            child.wait_with_output().unwrap()
        });
        let said = output.stderr.escape_ascii();
        assert!(output.status.success(), "git {arguments:?} failed: {said}");
        output.stdout
    }

    /// Records one commit per message and returns what `git log` shows of each.
    pub(crate) fn log(&self, messages: &[Vec<u8>]) -> Vec<Logged> {
        let mut stream = b"reset refs/heads/main\n\n".to_vec();
        for message in messages {
            stream.extend_from_slice(b"commit refs/heads/main\ncommitter A <a@b.example> 1 +0000\n");
            stream.extend_from_slice(format!("data {}\n", message.len()).as_bytes());
            stream.extend_from_slice(message);
            stream.push(b'\n');
        }
        self.run(&["fast-import", "--quiet", "--force"], &stream);
        let format = "--format=tformat:%s%x00%b%x00%(trailers:only,unfold)";
        let printed = self.run(&["log", "-z", "--reverse", "--topo-order", format, "main"], b"");
        // To git a message is a C string, so that NUL can stand between the parts.
        let mut parts = printed.split(|byte| *byte == 0).map(<[u8]>::to_vec);
        let mut next = || parts.next().expect("git log shows every commit");
        messages.iter().map(|_| Logged { subject: next(), body: next(), trailers: next() }).collect()
    }

    /// Returns what `git interpret-trailers --parse` prints for each message, with `options` added.
    ///
    /// One process reads many files; a file with one known trailer stands between each two.
    pub(crate) fn interpret(&self, messages: &[Vec<u8>], options: &[&str]) -> Vec<Vec<u8>> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("mark"), "s\n\nZz-Next-Message: x\n").unwrap();
        let mark = path(folder.path(), "mark");
        let mut all = Vec::new();
        for chunk in messages.chunks(2000) {
            let mut arguments = vec!["interpret-trailers".to_owned(), "--parse".to_owned()];
            arguments.extend(options.iter().map(|option| (*option).to_owned()));
            for (index, message) in chunk.iter().enumerate() {
                let name = index.to_string();
                fs::write(folder.path().join(&name), message).unwrap();
                arguments.extend([path(folder.path(), &name), mark.clone()]);
            }
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let printed = self.run(&arguments, b"");
            let mut answers = vec![Vec::new()];
            for line in printed.split_inclusive(|byte| *byte == b'\n') {
                if line == b"Zz-Next-Message: x\n" {
                    answers.push(Vec::new());
                } else {
                    answers.last_mut().unwrap().extend_from_slice(line);
                }
            }
            assert_eq!(answers.pop().as_deref(), Some(&b""[..]));
            assert_eq!(answers.len(), chunk.len());
            all.extend(answers);
        }
        all
    }

    /// Returns the message of a commit that is made by `git commit` with `options`, where the
    /// editor leaves `edited`. That is also what a `commit-msg` hook would see.
    pub(crate) fn commit(&self, edited: &[u8], options: &[&str]) -> Vec<u8> {
        fs::write(self.home.path().join("edited"), edited).unwrap();
        let mut arguments = vec!["-c", "user.name=A", "-c", "user.email=a@b.example"];
        arguments.extend(["-c", "core.editor=cp edited"]);
        arguments.extend_from_slice(options);
        arguments.extend(["--quiet", "--allow-empty", "--allow-empty-message"]);
        self.run(&arguments, b"");
        let raw = self.run(&["cat-file", "commit", "HEAD"], b"");
        let header = raw.windows(2).position(|pair| pair == b"\n\n").unwrap();
        raw[header + 2..].to_vec()
    }
}

/// Returns what `git log` shows of every commit of the repository at `path`, with the message
/// itself in UTF-8, in front.
pub(crate) fn log_of_repository(path: &str) -> Vec<(Vec<u8>, Logged)> {
    let output = isolated(Command::new("git"))
        .args(["-C", path, "log", "--all", "-z", "--encoding=UTF-8", "--no-show-signature"])
        .arg("--format=tformat:%B%x00%s%x00%b%x00%(trailers:only,unfold)")
        .output()
        .unwrap();
    assert!(output.status.success(), "git log failed in {path}");
    let mut parts: Vec<Vec<u8>> = output.stdout.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
    assert_eq!(parts.pop().as_deref(), Some(&b""[..]), "the last record is terminated");
    assert_eq!(parts.len() % 4, 0);
    let mut parts = parts.into_iter();
    let mut logged = Vec::new();
    while let (Some(raw), Some(subject), Some(body), Some(trailers)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    {
        logged.push((raw, Logged { subject, body, trailers }));
    }
    logged
}

fn isolated(mut command: Command) -> Command {
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").env("LC_ALL", "C");
    command.env_remove("GIT_EDITOR").env_remove("VISUAL").env_remove("EDITOR");
    // A hook or an alias that runs the tests has these set, and they would lead elsewhere.
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS"] {
        command.env_remove(name);
    }
    command
}

fn path(folder: &Path, name: &str) -> String {
    let mut path = folder.to_str().unwrap().to_owned();
    write!(path, "/{name}").unwrap();
    path
}
