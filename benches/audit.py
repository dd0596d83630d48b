#!/usr/bin/env python3
"""An audit of a whole history, all outputs, in turn with git listing the changed paths of the same history.

    cargo build --release
    CHANGEGATE_BENCH_REPO=~/src/git benches/audit.py [--runs N] [--pack PACK]

The repository is cloned twice without its objects (`git clone --shared --bare`), once with a commit-graph. Prints the
medians of the wall times and of the processor times, the medians of the pairwise ratios of both, and the peak memory. Where
other programs use the processor, the ratio of the processor times says what an audit takes, and that of the wall times
what a user waits for. `CHANGEGATE` names the program, if it is not the release build.
"""
import argparse, os, shutil, statistics, sys, tempfile, time
from pairs import ENV, GATE, git


def measure(argv, cwd):
    """Runs argv once; returns the wall and the processor seconds, and the peak MiB."""
    start = time.perf_counter()
    actions = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, flags, 0) for stream, flags in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY))]
    here = os.getcwd()
    os.chdir(cwd)
    try:
        pid = os.posix_spawnp(argv[0], argv, ENV, file_actions=actions)
        _, status, usage = os.wait4(pid, 0)
    finally:
        os.chdir(here)
    if os.waitstatus_to_exitcode(status):
        sys.exit(f"{argv} ended with {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--pack", default="core")
    args = parser.parse_args()
    source = os.environ.get("CHANGEGATE_BENCH_REPO")
    if not source:
        sys.exit("CHANGEGATE_BENCH_REPO names no repository")
    with tempfile.TemporaryDirectory() as folder:
        for graph in ("without", "with"):
            path, out = f"{folder}/{graph}.git", f"{folder}/out"
            git("clone", "-q", "--shared", "--bare", source, path, cwd="/")
            if graph == "with":
                git("commit-graph", "write", "--reachable", cwd=path)
            ours = [GATE, "audit", "--pack", args.pack, "--as-of", "2026-11-30T00:00:00Z", "--out", out]
            theirs = ["git", "log", "--first-parent", "-m", "--name-only", "--format=%H"]
            found = []
            for round_ in range(args.runs + 1):
                listed = measure(theirs, path)
                audited = measure(ours, path)
                shutil.rmtree(out)
                if round_:  # the first pair warms the caches
                    found.append((audited, listed))
            for place, what in ((0, "wall"), (1, "processor")):
                middle = lambda side: statistics.median(pair[side][place] for pair in found)
                ratio = statistics.median(audited[place] / listed[place] for audited, listed in found)
                print(f"audit --pack {args.pack}, {graph} commit-graph, {what:<10} {middle(0):7.2f} s : git {middle(1):6.2f} s   x{ratio:5.2f}", flush=True)
            print(f"  peak {max(audited[2] for audited, _ in found):.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
