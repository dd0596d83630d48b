#!/usr/bin/env python3
"""Small pushes that are made to exhaust a server: the time and memory of the hooks, beside git's connectivity check.

    cargo build --release
    benches/load.py [--quick] [CASE ...]

The sizes are those of attacks; tests/load.rs has the same with small ones. The new objects lie in a quarantine, as git has
them while a hook runs. `check` is `git rev-list --objects NEW --not --all` for the same push, run in turn with the hook. The
times are medians of three pairs, or of one with --quick; the ratio is the median of the pairs. The cases with a ledger make
a real push, and measure its hooks once: what waits is recorded after the refs have moved, by `post-receive`. Needs git,
Python 3 and GNU time. Needs a quiet machine: with other work beside it, the times say little.
"""
import argparse, hashlib, json, os, statistics, struct, subprocess, sys, tempfile, time, zlib

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
GATE = os.environ.get("CHANGEGATE", os.path.join(ROOT, "target", "release", "changegate"))
ENV = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "CHANGEGATE", "BENCH_TIMES")}
ENV.update(GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_NOSYSTEM="1", GIT_AUTHOR_NAME="Ana", GIT_AUTHOR_EMAIL="ana@example.com",
           GIT_COMMITTER_NAME="Ana", GIT_COMMITTER_EMAIL="ana@example.com")
POLICY = b"""changegate: 1
name: load
extends: [startup]
protects: [main, "refs/tags/v*"]
rules: { r: { require: { not: { touches: 'guarded/**' } } } }
"""
GOOD = b"Cache it\n\nChange-Type: normal\nRisk: low\nReviewed-by: Ben <ben@example.com>\n"
EMERGENCY = b"""Stop charging twice

Change-Type: emergency
Risk: high
Incident: INC-2031
Emergency-Reason: cards are charged twice, and each minute costs customers money
"""
BEGIN = 1_700_000_000


def git(*argv, cwd, env=ENV, **more):
    return subprocess.run(["git", *argv], cwd=cwd, env=env, check=True, capture_output=True, **more).stdout.decode().strip()


def commit(number, message, files=b""):
    return b"commit refs/heads/new\ncommitter Ana <ana@example.com> %d +0000\ndata %d\n%s\n%s\n" % (
        BEGIN + number, len(message), message, files)


def paths(env, server):
    """a merge of 800 commits that change the same 20,000 files back and forth"""
    # Naming each file in each commit would take 16 million lines, so a commit names one of two trees.
    trees = write_folders(env, server)
    for number in range(800):
        yield commit(number, GOOD, b"M 040000 %s d\n" % trees[number % 2])


def write_folders(env, server):
    """Writes two trees of the same 20,000 files, all of which differ; returns their ids."""
    blobs = [git("hash-object", "-w", "--stdin", cwd=server, env=env, input=content) for content in (b"a", b"b")]
    return [git("mktree", cwd=server, env=env, input="".join(f"100644 blob {blob}\t{file}\n" for file in range(20000)).encode()).encode() for blob in blobs]


def messages(env, server):
    """600 commits with messages of 5 MB"""
    for number in range(600):
        yield commit(number, GOOD.replace(b"\n\n", b"\n\n" + b"a" * 5_000_000 + b"\n\n", 1))


def folders(env, server):
    """8,000 versions of a folder, each stored as the difference from the one before"""
    for number in range(8000):
        files = range(60) if number == 0 else [number % 60]
        yield commit(number, GOOD, b"".join(b"M 100644 inline f%02d\ndata 8\n%08d\n" % (file, number) for file in files))


def people(env, server):
    """20,000 co-authors and 20,000 reviewers of one commit"""
    names = b"".join(b"Co-authored-by: Ana %da <a%d@example.com>\nReviewed-by: Ben %db <b%d@example.com>\n" % (n, n, n, n) for n in range(20000))
    yield commit(0, GOOD + names)


def chain(old, tree, length=20_000):
    """20,000 commits that are one chain of deltas, the newest at its end"""
    def number_bytes(number):
        out = bytearray()
        while number > 0x7F:
            out.append(number & 0x7F | 0x80)
            number >>= 7
        return bytes(out + bytes([number]))

    def header(kind, size):
        first, size, out = kind << 4 | size & 15, size >> 4, bytearray()
        while size:
            out.append(first | 0x80)
            first, size = size & 0x7F, size >> 7
        return bytes(out + bytes([first]))

    def distance(number):
        out = [number & 0x7F]
        while number := number >> 7:
            number -= 1
            out.insert(0, 0x80 | number & 0x7F)
        return bytes(out)

    pack, parent, before, place = bytearray(b"PACK" + struct.pack(">II", 2, length)), old, None, 0
    for number in range(length):
        who = "Ana <ana@example.com> %d +0000" % (BEGIN + number)
        body = f"tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n\n".encode() + GOOD
        parent, here = hashlib.sha1(b"commit %d\0" % len(body) + body).hexdigest(), len(pack)
        if before is None:
            pack += header(1, len(body)) + zlib.compress(body)
        else:
            # All but the ids and dates is copied from the version before.
            kept = len(body) - len(GOOD)
            delta = number_bytes(len(before)) + number_bytes(len(body))
            for start in range(0, kept, 127):
                delta += bytes([min(127, kept - start)]) + body[start:min(start + 127, kept)]
            delta += bytes([0x80 | 1 | 16]) + bytes([len(before) - len(GOOD), len(GOOD)])
            if len(before) - len(GOOD) > 255: sys.exit("the head of a commit is too long")
            pack += header(6, len(delta)) + distance(here - place) + zlib.compress(delta)
        before, place = body, here
    return bytes(pack + hashlib.sha1(pack).digest()), parent


PARTS = {"paths": paths, "messages": messages, "chain": chain, "folders": folders, "people": people}


def timed(argv, cwd, stdin, env=ENV):
    """Returns the seconds that a process takes, its peak memory in MiB, its exit code, what it says, and its seconds of processor time."""
    start = time.perf_counter()
    with open(stdin) as source:
        done = subprocess.run(["/usr/bin/time", "-q", "-f", "%M %U %S", *argv], cwd=cwd, env=env, stdin=source, capture_output=True)
    wall = time.perf_counter() - start
    *said, peak = done.stderr.decode(errors="replace").splitlines()
    memory, *processor = peak.split()
    return wall, int(memory) / 1024, done.returncode, done.stdout.decode(errors="replace") + "\n".join(said), sum(map(float, processor))


def make_server(folder, ledger):
    server = folder + "/server.git"
    git("init", "-q", "--bare", "-b", "main", server, cwd="/")
    first = b"M 100644 inline policies/changegate.yml\ndata %d\n%s\n" % (len(POLICY), POLICY)
    git("fast-import", "--quiet", cwd=server, input=commit(0, b"Begin\n", first))
    git("update-ref", "refs/heads/main", "refs/heads/new", cwd=server)
    git("update-ref", "-d", "refs/heads/new", cwd=server)
    if ledger:
        subprocess.run([GATE, "install", "--server", "--pusher", "none", "-C", server], check=True, capture_output=True, env=ENV)
    else:
        git("config", "changegate.pusher", "none", cwd=server)
        git("config", "changegate.ledger", "off", cwd=server)
    return server


def say(name, hooks, check, ratio, peak, code, answer=""):
    print(f"{name:<12} {hooks:8.3f} s   check {check:8.3f} s   x{ratio:7.2f}   {peak:6.1f} MiB   exit code {code}{answer}", flush=True)


def measure_alone(name, folder, runs):
    """Runs `pre-receive` alone, for a push whose objects are in a quarantine."""
    server = make_server(folder, ledger=False)
    old = git("rev-parse", "main", cwd=server)
    incoming = server + "/objects/tmp_objdir-incoming-bench"
    os.makedirs(incoming + "/pack")
    env = ENV | {"GIT_OBJECT_DIRECTORY": incoming, "GIT_ALTERNATE_OBJECT_DIRECTORIES": server + "/objects"}
    if name == "chain":
        pack, new = chain(old, git("rev-parse", "main^{tree}", cwd=server))
        git("index-pack", "--stdin", "--keep=bench", cwd=server, env=env, input=pack)
    else:
        importer = subprocess.Popen(["git", "-c", "fastimport.unpackLimit=0", "fast-import", "--quiet", "--depth=8000"],
                                    cwd=server, env=env, stdin=subprocess.PIPE)
        importer.stdin.write(b"reset refs/heads/new\nfrom refs/heads/main^0\n\n")
        for piece in PARTS[name](env, server):
            importer.stdin.write(piece)
        importer.stdin.close()
        if importer.wait(): sys.exit("git fast-import failed")
        new = git("rev-parse", "new", cwd=server, env=env)
        if name == "paths":
            new = git("commit-tree", "-p", old, "-p", new, "-m", GOOD.decode(), new + "^{tree}", cwd=server, env=env)
        git("update-ref", "-d", "refs/heads/new", cwd=server, env=env)
    with open(folder + "/stdin", "w") as lines:
        lines.write(f"{old} {new} refs/heads/main\n")
    env["GIT_QUARANTINE_PATH"] = incoming
    check_argv = ["git", "rev-list", "--objects", "--quiet", new, "--not", "--all"]
    checks, hooks, peaks = [], [], []
    for round_ in range(runs + 1):
        check, *_, check_processor = timed(check_argv, server, os.devnull, env)
        wall, peak, code, said, processor = timed([GATE, "hook", "pre-receive"], server, folder + "/stdin", env | {"GIT_DIR": server})
        if round_ or wall > 5:  # the first pair warms the caches
            checks.append(check); hooks.append(wall); peaks.append(peak)
    ratio = statistics.median(ours / theirs for ours, theirs in zip(hooks, checks))
    why = next((": " + line.strip() for line in said.splitlines() if "at most" in line or "more than" in line), "")
    say(name, statistics.median(hooks), statistics.median(checks), ratio, max(peaks), code, f"   (processor {processor:.2f} s, check {check_processor:.2f} s){why}")


def run_hook(name, out):
    """Stands in for a hook of the server: measures git's check, and then ours."""
    with tempfile.NamedTemporaryFile("w+") as lines:
        lines.write(sys.stdin.read()); lines.flush()
        new = open(lines.name).readline().split()[1]
        env = dict(os.environ)
        check = 0
        if name == "pre-receive":
            argv = ["git", "rev-list", "--objects", "--quiet", new, "--not", "--all"]
            check = statistics.median(timed(argv, ".", os.devnull, env)[0] for _ in range(4))
        wall, peak, code, said, processor = timed([GATE, "hook", name], ".", lines.name, env)
        print(said)
    with open(out, "a") as log:
        log.write(json.dumps({"hook": name, "check": check, "wall": wall, "peak": peak, "code": code, "processor": processor}) + "\n")
    return code


def push(work, server, message=GOOD, ok=True):
    git("commit", "-q", "--allow-empty", "-m", message.decode(), cwd=work)
    done = subprocess.run(["git", "push", "-q", server, "main"], cwd=work, env=ENV, capture_output=True)
    if (done.returncode == 0) != ok: sys.exit(f"git push ended with {done.returncode}:\n{done.stderr.decode()}")


def denials(work, server):
    """2,000 pushes that were denied, and wait to be recorded"""
    old = git("rev-parse", "main", cwd=server)
    bad = git("commit-tree", "-p", old, "-m", "Not reviewed", "main^{tree}", cwd=server)
    for _ in range(2000):
        done = subprocess.run([GATE, "hook", "pre-receive"], cwd=server, env=ENV | {"GIT_DIR": server},
                              input=f"{old} {bad} refs/heads/main\n".encode(), capture_output=True)
        if done.returncode != 1: sys.exit("a push that should be denied is not")


def tags(work, server):
    """2,000 protected tags that came past the hook"""
    tip = git("rev-parse", "main", cwd=server)
    git("update-ref", "--stdin", cwd=server, input="".join(f"create refs/tags/v{n} {tip}\n" for n in range(2000)).encode())


def obligations(work, server):
    """2,000 obligations that are open"""
    # Each emergency change leaves two.
    for _ in range(4):
        for number in range(250):
            git("commit", "-q", "--allow-empty", "-m", EMERGENCY.decode(), cwd=work)
        git("push", "-q", server, "main", cwd=work)


WITH_LEDGER = {"denials": denials, "tags": tags, "obligations": obligations}


def measure_push(name, folder):
    """Measures the hooks of a push that meets what earlier ones left, and those of the next push."""
    server, work = make_server(folder, ledger=True), folder + "/work"
    git("clone", "-q", server, work, cwd="/")
    push(work, server)
    WITH_LEDGER[name](work, server)
    log = folder + "/log"
    for hook in ("pre-receive", "post-receive"):
        with open(f"{server}/hooks/{hook}", "w") as script:
            script.write(f"#!/bin/sh\nexec {sys.executable} {os.path.abspath(__file__)} --hook {hook} {log}\n")
    for which in ("", ", again"):
        if os.path.exists(log): os.remove(log)
        push(work, server)
        with open(log) as lines:
            seen = [json.loads(line) for line in lines]
        check, wall = seen[0]["check"], sum(hook["wall"] for hook in seen)
        say(name + which, wall, check, wall / check, max(hook["peak"] for hook in seen), 0,
            "   (" + ", ".join(f"{hook['hook']} {hook['wall']:.3f} s, processor {hook['processor']:.2f} s" for hook in seen) + ")")
    records = git("rev-list", "--count", "refs/changegate/ledger", cwd=server)
    state = git("cat-file", "-s", "refs/changegate/ledger:state.json", cwd=server)
    print(f"{'':<12} {records} records, a state of {int(state) / 1024:.0f} KiB", flush=True)


def main():
    if sys.argv[1:2] == ["--hook"]:
        return run_hook(*sys.argv[2:])
    every = PARTS | WITH_LEDGER
    listed = "\n".join(f"  {name:<12} {part.__doc__}" for name, part in every.items())
    parser = argparse.ArgumentParser(description=__doc__, epilog="cases:\n" + listed, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help="what to measure; everything if none is named")
    parser.add_argument("--quick", action="store_true", help="one pair of each")
    args = parser.parse_args()
    for name in args.cases:
        if name not in every: parser.error(f"there is no case {name}")
    if not os.path.exists(GATE): sys.exit(f"{GATE} is not there; cargo build --release")
    for name in args.cases or every:
        with tempfile.TemporaryDirectory() as folder:
            if name in PARTS: measure_alone(name, folder, 1 if args.quick else 3)
            else: measure_push(name, folder)


if __name__ == "__main__":
    sys.exit(main())
