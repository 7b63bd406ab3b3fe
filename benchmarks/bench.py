# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""Runs the benchmarks and prints their tables.

  bench.py [--quick] [--write] BUILD [NAME...]

BUILD is the build directory. --quick runs each as briefly as it can, to see that it works; its figures
mean nothing. --write puts the tables into docs/performance.md.

A benchmark is a file NAME.py beside this one with a function measure(build, quick), which returns its
tables, [{"title": ..., "columns": [...], "rows": [[...], ...]}, ...], and the versions of what it
compares with, by name. The first column of a table is text."""

import datetime
import importlib
import pathlib
import platform
import re
import subprocess
import sys

here = pathlib.Path(__file__).resolve().parent
page = here.parent / "docs" / "performance.md"
names = ["values", "headers", "size", "storm", "drain"]


def first_line(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[0]


def conditions(versions):
    """What the figures depend on, in a sentence."""
    model = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    system = re.search(r'^PRETTY_NAME="(.*)"$', pathlib.Path("/etc/os-release").read_text(), re.M)
    versions = {"GCC": first_line("g++", "-dumpfullversion"), "Clang": first_line("clang++", "-dumpversion"),
                "lws": first_line("pkg-config", "--modversion", "libwebsockets").rstrip("-"), **versions}
    parts = [model[1] if model else platform.machine(), system[1], *map(" ".join, versions.items())]
    return f"Measured on {datetime.date.today().isoformat()} by `./dev bench`: {', '.join(parts)}.\n"


def markdown(table):
    lines = [table["columns"], ["---"] + ["--:"] * (len(table["columns"]) - 1), *table["rows"]]
    return "\n".join([f"**{table['title']}**", ""] + ["| " + " | ".join(map(str, line)) + " |" for line in lines]) + "\n"


def write_documentation(name, parts):
    begin, end = f"<!-- {name}: written by ./dev bench -->\n", "<!-- end -->\n"
    before, rest = page.read_text().split(begin)
    page.write_text(before + begin + "\n".join(parts) + rest[rest.index(end):])


def main(arguments):
    options = {a for a in arguments if a.startswith("--")}
    build, *wanted = [a for a in arguments if a not in options]
    sys.path.insert(0, str(here))
    for name in wanted or names:
        tables, versions = importlib.import_module(name).measure(pathlib.Path(build), "--quick" in options)
        parts = [conditions(versions), *map(markdown, tables)]
        print("\n".join(parts))
        if "--write" in options:
            write_documentation(name, parts)


if __name__ == "__main__":
    main(sys.argv[1:])
