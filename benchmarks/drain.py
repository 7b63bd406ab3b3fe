# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""A server goes down (drain.cpp): how evenly its clients are closed, and what that takes."""

import json
import resource
import subprocess

goal = 1.2
seconds = 300


def most_connections():
    """The server and the clients are processes of their own, so each connection needs one open file in each."""
    return min(10000, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 128)


def run(folder, count, window, leaving):
    printed = subprocess.run([folder / "drain", str(count), str(window), str(leaving)], check=True, capture_output=True,
                             text=True, timeout=seconds + 10).stdout
    return json.loads(printed)


def column(count, window, of):
    even = count / window if window else 0

    def share(closes, length):
        return f"{closes:,} ({closes / (even * length):.2f})" if even else f"{closes:,}"

    return [f"{even:,.0f}" if even else "", share(of["peak_1s"], 1), share(of["peak_100ms"], 0.1), f"{of['last_s']:.2f}",
            f"{of['start_us'] / 1000:.1f}", f"{of['cpu'] / count * 1e6:,.0f}", f"{of['open_kib'] / 1024:.1f}",
            f"{(of['peak_kib'] - of['open_kib']) / 1024:.2f}", f"{100 * of['clean'] / count:g}"]


labels = ["even: clients by seconds of the window", "peak: clients gone in any second (as a multiple of even)",
          "peak: clients gone in any 0.1 s (as a multiple of even)", "the last one, s after the start",
          "`start()` or `close_all()` itself, ms", "CPU time of the server per client, µs",
          "memory of the server before, MiB", "more at its peak, MiB", "clean endings, %"]


def measure(build, quick):
    folder = build / "benchmarks"
    count, window = (200, 1) if quick else (most_connections(), 20)
    ways = {"`close_all()`": (0, 0), f"`drain`, {window} s": (window, 0),
            f"`drain`, {window} s; 30% leave by themselves": (window, 30)}
    if not quick:
        ways["`drain`, 60 s"] = (60, 0)
    columns = [column(count, seconds, run(folder, count, seconds, leaving)) for seconds, leaving in ways.values()]
    return [{"title": f"{count:,} clients of a server that goes down; goal: at most {goal} times even",
             "columns": ["", *ways], "rows": [[label, *values] for label, values in zip(labels, zip(*columns))]}], {}
