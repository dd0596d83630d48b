#!/usr/bin/env python3
"""What signed approvals cost a push: a hundred of them to be verified, and a rebase of thirty commits to be proved clean.

Usage: CHANGEGATE=path/to/changegate benches/approvals.py

The first pair is one push of a hundred commits, each approved by a signature, against the same push under a policy that
asks for no approval. The second one is a push of thirty rebased commits, against `git range-diff` over the same commits.
Both run in turn, and the median of each is shown.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

CHANGEGATE = os.path.abspath(os.environ.get("CHANGEGATE", "target/release/changegate"))
COMMITS = 100
REBASED = 30
ROUNDS = 15

POLICY = """changegate: 1
name: bench
protects: [main]
people: { roster: who/people.yml }
fields:
  Reviewed-by: { person: true }
  Risk: { one-of: [low, high] }
rules:
  merged: { require: { merge: clean } }
"""
RULE = "  reviewed: { require: { approvals: { carries-over: [clean-merge, clean-rebase] } } }\n"


def run(folder, *args, who=None, stdin="", check=True):
    environment = {
        "PATH": os.path.dirname(CHANGEGATE) + ":" + os.environ["PATH"],
        "HOME": folder,
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": who or "ana",
        "GIT_COMMITTER_NAME": who or "ana",
        "GIT_AUTHOR_EMAIL": f"{who or 'ana'}@example.com",
        "GIT_COMMITTER_EMAIL": f"{who or 'ana'}@example.com",
        "PUSHER": who or "ana",
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "gpg.format",
        "GIT_CONFIG_VALUE_0": "ssh",
        "GIT_CONFIG_KEY_1": "user.signingKey",
        "GIT_CONFIG_VALUE_1": os.path.join(ROOT, who or "ana"),
    }
    done = subprocess.run(args, cwd=folder, env=environment, input=stdin, capture_output=True, text=True)
    if check and done.returncode != 0:
        sys.exit(f"{' '.join(args)}: {done.stdout}{done.stderr}")
    return done


def git(*args, **options):
    return run(WORK, "git", *args, **options).stdout.strip()


def commit(number):
    with open(os.path.join(WORK, f"file{number % 10}"), "a", encoding="utf-8") as file:
        file.write(f"line {number}\n")
    git("add", "-A")
    git("commit", "-q", "--no-verify", "-m", f"Step {number}\n\nRisk: low")
    return git("rev-parse", "HEAD")


def set_policy(text):
    """Writes the policy in the clone."""
    with open(os.path.join(WORK, "policies/changegate.yml"), "w", encoding="utf-8") as file:
        file.write(text)


def judge(old, new):
    line = f"{old} {new} refs/heads/main\n"
    started = time.perf_counter()
    done = run(SERVER, CHANGEGATE, "hook", "pre-receive", stdin=line, check=False)
    return time.perf_counter() - started, done


def build_server(rule):
    """Builds a server and a clone under a policy, and returns the base."""
    for folder in (SERVER, WORK):
        shutil.rmtree(folder, ignore_errors=True)
    run(ROOT, "git", "init", "-q", "--bare", "-b", "main", SERVER)
    run(ROOT, "git", "init", "-q", "-b", "main", WORK)
    git("remote", "add", "origin", SERVER)
    os.makedirs(os.path.join(WORK, "who"))
    os.makedirs(os.path.join(WORK, "policies"))
    with open(os.path.join(WORK, "who/people.yml"), "w", encoding="utf-8") as file:
        file.write("people:\n")
        for who in ("ana", "ben", "kim"):
            with open(os.path.join(ROOT, who + ".pub"), encoding="utf-8") as key:
                file.write(f"  {who}: {{ addresses: [{who}@example.com], accounts: [{who}], keys: ['{key.read().strip()}'] }}\n")
    set_policy(POLICY + rule)
    git("add", "-A")
    git("commit", "-q", "-m", "Begin")
    git("push", "-q", "origin", "main")
    run(SERVER, CHANGEGATE, "install", "--server", "--pusher", "env:PUSHER")
    return git("rev-parse", "HEAD")


def give_objects(revision):
    """Gives the server the objects of a push, as a push does before the hook runs."""
    run(SERVER, "git", "fetch", "-q", WORK, f"{revision}:refs/bench/{revision[:12]}")


def measure_verification():
    times = {}
    for name, rule in (("signed", RULE), ("none", "")):
        base = build_server(rule)
        tip = base
        for number in range(COMMITS):
            tip = commit(number)
            if rule:
                # One signer has at most 64 approvals open.
                run(WORK, CHANGEGATE, "approve", tip, who="ben" if number % 2 else "kim")
        give_objects(tip)
        saved = os.path.join(ROOT, name)
        shutil.copytree(SERVER, saved)
        times[name] = (saved, base, tip, [])
    own_server = SERVER
    for _ in range(ROUNDS):
        for name in times:
            saved, base, tip, taken = times[name]
            globals()["SERVER"] = saved
            seconds, done = judge(base, tip)
            if done.returncode != 0:
                sys.exit(f"{name}: the push was refused: {done.stdout}{done.stderr}")
            taken.append(seconds * 1000)
    globals()["SERVER"] = own_server
    signed, none = (statistics.median(times[name][3]) for name in ("signed", "none"))
    print(f"{COMMITS} signed approvals: {signed:.1f} ms, without {none:.1f} ms: {signed - none:.1f} ms more (goal: 50)")


def measure_rebase():
    base = build_server(RULE)
    git("checkout", "-q", "-b", "topic")
    for number in range(REBASED):
        tip = commit(number)
    run(WORK, CHANGEGATE, "approve", "topic", who="ben")
    git("checkout", "-q", "-b", "other", "main")
    with open(os.path.join(WORK, "other"), "w", encoding="utf-8") as file:
        file.write("other\n")
    git("add", "-A")
    git("commit", "-q", "-m", "Other\n\nRisk: low")
    run(WORK, CHANGEGATE, "approve", "other", who="ben")
    git("push", "-q", "origin", "other:main")
    landed = git("rev-parse", "other")
    git("checkout", "-q", "topic")
    git("rebase", "-q", "other")
    rebased = git("rev-parse", "topic")
    give_objects(rebased)
    ours, theirs = [], []
    for _ in range(ROUNDS):
        seconds, done = judge(landed, rebased)
        if done.returncode != 0:
            sys.exit(f"the rebase was refused: {done.stdout}{done.stderr}")
        ours.append(seconds * 1000)
        started = time.perf_counter()
        git("range-diff", "--no-color", f"{base}..{tip}", f"{landed}..{rebased}")
        theirs.append((time.perf_counter() - started) * 1000)
    print(
        f"a rebase of {REBASED} commits: {statistics.median(ours):.1f} ms for the whole hook, "
        f"git range-diff {statistics.median(theirs):.1f} ms"
    )


ROOT = tempfile.mkdtemp(prefix="changegate-approvals-")
SERVER = os.path.join(ROOT, "server.git")
WORK = os.path.join(ROOT, "work")
try:
    for person in ("ana", "ben", "kim"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", person, "-f", os.path.join(ROOT, person)], check=True
        )
    measure_verification()
    measure_rebase()
finally:
    shutil.rmtree(ROOT)
