//! Repositories of the tests: one with the ledger of an earlier version, and one that a test writes itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A policy that any author can keep.
const POLICY: &str = "\
changegate: 1
name: shop
protects: [main]
fields:
  Risk: { one-of: [low, high] }
rules:
  risk:
    title: states its risk
    require: { field: { Risk: present } }
";

/// A repository in a folder of its own.
pub(crate) struct ShowLab {
    _folder: tempfile::TempDir,
    pub(crate) path: PathBuf,
    clock: u64,
}

impl ShowLab {
    fn create(name: &str) -> ShowLab {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::create_dir(&path).unwrap();
        let lab = ShowLab { _folder: folder, path, clock: 1_780_000_000 };
        lab.git(&["init", "-q", "-b", "main"]);
        lab
    }

    /// Returns the repository of version 0.1.0 with its ledger.
    pub(crate) fn with_ledger() -> ShowLab {
        let lab = ShowLab::create("shop");
        let bundle = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ledger/fixture/0.1.0.bundle");
        lab.git(&["fetch", "-q", "--update-head-ok", bundle.to_str().unwrap(), "refs/*:refs/*"]);
        lab
    }

    /// Returns a repository that holds a policy and nothing else.
    pub(crate) fn with_policy() -> ShowLab {
        let mut lab = ShowLab::create("shop");
        fs::create_dir(lab.path.join("policies")).unwrap();
        fs::write(lab.path.join("policies/changegate.yml"), POLICY).unwrap();
        lab.commit("Begin\n\nRisk: low\n", "Ana", Some(("README", "shop")));
        lab
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        let mut command = Command::new("git");
        command.current_dir(&self.path).args(args).env("GIT_CONFIG_GLOBAL", "/dev/null");
        for (key, value) in [
            ("GIT_COMMITTER_NAME", "Ana"),
            ("GIT_COMMITTER_EMAIL", "ana@example.com"),
            ("GIT_AUTHOR_NAME", "Ana"),
            ("GIT_AUTHOR_EMAIL", "ana@example.com"),
            ("GIT_COMMITTER_DATE", &format!("{} +0000", self.clock)),
            ("GIT_AUTHOR_DATE", &format!("{} +0000", self.clock)),
        ] {
            command.env(key, value);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Commits a file with a message, an hour after the commit before; returns the id.
    pub(crate) fn commit(&mut self, message: &str, author: &str, file: Option<(&str, &str)>) -> String {
        self.clock += 3600;
        if let Some((name, content)) = file {
            fs::write(self.path.join(name), content).unwrap();
        }
        self.git(&["add", "-A"]);
        let author = format!("--author={author} <ana@example.com>");
        self.git(&["commit", "-q", "--allow-empty", "--cleanup=verbatim", &author, "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    pub(crate) fn tick(&mut self) {
        self.clock += 3600;
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_changegate"))
            .current_dir(&self.path)
            .args(args)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Returns what a command prints that succeeds.
    pub(crate) fn print(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Returns what a command complains of that ends with 2.
    pub(crate) fn complain(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stderr).unwrap()
    }
}
