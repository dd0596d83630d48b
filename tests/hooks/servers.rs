//! Real servers: over HTTP with a password's account, over SSH with a key's, and gitolite.
//!
//! Each listens on the loopback only and is ended by the test that started it. Where a program is
//! missing, its test says that it was skipped.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::world::{MAIN, Pushed, World, good};

/// A program that runs until the test is over.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a program and waits until `ready`.
fn start(command: &mut Command, ready: impl Fn() -> bool) -> Running {
    let running = Running(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap());
    for _ in 0..200 {
        if ready() {
            return running;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("{command:?} is not ready");
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap() + ":/usr/sbin:/usr/lib/git-core";
    let found = std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file());
    if found.is_none() {
        eprintln!("skipped: `{program}` is not installed");
    }
    found
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

#[test]
fn over_http_the_account_is_that_of_the_password() {
    let (Some(nginx), Some(fcgiwrap), Some(backend)) =
        (find("nginx"), find("fcgiwrap"), find("git-http-backend"))
    else {
        return;
    };
    let world = World::new();
    world.changegate("server.git", &["install", "--server", "--pusher", "http"]).accepted();
    world.configure("http.receivepack", "true");
    let top = world.path("");
    let (socket, port) = (world.path("fcgi"), free_port());
    // The password is `x`, as nginx can read it without another program.
    fs::write(world.path("people"), "ben@example.com:{PLAIN}x\nkim@example.com:{PLAIN}x\n").unwrap();
    let user = if is_root() { "user root;\n" } else { "" };
    let settings = format!(
        "{user}daemon off;\nmaster_process off;\npid {top}/nginx.pid;\nerror_log {top}/nginx.log;\n\
         events {{ worker_connections 64; }}\nhttp {{\n access_log off;\n \
         client_body_temp_path {top}/t1;\n proxy_temp_path {top}/t2;\n fastcgi_temp_path {top}/t3;\n \
         uwsgi_temp_path {top}/t4;\n scgi_temp_path {top}/t5;\n server {{\n listen 127.0.0.1:{port};\n \
         auth_basic git;\n auth_basic_user_file {top}/people;\n location / {{\n \
         fastcgi_pass unix:{socket};\n fastcgi_param SCRIPT_FILENAME {backend};\n \
         fastcgi_param GIT_PROJECT_ROOT {top};\n fastcgi_param GIT_HTTP_EXPORT_ALL 1;\n \
         fastcgi_param PATH_INFO $uri;\n fastcgi_param REQUEST_METHOD $request_method;\n \
         fastcgi_param QUERY_STRING $query_string;\n fastcgi_param CONTENT_TYPE $content_type;\n \
         fastcgi_param CONTENT_LENGTH $content_length;\n fastcgi_param REMOTE_USER $remote_user;\n \
         }}\n }}\n}}\n",
        top = top.display(),
        socket = socket.display(),
        backend = backend.display(),
    );
    fs::write(world.path("nginx.conf"), settings).unwrap();
    let mut command = world.command(fcgiwrap.to_str().unwrap(), "");
    let _gateway = start(command.arg("-s").arg(format!("unix:{}", socket.display())), || socket.exists());
    let mut command = world.command(nginx.to_str().unwrap(), "");
    command.arg("-e").arg(world.path("nginx.log")).arg("-c").arg(world.path("nginx.conf"));
    let _server = start(&mut command, || listens(port));
    let base = world.main();
    let new = world.commit_tree(&[&base], &good("Good"));
    let push = |account: &str| -> Pushed {
        let url = format!("http://{}:x@127.0.0.1:{port}/server.git", account.replace('@', "%40"));
        let mut command = world.command("git", "work");
        command.args(["push", &url, &format!("{new}:{MAIN}")]).output().unwrap().into()
    };
    push("ben@example.com").refused("peer-review").says("ben@example.com");
    assert_eq!(world.main(), base);
    push("kim@example.com").accepted().says("allowed");
    assert_eq!(world.main(), new);
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout == b"0\n"
}

/// An SSH server of the test's own, which lets in whoever `authorized` names.
struct Ssh {
    port: u16,
    _server: Running,
}

fn account() -> String {
    String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap().trim().to_owned()
}

/// Makes a key, unless there is one; returns its public half.
fn key(world: &World, name: &str) -> String {
    if let Ok(public) = fs::read_to_string(world.path(&format!("{name}.pub"))) {
        return public.trim().to_owned();
    }
    let mut command = world.command("ssh-keygen", "");
    command.args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", name]);
    assert!(command.output().unwrap().status.success());
    fs::read_to_string(world.path(&format!("{name}.pub"))).unwrap().trim().to_owned()
}

fn ssh_server(world: &World, sshd: &Path, authorized: &Path) -> Option<Ssh> {
    key(world, "host");
    let port = free_port();
    let top = world.path("");
    let settings = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {top}/host\nPidFile none\n\
         AuthorizedKeysFile {}\nStrictModes no\nPermitUserEnvironment yes\nUsePAM no\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n",
        authorized.display(),
        top = top.display(),
    );
    fs::write(world.path("sshd.conf"), settings).unwrap();
    let mut command = Command::new(sshd);
    command.args(["-D", "-e", "-f"]).arg(world.path("sshd.conf"));
    command.stderr(fs::File::create(world.path("sshd.log")).unwrap());
    // As root it wants `/run/sshd`, which a service would have made.
    let tried = Command::new(sshd).arg("-t").arg("-f").arg(world.path("sshd.conf")).output().unwrap();
    if !tried.status.success() {
        eprintln!("skipped: `sshd` cannot run here: {}", String::from_utf8_lossy(&tried.stderr).trim_end());
        return None;
    }
    let server = start(&mut command, || listens(port));
    Some(Ssh { port, _server: server })
}

impl Ssh {
    /// The command by which git reaches the server with a key.
    fn command(&self, world: &World, key: &str) -> String {
        format!(
            "ssh -F /dev/null -p {} -i '{}' -o IdentitiesOnly=yes -o StrictHostKeyChecking=no \
             -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR",
            self.port,
            world.path(key).display()
        )
    }
}

#[test]
fn over_ssh_the_account_is_that_of_the_key() {
    let (Some(sshd), Some(_)) = (find("sshd"), find("ssh")) else { return };
    let world = World::new();
    world.changegate("server.git", &["install", "--server", "--pusher", "env:ACCOUNT"]).accepted();
    let lines: Vec<String> = ["ben", "kim"]
        .into_iter()
        .map(|name| {
            let repository = world.path("server.git");
            format!(
                "restrict,environment=\"ACCOUNT={name}@example.com\",command=\"git-receive-pack '{}'\" {}\n",
                repository.display(),
                key(&world, name)
            )
        })
        .collect();
    let authorized = world.path("authorized");
    fs::write(&authorized, lines.concat()).unwrap();
    let Some(ssh) = ssh_server(&world, &sshd, &authorized) else { return };
    let base = world.main();
    let new = world.commit_tree(&[&base], &good("Good"));
    let push = |key: &str| -> Pushed {
        let mut command = world.command("git", "work");
        command.env("GIT_SSH_COMMAND", ssh.command(&world, key));
        // What the client sets does not count.
        command.env("ACCOUNT", "kim@example.com");
        let url = format!("{}@127.0.0.1:server.git", account());
        command.args(["push", &url, &format!("{new}:{MAIN}")]).output().unwrap().into()
    };
    push("ben").refused("peer-review").says("ben@example.com");
    assert_eq!(world.main(), base);
    push("kim").accepted();
    assert_eq!(world.main(), new);
}

/// A gitolite with the repository `app`, which holds main of the clone, and what talks to it; `None` where a program is
/// missing.
fn start_gitolite(world: &World) -> Option<Ssh> {
    let (Some(sshd), Some(_), Some(gitolite)) = (find("sshd"), find("ssh"), find("gitolite")) else {
        return None;
    };
    // gitolite lives in a home, so it is given one, whoever the test runs as.
    let home = world.path("home");
    fs::create_dir_all(home.join(".ssh")).unwrap();
    for name in ["admin", "ben", "kim"] {
        key(world, name);
    }
    let run = |program: &Path, args: &[&str]| {
        let mut command = world.command(program.to_str().unwrap(), "home");
        let output = command.env("HOME", &home).env("USER", account()).args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    run(&gitolite, &["setup", "-pk", world.path("admin.pub").to_str().unwrap()]);
    // The administrator's own repository is written to directly, as `gitolite setup` does it.
    let keys = home.join(".gitolite/keydir");
    for name in ["ben", "kim"] {
        fs::copy(world.path(&format!("{name}.pub")), keys.join(format!("{name}@example.com.pub"))).unwrap();
    }
    let rules = "repo app\n    RW+ = @all\n";
    let conf = home.join(".gitolite/conf/gitolite.conf");
    fs::write(&conf, fs::read_to_string(&conf).unwrap() + rules).unwrap();
    run(&gitolite, &["compile"]);
    run(&gitolite, &["trigger", "POST_COMPILE"]);
    let work = world.path("work");
    world.git_in("home/repositories/app.git", &["fetch", "-q", work.to_str().unwrap(), "main:main"]);
    world.git_in("home/repositories/app.git", &["symbolic-ref", "HEAD", MAIN]);
    world
        .changegate("home/repositories/app.git", &["install", "--server", "--pusher", "gitolite"])
        .accepted();
    // Each line starts gitolite's shell for one account; the home has to be said there too.
    let authorized = fs::read_to_string(home.join(".ssh/authorized_keys")).unwrap();
    let wrapped = authorized.replace("command=\"", &format!("command=\"HOME='{}' ", home.display()));
    let list = world.path("authorized");
    fs::write(&list, wrapped).unwrap();
    ssh_server(world, &sshd, &list)
}

#[test]
fn under_gitolite_the_account_is_gitolites() {
    let world = World::new();
    let Some(ssh) = start_gitolite(&world) else { return };
    let base = world.main();
    let new = world.commit_tree(&[&base], &good("Good"));
    let push = |key: &str| -> Pushed {
        let mut command = world.command("git", "work");
        command.env("GIT_SSH_COMMAND", ssh.command(&world, key));
        let url = format!("{}@127.0.0.1:app", account());
        command.args(["push", &url, &format!("{new}:{MAIN}")]).output().unwrap().into()
    };
    let main = || world.git_in("home/repositories/app.git", &["rev-parse", MAIN]);
    push("ben").refused("peer-review");
    assert_eq!(main(), base);
    push("kim").accepted();
    assert_eq!(main(), new);
}

/// A policy that asks for a signed approval, and knows Ben by the key with which he also talks to gitolite.
const SIGNED_POLICY: &str = "\
changegate: 1
name: test
protects: [main]
people: { roster: who/people.yml }
fields: { Reviewed-by: { person: true } }
rules: { reviewed: { require: { approvals: {} } } }
";

#[test]
fn under_gitolite_a_key_approves() {
    let world = World::new();
    key(&world, "ben");
    let public = fs::read_to_string(world.path("ben.pub")).unwrap();
    let roster = format!(
        "people:\n  ana: {{ addresses: [ana@example.com, kim@example.com], accounts: [ana] }}\n  ben: {{ addresses: \
         [ben@example.com], accounts: [ben], keys: ['{}'] }}\n",
        public.trim()
    );
    world.write("who/people.yml", &roster);
    world.write("policies/changegate.yml", SIGNED_POLICY);
    world.commit("Begin\n");
    let Some(ssh) = start_gitolite(&world) else { return };
    let url = format!("{}@127.0.0.1:app", account());
    world.git(&["remote", "add", "app", &url]);
    world.write("a", "1");
    let new = world.commit("Cache it\n");
    let run = |program: &str, key: &str, args: &[&str]| -> Pushed {
        let mut command = world.command(program, "work");
        command.env("GIT_SSH_COMMAND", ssh.command(&world, key));
        if key == "ben" {
            command.env("GIT_COMMITTER_NAME", "Ben").env("GIT_COMMITTER_EMAIL", "ben@example.com");
        }
        command.args(args).output().unwrap().into()
    };
    let push = ["push", "app", &format!("{new}:{MAIN}")];
    run("git", "kim", &push).refused("needs 1 signed approval");
    world.git(&["config", "gpg.format", "ssh"]);
    world.git(&["config", "user.signingKey", world.path("ben").to_str().unwrap()]);
    run(crate::world::BINARY, "ben", &["approve", "--remote", "app"]).accepted();
    run("git", "kim", &push).accepted();
    assert_eq!(world.git_in("home/repositories/app.git", &["rev-parse", MAIN]), new);
}
