# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""What programs grow by that use wsclose. The programs are those of the test `size`."""

import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "size"))
import program_size  # noqa: E402

# On ARM with the headers of this machine's lws, which are the same everywhere.
host_headers = ["-idirafter", "/usr/include", "-idirafter", "/usr/include/x86_64-linux-gnu"]
targets = {
    "x86-64, GCC": ["g++"],
    "x86-64, Clang": ["clang++"],
    "ARM Thumb, GCC": ["arm-linux-gnueabihf-g++", "-mthumb", *host_headers],
}
variants = {"": [], ", without exceptions": ["-fno-exceptions", "-fno-rtti"]}
uses = {  # the programs, and how much wsclose may add to them
    "close, parse and answer": ("verbs", 1024),
    "tracked connection with a report and a log line": ("tracked", 2560),
}


def row(use, target, variant, out):
    program, goal = uses[use]
    name = f"{use}: {target}{variant}"
    if not shutil.which(targets[target][0]):
        return [name, "missing", "", "", goal, ""]
    cost = program_size.compare(program, targets[target] + variants[variant], out)
    return [name, cost["lws"]["loaded"], cost["wsclose"]["loaded"], cost["added"], goal, cost["unwinding"]]


def measure(build, quick):
    out = build / "benchmarks" / "size"
    out.mkdir(parents=True, exist_ok=True)
    return [{"title": "Bytes of a program at -Os",
             "columns": ["use", "with lws alone", "with wsclose", "added", "goal", "unwinding tables added"],
             "rows": [row(use, target, variant, out) for use in uses for target in targets for variant in variants]}], {}
