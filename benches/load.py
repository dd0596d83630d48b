#!/usr/bin/env python3
"""Small pushes that are made to exhaust a server: the hook's time and peak memory, beside git's connectivity check.

    benches/load.py [paths|messages|chain|people ...]

Builds nothing: run `cargo build --release` first. Needs git, Python 3 and GNU time. The sizes are those of attacks;
tests/load.rs has the same with small ones.
"""
import os, subprocess, sys, tempfile, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
GATE = os.environ.get("CHANGEGATE", os.path.join(ROOT, "target", "release", "changegate"))
ENV = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG")}
ENV.update(GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_NOSYSTEM="1", GIT_AUTHOR_NAME="Ana", GIT_AUTHOR_EMAIL="ana@example.com",
           GIT_COMMITTER_NAME="Ana", GIT_COMMITTER_EMAIL="ana@example.com")
POLICY = b"changegate: 1\nname: load\nextends: [startup]\nprotects: [main]\n"
GOOD = b"Cache it\n\nChange-Type: normal\nRisk: low\nReviewed-by: Ben <ben@example.com>\n"


def git(*argv, cwd, **more):
    return subprocess.run(["git", *argv], cwd=cwd, env=ENV, check=True, capture_output=True, **more).stdout.decode().strip()


def commit(number, message, files=b""):
    return b"commit refs/heads/new\ncommitter Ana <ana@example.com> %d +0000\ndata %d\n%s\n%s\n" % (
        1700000000 + number, len(message), message, files)


def paths():
    """800 commits that change the same 20,000 files back and forth, in one merge."""
    yield b"blob\nmark :1\ndata 1\na\nblob\nmark :2\ndata 1\nb\n"
    for number in range(800):
        yield commit(number, GOOD, b"".join(b"M 100644 :%d d/%d\n" % (1 + number % 2, file) for file in range(20000)))


def messages():
    """600 commits with messages of 5 MB."""
    for number in range(600):
        yield commit(number, GOOD.replace(b"\n\n", b"\n\n" + b"a" * 5_000_000 + b"\n\n", 1))


def chain():
    """8,000 versions of a folder, each stored as the difference from the one before."""
    for number in range(8000):
        files = range(60) if number == 0 else [number % 60]
        yield commit(number, GOOD, b"".join(b"M 100644 inline f%02d\ndata 8\n%08d\n" % (file, number) for file in files))


def people():
    """20,000 co-authors and 20,000 reviewers of one commit."""
    names = b"".join(b"Co-authored-by: Ana %da <a%d@example.com>\nReviewed-by: Ben %db <b%d@example.com>\n" % (n, n, n, n) for n in range(20000))
    yield commit(0, GOOD + names)


def timed(argv, cwd, stdin):
    start = time.perf_counter()
    with open(stdin) as source:
        done = subprocess.run(["/usr/bin/time", "-q", "-f", "%M", *argv], cwd=cwd, env=ENV, stdin=source, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return time.perf_counter() - start, int(done.stderr.split()[-1]) / 1024, done.returncode


def main():
    parts = {"paths": paths, "messages": messages, "chain": chain, "people": people}
    for name in sys.argv[1:] or parts:
        with tempfile.TemporaryDirectory() as folder:
            server = folder + "/server.git"
            git("init", "-q", "--bare", "-b", "main", server, cwd="/")
            git("config", "changegate.pusher", "none", cwd=server)
            git("config", "changegate.ledger", "off", cwd=server)
            first = b"M 100644 inline policies/changegate.yml\ndata %d\n%s\n" % (len(POLICY), POLICY)
            git("fast-import", "--quiet", cwd=server, input=commit(0, b"Begin\n", first))
            git("update-ref", "refs/heads/main", "refs/heads/new", cwd=server)
            importer = subprocess.Popen(["git", "fast-import", "--quiet", "--depth=8000"], cwd=server, env=ENV, stdin=subprocess.PIPE)
            importer.stdin.write(b"reset refs/heads/new\nfrom refs/heads/main^0\n\n")
            for piece in parts[name]():
                importer.stdin.write(piece)
            importer.stdin.close()
            if importer.wait(): sys.exit("git fast-import failed")
            old, new = git("rev-parse", "main", cwd=server), git("rev-parse", "new", cwd=server)
            if name == "paths":
                new = git("commit-tree", "-p", old, "-p", new, "-m", GOOD.decode(), new + "^{tree}", cwd=server)
            git("update-ref", "-d", "refs/heads/new", cwd=server)
            open(folder + "/stdin", "w").write(f"{old} {new} refs/heads/main\n")
            check, _, _ = timed(["git", "rev-list", "--objects", new, "--not", "--all"], server, os.devnull)
            ours, peak, code = timed([GATE, "hook", "pre-receive"], server, folder + "/stdin")
            print(f"{name:<10} {ours:7.2f} s  connectivity check {check:7.2f} s  x{ours / check:5.2f}  {peak:6.1f} MiB  exit code {code}", flush=True)


if __name__ == "__main__":
    main()
