//! Repositories made by git itself, for tests in which git is the judge.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use changegate::change::Oid;
use changegate::git::Repository;

/// A bare repository that is gone when the test is over.
pub(crate) struct Lab {
    home: tempfile::TempDir,
    pub(crate) dir: PathBuf,
}

impl Lab {
    pub(crate) fn new() -> Lab {
        Lab::with_format("sha1")
    }

    pub(crate) fn with_format(format: &str) -> Lab {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("repository.git");
        let lab = Lab { dir, home };
        let path = lab.dir.to_str().unwrap().to_owned();
        lab.run(
            lab.home.path(),
            &["init", "-q", "--bare", "-b", "main", "--object-format", format, &path],
            b"",
        );
        lab
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn open(&self) -> Repository {
        Repository::open_at(&self.dir, None).unwrap()
    }

    /// Returns a git that knows nothing of this machine.
    pub(crate) fn command(&self, dir: &Path) -> Command {
        let mut command = Command::new("git");
        command.current_dir(dir);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GIT_")) {
            command.env_remove(name);
        }
        command
            .env("HOME", self.home.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1");
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "Ana").env(format!("GIT_{who}_EMAIL"), "ana@example.com");
        }
        command
    }

    pub(crate) fn output(&self, dir: &Path, args: &[&str], input: &[u8]) -> Output {
        let mut command = self.command(dir);
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let writer = std::thread::spawn(move || {
            // A git that has read enough may hang up.
            let _ = stdin.write_all(&input);
        });
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        output
    }

    pub(crate) fn run(&self, dir: &Path, args: &[&str], input: &[u8]) -> Vec<u8> {
        let output = self.output(dir, args, input);
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Runs git in the repository and returns what it prints, without the last newline.
    pub(crate) fn git(&self, args: &[&str]) -> String {
        let printed = String::from_utf8(self.run(&self.dir, args, b"")).unwrap();
        printed.trim_end_matches('\n').to_owned()
    }

    pub(crate) fn id(&self, spec: &str) -> Oid {
        oid(&self.git(&["rev-parse", spec]))
    }

    /// Feeds `git fast-import` and returns the ids of the marks.
    pub(crate) fn import(&self, stream: &[u8]) -> HashMap<usize, Oid> {
        let marks = self.home.path().join("marks");
        let export = format!("--export-marks={}", marks.display());
        self.run(
            &self.dir,
            &["fast-import", "--quiet", "--force", "--date-format=raw-permissive", &export],
            stream,
        );
        let marks = std::fs::read_to_string(marks).unwrap();
        marks
            .lines()
            .map(|line| {
                let (mark, id) = line.split_once(' ').unwrap();
                (mark.trim_start_matches(':').parse().unwrap(), oid(id))
            })
            .collect()
    }

    /// Writes an object of any content, however wrong.
    pub(crate) fn write(&self, kind: &str, content: &[u8]) -> Oid {
        let printed =
            self.run(&self.dir, &["hash-object", "-t", kind, "-w", "--stdin", "--literally"], content);
        oid(std::str::from_utf8(&printed).unwrap().trim_end())
    }
}

pub(crate) fn oid(hex: &str) -> Oid {
    Oid::from_hex(hex).unwrap_or_else(|| panic!("{hex:?} is no id"))
}

/// Numbers that are the same in every run.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Returns a number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % end.max(1)
    }
}

/// Appends one commit to a stream for `git fast-import`.
pub(crate) fn commit(stream: &mut Vec<u8>, mark: usize, date: u64, parents: &[usize], files: &[u8]) {
    let message = format!("commit {mark}\n\nRisk: low\n");
    write!(stream, "reset refs/heads/all\ncommit refs/heads/all\nmark :{mark}\n").unwrap();
    writeln!(stream, "author Ana <ana@example.com> {date} +0000").unwrap();
    write!(stream, "committer Bob <bob@example.com> {date} +0000\ndata {}\n{message}", message.len())
        .unwrap();
    for (index, parent) in parents.iter().enumerate() {
        writeln!(stream, "{} :{parent}", if index == 0 { "from" } else { "merge" }).unwrap();
    }
    stream.extend_from_slice(files);
    stream.push(b'\n');
}
