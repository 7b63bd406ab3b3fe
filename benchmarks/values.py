# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""The values, next to others that do the same. Runs the program of values.cpp, a cell at a time: what is
compared runs within a second or two, in an order that is shuffled anew each time."""

import json
import statistics
import subprocess

labels = {  # of the contestants, by their names in values.cpp
    "nothing": "the loop alone",
    "memcpy": "memcpy of the body",
    "validate wsclose": "wsclose, validate",
    "validate simdutf": "simdutf, validate",
    "validate simdutf 16": "simdutf, validate by 16 bytes",
    "validate Beast": "Boost.Beast, validate",
    "validate lws": "lws, validate",
    "validate websocketpp": "websocketpp, validate",
    "parse wsclose": "wsclose, parse",
    "parse simdutf": "memcpy and simdutf, as parse",
    "make wsclose": "wsclose, make",
    "make simdutf": "memcpy and simdutf, as make",
    "fit wsclose": "wsclose, fit",
}

goals = [  # what takes at most how much of what, and in which cells
    ("validate wsclose", 1.0, "validate simdutf", "from 1 byte", lambda kind, error, size: size >= 1),
    ("validate wsclose", 1.0, "validate simdutf 16", "from 1 byte", lambda kind, error, size: size >= 1),
    ("validate wsclose", 0.2, "validate lws", "valid, from 60 bytes",
     lambda kind, error, size: size >= 60 and error == "valid"),
    ("validate wsclose", 0.2, "validate lws", "ill-formed, from 60 bytes",
     lambda kind, error, size: size >= 60 and error != "valid"),
    ("parse wsclose", 1.0, "parse simdutf", "all", lambda *cell: True),
    ("make wsclose", 1.0, "make simdutf", "all", lambda *cell: True),
    ("parse wsclose", 2.0, "memcpy", "valid ASCII", lambda kind, error, size: (kind, error) == ("ASCII", "valid")),
    ("make wsclose", 2.0, "memcpy", "valid ASCII", lambda kind, error, size: (kind, error) == ("ASCII", "valid")),
]


def run(program, *options):
    done = subprocess.run([program, *options], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{program}: {done.stderr}")
    return done.stdout


def run_cell(program, name, seconds, repetitions):
    """The runs of each contestant, the versions, and whether no run was cut short: Google Benchmark settles for
    too few iterations if the machine takes the processor away while it looks for their number."""
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


def measure_cells(program, quick):
    """Nanoseconds by contestant, for each (kind, error, size); and the versions of the others."""
    cells = {}
    for name in dict.fromkeys(line.rpartition("/")[0] for line in run(program, "--benchmark_list_tests").splitlines()):
        for _ in range(5):
            runs, context, whole = run_cell(program, name, *((1e-6, 2) if quick else (0.002, 21)))
            if whole or quick:
                break
        kind, error, size = name.split("/")
        cells[kind, error, int(size)] = {who: statistics.median(times) for who, times in runs.items()}
    versions = {name: context[name] for name in ("simdutf", "Boost", "websocketpp") if name in context}
    return cells, {name: text.removeprefix("WebSocket++/").replace("_", ".") for name, text in versions.items()}


def goal_row(cells, ours, limit, theirs, which, concerns):
    ratios = {cell: ns[ours] / ns[theirs] for cell, ns in cells.items() if concerns(*cell) and theirs in ns}
    row = [labels[ours], f"at most {limit} of {labels[theirs]}", which]
    if not ratios:
        return row + ["missing", ""]
    kind, error, size = worst = max(ratios, key=ratios.get)
    met = sum(ratio <= limit for ratio in ratios.values())
    return row + [f"{met} of {len(ratios)}", f"{ratios[worst]:.2f} ({kind}, {error}, {size} bytes)"]


def time_table(cells):
    shown = [(kind, "valid", size) for kind in ("ASCII", "mixed") for size in (5, 16, 64, 123)]
    rows = [[label] + [f"{cells[cell][name]:.1f}" if name in cells[cell] else "missing" for cell in shown]
            for name, label in labels.items()]
    return {"title": "Nanoseconds, valid text", "columns": ["", *(f"{kind} {size}" for kind, _, size in shown)],
            "rows": rows}


def ratio_table(title, cells, ours, theirs):
    """By length and kind: the ratio for valid text, and the worst for ill-formed text."""
    kinds, sizes = (dict.fromkeys(cell[i] for cell in cells if cell[2] > 0) for i in (0, 2))

    def ratios(*which):
        found = {error: ns[ours] / ns[theirs] for (kind, error, size), ns in cells.items()
                 if (kind, size) == which and theirs in ns}
        return f"{found.pop('valid'):.2f}, {max(found.values()):.2f}" if found else "missing"

    return {"title": title, "columns": ["bytes", *kinds],
            "rows": [[size] + [ratios(kind, size) for kind in kinds] for size in sizes]}


def tables(cells):
    return [
        {"title": "Goals", "columns": ["what", "goal", "texts", "met in", "worst"],
         "rows": [goal_row(cells, *goal) for goal in goals]},
        time_table(cells),
        *(ratio_table(f"Validating, as a part of the time of {labels[theirs]}: valid text, and the worst of ill-formed text",
                      cells, "validate wsclose", theirs) for theirs in ("validate simdutf", "validate simdutf 16")),
    ]


def measure(build, quick):
    cells, versions = measure_cells(build / "benchmarks" / "values", quick)
    return tables(cells), versions
