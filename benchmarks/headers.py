# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""What it costs to include a header: the lines that the compiler reads and the time that it takes, as
multiples of the standard headers that the core needs."""

import pathlib
import resource
import statistics
import subprocess

include = pathlib.Path(__file__).resolve().parent.parent / "include"
configurations = {f"{label}, {standard.upper()}": [compiler, "-std=" + standard]
                  for label, compiler in {"GCC": "g++", "Clang": "clang++"}.items() for standard in ("c++17", "c++20")}
goal = 1.3
needed = ("string_view", "optional", "array", "cstring")
with_atomic = (*needed, "atomic")
with_lws = ("libwebsockets.h", *needed)
against = {  # each group of headers, and what it is compared with
    needed: [("wsclose.hpp",), *((f"wsclose/{name}.hpp",) for name in
                                 ("close_code", "utf8", "close_frame", "close_report", "close_handshake", "format", "named",
                                  "severity", "log_limiter", "error_code", "relay", "reconnect")),
             ("boost/beast/websocket/rfc6455.hpp",), ("websocketpp/close.hpp",)],
    with_atomic: [("wsclose/close_counters.hpp",)],
    with_lws: [("wsclose/lws.hpp",), ("wsclose/lws/close.hpp",), ("wsclose/lws/drain.hpp",), ("wsclose/lws/refuse.hpp",),
               ("wsclose/lws/reconnect.hpp",), ("wsclose/lws/cross_thread.hpp",)],
}
bases = {headers: base for base, group in against.items() for headers in (base, *group)}


def run(command, headers, *options):
    source = "".join(f"#include <{header}>\n" for header in headers)
    return subprocess.run([*command, "-I", include, *options, "-x", "c++", "-"], input=source, capture_output=True,
                          text=True)


def lines(command, headers):
    """Lines that are neither empty nor markers of the preprocessor; 0 if a header is missing."""
    done = run(command, headers, "-E")
    return 0 if done.returncode else sum(bool(line.strip()) and line[0] != "#" for line in done.stdout.splitlines())


def user_seconds(command, headers):
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    run(command, headers, "-fsyntax-only").check_returncode()
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def measure_with(command, rounds):
    """By headers: (ratio of lines, ratio of time, milliseconds). All are compiled in turn, so that each meets the
    same machine."""
    read = {headers: lines(command, headers) for headers in bases}
    times = [{headers: user_seconds(command, headers) for headers in bases if read[headers]} for _ in range(rounds)]
    return {headers: (read[headers] / read[base], statistics.median(one[headers] / one[base] for one in times),
                      1000 * statistics.median(one[headers] for one in times))
            for headers, base in bases.items() if read[headers]}


def tables(found):
    """From what was measured with each configuration."""
    first = next(iter(found))
    rows = [[", ".join(headers), *(f"{of[headers][0]:.2f}, {of[headers][1]:.2f}" if headers in of else "missing"
                                   for of in found.values()),
             f"{found[first][headers][2]:.0f}" if headers in found[first] else ""] for headers in bases]
    ratios = [ratio for of in found.values() for ratio in of[("wsclose.hpp",)][:2]]
    met = sum(ratio <= goal for ratio in ratios)
    return [{"title": "Including a header: lines and time, as multiples of the standard headers (and lws) that it needs",
             "columns": ["header", *found, f"ms ({first})"], "rows": rows},
            {"title": "Goals", "columns": ["what", "goal", "met in", "worst"],
             "rows": [["wsclose.hpp, lines and time", f"at most {goal}", f"{met} of {len(ratios)}", f"{max(ratios):.2f}"]]}]


def measure(build, quick):
    return tables({name: measure_with(command, 1 if quick else 21) for name, command in configurations.items()}), {}
