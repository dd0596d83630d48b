#!/usr/bin/env python3
"""A roster of many people: what it adds to a hook and to a check.

    cargo build --release
    benches/people.py [--people N]

Each command runs with a roster of ten people and with one of N (50,000 unless told otherwise), in turn; the times are medians
of five, after a first run that makes the index of the long one. `commit-msg` is the hook of a clone, `who` asks for one person by
`changegate people who`, which reads the roster of the work tree. Needs git and Python 3, and a quiet machine. `CHANGEGATE` names
another build.
"""
import argparse, os, statistics, subprocess, tempfile, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
GATE = os.environ.get("CHANGEGATE", os.path.join(ROOT, "target", "release", "changegate"))
ENV = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG")}
ENV.update(GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_NOSYSTEM="1", GIT_AUTHOR_NAME="P1", GIT_AUTHOR_EMAIL="p1@example.com",
           GIT_COMMITTER_NAME="P1", GIT_COMMITTER_EMAIL="p1@example.com")
POLICY = """changegate: 1
extends: [startup]
protects: [main]
people: { roster: policies/people.yml, teams: { ops: [p1@example.com] } }
"""


def repository(folder, people):
    os.makedirs(os.path.join(folder, "policies"))
    with open(os.path.join(folder, "policies/changegate.yml"), "w") as out:
        out.write(POLICY)
    with open(os.path.join(folder, "policies/people.yml"), "w") as out:
        out.write("people:\n")
        for n in range(people):
            dates = ", joined: 2024-01-01" + (", left: 2025-06-30" if n % 9 == 8 else "")
            out.write(f"  p{n}: {{ name: Person {n}, addresses: [p{n}@example.com], accounts: ['github:p{n}#{n + 1}']{dates} }}\n")
    for argv in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "Begin"]):
        subprocess.run(["git", *argv], cwd=folder, env=ENV, check=True)
    with open(os.path.join(folder, "message"), "w") as out:
        out.write("Cache it\n\nChange-Type: normal\nRisk: low\n")
    return folder


def once(folder, argv):
    begin = time.perf_counter()
    subprocess.run([GATE, *argv], cwd=folder, env=ENV, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return (time.perf_counter() - begin) * 1000


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--people", type=int, default=50_000)
    args = args.parse_args()
    with tempfile.TemporaryDirectory() as base:
        few = repository(os.path.join(base, "few"), 10)
        many = repository(os.path.join(base, "many"), args.people)
        size = os.path.getsize(os.path.join(many, "policies/people.yml")) / 1024 / 1024
        print(f"{args.people} people, {size:.1f} MiB")
        for name, argv in (("commit-msg", ["hook", "commit-msg", "message"]),
                           ("who", ["people", "who", "p1@example.com"])):
            first = once(many, argv)
            pairs = [(once(few, argv), once(many, argv)) for _ in range(5)]
            least, most = (statistics.median(times) for times in zip(*pairs))
            print(f"{name:12} {least:8.1f} ms with 10 people, {most:8.1f} ms, {most - least:8.1f} ms more; first {first:.1f} ms")


if __name__ == "__main__":
    main()
