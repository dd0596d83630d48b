#!/usr/bin/env python3
"""Whole processes in turn, A B A B: changegate beside git and beside its peers.

    benches/pairs.py [--quick] [message|big|history|push|replay|merges ...]

Builds nothing: run `cargo build --release` first. Times are wall times of posix_spawn to wait4 in
milliseconds, medians of runs taken in turn on the same machine, with the median of the pairwise
ratios beside them; memory is the peak resident set that GNU time
reports, where that is installed. Needs git and Python 3.
`CHANGEGATE_BENCH_REPO` names a repository with a long history for `history` (a clone of git's own
is what the figures in docs/performance.md are of); without it that part is skipped and says so.
`COMMITTED` names the `committed` binary, if it is not on PATH.
"""
import argparse, os, shutil, statistics, subprocess, sys, tempfile, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILT = os.environ.get("CHANGEGATE", os.path.join(ROOT, "target", "release", "changegate"))
INSTALLED = tempfile.TemporaryDirectory(prefix="changegate-bench-")


def installed(program):
    """Returns the path of a copy: what is measured is written in one go, as an installed program is. A linker writes
    here and there, and what it leaves in the page cache is in small pieces, which makes every start slower by a tenth."""
    if not program or not os.path.exists(program):
        return program
    return shutil.copy2(program, INSTALLED.name)


GATE = installed(BUILT)
ENV = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG")}
ENV.update(GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_NOSYSTEM="1", GIT_AUTHOR_NAME="Ana", GIT_AUTHOR_EMAIL="ana@example.com",
           GIT_COMMITTER_NAME="Ana", GIT_COMMITTER_EMAIL="ana@example.com")


def once(argv, cwd=None, stdin=None, ok=(0,)):
    """Runs argv once; returns wall milliseconds and peak MiB."""
    source = os.open(stdin or os.devnull, os.O_RDONLY)
    sink = os.open(os.devnull, os.O_WRONLY)
    here = os.getcwd()
    try:
        if cwd:
            os.chdir(cwd)
        actions = [(os.POSIX_SPAWN_DUP2, source, 0), (os.POSIX_SPAWN_DUP2, sink, 1), (os.POSIX_SPAWN_DUP2, sink, 2)]
        start = time.perf_counter()
        pid = os.posix_spawnp(argv[0], argv, ENV, file_actions=actions)
        _, status, usage = os.wait4(pid, 0)
        wall = (time.perf_counter() - start) * 1000
    finally:
        os.chdir(here)
        os.close(source)
        os.close(sink)
    code = os.waitstatus_to_exitcode(status)
    if code not in ok:
        sys.exit(f"{argv} ended with {code}")
    return wall, usage.ru_maxrss / 1024


def peak(argv, cwd=None):
    """Returns the peak MiB of argv, asked of GNU time: a child of this script would be charged with the script's own."""
    if not os.path.exists("/usr/bin/time"):
        return float("nan")
    told = subprocess.run(["/usr/bin/time", "-q", "-f", "%M", *argv], cwd=cwd, env=ENV, capture_output=True, stdin=subprocess.DEVNULL).stderr
    return int(told.split()[-1]) / 1024


def pairs(name, ours, theirs, runs, goal=None, cwd=None, ok=(0,), prepare=None):
    """Runs both in turn and prints the medians and the median ratio."""
    walls, ratios, others = [], [], []
    for round_ in range(runs + 1):
        if prepare: prepare()
        other, _ = once(theirs, cwd)
        if prepare: prepare()
        wall, _ = once(ours, cwd, ok=ok)
        if round_:  # the first pair warms the caches
            walls.append(wall); others.append(other); ratios.append(wall / other)
    line = f"{name:<46} {statistics.median(walls):9.2f} ms  {statistics.median(others):9.2f} ms  x{statistics.median(ratios):5.2f}  {peak(ours, cwd):6.1f} MiB"
    print(line + (f"   (goal {goal})" if goal else ""), flush=True)


def git(*argv, cwd, **more):
    return subprocess.run(["git", *argv], cwd=cwd, env=ENV, check=True, capture_output=True, **more).stdout


POLICY_HEAD = """changegate: 1
name: bench
protects: [main, master]
people:
  teams:
    security: [sec@example.com]
    owners: [bob@example.com, carol@example.com]
  bots: ['*[bot]']
fields:
"""


def policy(lines):
    """Returns a policy about messages, of about so many lines."""
    text = POLICY_HEAD
    text += "  Risk: { ordered: [low, medium, high, critical], on-conflict: highest }\n"
    text += "  Ticket: { matches: '[A-Z]+-[0-9]+|#[0-9]+', many: true }\n"
    text += "  Back-out-Plan: { text: { min-length: 10 } }\n"
    text += "  Reviewed-by: { person: true }\n  Signed-off-by: { person: true }\n"
    text += "rules:\n  risk:\n    title: the risk is stated\n    require: { field: { Risk: present } }\n"
    number = 0
    while text.count("\n") < lines - 6:
        number += 1
        text += (f"  rule-{number}:\n    title: a rule of the bench\n    why: so that the policy is as long as a real one\n"
                 f"    controls: [iso27001:A.8.32]\n    when: {{ field: {{ Risk: {{ at-least: high }} }} }}\n"
                 f"    require: {{ field: {{ Ticket: present, Back-out-Plan: present }} }}\n")
    return text


MESSAGE = """Cache the tenant lookup for 60 s

Reduces the p99 of the score endpoint from 900 ms to 200 ms. Stale tenants are
possible for one minute; the admin page already shows that delay.

Ticket: PAY-412
Change-Type: normal
Risk: medium; new cache in the auth path, no schema change
Security-Impact: low; the cache key contains the tenant id only
Back-out-Plan: set CACHE_TENANT=off, or revert and redeploy
Test-Plan: unit tests, and the load test in staging
Reviewed-by: Bob Example <bob@example.com>
Signed-off-by: Ana Example <ana@example.com>
"""


def clone(folder, policy_text):
    git("init", "-q", "-b", "main", folder, cwd="/")
    os.makedirs(f"{folder}/policies")
    open(f"{folder}/policies/changegate.yml", "w").write(policy_text)
    git("add", "-A", cwd=folder)
    git("commit", "-q", "-m", MESSAGE, cwd=folder)
    open(f"{folder}/.git/COMMIT_EDITMSG", "w").write(MESSAGE)


def message(folder, runs):
    clone(folder + "/own", policy(200))
    clone(folder + "/pack", "changegate: 1\nname: p\nextends: [iso27001]\n")
    hook = [GATE, "hook", "commit-msg", ".git/COMMIT_EDITMSG"]
    pairs("commit-msg, 200 lines : git --version", hook, ["git", "--version"], runs, "2.0, aim 1.5; 8 MiB, aim 5", folder + "/own")
    pairs("commit-msg, iso27001 pack : git --version", hook, ["git", "--version"], runs, None, folder + "/pack")
    committed = installed(os.environ.get("COMMITTED") or shutil.which("committed"))
    if committed:
        open(folder + "/own/committed.toml", "w").write("style = 'none'\nsubject_capitalized = false\nimperative_subject = false\nsubject_length = 100\nline_length = 200\n")
        theirs = [committed, "--commit-file", ".git/COMMIT_EDITMSG"]
        pairs("commit-msg, 200 lines : committed", hook, theirs, runs, "1.0", folder + "/own")
    else:
        print("skipped: committed is not installed (cargo install committed, then COMMITTED=...)")


def big(folder, runs):
    clone(folder + "/own", policy(200))
    for name, text in [("one line", "x" * (1 << 20) + "\n"), ("25,000 trailers", "s\n\n" + "Signed-off-by: A <a@example.com>\n" * 25000)]:
        open(folder + "/own/.git/BIG", "w").write(text)
        hook = [GATE, "hook", "commit-msg", "--warn", ".git/BIG"]
        theirs = ["git", "interpret-trailers", "--parse", ".git/BIG"]
        pairs(f"1 MiB, {name} : interpret-trailers", hook, theirs, max(5, runs // 4), "50 ms", folder + "/own")


def history(folder, runs):
    repo = os.environ.get("CHANGEGATE_BENCH_REPO")
    if not repo:
        return print("skipped: CHANGEGATE_BENCH_REPO names no repository")
    about_messages, about_paths = folder + "/messages.yml", folder + "/paths.yml"
    head = "changegate: 1\nname: n\nprotects: [master]\nfields:\n  Signed-off-by: { person: true }\n"
    open(about_messages, "w").write(head + "rules:\n  r: { require: { field: { Signed-off-by: present } } }\n")
    open(about_paths, "w").write(head + "rules:\n  r: { require: { not: { touches: ['**/no-such-file'] } } }\n")
    check = lambda p: [GATE, "check", "HEAD", "--history", "--unit", "commit", "--policy", p]
    fmt = "--format=%H%x00%ae%x00%(trailers:only,unfold)"
    n = max(3, runs // 8)
    graph = subprocess.run(["git", "rev-parse", "--git-path", "objects/info/commit-graph"], cwd=repo, env=ENV, capture_output=True, text=True).stdout.strip()
    has = "with" if os.path.exists(os.path.join(repo, graph)) or os.path.isdir(os.path.join(repo, graph) + "s") else "without"
    pairs(f"history, messages, {has} commit-graph : git log", check(about_messages), ["git", "log", fmt, "HEAD"], n, "1.0/0.7 without, 0.6/0.4 with; 200/150 MiB", repo, (0, 1))
    pairs(f"history, paths, {has} commit-graph : git log", check(about_paths), ["git", "log", "--name-only", "--no-renames", "HEAD"], n, "1.0/0.7", repo, (0, 1))
    pairs(f"history, paths, {has} : git log --diff-merges=1", check(about_paths), ["git", "log", "--name-only", "--no-renames", "--diff-merges=first-parent", "HEAD"], n, None, repo, (0, 1))


def push(folder, runs):
    """The push with our hook against the push with an empty hook, into fresh copies of one server."""
    base = os.environ.get("CHANGEGATE_BENCH_REPO")
    source = folder + "/source"
    if base:
        git("clone", "-q", "--bare", "--no-hardlinks", "--single-branch", base, folder + "/server.git", cwd="/")
    else:
        git("init", "-q", "--bare", "-b", "main", folder + "/server.git", cwd="/")
    git("clone", "-q", folder + "/server.git", source, cwd="/")
    git("checkout", "-q", "-B", "main", cwd=source)
    os.makedirs(source + "/policies", exist_ok=True)
    open(source + "/policies/changegate.yml", "w").write("changegate: 1\nname: p\nextends: [iso27001]\nprotects: [main]\n")
    git("add", "-A", cwd=source)
    git("commit", "-q", "-m", MESSAGE, cwd=source)
    git("push", "-q", "origin", "main", cwd=source)
    server = folder + "/server.git"
    git("symbolic-ref", "HEAD", "refs/heads/main", cwd=server)
    git("config", "changegate.pusher", "none", cwd=server)
    # What a record costs is measured by ledger.py, against the same server without one.
    git("config", "changegate.ledger", "off", cwd=server)
    git("repack", "-adq", cwd=server)
    start = git("rev-parse", "main", cwd=source).decode().strip()
    message = MESSAGE.replace("Risk: medium; new cache in the auth path, no schema change", "Risk: low")
    for commits in (1, 100, 10000):
        git("reset", "-q", "--hard", start, cwd=source)
        stream = []
        for n in range(commits):
            body = message.encode()
            stream.append(b"commit refs/heads/main\ncommitter Ana <ana@example.com> %d +0000\ndata %d\n%s" % (1900000000 + n, len(body), body))
            if n == 0:
                stream.append(b"from %s\n" % start.encode())
            stream.append(b"M 100644 inline src/file%d.txt\ndata 5\n%04d\n\n" % (n % 300, n % 10000))
        git("fast-import", "--quiet", "--force", cwd=source, input=b"".join(stream))
        runs_now = {1: runs, 100: max(8, runs // 3), 10000: 5}[commits]
        hook = server + "/hooks/pre-receive"

        def fresh(kind):
            git("update-ref", "refs/heads/main", start, cwd=server)
            if os.path.lexists(hook): os.remove(hook)
            os.symlink(GATE_HOOK if kind == "gate" else EMPTY, hook)
            git("-c", "gc.reflogExpire=now", "prune", "--expire=now", cwd=server)

        GATE_HOOK, EMPTY = folder + "/gate", folder + "/empty"
        open(GATE_HOOK, "w").write(f"#!/bin/sh\nexec {GATE} hook pre-receive\n"); os.chmod(GATE_HOOK, 0o755)
        open(EMPTY, "w").write("#!/bin/sh\nexit 0\n"); os.chmod(EMPTY, 0o755)
        walls, others, ratios = [], [], []
        argv = ["git", "push", "-q", server, "main"]
        for round_ in range(runs_now + 1):
            fresh("empty"); other, _ = once(argv, source)
            fresh("gate"); wall, _ = once(argv, source)
            if round_: walls.append(wall); others.append(other); ratios.append(wall / other)
        goal = {1: "1.25/1.10", 100: "1.06/1.03", 10000: "1.05/1.02"}[commits]
        print(f"push of {commits:>6} : empty hook                     {statistics.median(walls):9.2f} ms  {statistics.median(others):9.2f} ms  x{statistics.median(ratios):5.2f}              (goal {goal})", flush=True)
        # The hook alone against the connectivity check that git makes for the same push: the new
        # objects are in the server, and no ref leads to them yet.
        fresh("empty")
        new = git("rev-parse", "main", cwd=source).decode().strip()
        git("fetch", "-q", source, "main", cwd=server)
        lines = folder + "/stdin"
        open(lines, "w").write(f"{start} {new} refs/heads/main\n")
        hooks, checks = [], []
        for round_ in range(runs_now + 1):
            check, _ = once(["git", "rev-list", "--objects", new, "--not", "--all"], server)
            ours, _ = once([GATE, "hook", "pre-receive"], server, stdin=lines)
            if round_: hooks.append(ours); checks.append(check)
        ratio = statistics.median(a / b for a, b in zip(hooks, checks))
        print(f"hook on {commits:>6} : connectivity check             {statistics.median(hooks):9.2f} ms  {statistics.median(checks):9.2f} ms  x{ratio:5.2f}   (goal 1.0)", flush=True)


def replay(folder, runs):
    """The hook alone on the newest part of a real history, against the connectivity check of the same push."""
    repo = os.environ.get("CHANGEGATE_BENCH_REPO")
    if not repo:
        return print("skipped: CHANGEGATE_BENCH_REPO names no repository")
    server = folder + "/server.git"
    git("clone", "-q", "--bare", "--no-tags", "--no-hardlinks", "--single-branch", repo, server, cwd="/")
    branch = git("symbolic-ref", "HEAD", cwd=server).decode().strip()
    tip = git("rev-parse", branch, cwd=server).decode().strip()
    open(folder + "/policy.yml", "w").write(
        f"changegate: 1\nname: paths\nprotects: ['{branch}']\nrules:\n  r: {{ require: {{ not: {{ touches: ['**/no-such-file'] }} }} }}\n")
    settings = {"pusher": "none", "ledger": "off", "policyFile": folder + "/policy.yml", "policyRef": branch}
    for key, value in settings.items():
        git("config", f"changegate.{key}", value, cwd=server)
    chain = git("rev-list", "--first-parent", tip, cwd=server).decode().split()
    count = lambda old: int(git("rev-list", "--count", f"{old}..{tip}", cwd=server))
    for wanted in (1, 100, 10000):
        old = next(old for at, old in enumerate(chain[1:], 1) if at * 6 > wanted and count(old) >= wanted)
        git("update-ref", branch, old, cwd=server)
        open(folder + "/stdin", "w").write(f"{old} {tip} {branch}\n")
        ours, checks = [], []
        for _ in range(max(5, runs // 2)):
            checks.append(once(["git", "rev-list", "--objects", tip, "--not", "--all"], server)[0])
            ours.append(once([GATE, "hook", "pre-receive"], server, stdin=folder + "/stdin")[0])
        ratio = statistics.median(a / b for a, b in zip(ours, checks))
        print(f"hook on {count(old):>6} real commits : connectivity check  {statistics.median(ours):9.2f} ms  {statistics.median(checks):9.2f} ms  x{ratio:5.2f}   (goal 1.0)", flush=True)


def merges(folder, runs):
    """Ranges with many merges, by the shipped pack, against git's own recomputation of the same merges."""
    repo = os.environ.get("CHANGEGATE_BENCH_REPO")
    if not repo:
        return print("skipped: CHANGEGATE_BENCH_REPO names no repository")
    n = max(3, runs // 8)
    for graph in ("without", "with"):
        server = f"{folder}/{graph}.git"
        git("clone", "-q", "--bare", "--no-tags", "--no-hardlinks", "--single-branch", repo, server, cwd="/")
        if graph == "with":
            git("commit-graph", "write", "--reachable", cwd=server)
        branch = git("symbolic-ref", "HEAD", cwd=server).decode().strip()
        tip = git("rev-parse", branch, cwd=server).decode().strip()
        again = lambda old: ["git", "log", "--merges", "--remerge-diff", "--name-only", f"{old}..{tip}"]
        count = lambda *what: int(git("rev-list", "--count", *what, cwd=server))
        old = git("rev-parse", f"{tip}~50", cwd=server).decode().strip()
        name = f"check, {count(f'{old}..{tip}')} commits, {graph} commit-graph : remerge-diff"
        pairs(name, [GATE, "check", f"{old}..{tip}", "--pack", "iso27001"], again(old), n, "0.5/0.2; 250 MiB", server, (0, 1))
        # The hook that a pusher waits for: the objects are there, and no ref leads to them yet.
        old = git("rev-parse", f"{tip}~300", cwd=server).decode().strip()
        open(folder + "/policy.yml", "w").write(f"changegate: 1\nname: merges\nextends: [iso27001]\nprotects: ['{branch}']\n")
        settings = {"pusher": "none", "ledger": "off", "policyFile": folder + "/policy.yml", "policyRef": branch}
        for key, value in settings.items():
            git("config", f"changegate.{key}", value, cwd=server)
        git("update-ref", branch, old, cwd=server)
        open(folder + "/stdin", "w").write(f"{old} {tip} {branch}\n")
        ours, theirs = [], []
        for round_ in range(n + 1):
            other, _ = once(again(old), server)
            wall, _ = once([GATE, "hook", "pre-receive"], server, stdin=folder + "/stdin", ok=(0, 1))
            if round_: ours.append(wall); theirs.append(other)
        ratio = statistics.median(a / b for a, b in zip(ours, theirs))
        name = f"hook, {count(f'{old}..{tip}')} commits, {count('--merges', f'{old}..{tip}')} merges, {graph} : remerge-diff"
        print(f"{name:<46} {statistics.median(ours):9.2f} ms  {statistics.median(theirs):9.2f} ms  x{ratio:5.2f}   (goal 0.5/0.2)", flush=True)
        git("update-ref", branch, tip, cwd=server)
        if graph == "with":
            # All of history once; git is asked about every 50th merge, each in the same process.
            wall, _ = once([GATE, "check", tip, "--history", "--pack", "iso27001"], server, ok=(0, 1))
            some = git("rev-list", "--merges", tip, cwd=server).decode().split()
            sample = some[::50]
            open(folder + "/sample", "w").write("\n".join(sample) + "\n")
            other, _ = once(["git", "log", "--no-walk", "--stdin", "--remerge-diff", "--name-only"], server, stdin=folder + "/sample")
            other *= len(some) / len(sample)
            argv = [GATE, "check", tip, "--history", "--pack", "iso27001"]
            print(f"{f'history, {len(some)} merges : remerge-diff, sampled':<46} {wall:9.0f} ms  {other:9.0f} ms  x{wall / other:5.2f}  {peak(argv, server):6.1f} MiB   (goal 0.5/0.2; 250 MiB)", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a fifth of the runs")
    parts = {"message": message, "big": big, "history": history, "push": push, "replay": replay, "merges": merges}
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(parts))
    args = parser.parse_args()
    unknown = [part for part in args.parts if part not in parts]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}")
    if not os.path.exists(BUILT):
        sys.exit(f"{BUILT} is not there; cargo build --release")
    print(f"{'ours : theirs':<46} {'ours':>12}  {'theirs':>12}  ratio    peak", flush=True)
    for name in args.parts or parts:
        with tempfile.TemporaryDirectory() as folder:
            parts[name](folder, 8 if args.quick else 40)


if __name__ == "__main__":
    main()
