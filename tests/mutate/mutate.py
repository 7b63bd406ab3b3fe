# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""Does the suite notice? Makes one change at a time in the headers, and shows the changes that no test notices.

usage: mutate.py BUILD [HEADER...]    the headers whose paths contain a HEADER, such as utf8 or lws/drain; or all

The tests are compiled in BUILD with all changes behind calls that ask which one is active (mutants.py), and once more
with AddressSanitizer, which judges what the others do not notice. What the compiler computes cannot be changed so; it
is not reached, as is what no test comes to.
Changes that nobody can notice are in explained.txt, each with the reason.
"""

import collections
import concurrent.futures
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

import mutants

HERE = pathlib.Path(__file__).resolve().parent
ROOT = mutants.ROOT
CATCH = ["core_test", "lws_test", "http2_test", "clocks"]  # run test by test
WHOLE = {"two_ends": [], "exhaustive_utf8": ["0"], "truth": ["--seconds", "10"], "faults": []}
CORE = ("core_test", "two_ends", "exhaustive_utf8")
# Over what else than bare TCP they run: the environment for that, and which do.
TRANSPORTS = {
    "tls": ({"WSCLOSE_TEST_TRANSPORT": "tls"}, ("lws_test", "truth", "faults")),
    "deflate": ({"WSCLOSE_TEST_DEFLATE": "1"}, ("truth",)),
    "http2": ({"WSCLOSE_TEST_TRANSPORT": "tls", "WSCLOSE_TEST_HTTP2": "1"}, ("truth",)),
}

# The builds of the tests, and what each adds to the options of Meson.
BUILDS = {"out": [], "out-address": ["-Db_sanitize=address", "-Db_lundef=false"]}

# A test of a program of CATCH, or a program of WHOLE, whose `name` is null. `transport` is null for bare TCP.
Test = collections.namedtuple("Test", "program name transport")


def run(command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", **options)


def write_if_new(path, content):
    if not path.exists() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def write_tree(tree, headers, without):
    """Copies the project, with all mutants in the headers but those on the lines that did not compile."""
    mutated = {header.path: header.mutated(without[header.path]) for header in headers}
    listed = run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT).stdout
    for file in listed.split("\0"):
        if (ROOT / file).is_file():
            write_if_new(tree / file, mutated.get(ROOT / file) or (ROOT / file).read_bytes())


def compile_one(build, name):
    out = build / name
    if not (out / "build.ninja").exists():
        options = ["-Dcpp_std=c++17", "-Doptimization=1", "-Ddebug=false", "-Dwerror=false", "-Ddocs=disabled"]
        options += ["-Dwarning_level=0", f"-Dcpp_args=-w -include {HERE / 'mutant.hpp'}", *BUILDS[name]]
        environment = {**os.environ, "CXX": "g++"}
        done = run(["meson", "setup", out, build / "tree", *options], env=environment)
        if done.returncode != 0:
            sys.exit(done.stdout)
    return run(["ninja", "-k", "0", "-C", out, *("tests/" + program for program in [*CATCH, *WHOLE])])


def compile_tests(build, headers):
    """Returns the lines of each header on which mutants do not compile. The next run knows them by their code."""
    kept = build / "does_not_compile"
    known = set(kept.read_text().splitlines()) if kept.exists() else set()
    without = {header.path: {n for n, line in enumerate(header.lines, 1) if line in known} for header in headers}
    while True:
        write_tree(build / "tree", headers, without)
        done = compile_one(build, "out")
        if done.returncode == 0:
            kept.write_text("\n".join(sorted({h.lines[n - 1] for h in headers for n in without[h.path]} | known)))
            if compile_one(build, "out-address").returncode != 0:
                sys.exit("mutate: the tests do not compile with AddressSanitizer")
            return without
        places = re.findall(r"include/(wsclose\S*?\.hpp):(\d+):\d+: (?:error|  +required|  +in .constexpr)", done.stdout)
        new = {(mutants.INCLUDE / name, int(line)) for name, line in places}
        new = {(path, line) for path, line in new if path in without and line not in without[path]}
        if not new:
            sys.exit(done.stdout[-8000:])
        for path, line in new:
            without[path].add(line)


class Suite:
    """The tests, how long each takes, and which mutants each of them reaches."""

    def __init__(self, build):
        self.build = build
        self.seconds = {}
        self.reached = {}
        tests = [Test(program, None, None) for program in WHOLE]
        for program in CATCH:
            names = run([self.program(program), "--list-test-names-only"]).stdout.splitlines()
            tests += [Test(program, name, None) for name in names if name.strip()]
        for transport, (_, programs) in TRANSPORTS.items():
            tests += [t._replace(transport=transport) for t in tests if t.program in programs and not t.transport]
        with concurrent.futures.ThreadPoolExecutor(2 * os.cpu_count()) as pool:
            list(pool.map(self.measure, tests))
        self.together = collections.defaultdict(list)  # those of one program over one transport, under AddressSanitizer
        for test in self.reached:
            if test.program in CATCH:
                self.together[test.program, test.transport].append(test)
        for key in [key for key, tests in self.together.items() if self.fails(tests, -1, "out-address")]:
            print(f"mutate: left out, since it fails under AddressSanitizer without a change: {key}", flush=True)
            del self.together[key]

    def program(self, name, out="out"):
        return self.build / out / "tests" / name

    def command(self, tests, out="out"):
        program = tests[0].program
        if program in WHOLE:
            return [self.program(program, out), *WHOLE[program]]
        names = (re.sub(r'([,\[\]\\"])', r"\\\1", test.name) for test in tests)
        return [self.program(program, out), "--abort", ",".join(names)]

    def environment(self, test, **more):
        return {**os.environ, **(TRANSPORTS[test.transport][0] if test.transport else {}), **more}

    def measure(self, test):
        with tempfile.NamedTemporaryFile(dir=self.build) as file:
            begin = time.monotonic()
            environment = self.environment(test, WSCLOSE_MUTANTS_REACHED=file.name)
            done = run(self.command([test]), env=environment, cwd=self.build)
            if done.returncode == 0:
                self.seconds[test] = time.monotonic() - begin
                self.reached[test] = set(map(int, pathlib.Path(file.name).read_text().split()))
            else:
                print(f"mutate: left out, since it fails without a change: {test}", flush=True)

    def fails(self, tests, mutant, out="out"):
        environment = self.environment(
            tests[0], WSCLOSE_MUTANT=str(mutant), ASAN_OPTIONS="detect_stack_use_after_return=1"
        )
        process = subprocess.Popen(self.command(tests, out), env=environment, cwd=self.build, start_new_session=True,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        try:
            return process.wait(5 + 5 * sum(self.seconds[test] for test in tests)) != 0
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return True

    def notices(self, mutant, in_core):
        """Whether a test notices. For the core, only its own tests count: those of the binding take long. They may also
        fail for another reason, so one of them has to fail twice."""
        tests = [test for test in self.reached if mutant in self.reached[test] and (test.program in CORE or not in_core)]
        tests.sort(key=lambda test: (test.program in WHOLE, test.transport or "", self.seconds[test]))
        quick = [test for test in tests if test.program == "core_test" and self.seconds[test] < 0.5]
        if quick and self.fails(quick, mutant):
            return True
        if any(self.fails([t], mutant) and (in_core or self.fails([t], mutant)) for t in tests if t not in quick):
            return True
        if in_core:
            return False
        groups = [[test for test in group if test in tests] for group in self.together.values()]
        return any(all(self.fails(group, mutant, "out-address") for _ in range(2)) for group in groups if group)


def explained():
    """The changes that explained.txt lists, as title() has them."""
    lines = (HERE / "explained.txt").read_text().splitlines()
    return {line for line in lines if line[:1] not in ("", "#", " ")}


def title(mutant):
    return f"{mutant.header} | {mutant.code} | {mutant.what}"


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    headers, all_mutants = mutants.find(sys.argv[2:])
    without = compile_tests(build, headers)
    ids = []
    for header in headers:
        for line in sorted(without[header.path]):
            print(f"mutate: no changes here, they do not compile: {header.path.name}:{line}: {header.lines[line - 1].strip()}")
        edits = [edit for edit in header.edits.values() if header.line_of(edit.begin) not in without[header.path]]
        ids += [id for edit in edits for id in edit.ids]
    suite = Suite(build)
    reached = set().union(*suite.reached.values())
    print(f"mutate: {len(ids)} changes, {len(suite.seconds)} tests", flush=True)

    known = explained()
    judged = {mutant.header for mutant in all_mutants}
    stale = [line for line in known - set(map(title, all_mutants)) if line.split(" | ")[0] in judged]
    for line in sorted(stale):
        print(f"mutate: take this out of explained.txt, there is no such change: {line}")
    columns = ["changes", "not reached", "noticed", "explained", "unnoticed"]
    table = collections.defaultdict(collections.Counter)

    def judge(id):
        mutant = all_mutants[id]
        if title(mutant) in known:
            return "explained"
        if id not in reached:
            return "not reached"
        return "noticed" if suite.notices(id, "/lws" not in mutant.header) else "unnoticed"

    with concurrent.futures.ThreadPoolExecutor(3 * os.cpu_count()) as pool:
        for id, result in zip(ids, pool.map(judge, ids)):
            mutant = all_mutants[id]
            if mutant.header not in table:
                print(f"mutate: {mutant.header}", flush=True)
            for row in (mutant.header, "all"):
                table[row].update(["changes", result])
            if result in ("unnoticed", "not reached"):
                print(f"{result}: {mutant.line}: {title(mutant)}", flush=True)

    print(f"\n{'header':44}" + "".join(f"{column:>16}" for column in columns))
    for name in [*sorted(row for row in table if row != "all"), "all"]:
        print(f"{name:44}" + "".join(f"{table[name][column]:16}" for column in columns))
    counted = table["all"]
    share = 100 * counted["noticed"] / max(1, counted["noticed"] + counted["unnoticed"])
    print(f"mutate: {share:.1f} % of the changes that a test reaches and that can be noticed are noticed")
    return counted["unnoticed"] != 0 or bool(stale)


sys.exit(main())
