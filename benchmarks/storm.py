# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""Many connections closed at once: by wsclose, and by lws alone in two ways (storm_bare.cpp)."""

import json
import resource
import statistics
import subprocess

import callgrind

programs = {"bare": "lws_close_reason()", "by_hand": "by hand", "wsclose": "wsclose"}
ways = {"server": "from the server", "clients": "from the clients", "fin": "by the clients' FIN"}
seconds = 300
goal = "at most 1.01 times by hand"


def most_connections():
    """Each needs two open files."""
    return min(10000, (resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 128) // 2)


def run(folder, program, way, count):
    printed = subprocess.run([folder / f"storm_{program}", way, str(count), str(seconds)], check=True,
                             capture_output=True, text=True, timeout=seconds + 10).stdout
    result = json.loads(printed)
    if result["ended"] != 2 * count:
        raise SystemExit(f"storm_{program} {way}: {result['ended']} endings of {2 * count}")
    return {"per_second": count / result["seconds"], "cpu_us": result["cpu"] / count * 1e6,
            "kib": result["open_kib"] / count, "peak_mib": result["peak_kib"] / 1024,
            "frames": result["frames"] / count, "known": 100 * result["known"] / (2 * count)}


def medians(folder, way, count, times):
    """The median of each figure for each program; the programs take turns."""
    runs = {program: [] for program in programs}
    for _ in range(times):
        for program in programs:
            runs[program].append(run(folder, program, way, count))
    return {program: {name: statistics.median(one[name] for one in all_) for name in all_[0]}
            for program, all_ in runs.items()}


figures = {"per_second": ("closes per second", "{:,.0f}"), "cpu_us": ("CPU time per close, µs", "{:.1f}"),
           "frames": ("Close frames on the wire per connection", "{:g}"),
           "known": ("endings of which all is known, %", "{:.0f}")}
memory = {"kib": ("memory per connection, both ends, KiB", "{:.2f}"), "peak_mib": ("peak memory, MiB", "{:.1f}")}


def row(label, values, form, *more):
    bare, by_hand, wsclose = values
    ratios = [f"{wsclose / other:.3f}" if other else "" for other in (bare, by_hand)]
    return [label, *(form.format(value) for value in values), *ratios, *more]


def columns(title, *more):
    return [title, *programs.values(), "wsclose : lws_close_reason()", "wsclose : by hand", *more]


def time_table(count, measured):
    rows = [row(f"{ways[way]}: {label}", [of[program][name] for program in programs], form)
            for way, of in measured.items() for name, (label, form) in figures.items()]
    rows += [row(label, [measured["server"][program][name] for program in programs], form)
             for name, (label, form) in memory.items()]
    limit = ", as many as the system allows files for" if 1000 < count < 10000 else ""
    return {"title": f"{count:,} connections closed at once{limit}", "columns": columns(""), "rows": rows}


def count_instructions(folder, way, count):
    return {program: callgrind.instructions(folder / f"storm_{program}", way, count, 4 * seconds)["close"] / count
            for program in programs}


def instruction_table(counted):
    rows = [row(f"{ways[way]}, {count:,} connections", list(of.values()), "{:,.0f}", goal,
                f"{of['wsclose'] - of['by_hand']:+,.0f}") for (way, count), of in counted.items()]
    sizes = sorted(count for way, count in counted if way == "server")
    slopes = [(counted["server", sizes[-1]][program] - counted["server", sizes[0]][program]) / (sizes[-1] - sizes[0])
              for program in programs] if len(sizes) > 1 else None
    if slopes:
        rows.append(row("growth per close with each further connection", slopes, "{:.2f}", "as by hand",
                        f"{slopes[2] - slopes[1]:+.2f}"))
    return {"title": "Instructions per close, both ends, without the kernel's",
            "columns": columns("", "goal", "wsclose − by hand"), "rows": rows}


def measure(build, quick):
    folder = build / "benchmarks"
    times = {50: 1} if quick else {1000: 7, most_connections(): 3}
    timed = {count: {way: medians(folder, way, count, n) for way in ways} for count, n in times.items()}
    counted = {("server", count): count_instructions(folder, "server", count)
               for count in ([20] if quick else [100, 1000, most_connections()])}
    for way in [] if quick else ["clients", "fin"]:
        counted[way, 1000] = count_instructions(folder, way, 1000)
    return [*(time_table(count, of) for count, of in timed.items()), instruction_table(counted)], {}
