# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""Runs the benchmarks, prints their tables, and keeps them as JSON.

  bench.py [--quick] [--write] BUILD [NAME...]

BUILD is the build directory; the JSON goes into BUILD/benchmarks/NAME.json. --quick runs each as
briefly as it can, to see that it works; its figures mean nothing. --write also puts the JSON into
docs/performance, and its tables into docs/performance.md.

A benchmark is a file NAME.py beside this one with a function measure(build, quick), which returns
{"tables": [{"title": ..., "columns": [...], "rows": [[...], ...]}, ...]} and what else is worth
keeping. The first column of a table is text, the others are what they are. A function
plot(result, folder), if there is one, writes the plots that the documentation shows."""

import datetime
import importlib
import json
import pathlib
import platform
import re
import shutil
import subprocess
import sys

here = pathlib.Path(__file__).resolve().parent
docs = here.parent / "docs"
names = ["values", "headers", "size", "storm", "references"]


def first_line(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[0]


def machine():
    """What the figures hang on."""
    model = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    system = re.search(r'^PRETTY_NAME="(.*)"$', pathlib.Path("/etc/os-release").read_text(), re.M)
    return {
        "date": datetime.date.today().isoformat(),
        "processor": model[1] if model else platform.machine(),
        "system": system[1],
        "gcc": first_line("g++", "-dumpfullversion"),
        "clang": first_line("clang++", "-dumpversion"),
        "lws": first_line("pkg-config", "--modversion", "libwebsockets"),
    }


def dump(result):
    """As JSON with the innermost lists and objects on a line each."""
    text = json.dumps(result, indent=1, ensure_ascii=False)
    return re.sub(r"[\[{][^][{}]*[\]}]", lambda inner: re.sub(r"\n *", " ", inner[0]), text) + "\n"


def markdown(table):
    lines = [table["columns"], ["---"] + ["--:"] * (len(table["columns"]) - 1), *table["rows"]]
    return "\n".join([f"**{table['title']}**", ""] + ["| " + " | ".join(map(str, line)) + " |" for line in lines]) + "\n"


def conditions(result):
    m = result["machine"]
    return (f"Measured on {m['date']} by `./dev bench`: {m['processor']}, {m['system']}, GCC {m['gcc']}, "
            f"Clang {m['clang']}, lws {m['lws']}.\n")


def write_documentation(name, result):
    (docs / "performance").mkdir(exist_ok=True)
    shutil.copy(result["file"], docs / "performance" / f"{name}.json")
    page = docs / "performance.md"
    begin, end = f"<!-- {name}: written by ./dev bench -->\n", "<!-- end -->\n"
    before, rest = page.read_text().split(begin)
    tables = "\n".join([conditions(result)] + [markdown(table) for table in result["tables"]])
    page.write_text(before + begin + tables + rest[rest.index(end):])


def main(arguments):
    options = {a for a in arguments if a.startswith("--")}
    build, *wanted = [a for a in arguments if a not in options]
    out = pathlib.Path(build) / "benchmarks"
    sys.path.insert(0, str(here))
    for name in wanted or names:
        module = importlib.import_module(name)
        result = {"machine": machine(), **module.measure(pathlib.Path(build), "--quick" in options)}
        file = out / f"{name}.json"
        file.write_text(dump(result))
        for table in result["tables"]:
            print(markdown(table))
        if "--write" in options:
            write_documentation(name, {**result, "file": file})
            if hasattr(module, "plot"):
                module.plot(result, docs / "performance")


if __name__ == "__main__":
    main(sys.argv[1:])
