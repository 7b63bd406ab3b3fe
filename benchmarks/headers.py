# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""What it costs to include a header: lines for the compiler to read, and the time that it takes,
as multiples of the standard headers that the core needs anyway."""

import pathlib
import resource
import statistics
import subprocess

include = pathlib.Path(__file__).resolve().parent.parent / "include"
compilers = {"GCC": "g++", "Clang": "clang++"}
standards = ["c++17", "c++20"]
needed = ["string_view", "optional", "array", "cstring"]
core = ["wsclose.hpp"] + [f"wsclose/{name}.hpp" for name in
                          ("close_code", "utf8", "close_frame", "close_report", "close_handshake", "format", "std_format")]
binding = ["wsclose/lws.hpp", "wsclose/lws/close.hpp", "wsclose/lws/cross_thread.hpp"]
others = ["boost/beast/websocket/rfc6455.hpp", "websocketpp/close.hpp"]
goal = 1.3


def cases():
    """What is included: a name, the headers, and the name of what it is compared with."""
    base = ", ".join(f"<{header}>" for header in needed)
    yield base, needed, base
    for header in core + others:
        yield header, [header], base
    with_lws = f"libwebsockets.h, {base}"
    yield "libwebsockets.h", ["libwebsockets.h"], with_lws
    yield with_lws, ["libwebsockets.h", *needed], with_lws
    for header in binding:
        yield header, [header], with_lws


def run(compiler, standard, headers, *options):
    source = "".join(f"#include <{header}>\n" for header in headers)
    command = [compiler, "-std=" + standard, "-I", include, *options, "-x", "c++", "-"]
    return subprocess.run(command, input=source, capture_output=True, text=True)


def lines(compiler, standard, headers):
    """Lines that are not empty, with the markers of the preprocessor and without. None where a header is missing."""
    done = run(compiler, standard, headers, "-E")
    if done.returncode != 0:
        return None
    full = [line for line in done.stdout.splitlines() if line.strip()]
    return {"with_markers": len(full), "lines": sum(not line.startswith("#") for line in full)}


def user_seconds(compiler, standard, headers):
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    run(compiler, standard, headers, "-fsyntax-only").check_returncode()
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def measure_one(compiler, standard, rounds):
    """By name: lines and seconds. All are compiled in turn, so that each meets the same machine."""
    found = {name: lines(compiler, standard, headers) for name, headers, _ in cases()}
    there = [(name, headers) for name, headers, _ in cases() if found[name]]
    times = {name: [] for name, _ in there}
    for _ in range(rounds):
        for name, headers in there:
            times[name].append(user_seconds(compiler, standard, headers))
    for name, _, base in cases():
        if found[name]:
            found[name]["milliseconds"] = 1000 * statistics.median(times[name])
            found[name]["time_ratio"] = statistics.median(a / b for a, b in zip(times[name], times[base]))
    return found


def rows(found):
    for name, _, base in cases():
        cost, against = found[name], found[base]
        if not cost:
            yield [name, "missing"] + [""] * 4
            continue
        yield [name, cost["with_markers"], cost["lines"], f"{cost['lines'] / against['lines']:.2f}",
               f"{cost['milliseconds']:.0f}", f"{cost['time_ratio']:.2f}"]


def measure(build, quick):
    rounds = 1 if quick else 21
    tables, kept = [], {}
    for label, compiler in compilers.items():
        for standard in standards:
            found = measure_one(compiler, standard, rounds)
            kept[f"{label} {standard}"] = found
            tables.append({"title": f"Including a header, {label}, {standard.upper()}",
                           "columns": ["header", "lines with markers", "lines", "ratio", "ms", "ratio"],
                           "rows": list(rows(found))})
    return {"tables": tables, "rounds": rounds, "goal": goal, "found": kept}
