//! Installing the action's program: what is downloaded is verified, what cannot be verified is not run,
//! and whatever goes wrong fails. The releases are a folder.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sha2::{Digest as _, Sha256};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// An action, a folder of releases, and a PATH with nothing on it but what the script may count on.
struct Site {
    top: tempfile::TempDir,
}

/// What the script did.
struct Done {
    output: Output,
    /// The step's outputs.
    outputs: String,
}

impl Site {
    /// Returns a site, unless the machine lacks what the script needs.
    fn new() -> Option<Site> {
        let site = Site { top: tempfile::tempdir().unwrap() };
        for folder in ["bin", "action/.github/action", "releases", "temp"] {
            fs::create_dir_all(site.path(folder)).unwrap();
        }
        for tool in [
            "bash",
            "sed",
            "head",
            "uname",
            "mkdir",
            "awk",
            "curl",
            "sha256sum",
            "mv",
            "chmod",
            "rm",
            "sh",
            "touch",
            "cat",
        ] {
            let path = std::env::var("PATH").unwrap();
            let Some(found) =
                std::env::split_paths(&path).map(|folder| folder.join(tool)).find(|file| file.is_file())
            else {
                eprintln!("skipped: `{tool}` is not installed");
                return None;
            };
            symlink(found, site.path("bin").join(tool)).unwrap();
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for file in ["Cargo.toml", ".github/action/install.sh", ".github/action/judge.sh"] {
            fs::copy(root.join(file), site.path("action").join(file)).unwrap();
        }
        Some(site)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.top.path().join(name)
    }

    /// Writes a program that says which version it is.
    fn program(&self, path: &Path, version: &str) {
        self.script(path, &format!("echo changegate {version}"));
    }

    fn script(&self, path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Puts a binary into a release, and returns its line for the table.
    fn release(&self, version: &str) -> String {
        let name = format!("changegate-{version}-x86_64-unknown-linux-musl");
        let path = self.path("releases").join(format!("v{version}")).join(&name);
        self.program(&path, version);
        let sum: String =
            Sha256::digest(fs::read(&path).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{sum}  {name}\n")
    }

    fn table(&self, lines: &str) {
        fs::write(self.path("action/checksums.txt"), format!("# sums\n{lines}")).unwrap();
    }

    fn install(&self, more: &[(&str, &str)]) -> Done {
        let outputs = self.path("outputs");
        fs::write(&outputs, "").unwrap();
        let mut command = Command::new(self.path("bin/bash"));
        command
            .arg(self.path("action/.github/action/install.sh"))
            .env_clear()
            .env("PATH", self.path("bin"))
            .env("GITHUB_ACTION_PATH", self.path("action"))
            .env("GITHUB_OUTPUT", &outputs)
            .env("RUNNER_TEMP", self.path("temp"))
            .env("RUNNER_OS", "Linux")
            .env("RUNNER_ARCH", "X64")
            .env("CHANGEGATE_REPOSITORY", "acme/changegate")
            .env("CHANGEGATE_RELEASES", format!("file://{}", self.path("releases").display()))
            .envs(more.iter().copied());
        let output = command.output().unwrap();
        Done { output, outputs: fs::read_to_string(outputs).unwrap() }
    }
}

impl Done {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
            + &String::from_utf8_lossy(&self.output.stderr)
    }

    /// Asserts that a program was installed, and returns where.
    fn installed(&self, how: &str) -> PathBuf {
        assert!(self.output.status.success(), "{}", self.text());
        assert!(self.text().contains(how), "{}", self.text());
        PathBuf::from(self.outputs.trim().strip_prefix("program=").unwrap())
    }

    /// Asserts that nothing was installed, for this reason.
    fn failed(&self, why: &str) {
        assert_eq!(self.output.status.code(), Some(1), "{}", self.text());
        assert!(self.text().contains("::error title=changegate was not installed::"), "{}", self.text());
        assert!(self.text().contains(why), "{}", self.text());
        assert_eq!(self.outputs, "");
    }
}

#[test]
fn a_release_with_the_right_sum_is_installed() {
    let Some(site) = Site::new() else { return };
    site.table(&site.release(VERSION));
    let program = site.install(&[]).installed("with the SHA-256 in checksums.txt");
    assert!(program.starts_with(site.path("temp")));
    let told = Command::new(program).output().unwrap();
    assert_eq!(String::from_utf8(told.stdout).unwrap(), format!("changegate {VERSION}\n"));
    // Asking for it by its tag is the same.
    site.install(&[("CHANGEGATE_VERSION", &format!("v{VERSION}"))]).installed("with the SHA-256");
}

#[test]
fn a_wrong_sum_ends_it_and_nothing_else_is_tried() {
    let Some(site) = Site::new() else { return };
    let line = site.release(VERSION);
    let zeroes = "0".repeat(64);
    let marker = site.path("cargo-was-run");
    site.script(&site.path("bin/cargo"), &format!("touch {}", marker.display()));
    site.script(&site.path("bin/gh"), "exit 0");
    site.table(&format!("{zeroes}  {}", line.split_once("  ").unwrap().1));
    site.install(&[]).failed("and checksums.txt says 0000");
    assert!(!marker.exists());
    let left: Vec<_> =
        fs::read_dir(site.path("temp").join(format!("changegate-{VERSION}"))).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    // One byte more is another sum.
    site.table(&line);
    let file =
        site.path("releases").join(format!("v{VERSION}/changegate-{VERSION}-x86_64-unknown-linux-musl"));
    fs::write(&file, fs::read_to_string(&file).unwrap() + "#").unwrap();
    site.install(&[]).failed("and checksums.txt says");
    assert!(!marker.exists());
}

#[test]
fn a_table_that_does_not_say_one_sum_is_refused() {
    let Some(site) = Site::new() else { return };
    let line = site.release(VERSION);
    site.table(&format!("{line}{line}"));
    site.install(&[]).failed("no SHA-256, or more than one");
    site.table(&format!("{}\n", &line[10..]));
    site.install(&[]).failed("has no SHA-256 for");
    site.table(&line.replace(&line[..4], "XYZ!"));
    site.install(&[]).failed("no SHA-256");
}

#[test]
fn what_is_not_in_the_table_is_built_or_attested_or_refused() {
    let Some(site) = Site::new() else { return };
    site.table("");
    site.release(VERSION);
    site.release("9.9.9");
    site.install(&[]).failed("is not in checksums.txt of this action, and there is no cargo");
    site.script(&site.path("bin/gh"), "exit 1");
    site.install(&[]).failed("no attestation says that");
    // The place where it is built is the one that cargo is told.
    let build = format!(
        "mkdir -p \"$8/bin\" && printf '#!/bin/sh\\necho changegate {VERSION}\\n' >\"$8/bin/changegate\" && chmod 755 \"$8/bin/changegate\""
    );
    site.script(&site.path("bin/cargo"), &build);
    let built = site.install(&[]);
    built.installed("built from source");
    assert!(built.text().contains("::warning title=changegate is built from source::"), "{}", built.text());
    // A version that this is not the source of cannot be built.
    let other = [("CHANGEGATE_VERSION", "9.9.9")];
    site.install(&other).failed("no attestation says that");
    site.script(&site.path("bin/gh"), &format!("echo \"$@\" >{}", site.path("gh-said").display()));
    site.install(&other).installed("attested by GitHub");
    let said = fs::read_to_string(site.path("gh-said")).unwrap();
    assert!(said.starts_with("attestation verify "), "{said}");
    assert!(
        said.contains(
            "--repo acme/changegate --signer-workflow acme/changegate/.github/workflows/release.yml"
        )
    );
    site.script(&site.path("bin/cargo"), "exit 101");
    site.install(&[]).failed("could not be built");
}

#[test]
fn a_build_is_kept_for_a_source_that_cannot_change() {
    let Some(site) = Site::new() else { return };
    site.table("");
    let build = format!(
        "echo x >>{}; mkdir -p \"$8/bin\" && printf '#!/bin/sh\\necho changegate {VERSION}\\n' >\"$8/bin/changegate\" && chmod 755 \"$8/bin/changegate\"",
        site.path("builds").display()
    );
    site.script(&site.path("bin/cargo"), &build);
    let builds = || fs::read_to_string(site.path("builds")).unwrap_or_default().lines().count();
    let (cache, commit, other) = (site.path("cache"), "a".repeat(40), "b".repeat(40));
    let cached = |source: &str| {
        site.install(&[("CHANGEGATE_BUILD_CACHE", cache.to_str().unwrap()), ("CHANGEGATE_SOURCE", source)])
    };
    assert!(cached(&commit).installed("built from source").starts_with(&cache));
    assert!(cached(&commit).installed("by an earlier run").starts_with(&cache));
    assert_eq!(builds(), 1);
    cached(&other).installed("built from source");
    // A tag or a branch can be moved, and a folder has no name at all.
    for source in ["v0.1.0", "main", "", "../../x", "abc"] {
        assert!(!cached(source).installed("built from source").starts_with(&cache), "{source}");
    }
    assert_eq!(builds(), 7);
    // What is kept has to say that it is the wanted version.
    let kept = cache.join(format!("{VERSION}-{commit}-Linux-X64/bin/changegate"));
    site.program(&kept, "0.0.1");
    cached(&commit).failed("is another version than");
}

#[test]
fn a_mirror_that_is_private_gets_its_token_and_no_command_line_shows_it() {
    let Some(site) = Site::new() else { return };
    site.table(&site.release(VERSION));
    let (real, said) = (site.path("real-curl"), site.path("curl-said"));
    fs::rename(site.path("bin/curl"), &real).unwrap();
    site.script(
        &site.path("bin/curl"),
        &format!(
            "cat >{0}; echo \"$@\" >>{0}; exec {1} -q \"$@\" </dev/null",
            said.display(),
            real.display()
        ),
    );
    site.install(&[("CHANGEGATE_RELEASES_TOKEN", "s3cret")]).installed("with the SHA-256");
    let said = fs::read_to_string(said).unwrap();
    let (config, arguments) = said.split_once('\n').unwrap();
    assert_eq!(config, "header = \"Authorization: Bearer s3cret\"");
    assert!(!arguments.contains("s3cret"));
    // The releases of a private repository come by the API.
    let name = format!("changegate-{VERSION}-x86_64-unknown-linux-musl");
    let file = site.path("releases").join(format!("v{VERSION}/{name}"));
    site.script(&site.path("bin/gh"), &format!("[ \"$1 $2 $3\" = 'release download v{VERSION}' ] && while [ \"$1\" != --output ]; do shift; done && cat {} >\"$2\"", file.display()));
    let nowhere = format!("file://{}", site.path("nowhere").display());
    site.install(&[("CHANGEGATE_RELEASES", &nowhere)]).installed("with the SHA-256");
}

#[test]
fn an_unknown_platform_a_missing_release_and_an_odd_version_fail() {
    let Some(site) = Site::new() else { return };
    site.table(&site.release(VERSION));
    site.install(&[("RUNNER_OS", "Plan9")]).failed("there is no binary for Plan9");
    site.install(&[("RUNNER_ARCH", "RISCV")]).failed("on RISCV");
    site.install(&[("CHANGEGATE_VERSION", "0.1.0/../../x")]).failed("the version cannot be used");
    site.install(&[("CHANGEGATE_VERSION", "$(touch x)")]).failed("the version cannot be used");
    fs::remove_dir_all(site.path("releases")).unwrap();
    site.install(&[]).failed("could not be downloaded");
}

#[test]
fn a_program_on_the_path_is_taken_if_it_is_the_wanted_version() {
    let Some(site) = Site::new() else { return };
    site.table(&site.release(VERSION));
    site.program(&site.path("bin/changegate"), VERSION);
    assert_eq!(site.install(&[]).installed("was on the PATH"), site.path("bin/changegate"));
    site.program(&site.path("bin/changegate"), "0.0.1");
    assert_ne!(site.install(&[]).installed("with the SHA-256"), site.path("bin/changegate"));
    // A release that says it is another version than its name says is not run.
    let name = format!("v{VERSION}/changegate-{VERSION}-x86_64-unknown-linux-musl");
    site.program(&site.path("releases").join(&name), "0.0.1");
    let sum: String = Sha256::digest(fs::read(site.path("releases").join(&name)).unwrap())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    site.table(&format!("{sum}  {}\n", name.split_once('/').unwrap().1));
    site.install(&[]).failed("is another version than");
}

#[test]
fn inputs_reach_the_program_as_they_are_and_the_verdict_begins_as_an_error() {
    let Some(site) = Site::new() else { return };
    let program = site.path("changegate");
    site.script(&program, "printf '%s|' \"$@\"; exit 3");
    let outputs = site.path("outputs");
    let judge = |more: &[(&str, &str)]| {
        fs::write(&outputs, "").unwrap();
        let mut command = Command::new(site.path("bin/bash"));
        command
            .arg(site.path("action/.github/action/judge.sh"))
            .current_dir(site.path("temp"))
            .env_clear()
            .env("PATH", site.path("bin"))
            .env("GITHUB_OUTPUT", &outputs)
            .env("CHANGEGATE_PROGRAM", &program)
            .envs(more.iter().copied());
        let told = command.output().unwrap();
        (told.status.code(), String::from_utf8(told.stdout).unwrap())
    };
    assert_eq!(judge(&[]), (Some(3), "action|".into()));
    assert_eq!(fs::read_to_string(&outputs).unwrap(), "verdict=error\n");
    let hostile = [
        ("CHANGEGATE_POLICY", "a b; touch x"),
        ("CHANGEGATE_CHECK_RUN", "$(touch x) `touch x`"),
        ("CHANGEGATE_PULL_REQUEST", "--comment"),
        ("CHANGEGATE_COMMENT", "true"),
    ];
    let told =
        "action|--policy=a b; touch x|--check-run=$(touch x) `touch x`|--pull-request=--comment|--comment|";
    assert_eq!(judge(&hostile), (Some(3), told.into()));
    assert!(!site.path("temp/x").exists());
    assert_eq!(judge(&[("CHANGEGATE_COMMENT", "maybe")]).0, Some(2));
    assert_ne!(judge(&[("CHANGEGATE_PROGRAM", "")]).0, Some(0));
}
