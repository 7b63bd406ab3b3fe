# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""The values against others that do the same: runs the program of values.cpp, a cell at a time, so
that what is compared runs within the same second, in an order that is shuffled anew each time."""

import json
import statistics
import subprocess

from plot import svg

contestants = {  # as values.cpp names them: what it is, and whose
    "nothing": ("the loop alone", None),
    "memcpy": ("memcpy of the body", None),
    "validate wsclose": ("wsclose, validate", None),
    "validate wsclose constexpr": ("wsclose, validate, the constexpr path", None),
    "validate simdutf": ("simdutf, validate", "simdutf"),
    "validate simdutf 16": ("simdutf, validate by 16 bytes", "simdutf"),
    "validate simdutf position": ("simdutf, validate with position", "simdutf"),
    "validate Beast": ("Boost.Beast, validate", "Beast"),
    "validate lws": ("lws, validate", "lws"),
    "validate websocketpp": ("websocketpp, validate", "websocketpp"),
    "parse wsclose": ("wsclose, parse", None),
    "parse simdutf": ("memcpy and simdutf, as parse", "simdutf"),
    "make wsclose": ("wsclose, make", None),
    "make simdutf": ("memcpy and simdutf, as make", "simdutf"),
    "fit wsclose": ("wsclose, fit", None),
}

goals = [  # what is at most so much of what, and in which cells
    ("validate wsclose", 1.0, "validate simdutf", "from 1 byte", lambda c: c["size"] >= 1),
    ("validate wsclose", 1.0, "validate simdutf 16", "from 1 byte", lambda c: c["size"] >= 1),
    ("validate wsclose", 0.2, "validate lws", "valid, from 60 bytes",
     lambda c: c["size"] >= 60 and c["error"] == "valid"),
    ("validate wsclose", 0.2, "validate lws", "ill-formed, from 60 bytes",
     lambda c: c["size"] >= 60 and c["error"] != "valid"),
    ("parse wsclose", 1.0, "parse simdutf", "all", lambda c: True),
    ("make wsclose", 1.0, "make simdutf", "all", lambda c: True),
    ("parse wsclose", 2.0, "memcpy", "valid ASCII", lambda c: (c["kind"], c["error"]) == ("ASCII", "valid")),
    ("make wsclose", 2.0, "memcpy", "valid ASCII", lambda c: (c["kind"], c["error"]) == ("ASCII", "valid")),
]


def run(program, *options):
    done = subprocess.run([program, *options], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{program}: {done.stderr}")
    return done.stdout


def run_cell(program, name, seconds, repetitions):
    """The runs of each contestant, the context, and whether none was cut short: Google Benchmark settles
    for too few iterations where the machine takes the processor away while it looks for their number."""
    out = json.loads(run(program, f"--benchmark_filter=^{name}/", "--benchmark_format=json",
                         f"--benchmark_min_time={seconds}", f"--benchmark_repetitions={repetitions}",
                         "--benchmark_enable_random_interleaving=true"))
    runs, whole = {}, True
    for each in out["benchmarks"]:
        if each.get("error_occurred"):
            raise SystemExit(f"{each['name']}: {each['error_message']}")
        if each["run_type"] == "iteration":
            runs.setdefault(each["run_name"].removeprefix(name + "/"), []).append(each["cpu_time"])
            whole = whole and each["cpu_time"] * each["iterations"] > seconds * 1e9 / 4
    return runs, out["context"], whole


def measure_cell(program, name, quick):
    for _ in range(5):
        runs, context, whole = run_cell(program, name, *((1e-6, 2) if quick else (0.002, 21)))
        if whole or quick:
            break
    kind, error, size = name.split("/")
    cell = {"kind": kind, "error": error, "size": int(size)}
    cell["ns"] = {who: round(statistics.median(runs[who]), 2) for who in contestants if who in runs}
    cell["least_ns"] = {who: round(min(runs[who]), 2) for who in contestants if who in runs}
    return cell, context


def measure_cells(program, quick):
    names = dict.fromkeys(line.rpartition("/")[0] for line in run(program, "--benchmark_list_tests").splitlines())
    measured = [measure_cell(program, name, quick) for name in names]
    return [cell for cell, _ in measured], measured[0][1]


def distinct(cells, key):
    return list(dict.fromkeys(cell[key] for cell in cells))


def ratio(cell, ours, theirs, ns="ns"):
    return cell[ns][ours] / cell[ns][theirs] if theirs in cell[ns] else None


def ratio_table(title, cells, ours, theirs):
    """The worst of the cells of each length and kind."""
    kinds = distinct(cells, "kind")

    def worst(size, kind):
        ratios = [ratio(c, ours, theirs) for c in cells if (c["size"], c["kind"]) == (size, kind)]
        return f"{max(ratios):.2f}" if ratios and None not in ratios else ""

    rows = [[size] + [worst(size, kind) for kind in kinds] for size in sorted(set(distinct(cells, "size")))]
    return {"title": title, "columns": ["bytes", *kinds], "rows": rows}


def time_table(cells, versions):
    shown = [(kind, size) for kind in ("ASCII", "mixed") for size in (5, 16, 60, 123)]
    ns = {(c["kind"], c["size"]): c["ns"] for c in cells if c["error"] == "valid"}
    rows = []
    for name, (label, peer) in contestants.items():
        if peer in versions:
            label += f" ({versions[peer]})"
        rows.append([label] + [f"{ns[s][name]:.1f}" if name in ns[s] else "missing" for s in shown])
    columns = ["", *(f"{kind} {size}" for kind, size in shown)]
    return {"title": "Nanoseconds, valid text", "columns": columns, "rows": rows}


def goal_row(cells, ours, limit, theirs, where, concerns):
    cells = [c for c in cells if concerns(c)]
    row = [contestants[ours][0], f"at most {limit} of {contestants[theirs][0]}", where]
    if theirs not in cells[0]["ns"]:
        return row + ["missing", "", ""]
    met = [sum(ratio(c, ours, theirs, ns) <= limit for c in cells) for ns in ("ns", "least_ns")]
    worst = max(cells, key=lambda c: ratio(c, ours, theirs))
    where = f"{worst['kind']}, {worst['error']}, {worst['size']} bytes"
    return row + [*(f"{m} of {len(cells)}" for m in met), f"{ratio(worst, ours, theirs):.2f} ({where})"]


def measure(build, quick):
    cells, context = measure_cells(build / "benchmarks" / "values", quick)
    versions = {peer: context[peer].rstrip("-") for _, peer in contestants.values() if peer in context}
    valid = [c for c in cells if c["error"] == "valid"]
    ill_formed = [c for c in cells if c["error"] != "valid"]
    return {
        "tables": [
            {"title": "Goals", "columns": ["what", "goal", "texts", "met in", "by minima", "worst"],
             "rows": [goal_row(cells, *goal) for goal in goals]},
            time_table(cells, versions),
            ratio_table("Validating, as a part of simdutf's time, valid", valid, "validate wsclose",
                        "validate simdutf"),
            ratio_table("The same, with an error at the start, in the middle or at the end, the worst of the three",
                        ill_formed, "validate wsclose", "validate simdutf"),
            ratio_table("Validating, as a part of the time that simdutf takes with instructions for 16 bytes, as wsclose "
                        "has them, the worst of all", cells, "validate wsclose", "validate simdutf 16"),
            ratio_table("Parsing a valid body, as a part of the time of memcpy and simdutf", valid,
                        "parse wsclose", "parse simdutf"),
            ratio_table("Making a frame of valid text, as a part of the time of memcpy and simdutf", valid,
                        "make wsclose", "make simdutf"),
        ],
        "versions": versions,
        "cells": cells,
    }


def plot(result, folder):
    (folder / "utf8.svg").write_text(svg(result["cells"]))
