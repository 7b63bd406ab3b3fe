# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""Writes the table of docs/causes.md: what was done, and the cause that was reported on each version of lws. It reads
docs/behaviour/VERSION.causes, which `faults --table` prints.

  causes.py                writes the table
  causes.py --add MEASURED first keeps a measurement under the name of its version"""

import pathlib
import sys

docs = pathlib.Path(__file__).resolve().parent.parent
page = docs / "causes.md"
begin, end = "<!-- table: written by ./dev causes -->\n", "<!-- end -->\n"


def version_key(version):
    return [int(part) for part in version.split(".")]


def keep(measured):
    version, *_ = measured.read_text().splitlines()
    name = version.split("-")[0]
    (docs / "behaviour" / f"{name}.causes").write_text(measured.read_text())


def rows():
    """Each fault: what was done, what lws was, and the cause by version."""
    versions, found = [], {}
    for file in sorted((docs / "behaviour").glob("*.causes"), key=lambda file: version_key(file.stem)):
        versions.append(file.stem)
        for line in file.read_text().splitlines()[1:]:
            what, here, why = line.split("\t")
            found.setdefault((what, here), {})[file.stem] = why
    return versions, found


def table(versions, found):
    by_what = {}
    for (what, here), causes in found.items():
        by_what.setdefault(what, {})[here] = [causes.get(version, "") for version in versions]
    lines = ["| what was done | lws is | " + " | ".join(versions) + " |", "|---|---|" + "---|" * len(versions)]
    for what, by_role in by_what.items():
        same = len(by_role) == 2 and len(set(map(tuple, by_role.values()))) == 1
        for here, causes in ([("either", next(iter(by_role.values())))] if same else by_role.items()):
            cells = [f"`{why}`" if " " not in why else why for why in causes]
            lines.append(f"| {what} | {here} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if sys.argv[1:2] == ["--add"]:
    keep(pathlib.Path(sys.argv[2]))
text = page.read_text()
head, rest = text.split(begin)
tail = rest.split(end)[1]
page.write_text(head + begin + "\n" + table(*rows()) + "\n" + end + tail)
