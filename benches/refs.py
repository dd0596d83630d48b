#!/usr/bin/env python3
"""Many refs at once: what it costs to take in refs that came past the hook, and denials that wait.

    cargo build --release
    benches/refs.py [--refs N]

Brings N tags to a server past the hook, each at a commit of its own, and pushes to main: that push records all of them,
under the lock. Then it denies N pushes, and the next push records the denials. Beside each stands the time for half as
many, which shows whether the cost is linear, and that of git's own check that all of the refs are connected.
"""
import argparse, os, subprocess, sys, tempfile
from pairs import BUILT, ENV, GATE, git, once

POLICY = """changegate: 1
name: bench
extends: [startup]
protects: [main, "refs/tags/v*"]
people: { teams: { leads: [lea@example.com] } }
obligations: { regularise: { from: [leads], within: 3 days } }
reasons: { obligations: the leads answer for what came past the hook }
"""
GOOD = "Cache the tenant lookup\n\nChange-Type: normal\nRisk: low\nReviewed-by: Bob Example <bob@example.com>\n"
START = 1_780_000_000
LEDGER = "refs/changegate/ledger"


def server(folder):
    """A server with one commit, and a clone of it."""
    path, work = f"{folder}/server.git", f"{folder}/work"
    git("init", "-q", "--bare", "-b", "main", path, cwd="/")
    git("init", "-q", "-b", "main", work, cwd="/")
    os.makedirs(work + "/policies")
    with open(work + "/policies/changegate.yml", "w") as policy:
        policy.write(POLICY)
    git("add", "-A", cwd=work)
    git("commit", "-q", "-m", GOOD, cwd=work)
    git("fetch", "-q", work, "main:main", cwd=path)
    subprocess.run([GATE, "install", "--server", "--pusher", "none", "-C", path], check=True, capture_output=True, env=ENV)
    return path, work


def bring_tags(path, work, count):
    """Brings tags past the hook, each at a commit of its own on one line of history."""
    stream, first = [], git("rev-parse", "main", cwd=work).decode().strip()
    for number in range(1, count + 1):
        stream.append(f"commit refs/heads/imported\ncommitter Dev <dev{number % 50}@example.com> {START + number} +0000\ndata 2\nx\n")
        stream.append(f"from {first}\n" if number == 1 else "")
        stream.append(f"\nreset refs/tags/v{number}\nfrom refs/heads/imported\n\n")
    git("fast-import", "--quiet", cwd=work, input="".join(stream).encode())
    git("fetch", "-q", work, "refs/tags/*:refs/tags/*", cwd=path)


def push(path, work, message=GOOD, ok=(0,)):
    git("commit", "-q", "--allow-empty", "-m", message, cwd=work)
    wall, _ = once(["git", "push", "-q", path, "main"], work, ok=ok)
    if ok != (0,):
        git("reset", "-q", "--hard", "HEAD~1", cwd=work)
    return wall


def count_records(path):
    return int(git("rev-list", "--count", LEDGER, cwd=path))


def measure(folder, count):
    path, work = server(f"{folder}/tags{count}")
    bring_tags(path, work, count)
    check, _ = once(["git", "-C", path, "rev-list", "--objects", "--quiet", "--all", "--not", "main"])
    first, second = push(path, work), push(path, work)
    records = count_records(path)
    print(f"push after {count:>5} tags : the push after that {first:9.0f} ms {second:9.0f} ms   {records} records   git's check {check:7.0f} ms", flush=True)
    wall, peak = once([GATE, "ledger", "verify", "-C", path], ok=(1,))
    print(f"verify, {count:>5} unauthorised changes          {wall:9.0f} ms                {peak:6.1f} MiB", flush=True)
    path, work = server(f"{folder}/alone{count}")
    bring_tags(path, work, count)
    _, peak = once([GATE, "ledger", "reconcile", "--now", "-C", path], ok=(0, 1))
    print(f"reconcile alone, {count:>5} tags                                              {peak:6.1f} MiB", flush=True)
    path, work = server(f"{folder}/denials{count}")
    push(path, work)
    for _ in range(count):
        push(path, work, "Not reviewed\n", ok=(1,))
    first, second = push(path, work), push(path, work)
    print(f"push after {count:>5} denials : the push after that {first:6.0f} ms {second:9.0f} ms   {count_records(path)} records", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--refs", type=int, default=2000)
    args = parser.parse_args()
    if not os.path.exists(BUILT):
        sys.exit(f"{BUILT} is not there; cargo build --release")
    with tempfile.TemporaryDirectory() as folder:
        for count in (args.refs // 2, args.refs):
            measure(folder, count)


if __name__ == "__main__":
    main()
