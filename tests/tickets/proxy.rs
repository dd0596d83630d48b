//! Both clients behind a proxy: a tunnel by CONNECT, TLS in it by an authority of one's own.
//!
//! The names of the servers exist nowhere, so that nothing can reach them but through the proxy.

use std::io::{BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::{fs, thread};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::server::TOKEN;
use crate::systems::cloud;

/// `user:p@ss` as `Proxy-Authorization` has it.
const AUTHORIZATION: &str = "Basic dXNlcjpwQHNz";
const SERVERS: [&str; 2] = ["jira.example.test", "api.ghes.example.test"];

/// A server that speaks TLS, and the file of the authority that vouches for it.
struct TlsServer {
    address: std::net::SocketAddr,
    authority: PathBuf,
    lines: Arc<Mutex<Vec<String>>>,
}

/// A proxy that leads every tunnel to one server.
struct Proxy {
    address: std::net::SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

fn start_tls_server(home: &Path) -> TlsServer {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let authority_certificate = authority.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = SERVERS.iter().map(|name| (*name).to_owned()).collect();
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    let file = home.join("authority.pem");
    fs::write(&file, authority_certificate.pem()).unwrap();

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key);
    let config = Arc::new(config.unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&lines);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = BufReader::new(StreamOwned::new(connection, stream));
            let Some(head) = read_head(&mut stream) else { continue };
            kept.lock().unwrap().push(head.lines().next().unwrap_or_default().to_owned());
            let (status, body) = match head.contains("/issue/PAY-1?") {
                true => (200, cloud("PAY-1", "2026-10-14T14:00:00.000+0000").to_string()),
                false => (404, "{\"message\": \"Not Found\"}".to_owned()),
            };
            let answer = format!(
                "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            let stream = stream.get_mut();
            let _ = stream.write_all(answer.as_bytes()).and_then(|()| stream.flush());
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    TlsServer { address, authority: file, lines }
}

/// Starts a proxy in front of `server`; it wants a password if `is_guarded`.
fn start_proxy(server: std::net::SocketAddr, is_guarded: bool) -> Proxy {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let heads: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&heads);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let kept = Arc::clone(&kept);
            thread::spawn(move || serve_tunnel(stream, server, is_guarded, &kept));
        }
    });
    Proxy { address, heads }
}

fn serve_tunnel(
    mut client: TcpStream,
    server: std::net::SocketAddr,
    is_guarded: bool,
    kept: &Mutex<Vec<String>>,
) {
    let Some(head) = read_head(&mut BufReader::with_capacity(1, client.try_clone().unwrap())) else { return };
    kept.lock().unwrap().push(head.clone());
    let is_welcome = head.lines().any(|line| {
        line.to_ascii_lowercase().starts_with("proxy-authorization:") && line.ends_with(AUTHORIZATION)
    });
    if is_guarded && !is_welcome {
        let _ = client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
        return;
    }
    let mut upstream = TcpStream::connect(server).unwrap();
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
    let (mut from_client, mut to_server) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
    thread::spawn(move || {
        let _ = std::io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(std::net::Shutdown::Write);
    });
    let mut back = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = upstream.read(&mut buffer) {
        back.extend_from_slice(&buffer[..length]);
        if client.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
    let _ = client.shutdown(std::net::Shutdown::Both);
}

fn read_head(stream: &mut impl std::io::BufRead) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    Some(head)
}

/// Returns a command that knows the authority, the tokens, and nothing else of the environment.
fn command(home: &Path, authority: &Path, variables: &[(&str, String)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_changegate"));
    command.current_dir(home).env_clear().env("SSL_CERT_FILE", authority);
    command.env("JIRA_URL", "https://jira.example.test").env("JIRA_TOKEN", TOKEN);
    command.env("JIRA_EMAIL", "gate@example.com").env("GITHUB_TOKEN", TOKEN);
    command.env("GITHUB_API_URL", "https://api.ghes.example.test");
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    command
}

/// Returns the exit code and everything that was written; no secret may be in it.
fn run(mut command: Command, args: &[&str]) -> (i32, String) {
    let output = command.args(args).output().unwrap();
    let written = [output.stdout, output.stderr].concat();
    let written = String::from_utf8(written).unwrap();
    for secret in [TOKEN, "p@ss", "p%40ss", "hunter2", AUTHORIZATION] {
        assert!(!written.contains(secret), "{written}");
    }
    (output.status.code().unwrap(), written)
}

const ASK_TICKET: [&str; 4] = ["tickets", "--policy", "p.yml", "PAY-1"];
const ASK_GITHUB: [&str; 4] = ["pr", "acme/shop#1", "--deadline", "5"];

fn write_policy(home: &Path) {
    let policy = "changegate: 1\nextends: [core]\nprotects: [main]\ntickets: { PAY: { jira: https://jira.example.test } }\n";
    fs::write(home.join("p.yml"), policy).unwrap();
}

#[test]
fn both_clients_go_through_the_proxy_and_trust_the_authority() {
    let home = tempfile::tempdir().unwrap();
    write_policy(home.path());
    let server = start_tls_server(home.path());
    for is_guarded in [false, true] {
        let proxy = start_proxy(server.address, is_guarded);
        let login = if is_guarded { "user:p%40ss@" } else { "" };
        let variables = [("HTTPS_PROXY", format!("http://{login}{}", proxy.address))];
        let (code, said) = run(command(home.path(), &server.authority, &variables), &ASK_TICKET);
        assert!(code == 0 && said.contains("PAY-1  Incident in PAY"), "{said}");
        let (code, said) = run(command(home.path(), &server.authority, &variables), &ASK_GITHUB);
        assert!(code == 3 && said.contains("GitHub answered 404"), "{said}");
        let heads = proxy.heads.lock().unwrap().join("");
        for name in SERVERS {
            assert!(heads.contains(&format!("CONNECT {name}:443 HTTP/1.1\r\n")), "{heads}");
        }
        assert_eq!(heads.contains(AUTHORIZATION), is_guarded, "{heads}");
        // What is for the server is not for the proxy.
        assert!(!heads.contains("Bearer") && !heads.contains(TOKEN), "{heads}");
    }
    assert!(server.lines.lock().unwrap().iter().any(|line| line.contains("/repos/acme/shop")));
}

#[test]
fn a_proxy_that_refuses_is_named() {
    let home = tempfile::tempdir().unwrap();
    write_policy(home.path());
    let server = start_tls_server(home.path());
    let proxy = start_proxy(server.address, true);
    let variables = [("https_proxy", format!("http://user:hunter2@{}", proxy.address))];
    for args in [ASK_TICKET, ASK_GITHUB] {
        let (code, said) = run(command(home.path(), &server.authority, &variables), &args);
        assert_eq!(code, 3, "{said}");
        assert!(
            said.contains("the proxy in https_proxy asks for a valid user name and password (407)"),
            "{said}"
        );
    }
    assert!(server.lines.lock().unwrap().is_empty());
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let variables = [("ALL_PROXY", format!("http://{nobody}"))];
    for args in [ASK_TICKET, ASK_GITHUB] {
        let (code, said) = run(command(home.path(), &server.authority, &variables), &args);
        assert!(code == 3 && said.contains("the proxy in ALL_PROXY"), "{said}");
    }
}

#[test]
fn no_proxy_leads_past_the_proxy() {
    let home = tempfile::tempdir().unwrap();
    write_policy(home.path());
    let server = start_tls_server(home.path());
    let proxy = start_proxy(server.address, false);
    let variables =
        [("HTTPS_PROXY", format!("http://{}", proxy.address)), ("NO_PROXY", ".example.test".to_owned())];
    for args in [ASK_TICKET, ASK_GITHUB] {
        // The name exists nowhere, so that going straight to it fails.
        assert_eq!(run(command(home.path(), &server.authority, &variables), &args).0, 3);
    }
    assert!(proxy.heads.lock().unwrap().is_empty() && server.lines.lock().unwrap().is_empty());
}

#[test]
fn an_authority_that_is_not_trusted_and_a_bad_setting_are_refused() {
    let home = tempfile::tempdir().unwrap();
    write_policy(home.path());
    let server = start_tls_server(home.path());
    let proxy = start_proxy(server.address, false);
    let other = tempfile::tempdir().unwrap();
    let stranger = start_tls_server(other.path());
    let variables = [("HTTPS_PROXY", format!("http://{}", proxy.address))];
    let (code, said) = run(command(home.path(), &stranger.authority, &variables), &ASK_TICKET);
    assert!(code == 3 && said.contains("its certificate is not trusted"), "{said}");
    let (code, said) = run(command(home.path(), &stranger.authority, &variables), &ASK_GITHUB);
    assert!(code == 3 && said.contains("its certificate is not trusted"), "{said}");
    assert!(server.lines.lock().unwrap().is_empty());
    for args in [ASK_TICKET, ASK_GITHUB] {
        let (code, said) = run(command(home.path(), &home.path().join("gone.pem"), &variables), &args);
        assert!(code == 2 && said.contains("SSL_CERT_FILE: cannot read `"), "{said}");
        let (code, said) = run(command(home.path(), &home.path().join("p.yml"), &variables), &args);
        assert!(code == 2 && said.contains("holds no certificate in PEM"), "{said}");
        let bad = [("HTTPS_PROXY", "socks5://user:hunter2@proxy.example.com".to_owned())];
        let (code, said) = run(command(home.path(), &server.authority, &bad), &args);
        assert!(code == 2 && said.contains("HTTPS_PROXY has to start with http://"), "{said}");
    }
}
