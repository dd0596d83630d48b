//! A bare repository with the gate, a clone, and git as on a machine of which nothing is known.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The binary under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_changegate");

/// The policy that most tests are judged by.
pub(crate) const POLICY: &str = "\
changegate: 1
name: test
extends: [startup]
protects: [main, 'release/*', 'refs/tags/v*']
";

/// The same, but every new commit is a change.
pub(crate) const BY_COMMIT: &str = "\
changegate: 1
name: test
extends: [startup]
protects: [main, 'release/*', 'refs/tags/v*']
unit: commit
";

/// The ref that most tests are about.
pub(crate) const MAIN: &str = "refs/heads/main";

/// The null id of a repository with SHA-1.
pub(crate) const ZERO: &str = "0000000000000000000000000000000000000000";

/// A message that breaks no rule.
pub(crate) fn good(subject: &str) -> String {
    format!("{subject}\n\nChange-Type: normal\nRisk: low\nReviewed-by: Ben <ben@example.com>\n")
}

/// A message of a change that nobody has reviewed.
pub(crate) fn bad(subject: &str) -> String {
    format!("{subject}\n\nChange-Type: normal\nRisk: low\n")
}

pub(crate) struct World {
    folder: tempfile::TempDir,
    /// Set in the environment of every push.
    pub(crate) environment: Vec<(String, String)>,
}

/// What came of a push.
pub(crate) struct Pushed {
    pub(crate) ok: bool,
    pub(crate) seen: String,
}

impl Pushed {
    #[track_caller]
    pub(crate) fn accepted(&self) -> &Self {
        assert!(self.ok, "refused:\n{}", self.seen);
        self
    }

    #[track_caller]
    pub(crate) fn refused(&self, piece: &str) -> &Self {
        assert!(!self.ok, "accepted:\n{}", self.seen);
        self.says(piece)
    }

    #[track_caller]
    pub(crate) fn says(&self, piece: &str) -> &Self {
        // Lines are folded for people; a piece may run over the end of one.
        let flat = |text: &str| text.replace("remote: ", "").split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat(&self.seen).contains(&flat(piece)), "no {piece:?} in:\n{}", self.seen);
        self
    }

    #[track_caller]
    pub(crate) fn does_not_say(&self, piece: &str) -> &Self {
        assert!(!self.seen.contains(piece), "{piece:?} in:\n{}", self.seen);
        self
    }
}

impl From<Output> for Pushed {
    fn from(output: Output) -> Self {
        let both = [output.stderr, output.stdout].concat();
        Pushed { ok: output.status.success(), seen: String::from_utf8_lossy(&both).into_owned() }
    }
}

impl World {
    /// A server under the test policy, and a clone of it.
    pub(crate) fn new() -> World {
        World::under(POLICY)
    }

    /// A server under this policy.
    pub(crate) fn under(policy: &str) -> World {
        World::with(Some(policy), "sha1")
    }

    /// A server, with a policy on main or without, with objects named like this.
    pub(crate) fn with(policy: Option<&str>, format: &str) -> World {
        let world = World { folder: tempfile::tempdir().unwrap(), environment: Vec::new() };
        let format = format!("--object-format={format}");
        world.git_in("", &["init", "-q", "--bare", "-b", "main", &format, "server.git"]);
        world.git_in("", &["init", "-q", "-b", "main", &format, "work"]);
        world.git(&["remote", "add", "origin", &world.url()]);
        world.write("README", "first\n");
        if let Some(policy) = policy {
            world.write("policies/changegate.yml", policy);
        }
        world.commit("First\n");
        world.git_in("server.git", &["fetch", "-q", "../work", "main:main"]);
        world.git(&["fetch", "-q", "origin"]);
        let installed = world.changegate("server.git", &["install", "--server", "--pusher", "none"]);
        installed.accepted();
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where the clone pushes to.
    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.path("server.git").display())
    }

    pub(crate) fn command(&self, program: &str, folder: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.path(folder))
            .env_clear()
            .env("PATH", path_without_program())
            .env("HOME", self.folder.path())
            .env("XDG_CONFIG_HOME", self.folder.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_NAME", "Ana")
            .env("GIT_AUTHOR_EMAIL", "ana@example.com")
            .env("GIT_COMMITTER_NAME", "Ana")
            .env("GIT_COMMITTER_EMAIL", "ana@example.com")
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs git in the clone; it has to succeed. Returns what it prints.
    #[track_caller]
    pub(crate) fn git(&self, args: &[&str]) -> String {
        self.git_in("work", args)
    }

    #[track_caller]
    pub(crate) fn git_in(&self, folder: &str, args: &[&str]) -> String {
        let output = self.command("git", folder).args(args).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {args:?}: {said}");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Runs git in the clone with this input; it has to succeed.
    #[track_caller]
    pub(crate) fn git_fed(&self, folder: &str, args: &[&str], input: &[u8]) -> Vec<u8> {
        let mut command = self.command("git", folder);
        let output = fed(command.args(args), input);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {args:?}: {said}");
        output.stdout
    }

    pub(crate) fn changegate(&self, folder: &str, args: &[&str]) -> Pushed {
        self.command(BINARY, folder).args(args).output().unwrap().into()
    }

    pub(crate) fn write(&self, file: &str, content: &str) {
        let path = self.path("work").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Commits all that is there, or nothing new, and returns the id.
    #[track_caller]
    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "--no-verify", "-m", message]);
        self.head()
    }

    /// Makes a commit with this message upon these parents, with the tree of the first one.
    #[track_caller]
    pub(crate) fn commit_tree(&self, parents: &[&str], message: &str) -> String {
        let tree = match parents.first() {
            Some(first) => format!("{first}^{{tree}}"),
            None => "HEAD^{tree}".to_owned(),
        };
        let mut args = vec!["commit-tree", &tree, "-m", message];
        for parent in parents {
            args.extend(["-p", parent]);
        }
        self.git(&args)
    }

    /// Brings a branch to the server past the hook.
    pub(crate) fn bring(&self, refspec: &str) {
        self.git_in("server.git", &["fetch", "-q", "../work", refspec]);
    }

    /// Brings a branch to the server past the hook, and has the ledger tell of it.
    pub(crate) fn bypass_gate(&self, refspec: &str) {
        self.bring(refspec);
        self.changegate("server.git", &["ledger", "reconcile"]);
    }

    /// Puts a branch of the server back past the hook, and has the ledger tell of it.
    pub(crate) fn put_back(&self, name: &str, commit: &str) {
        self.git_in("server.git", &["update-ref", name, commit]);
        self.changegate("server.git", &["ledger", "reconcile"]);
    }

    /// Makes a topic with an unreviewed commit inside, and merges it into main; returns the inner commit.
    pub(crate) fn merge_topic(&self) -> String {
        self.git(&["checkout", "-q", "-b", "topic"]);
        self.write("backdoor", "1");
        let inner = self.commit("wip\n");
        self.git(&["rm", "-q", "backdoor"]);
        self.write("nice", "1");
        self.commit("nice\n");
        self.git(&["checkout", "-q", "main"]);
        self.git(&["merge", "-q", "--no-ff", "--no-verify", "-m", &good("Nice"), "topic"]);
        inner
    }

    /// Makes keys to sign with, one for each name, in files of these names; returns the lines that tell whose they are, or
    /// nothing where there is no ssh-keygen.
    #[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
    pub(crate) fn make_keys(&self, names: &[&str]) -> Option<Vec<String>> {
        let mut lines = Vec::new();
        for who in names {
            let mut made = self.command("ssh-keygen", "");
            made.args(["-q", "-t", "ed25519", "-N", "", "-C", who, "-f", who]);
            if !made.output().is_ok_and(|output| output.status.success()) {
                eprintln!("skipped: there is no ssh-keygen");
                return None;
            }
            let public = fs::read_to_string(self.path(&format!("{who}.pub"))).unwrap();
            lines.push(format!("{who}@example.com namespaces=\"git\" {public}"));
        }
        self.git(&["config", "gpg.format", "ssh"]);
        Some(lines)
    }

    pub(crate) fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    /// Returns what a ref of the server holds.
    pub(crate) fn at(&self, name: &str) -> Option<String> {
        let output =
            self.command("git", "server.git").args(["rev-parse", "--verify", "-q", name]).output().unwrap();
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    /// Returns what main holds on the server.
    pub(crate) fn main(&self) -> String {
        self.at(MAIN).unwrap()
    }

    /// Pushes these refspecs to the server.
    pub(crate) fn push(&self, refspecs: &[&str]) -> Pushed {
        self.command("git", "work").args(["push", "origin"]).args(refspecs).output().unwrap().into()
    }

    /// Talks to receive-pack without a client: these commands (old, new, ref), and the objects that
    /// `pack` leads to.
    pub(crate) fn push_raw(&self, commands: &[(&str, &str, &str)], pack: &[&str]) -> Pushed {
        let mut input = Vec::new();
        for (number, (old, new, name)) in commands.iter().enumerate() {
            let format = if old.len() == 64 { " object-format=sha256" } else { "" };
            let capabilities =
                if number == 0 { format!("\0report-status delete-refs{format}") } else { String::new() };
            let line = format!("{old} {new} {name}{capabilities}\n");
            write!(input, "{:04x}{line}", line.len() + 4).unwrap();
        }
        input.extend_from_slice(b"0000");
        if !pack.is_empty() {
            let revisions = pack.join("\n") + "\n";
            let packed = ["pack-objects", "--revs", "--stdout", "-q"];
            input.extend(self.git_fed("work", &packed, revisions.as_bytes()));
        }
        let mut command = self.command("git", "");
        let mut pushed: Pushed = fed(command.args(["receive-pack", "server.git"]), &input).into();
        // receive-pack ends well whatever it says.
        pushed.ok = pushed.seen.contains("ok refs/") && !pushed.seen.contains("ng refs/");
        pushed
    }

    /// Sets something in the server's configuration.
    pub(crate) fn configure(&self, key: &str, value: &str) {
        self.git_in("server.git", &["config", key, value]);
    }
}

/// Returns the `PATH` of the tests, on which no installed changegate is: what lies beside one is found by
/// links.
pub(crate) fn path_without_program() -> &'static std::ffi::OsString {
    static PATH: std::sync::OnceLock<std::ffi::OsString> = std::sync::OnceLock::new();
    PATH.get_or_init(|| {
        let mut folders = Vec::new();
        for folder in std::env::split_paths(&std::env::var_os("PATH").unwrap()) {
            if !folder.join("changegate").exists() {
                folders.push(folder);
                continue;
            }
            let links = tempfile::tempdir().unwrap().keep();
            for entry in fs::read_dir(&folder).unwrap() {
                let entry = entry.unwrap();
                if entry.file_name() != "changegate" {
                    std::os::unix::fs::symlink(entry.path(), links.join(entry.file_name())).unwrap();
                }
            }
            folders.push(links);
        }
        std::env::join_paths(folders).unwrap()
    })
}

/// Runs a command with this input.
pub(crate) fn fed(command: &mut Command, input: &[u8]) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let input = input.to_vec();
    // Whoever does not read his input is no failure of the test's.
    let feeder = std::thread::spawn(move || {
        let _ = pipe.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    output
}

/// Makes a file that can be run.
pub(crate) fn script(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
