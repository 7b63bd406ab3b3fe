# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""Compiles cases.cpp whole, then case by case: each case has to fail with its message, and those marked
`alone` with that message only."""

import pathlib
import re
import subprocess
import sys

cases, standard, lws_include, *compiler = sys.argv[1:]
include = pathlib.Path(cases).parent.parent.parent / "include"


def compile_case(number):
    command = [*compiler, "-std=" + standard, "-I", str(include), "-I", lws_include, "-fsyntax-only", cases]
    if number:
        command.append(f"-DCASE={number}")
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode == 0, done.stderr


macros = subprocess.run(
    [*compiler, "-std=" + standard, "-dM", "-E", "-x", "c++", "/dev/null"], capture_output=True, text=True
).stdout
has_consteval = "__cpp_consteval" in macros

failures = []
compiles, errors = compile_case(0)
if not compiles:
    failures.append("the file without a case does not compile:\n" + errors)

text = pathlib.Path(cases).read_text()
found = re.findall(r"^#(?:el)?if CASE == (\d+) +// (consteval: )?(alone: )?(.*)$", text, re.MULTILINE)
if len(found) != text.count("CASE =="):
    failures.append(f"{text.count('CASE ==')} cases, but only {len(found)} have a message behind them")

count = 0
for number, condition, alone, message in found:
    if condition and not has_consteval:
        continue
    count += 1
    compiles, errors = compile_case(number)
    if compiles:
        failures.append(f"case {number} compiles; it should say: {message}")
    elif not re.search(message, errors):
        failures.append(f"case {number} should say: {message}\nbut says:\n{errors}")
    elif alone and len(re.findall(r"^\S.* error: ", errors, re.MULTILINE)) != 1: # GCC 16 says more, indented
        failures.append(f"case {number} should say only: {message}\nbut says:\n{errors}")

print("\n".join(failures))
how = "with" if has_consteval else "without"
print(f"{count - len(failures)} of {count} cases refused as they should be ({standard}, {how} consteval)")
sys.exit(1 if failures else 0)
