# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""References to live connections: many to one connection, and one to each of many."""

import json
import statistics
import subprocess

import callgrind
import storm

operations = ["attach", "detach, newest first", "detach, oldest first", "detach, in random order", "end"]


def seconds(program, connections, each, times):
    """Of each operation on all references, the median of some runs."""
    runs = []
    for _ in range(times):
        printed = subprocess.run([program, str(connections), str(each), str(storm.seconds)], check=True,
                                 capture_output=True, text=True, timeout=storm.seconds + 10).stdout
        runs.append(json.loads(printed))
        if runs[-1]["still attached"]:
            raise SystemExit("references: some outlived their connections")
    return {name: statistics.median(one[name] for one in runs) for name in operations}


def compare(program, connections, each, times):
    """(nanoseconds, instructions) of each operation on one reference."""
    time = seconds(program, connections, each, times)
    work = callgrind.instructions(program, connections, each, 4 * storm.seconds)
    # An end was measured with what there is to it without any reference.
    time["end"] -= seconds(program, connections, 0, times)["end"]
    work["end"] -= callgrind.instructions(program, 1, 0, 4 * storm.seconds)["end"] * connections
    count = connections * each
    return {name: (time[name] / count * 1e9, work[name] / count) for name in operations}


def table(title, measured):
    return {"title": title, "columns": ["", *(f"{size:,}" for size in measured)],
            "rows": [[name, *(f"{time:.1f} ns, {work:.1f}" for time, work in (of[name] for of in measured.values()))]
                     for name in operations]}


def measure(build, quick):
    program = build / "benchmarks" / "references"
    times = 1 if quick else 5
    to_one = {n: compare(program, 1, n, times) for n in ([100] if quick else [100, 1000, 10000, 100000])}
    to_each = {n: compare(program, n, 1, times) for n in ([20] if quick else [100, 1000, storm.most_connections()])}
    how = "time (with what the caches of the processor miss) and instructions for each; goal: constant instructions"
    return {"tables": [table(f"References to one connection: {how}", to_one),
                       table(f"A reference to each of many connections: {how}", to_each)],
            "references_to_one": to_one, "reference_to_each": to_each}
