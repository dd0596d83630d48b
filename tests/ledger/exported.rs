//! What is exported, held against the records and, where it is installed, against the types that in-toto
//! publishes.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::world::{BY_COMMIT, MAIN, World, bad, fed, good};

const URI: &str = "git+https://git.example.com/acme/shop";
const REASONS: &str = "urn:changegate:reasons:v1";
const SVR: &str = "https://in-toto.io/attestation/svr/v0.2";
const COVERAGE: &str = "https://drvelvetfog.github.io/source-review-coverage/v0.1";
const VSA: &str = "https://slsa.dev/verification_summary/v1";

/// A change that owes something.
const EMERGENCY: &str = "Stop it\n\nChange-Type: emergency\nRisk: high\nIncident: INC-1\n\
                         Emergency-Reason: cards are charged twice and every minute costs customers money\n";

fn run(world: &World, folder: &str, args: &[&str]) -> (Option<i32>, Vec<Value>, String) {
    let mut command = world.command(crate::world::BINARY, folder);
    let output = command.args(["ledger", "export"]).args(args).output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let statements = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (output.status.code(), statements, String::from_utf8(output.stderr).unwrap())
}

fn exported(world: &World) -> Vec<Value> {
    let (code, statements, err) = run(world, "server.git", &["--format", "in-toto", "--uri", URI]);
    assert_eq!(code, Some(0), "{err}");
    statements.iter().for_each(|statement| is_one(world, statement));
    statements
}

/// Asserts what holds for every statement.
fn is_one(world: &World, statement: &Value) {
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    let subject = &statement["subject"][0];
    let commit = subject["digest"]["gitCommit"].as_str().unwrap();
    assert_eq!(subject["uri"], format!("{URI}@{commit}"));
    if world.at(&format!("{commit}^{{commit}}")).is_some() {
        let tree = world.at(&format!("{commit}^{{tree}}")).unwrap();
        assert_eq!(subject["digest"]["gitTree"], tree);
    }
    assert!(subject["annotations"]["sourceRefs"][0].as_str().unwrap().starts_with("refs/"));
    // The record that it rests on is there, and is the one that was judged.
    let (number, digest) =
        subject["annotations"]["changegateRecord"].as_str().unwrap().split_once(':').unwrap();
    let seen = format!("{number}:{digest}");
    world.changegate("server.git", &["ledger", "verify", "--no-refs", "--seen", &seen]).accepted();
    let records = world.records();
    let record = &records[number.parse::<usize>().unwrap() - 1]["event"];
    let predicate = &statement["predicate"];
    if statement["predicateType"] != COVERAGE {
        assert_eq!(
            predicate["verifier"]["id"],
            format!("pkg:cargo/changegate@{}", env!("CARGO_PKG_VERSION"))
        );
    }
    let (time, levels, policy) = match statement["predicateType"].as_str().unwrap() {
        SVR => (&predicate["timeCreated"], &predicate["properties"], &predicate["verifier"]["policies"][0]),
        VSA => {
            assert_eq!(predicate["resourceUri"], URI);
            (&predicate["timeVerified"], &predicate["verifiedLevels"], &predicate["policy"])
        }
        COVERAGE => {
            // What a push carries are trailers, which name no tree.
            assert_eq!(predicate["approvals"], json!([]));
            assert_eq!(predicate["reviewCoverage"], json!({ "result": "unverifiable" }));
            return;
        }
        REASONS => {
            assert_eq!(predicate["timeVerified"], record["observed-at"]);
            // A change that keeps every rule can be refused with its ref, and not the other way round.
            assert!(record["decision"] == "deny" || predicate["reasons"]["decision"] == "allow");
            return;
        }
        other => panic!("{other}"),
    };
    assert_eq!(*time, record["observed-at"]);
    let failed = predicate["verificationResult"] == "FAILED";
    assert_eq!(failed, record["decision"] == "deny");
    for level in levels.as_array().unwrap() {
        let level = level.as_str().unwrap();
        assert!(if failed { level == "FAILED" } else { level.starts_with("ORG_SOURCE_") }, "{level}");
    }
    let from = &record["refs"][0]["policies"][0];
    assert_eq!(policy["digest"], json!({ "changegatePolicy": from["commit"]["digest"] }));
    let id = from["commit"]["id"].as_str().unwrap();
    assert_eq!(policy["uri"], format!("{URI}@{id}#policies/changegate.yml"));
}

fn of<'a>(statements: &'a [Value], commit: &str) -> Vec<&'a Value> {
    let is = |one: &&Value| {
        one["subject"][0]["digest"]["gitCommit"] == commit
            && one["predicateType"] != REASONS
            && one["predicateType"] != COVERAGE
    };
    statements.iter().filter(is).collect()
}

fn properties(statement: &Value) -> Vec<&str> {
    let found = statement["predicate"]["properties"].as_array().unwrap();
    found.iter().map(|one| one.as_str().unwrap()).collect()
}

#[test]
fn every_change_that_landed_or_was_denied_has_its_statements() {
    let world = World::under(BY_COMMIT);
    let one = world.commit(&good("One"));
    let two = world.commit(&good("Two"));
    world.push(&["main"]).accepted();
    let denied = world.commit(&bad("Three"));
    world.push(&["main"]).refused("peer-review");
    world.git(&["reset", "-q", "--hard", &two]);
    let emergency = world.commit(EMERGENCY);
    world.push(&["main"]).accepted();
    // Allowed, and never landed.
    let lock = world.path("server.git/refs/heads/main.lock");
    let stays = world.commit(&good("Four"));
    std::fs::write(&lock, "").unwrap();
    world.push(&["main"]).refused("");
    std::fs::remove_file(&lock).unwrap();
    world.reconcile();
    let statements = exported(&world);
    for (commit, approvers) in [(&one, 1), (&two, 1), (&emergency, 0), (&denied, 0)] {
        let is_told = |told: &&Value| {
            told["subject"][0]["digest"]["gitCommit"] == commit.as_str() && told["predicateType"] == REASONS
        };
        let told: Vec<&Value> = statements.iter().filter(is_told).collect();
        let [told] = told[..] else { panic!("{commit}: {told:#?}") };
        let approvals = told["predicate"]["reasons"]["approvals"].as_array().unwrap();
        let counts = approvals.iter().filter(|one| one["uses"][0]["counts"] == true).count();
        assert_eq!(counts, approvers, "{told:#}");
    }
    for (commit, reviewed) in [(&one, true), (&two, true), (&emergency, false)] {
        let [svr, vsa] = of(&statements, commit)[..] else { panic!("{commit}: {statements:#?}") };
        assert_eq!((&svr["predicateType"], &vsa["predicateType"]), (&json!(SVR), &json!(VSA)));
        assert_eq!(vsa["predicate"]["verificationResult"], "PASSED");
        assert_eq!(vsa["predicate"]["verifiedLevels"], svr["predicate"]["properties"]);
        let told = properties(svr);
        assert!(told.contains(&"ORG_SOURCE_CHANGE_GATED"));
        // Who looked, a push cannot show: what is stated is not what was verified.
        assert_eq!(told.contains(&"ORG_SOURCE_CHANGE_REVIEW_STATED"), reviewed, "{commit}");
        assert!(!told.contains(&"ORG_SOURCE_CHANGE_REVIEWED"));
    }
    let [failed] = of(&statements, &denied)[..] else { panic!("{statements:#?}") };
    assert_eq!(failed["predicate"]["verificationResult"], "FAILED");
    assert_eq!(failed["predicate"]["verifiedLevels"], json!(["FAILED"]));
    assert!(of(&statements, &stays).is_empty());
    assert_eq!(statements.len(), 7 + 4 + 3);
    is_valid(&statements);
}

#[test]
fn what_speaks_against_a_ref_speaks_against_what_it_was_to_hold() {
    let world = World::new();
    world.commit(&good("One"));
    world.push(&["main"]).accepted();
    world.git(&["reset", "-q", "--hard", "HEAD~1"]);
    let aside = world.commit(&good("Aside"));
    world.push(&["+main"]).refused("");
    world.reconcile();
    let statements = exported(&world);
    let [failed] = of(&statements, &aside)[..] else { panic!("{statements:#?}") };
    assert_eq!(failed["predicate"]["verificationResult"], "FAILED");
    is_valid(&statements);
}

#[test]
fn a_part_of_the_ledger_is_written_where_somebody_wants_it() {
    let world = World::new();
    for subject in ["One", "Two", "Three"] {
        world.commit(&good(subject));
        world.push(&["main"]).accepted();
    }
    let all = exported(&world);
    assert_eq!(all.len(), 12);
    // begin, and twice decision and outcome: the third decision is record 6, and landed by record 7.
    let (code, last, _) = run(&world, "server.git", &["--uri", URI, "--since", "6"]);
    assert_eq!((code, last.as_slice()), (Some(0), &all[8..]));
    let (_, none, _) = run(&world, "server.git", &["--uri", URI, "--since", "8"]);
    assert_eq!(none, [Value::Null; 0]);
    let (code, _, err) = run(&world, "server.git", &["--uri", URI, "-o", "../all.jsonl"]);
    assert_eq!((code, err.as_str()), (Some(0), "wrote 12 unsigned statements\n"));
    let read = |name: &str| -> Vec<Value> {
        let text = std::fs::read_to_string(world.path(name)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    assert_eq!(read("all.jsonl"), all);
    std::fs::create_dir(world.path("folder")).unwrap();
    run(&world, "server.git", &["--uri", URI, "-o", "../folder"]);
    for (number, place) in [(3, 0), (5, 4), (7, 8)] {
        assert_eq!(read(&format!("folder/record-{number:08}.intoto.jsonl")), &all[place..place + 4]);
    }
    assert_eq!(std::fs::read_dir(world.path("folder")).unwrap().count(), 3);
}

#[test]
fn a_copy_tells_the_same_and_knows_where_it_comes_from() {
    let world = World::new();
    world.commit(&good("One"));
    world.push(&["main"]).accepted();
    world.git(&["fetch", "-q", "origin", "refs/changegate/ledger:refs/changegate/ledger"]);
    let (code, _, err) = run(&world, "work", &[]);
    assert_eq!(code, Some(2));
    assert!(err.contains("set it with --uri"), "{err}");
    world.git(&["config", "remote.origin.url", "https://ana:secret@git.example.com/acme/shop"]);
    let (code, statements, err) = run(&world, "work", &[]);
    assert_eq!((code, &statements), (Some(0), &exported(&world)), "{err}");
    let verifier = "https://gate.example.com/v1";
    let (_, statements, _) = run(&world, "work", &["--verifier", verifier]);
    assert!(
        statements
            .iter()
            .filter(|one| one["predicateType"] != COVERAGE)
            .all(|one| one["predicate"]["verifier"]["id"] == verifier)
    );
    for wrong in [["--uri", "shop"], ["--verifier", "the gate"], ["--format", "slsa"]] {
        assert_eq!(run(&world, "work", &wrong).0, Some(2), "{wrong:?}");
    }
}

#[test]
fn what_cannot_be_told_apart_is_said_and_not_guessed() {
    let world = World::new();
    world.commit(&good("One"));
    world.push(&["main"]).accepted();
    // A policy that stood in a file of the server is another one by now.
    let file = world.path("policy.yml");
    std::fs::write(&file, crate::world::POLICY).unwrap();
    world.configure("changegate.policyFile", file.to_str().unwrap());
    let two = world.commit(&good("Two"));
    world.push(&["main"]).accepted();
    let (_, before, _) = run(&world, "server.git", &["--uri", URI]);
    assert_eq!(of(&before, &two).len(), 2);
    std::fs::write(&file, BY_COMMIT).unwrap();
    let (code, statements, err) = run(&world, "server.git", &["--uri", URI]);
    assert_eq!(code, Some(3));
    assert!(err.contains("the verdicts on 1 change that passed every rule are missing"), "{err}");
    assert_eq!((of(&statements, &two).len(), statements.len()), (0, 4));
    // A broken chain says nothing.
    let tip = world.at(crate::ledger_reader::LEDGER).unwrap();
    let parent = world.at(&format!("{tip}~2")).unwrap();
    let tree = world.at(&format!("{tip}^{{tree}}")).unwrap();
    let cut = world.git_in("server.git", &["commit-tree", &tree, "-p", &parent, "-m", "x"]);
    world.git_in("server.git", &["update-ref", crate::ledger_reader::LEDGER, &cut]);
    let (code, _, err) = run(&world, "server.git", &["--uri", URI]);
    assert_eq!(code, Some(3));
    assert!(err.contains("does not follow the one before it"), "{err}");
    assert_eq!(world.main(), world.at(MAIN).unwrap());
}

/// Reads statements by the types that in-toto publishes, nothing unknown allowed, and validates them.
///
/// What is published for summaries is version 1. There is no published type for results of version 0.2
/// yet: of those the statement is validated, and the predicate is held against the fields that the
/// specification requires.
const VALIDATE: &str = r#"
import json, sys
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory, timestamp_pb2
from in_toto_attestation.predicates.vsa.v1 import vsa_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1 import resource_descriptor_pb2
from in_toto_attestation.v1.statement import Statement

def summary_type():
    # This release has one word for `verifiedLevels`, and the specification and later types have a list.
    file = descriptor_pb2.FileDescriptorProto()
    vsa_pb2.DESCRIPTOR.CopyToProto(file)
    levels = [field for field in file.message_type[0].field if field.name == "verified_levels"]
    assert len(levels) == 1
    levels[0].label = descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    name = vsa_pb2.VerificationSummary.DESCRIPTOR.full_name
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))

Summary = summary_type()
count = 0
for line in sys.stdin:
    read = json.loads(line)
    statement = json_format.Parse(line, statement_pb2.Statement())
    Statement.copy_from_pb(statement).validate()
    predicate = read["predicate"]
    if read["predicateType"].startswith("https://slsa.dev/verification_summary/"):
        summary = json_format.ParseDict(predicate, Summary())
        assert summary.verifier.id and summary.resource_uri and summary.policy.uri and summary.policy.digest
        assert summary.verification_result in ("PASSED", "FAILED") and summary.time_verified.seconds
        assert list(summary.verified_levels)
    elif read["predicateType"] == "urn:changegate:reasons:v1":
        assert set(predicate) == {"verifier", "timeVerified", "reasons"}, predicate
        timestamp_pb2.Timestamp().FromJsonString(predicate["timeVerified"])
    elif read["predicateType"].endswith("/source-review-coverage/v0.1"):
        assert {"reviewCoverage", "approvals"} <= set(predicate), predicate
    else:
        assert set(predicate) == {"verifier", "timeCreated", "properties"}, predicate
        assert set(predicate["verifier"]) == {"id", "policies"}, predicate
        timestamp_pb2.Timestamp().FromJsonString(predicate["timeCreated"])
        for policy in predicate["verifier"]["policies"]:
            parsed = json_format.ParseDict(policy, resource_descriptor_pb2.ResourceDescriptor())
            ResourceDescriptor.copy_from_pb(parsed).validate()
        assert all(isinstance(one, str) and one for one in predicate["properties"])
    count += 1
print(count)
"#;

fn is_valid(statements: &[Value]) {
    let Some(told) = validated(statements) else { return };
    assert_eq!(told, Ok(statements.len().to_string()));
}

#[test]
fn the_published_types_refuse_what_is_no_statement() {
    let world = World::new();
    world.commit(&good("One"));
    world.push(&["main"]).accepted();
    let statements = exported(&world);
    for (place, at, value) in [
        (0, "/subject", json!([])),
        (0, "/_type", json!("https://in-toto.io/Statement/v2")),
        (0, "/predicate/verifier/policies", Value::Null),
        (1, "/predicate/verificationResult", json!("GOOD")),
        (1, "/predicate/verifiedLevels", json!("ORG_SOURCE_X")),
        (1, "/predicate/timeVerified", json!("soon")),
    ] {
        let mut broken = statements[place].clone();
        *broken.pointer_mut(at).unwrap() = value;
        let Some(told) = validated(&[broken]) else { return };
        assert!(told.is_err(), "{at}");
    }
}

/// Returns how many statements hold, or what is wrong; `None` where nobody can tell.
fn validated(statements: &[Value]) -> Option<Result<String, String>> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/in-toto-tools/bin/python3");
    let python = if own.is_file() { own } else { "python3".into() };
    let mut probe = Command::new(&python);
    probe.args(["-c", "import in_toto_attestation"]).stderr(Stdio::null()).stdin(Stdio::null());
    if !probe.status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: install `in-toto-attestation==0.9.3` for Python to have statements validated");
        return None;
    }
    let lines: String = statements.iter().map(|one| format!("{one}\n")).collect();
    let told = fed(Command::new(&python).args(["-c", VALIDATE]), lines.as_bytes());
    Some(if told.status.success() {
        Ok(String::from_utf8_lossy(&told.stdout).trim().to_owned())
    } else {
        Err(String::from_utf8_lossy(&told.stderr).into_owned())
    })
}

/// Opens envelopes with the library of in-toto's own tools, and prints the payloads.
const OPEN: &str = r#"
import json, sys
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey
public = load_pem_public_key(open(sys.argv[1], "rb").read())
for line in sys.stdin:
    envelope = Envelope.from_dict(json.loads(line))
    [keyid] = envelope.signatures
    key = SSlibKey.from_crypto(public, keyid=keyid)
    envelope.verify([key], 1)
    assert envelope.payload_type == "application/vnd.in-toto+json"
    print(envelope.payload.decode())
"#;

/// Signs an envelope with it, by a key of its own, which goes to the folder.
const MAKE: &str = r#"
import json, sys
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner
signer = CryptoSigner.generate_ed25519()
public = signer._private_key.public_key()
open(sys.argv[1] + "/other.pem", "wb").write(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
for line in sys.stdin:
    envelope = Envelope(line.strip().encode(), "application/vnd.in-toto+json", {})
    envelope.sign(signer)
    print(json.dumps(envelope.to_dict()))
"#;

/// Runs a script with the libraries of in-toto; `None` where they are not installed.
fn run_dsse(script: &str, argument: &str, input: &str) -> Option<Vec<String>> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/in-toto-tools/bin/python3");
    let python = if own.is_file() { own } else { "python3".into() };
    let mut probe = Command::new(&python);
    probe
        .args(["-c", "import securesystemslib.dsse, cryptography"])
        .stderr(Stdio::null())
        .stdin(Stdio::null());
    if !probe.status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: install `securesystemslib[crypto]==1.6.0` for Python to have envelopes opened");
        return None;
    }
    let told = fed(Command::new(&python).args(["-c", script, argument]), input.as_bytes());
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    Some(String::from_utf8(told.stdout).unwrap().lines().map(str::to_owned).collect())
}

fn openssl(world: &World, args: &[&str]) {
    let output = Command::new("openssl").args(args).current_dir(world.path(".")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn signed_statements_are_verified_by_others_and_those_of_others_here() {
    let world = World::new();
    world.commit(&good("One"));
    world.push(&["main"]).accepted();
    world.commit(&bad("Two"));
    world.push(&["main"]).refused("peer-review");
    world.reconcile();
    let unsigned = exported(&world);
    openssl(&world, &["genpkey", "-algorithm", "ed25519", "-out", "gate.pem"]);
    openssl(&world, &["pkey", "-in", "gate.pem", "-pubout", "-out", "gate-public.pem"]);
    openssl(&world, &["genpkey", "-algorithm", "rsa", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "rsa.pem"]);
    let keygen = |kind: &str, name: &str, phrase: &str| {
        let mut command = Command::new("ssh-keygen");
        let path = world.path(name);
        command.args(["-q", "-t", kind, "-N", phrase, "-C", "gate", "-f"]).arg(&path);
        assert!(command.status().unwrap().success());
    };
    keygen("ed25519", "ssh", "");
    keygen("ed25519", "locked", "a passphrase");
    keygen("ecdsa", "ecdsa", "");
    let path = |name: &str| world.path(name).to_str().unwrap().to_owned();
    for (key, public) in [("gate.pem", "gate-public.pem"), ("ssh", "ssh.pub")] {
        let (code, envelopes, err) = run(&world, "server.git", &["--uri", URI, "--key", &path(key)]);
        assert_eq!((code, envelopes.len()), (Some(0), unsigned.len()), "{err}");
        let file = format!("{key}.intoto.jsonl");
        let lines: String = envelopes.iter().map(|one| format!("{one}\n")).collect();
        std::fs::write(world.path(&file), &lines).unwrap();
        // The denial says so, whoever signed it.
        let verify = ["evidence", "verify-statement", &path(&file), "--key", &path(public)];
        let told = world.changegate("work", &verify);
        told.refused("signed, and says that it failed: VSA, FAILED")
            .says("signed: SVR, verified: ORG_SOURCE_");
        let first = lines.lines().next().unwrap();
        std::fs::write(world.path("one.json"), serde_json::to_string_pretty(&envelopes[0]).unwrap()).unwrap();
        let one = ["evidence", "verify-statement", &path("one.json"), "--key", &path(public)];
        world.changegate("work", &one).accepted().says("1 statement, verified");
        let commit = unsigned[0]["subject"][0]["digest"]["gitCommit"].as_str().unwrap();
        world.changegate("work", &[&one[..], &["--subject", commit]].concat()).accepted();
        world
            .changegate("work", &[&one[..], &["--subject", &"1".repeat(40)]].concat())
            .refused("something else");
        // Another key, another type, another byte.
        for (changed, why) in [
            (
                first.replace("application/vnd.in-toto+json", "text/plain"),
                "its payload is of the type `text/plain`",
            ),
            (first.replacen("\"payload\":\"e", "\"payload\":\"f", 1), "no signature is one of SHA256:"),
            (unsigned[0].to_string(), "without an envelope, so nobody has signed it"),
            (first.replacen("\"sig\":\"", "\"sig\":\"AAAA", 1), "no signature is one of SHA256:"),
            ("{}".to_owned(), "it is no envelope of DSSE"),
            (first.replacen("\"signatures\":[{", "\"signatures\":[],\"x\":[{", 1), "it has no signature"),
        ] {
            assert_ne!(changed, first);
            std::fs::write(world.path("changed.json"), changed).unwrap();
            let args = ["evidence", "verify-statement", &path("changed.json"), "--key", &path(public)];
            world.changegate("work", &args).refused(why);
        }
        if key == "gate.pem"
            && let Some(opened) = run_dsse(OPEN, &path(public), &lines)
        {
            let opened: Vec<Value> = opened.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert_eq!(opened, unsigned);
        }
        let other = if key == "ssh" { "gate-public.pem" } else { "ssh.pub" };
        let args = ["evidence", "verify-statement", &path("one.json"), "--key", &path(other)];
        world.changegate("work", &args).refused("another key signed it, or it was changed");
    }
    for (key, why) in [
        ("rsa.pem", "is no Ed25519 key"),
        ("ecdsa", "of the kind ecdsa"),
        ("locked", "the key is encrypted"),
        ("ssh.pub", "expected a private Ed25519 key"),
        ("gate-public.pem", "is the public one"),
        ("nowhere", "cannot read"),
    ] {
        let (code, statements, err) = run(&world, "server.git", &["--uri", URI, "--key", &path(key)]);
        assert_eq!((code, statements.len()), (Some(2), 0), "{key}");
        assert!(err.contains(why), "{key}: {err}");
    }
    for (key, why) in [
        ("ecdsa.pub", "expected ssh-ed25519"),
        ("gate.pem", "holds a private key"),
        ("rsa.pem", "holds a private key"),
    ] {
        let args = ["evidence", "verify-statement", &path("one.json"), "--key", &path(key)];
        world.changegate("work", &args).refused(why);
    }
    // Statements of others, by their own library.
    let others = [
        json!({
            "_type": "https://in-toto.io/Statement/v1", "subject": [{ "name": "app", "digest": { "sha256": "ab" } }],
            "predicateType": "https://in-toto.io/attestation/svr/v0.1",
            "predicate": { "verifier": { "id": "https://example.com/v1" }, "timeCreated": "2026-01-01T00:00:00Z",
                "properties": ["SLSA_BUILD_LEVEL_3"] },
        }),
        json!({
            "_type": "https://in-toto.io/Statement/v1", "subject": [{ "name": "app", "digest": { "sha256": "ab" } }],
            "predicateType": "https://example.com/own/v1", "predicate": {},
        }),
    ];
    let lines: String = others.iter().map(|one| format!("{one}\n")).collect();
    if let Some(made) = run_dsse(MAKE, &path("."), &lines) {
        std::fs::write(world.path("others.jsonl"), made.join("\n")).unwrap();
        let args = ["evidence", "verify-statement", &path("others.jsonl"), "--key", &path("other.pem")];
        let told = world.changegate("work", &args);
        told.accepted()
            .says("signed: SVR, verified: SLSA_BUILD_LEVEL_3")
            .says("https://example.com/own/v1, a type that is not read here");
    }
}
