# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""Writes the tables of docs/lws-behaviour.md from the measurements in docs/behaviour, one VERSION.json
for each version of lws.

  tables.py                  writes them
  tables.py --check MEASURE  checks that they are up to date, and that the program MEASURE measures what is
                             in the file of its version, if there is one"""

import json
import pathlib
import re
import subprocess
import sys

docs = pathlib.Path(__file__).resolve().parent.parent
page = docs / "lws-behaviour.md"
begin, end = "<!-- tables: written by ./dev behaviour -->\n", "<!-- end -->\n"


def by_key(measured):
    """The situations of a file by section, name, and what lws is."""
    keys = {(s["section"], s["name"], s["lws"]): s for s in measured["situations"]}
    assert len(keys) == len(measured["situations"]), "two situations have one name"
    return keys


def version_key(version):
    return [int(part) for part in version.split(".")]


def text(outcome):
    """One outcome as a line of a cell."""
    wire, told = (re.sub(r"(.)\1{9,}", lambda m: f"{m[1]}…{m[1]}", outcome[key]) for key in ("wire", "told"))
    return (f"{wire}. " if wire else "") + f"Told: {told}"


def cell(by_version):
    """Texts by version, in the order of the versions; equal neighbours are named as one range."""
    ranges = []
    for version, content in by_version:
        if ranges and ranges[-1][2] == content:
            ranges[-1][1] = version
        else:
            ranges.append([version, version, content])
    if len(ranges) == 1:
        return ranges[0][2]
    return "<br>".join(f"**{first if first == last else f'{first} to {last}'}:** {content}" for first, last, content in ranges)


def tables(files):
    versions = sorted(files, key=version_key)
    measured = {version: by_key(files[version]) for version in versions}
    rows = []  # section, name, what lws is, plain, wsclose
    for key in measured[versions[-1]]:
        cells = []
        for program in ("plain", "wsclose"):
            short = lambda version: ".".join(version.split(".")[:2])
            cells.append(
                cell([(short(v), " *or* ".join(text(o) for o in measured[v][key][program])) for v in versions if key in measured[v]])
            )
        section, name, lws = key
        if rows and rows[-1][:2] == [section, name] and rows[-1][3:] == cells:
            rows[-1][2] = "either"
        else:
            rows.append([section, name, lws, *cells])
    out, section = "", ""
    for row in rows:
        if row[0] != section:
            section = row[0]
            out += f"\n### {section}\n\n| what happens | lws is | plain lws | wsclose |\n|---|---|---|---|\n"
        out += "| " + " | ".join(field.replace("|", "\\|") for field in row[1:]) + " |\n"
    return out + "\n"


def measure():
    return json.loads(subprocess.run([sys.argv[2]], stdout=subprocess.PIPE, check=True).stdout)


def differences(committed, now):
    """By situation and program: what was measured now and is not among the outcomes in the file."""
    before, after = by_key(committed), by_key(now)
    if before.keys() != after.keys():
        return {"": "the situations are not the same; measure anew: ./dev behaviour"}
    return {
        (key, program): f"{', '.join(key)}, {program}: {text(outcome)}\n    and not: " + " or ".join(map(text, before[key][program]))
        for key, situation in after.items()
        for program in ("plain", "wsclose")
        for outcome in situation[program]
        if outcome not in before[key][program]
    }


files = {path.stem: json.loads(path.read_text()) for path in (docs / "behaviour").glob("*.json")}
head, rest = page.read_text().split(begin)
written = head + begin + tables(files) + end + rest.split(end, 1)[1]
if len(sys.argv) == 1:
    page.write_text(written)
    sys.exit(0)

failures = [] if page.read_text() == written else [f"{page.name} is not what tables.py makes of the measurements"]
now = measure()
if now["lws"] in files:
    differ = differences(files[now["lws"]], now)
    if differ:  # once more: a machine that is busy can be late
        again = differences(files[now["lws"]], measure())
        differ = {key: difference for key, difference in differ.items() if key in again}
    failures += differ.values()
print("\n".join(failures))
print(f"{len(now['situations'])} situations, lws {now['lws']}" + ("" if now["lws"] in files else ", which has no file to compare with"))
sys.exit(1 if failures else 0)
