#!/usr/bin/env python3
"""The ledger: what a push pays for its record, and how fast a long ledger is verified.

    cargo build --release
    benches/ledger.py [--quick] [--records N]

Two servers get the same pushes in turn, one with `changegate.ledger = off`, one that keeps a ledger of 10 or of N
records (100,000 unless told otherwise). The long ledgers are written by `git fast-import` in the gate's own form, and
`changegate ledger verify` finds nothing wrong with them, which is what is timed first, then `changegate show` of one change, with and without an index, and `changegate audit`.
"""
import argparse, datetime, hashlib, json, os, statistics, subprocess, sys, tempfile
from pairs import BUILT, ENV, GATE, git, once

POLICY = "changegate: 1\nname: bench\nextends: [iso27001]\nprotects: [main]\n"
GOOD = """Cache the tenant lookup for 60 s

Reduces the p99 of the score endpoint from 900 ms to 200 ms.

Ticket: PAY-412
Change-Type: normal
Risk: low
Security-Impact: low; the cache key contains the tenant id only
Back-out-Plan: set CACHE_TENANT=off, or revert and redeploy
Test-Plan: unit tests, and the load test in staging
Reviewed-by: Bob Example <bob@example.com>
"""
START = 1_780_000_000
REF = "refs/changegate/ledger"
# Both servers get the same commits.
ENV.update(GIT_AUTHOR_DATE=f"{START} +0000", GIT_COMMITTER_DATE=f"{START} +0000")
COMMITS = 1000


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def server(folder):
    """A server with a history of some length, and a clone of it."""
    path, work = f"{folder}/server.git", f"{folder}/work"
    git("init", "-q", "--bare", "-b", "main", path, cwd="/")
    git("init", "-q", "-b", "main", work, cwd="/")
    os.makedirs(work + "/policies")
    open(work + "/policies/changegate.yml", "w").write(POLICY)
    git("add", "-A", cwd=work)
    git("commit", "-q", "-m", GOOD, cwd=work)
    stream = []
    first = git("rev-parse", "HEAD", cwd=work).decode().strip()
    for number in range(COMMITS):
        stream.append(f"commit refs/heads/main\ncommitter Ana <ana@example.com> {START - COMMITS + number} +0000\ndata {len(GOOD)}\n{GOOD}")
        stream.append(f"from {first}\n" if number == 0 else "")
        stream.append(f"M 100644 inline src/file{number % 100}.txt\ndata 5\n{number:04d}\n\n")
    git("fast-import", "--quiet", "--force", cwd=work, input="".join(stream).encode())
    git("reset", "-q", "--hard", "main", cwd=work)
    git("fetch", "-q", work, "main:main", cwd=path)
    subprocess.run([GATE, "install", "--server", "--pusher", "none", "-C", path], check=True, capture_output=True)
    return path, work


def sample(folder):
    """Records of an allowed and of a denied push, as the gate writes them, to be written again and again."""
    path, work = server(folder)
    git("commit", "-q", "--allow-empty", "-m", GOOD, cwd=work)
    git("push", "-q", path, "main", cwd=work)
    git("commit", "-q", "--allow-empty", "-m", GOOD.replace("Reviewed-by", "Noted-by"), cwd=work)
    subprocess.run(["git", "push", "-q", path, "main"], cwd=work, capture_output=True)
    subprocess.run([GATE, "ledger", "reconcile", "--now", "-C", path], check=True, capture_output=True)
    links = []
    for back in (2, 1, 0):
        show = lambda name: git("show", f"{REF}~{back}:{name}", cwd=path)
        record = json.loads(show("record.json"))
        beside = {name: show(name) for name in ("facts.jsonl", "reasons.jsonl") if "decision" in record["event"]}
        links.append((record, beside, git("log", "-1", "--format=%B", f"{REF}~{back}", cwd=path).decode().rstrip("\n") + "\n"))
    return links


def write(path, records, links):
    """Writes a ledger of so many records that ends with what main holds: every tenth decision is denied."""
    chain = git("rev-list", "--reverse", "main", cwd=path).decode().split()
    trees = dict(line.split() for line in git("log", "--format=%H %T", "main", cwd=path).decode().splitlines())
    (allowed, kept, allow_text), (outcome, _, land_text), (denied, denied_kept, deny_text) = links
    name = "refs/heads/main"
    tip, recent, tool = None, [], allowed["event"]["decision"]["tool"]
    state = lambda number: canonical({"dormant-obligations": {}, "number": number, "obligations": {}, "open-decisions": {}, "protects": ["main"], "recent-decisions": recent[-32:], "schema": "changegate/state/v1", "tips": {name: tip}, "unmoved": {}})
    out = subprocess.Popen(["git", "fast-import", "--quiet", "--force"], cwd=path, stdin=subprocess.PIPE)
    previous, number = None, 0
    place = 0

    def put(event, beside, text, is_last=True):
        """Writes a record; of those that the gate appends at once, only the last has the state beside it."""
        nonlocal previous, number
        number += 1
        # Older than what is pushed, as in life: git's own check of a push walks through all that is newer. An outcome is
        # appended at once with its decision.
        at = START - 10 * COMMITS - records + number - ("outcome" in event)
        stamp = datetime.datetime.fromtimestamp(at, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        record = canonical({"schema": "changegate/record/v1", "number": number, "previous": previous, "recorded-at": stamp, "event": event})
        previous = "sha256:" + hashlib.sha256(record).hexdigest()
        message = text.encode()
        who = f"changegate <changegate@localhost> {at} +0000"
        data = f"commit {REF}\nauthor {who}\ncommitter {who}\ndata {len(message)}\n".encode() + message + b"\n"
        if number == 1:
            data = f"reset {REF}\n".encode() + data
        files = {"record.json": record, **beside}
        if is_last:
            files["state.json"] = state(number)
        data += b"deleteall\n"
        for file, content in files.items():
            data += f"M 100644 inline {file}\ndata {len(content)}\n".encode() + content + b"\n"
        out.stdin.write(data + b"\n")

    tip = chain[place]
    put({"begin": {"protects": ["main"], "tips": [{"name": name, "id": tip}], "tool": tool}}, {}, f"begin {name}\n\nLedger-Record: 1\n")
    while number < records:
        ident = f"{number:032x}"
        template, known, text = (denied, denied_kept, deny_text) if len(recent) % 10 == 9 else (allowed, kept, allow_text)
        event = json.loads(json.dumps(template["event"]["decision"]))
        old, new = tip, chain[(place + 1) % len(chain)]
        one = event["refs"][0]
        text = text.replace(one["old"], old).replace(one["new"], new).replace(event["id"], ident)
        text = text.replace(f"Ledger-Record: {template['number']}\n", f"Ledger-Record: {number + 1}\n")
        event["id"] = ident
        one.update(old=old, new=new, tree=trees[new])
        recent.append(ident)
        if template is denied or number + 1 == records:
            if template is not denied:
                break
            put({"decision": event}, known, text)
            continue
        put({"decision": event}, known, text, is_last=False)
        place, tip = (place + 1) % len(chain), new
        landed = json.loads(json.dumps(outcome["event"]["outcome"]))
        text = land_text.replace(landed["landed"][0]["old"], old).replace(landed["landed"][0]["new"], new).replace(landed["decision-id"], ident)
        text = text.replace(landed["landed"][0]["new"][:10], new[:10]).replace(f"Ledger-Record: {outcome['number']}\n", f"Ledger-Record: {number + 1}\n")
        landed["decision-id"] = ident
        landed["landed"][0].update(old=old, new=new)
        put({"outcome": landed}, {}, text)
    out.stdin.close()
    if out.wait():
        sys.exit("fast-import failed")
    git("update-ref", "refs/heads/main", tip, cwd=path)
    open(path + "/changegate/newest", "w").write(f"{number}:{previous}\n")
    git("gc", "-q", cwd=path)
    return number


def push(folder, links, records, runs):
    """Pushes the same commits to a server without a ledger and to one with a long one, in turn."""
    servers = {}
    for kind in ("off", "on"):
        path, work = server(f"{folder}/{kind}")
        if kind == "on":
            write(path, records, links)
        else:
            git("config", "changegate.ledger", "off", cwd=path)
            git("gc", "-q", cwd=path)
        git("update-ref", "refs/heads/main", git("rev-parse", "main", cwd=path).decode().strip(), cwd=path)
        servers[kind] = path
    work = f"{folder}/off/work"
    tip = git("rev-parse", "main", cwd=servers["on"]).decode().strip()
    git("fetch", "-q", servers["on"], tip, cwd=work)
    git("reset", "-q", "--hard", tip, cwd=work)
    git("update-ref", "refs/heads/main", tip, cwd=servers["off"])
    for refs, called in (("main", "protected"), ("main:refs/heads/free", "free")):
        walls = {"off": [], "on": []}
        for round_ in range(runs + 1):
            git("commit", "-q", "--allow-empty", "-m", GOOD, cwd=work)
            for kind, path in servers.items():
                wall, _ = once(["git", "push", "-q", path, refs], work)
                if round_:
                    walls[kind].append(wall)
        more = statistics.median(on - off for on, off in zip(walls["on"], walls["off"]))
        print(f"push to a {called} ref, {records:>7} records : no ledger   {statistics.median(walls['on']):8.2f} ms {statistics.median(walls['off']):8.2f} ms   {more:+6.2f} ms", flush=True)


def verify(folder, links, records):
    path, _ = server(folder)
    records = write(path, records, links)
    walls = []
    for _ in range(4):
        wall, peak = once(["taskset", "-c", "0", GATE, "ledger", "verify", "-C", path])
        walls.append(wall)
    best = statistics.median(walls[1:])
    print(f"verify, {records} records, one core               {best:8.0f} ms   {records / best * 1000:8.0f} records/s   {peak:6.1f} MiB", flush=True)
    # The first call makes the index that the others use.
    walls = []
    for _ in range(9):
        wall, peak = once([GATE, "show", "main~3", "-C", path])
        walls.append(wall)
    print(f"show, {records} records, without an index         {walls[0]:8.0f} ms", flush=True)
    print(f"show, {records} records, with an index            {statistics.median(walls[1:]):8.0f} ms   {peak:6.1f} MiB", flush=True)
    # A ledger that was written anew is older than the commits that a hook would have seen, which is a hole that is told.
    wall, peak = once([GATE, "audit", "--out", folder + "/audit", "-C", path], ok=(0, 3))
    print(f"audit, {records} records                          {wall:8.0f} ms   {peak:6.1f} MiB", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a fifth of the runs")
    parser.add_argument("--records", type=int, default=100_000)
    args = parser.parse_args()
    if not os.path.exists(BUILT):
        sys.exit(f"{BUILT} is not there; cargo build --release")
    runs = 10 if args.quick else 50
    with tempfile.TemporaryDirectory() as folder:
        links = sample(folder + "/sample")
        verify(folder + "/verify", links, args.records)
        push(folder + "/short", links, 10, runs)
        push(folder + "/long", links, args.records, runs)


if __name__ == "__main__":
    main()
