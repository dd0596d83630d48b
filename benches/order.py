#!/usr/bin/env python3
"""Writes link/first-functions.ld: the functions that a hook runs, which the linker is to put side by side.

    CARGO_PROFILE_RELEASE_STRIP=false cargo build --release --target-dir /tmp/with-symbols
    CHANGEGATE=/tmp/with-symbols/release/changegate benches/order.py

Runs `commit-msg` on good and bad messages under callgrind, with the policies of pairs.py, and notes every function
that the program itself executes. The hashes in the names are left out, since each compiler has others. A name that a
later build does not have does no harm. Needs git, valgrind and Python 3.
"""
import os, re, subprocess, tempfile

import pairs

TARGET = os.path.join(pairs.ROOT, "link", "first-functions.ld")
HEAD = """/* The functions that a hook runs, side by side, so that few pages of the program are read. Written by
   benches/order.py; used by build.rs. */
SECTIONS
{
  .text.first :
  {
"""


def executed(folder, message):
    """Returns the mangled names of the functions that one run of the hook executes."""
    open(folder + "/.git/COMMIT_EDITMSG", "w").write(message)
    out = folder + "/.git/callgrind"
    argv = ["valgrind", "--tool=callgrind", "--demangle=no", f"--callgrind-out-file={out}", pairs.BUILT, "hook", "commit-msg",
            ".git/COMMIT_EDITMSG"]
    subprocess.run(argv, cwd=folder, env=pairs.ENV, capture_output=True)
    objects, functions, names, current = {}, {}, set(), None
    for line in open(out):
        found = re.match(r"(c?)(ob|fn)=\((\d+)\)(?: (.*))?", line)
        if not found:
            continue
        called, kind, number, name = found.groups()
        known = objects if kind == "ob" else functions
        if name:
            known[number] = name.strip()
        if called:
            continue
        if kind == "ob":
            current = known[number]
        elif current in (os.path.realpath(pairs.BUILT), "???"):
            # Callgrind does not tell the object of what lies in a section of its own, and that is ours alone.
            # A function that calls itself has a number at its end.
            names.add(re.sub(r"'\d+$", "", known[number]))
    return names


def pattern(name):
    """Returns the pattern of a name, without what depends on the compiler."""
    name = re.sub(r"17h[0-9a-f]{16}E$", "17h*E", name)
    return re.sub(r"Cs[0-9A-Za-z]+_(?=\d)", "Cs*_", name)


def main():
    names = set()
    with tempfile.TemporaryDirectory() as folder:
        pairs.clone(folder + "/own", pairs.policy(200))
        pairs.clone(folder + "/pack", "changegate: 1\nname: p\nextends: [iso27001]\n")
        for repository in ("own", "pack"):
            for message in (pairs.MESSAGE, pairs.MESSAGE.split("Ticket:")[0]):
                names |= executed(f"{folder}/{repository}", message)
    patterns = sorted({pattern(name) for name in names if name.startswith("_") or name == "main"})
    os.makedirs(os.path.dirname(TARGET), exist_ok=True)
    with open(TARGET, "w") as out:
        out.write(HEAD)
        for one in patterns:
            # What is marked as cold has a section of another name.
            out.write(f"    *(.text.{one} .text.unlikely.{one})\n")
        out.write("  }\n}\nINSERT BEFORE .text;\n")
    print(f"{len(patterns)} functions in {TARGET}")


if __name__ == "__main__":
    main()
