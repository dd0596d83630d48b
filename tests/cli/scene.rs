//! A directory with a repository that is the same in every run, byte for byte, and the binary run in it
//! as a user runs it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub(crate) struct Scene {
    home: tempfile::TempDir,
    /// The directory in which commands run.
    pub(crate) directory: PathBuf,
    transcript: String,
    second: u64,
}

impl Scene {
    /// Returns a scene with an empty directory.
    pub(crate) fn new() -> Scene {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().canonicalize().unwrap().join("app");
        std::fs::create_dir(&directory).unwrap();
        Scene { home, directory, transcript: String::new(), second: 1_780_000_000 }
    }

    /// Returns a scene with a repository that has no commits.
    pub(crate) fn repository() -> Scene {
        let mut scene = Scene::new();
        scene.git(&["init", "-q", "-b", "main", "."]);
        scene
    }

    fn clean(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.directory).env_clear();
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env("PATH", path).env("HOME", self.home.path()).env("LC_ALL", "C").env("TZ", "UTC");
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        command
    }

    pub(crate) fn git(&mut self, args: &[&str]) -> String {
        self.second += 60;
        let mut command = self.clean("git");
        for who in ["AUTHOR", "COMMITTER"] {
            command
                .env(format!("GIT_{who}_NAME"), "Ana Lang")
                .env(format!("GIT_{who}_EMAIL"), "ana@example.com");
            command.env(format!("GIT_{who}_DATE"), format!("{} +0000", self.second));
        }
        let output = command.args(args).output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.directory.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Commits all files in the directory.
    pub(crate) fn commit(&mut self, message: &str) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "--cleanup=verbatim", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Returns the binary, ready to run in the directory of the user.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.clean(env!("CARGO_BIN_EXE_changegate"));
        command.args(args);
        command
    }

    pub(crate) fn feed(mut command: Command, input: &[u8]) -> Output {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let writer = std::thread::spawn(move || {
            // A command that refuses its arguments reads nothing.
            let _ = stdin.write_all(&input);
        });
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        output
    }

    /// Runs the binary and adds its output to the transcript; returns its exit code.
    pub(crate) fn run(&mut self, args: &[&str]) -> i32 {
        self.run_with(args, b"", |_| {})
    }

    /// Does the same with an input and an environment.
    pub(crate) fn run_with(&mut self, args: &[&str], input: &[u8], set: impl Fn(&mut Command)) -> i32 {
        let mut command = self.command(args);
        set(&mut command);
        let variables: Vec<String> = command
            .get_envs()
            .filter(|(name, _)| !["PATH", "HOME", "LC_ALL", "TZ"].iter().any(|known| name == known))
            .filter(|(name, _)| !name.to_string_lossy().starts_with("GIT_CONFIG"))
            .filter_map(|(name, value)| Some(format!("{}={} ", name.display(), value?.display())))
            .collect();
        let output = Scene::feed(command, input);
        let code = output.status.code().unwrap_or(-1);
        let words: Vec<String> = args.iter().map(|word| quoted(word)).collect();
        let line = format!("$ {}changegate {}", variables.concat(), words.join(" "));
        writeln!(self.transcript, "{}\n[exit {code}]", line.trim_end()).unwrap();
        for (name, stream) in [("stdout", output.stdout), ("stderr", output.stderr)] {
            let text = self.scrubbed(&String::from_utf8_lossy(&stream));
            if !text.is_empty() {
                writeln!(self.transcript, "--- {name}\n{}", text.trim_end_matches('\n')).unwrap();
            }
        }
        self.transcript.push('\n');
        code
    }

    /// Returns text without what differs between machines and moments, with visible escape sequences.
    fn scrubbed(&self, text: &str) -> String {
        let home = self.home.path().canonicalize().unwrap();
        let text = text.replace(home.to_str().unwrap(), "[HOME]").replace('\u{1b}', "<ESC>");
        let time = r"20[2-9]\d-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?Z?";
        let text = regex::Regex::new(time).unwrap().replace_all(&text, "[TIME]");
        let digest = r#"("digest": "|sha256:)[0-9a-f]+"#;
        regex::Regex::new(digest).unwrap().replace_all(&text, "$1[DIGEST]").into_owned()
    }

    /// Compares the transcript with the snapshot `name`.
    pub(crate) fn is(self, name: &str) {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(Path::new("."));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, self.transcript));
    }
}

fn quoted(word: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./:=^~,".contains(character);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{word}'") }
}
