# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""Builds the programs beside this file: a table that a program does not use is not in it, and none grows
unnoticed. The limits leave a quarter to compilers; docs/performance.md has the sizes and the goals."""

import pathlib
import sys
import tempfile

sys.dont_write_bytecode = True
import program_size  # noqa: E402

lws_include, *compiler = sys.argv[1:]
name, description = b"policy_violation", b"violates the endpoint's policy"
limits = {"verbs": 2400, "tracked": 24000}  # added bytes; Clang's are the most
absent = {"verbs": [name, description], "tracked": [description]}
present = {"verbs": [], "tracked": [name]}

failures = []
with tempfile.TemporaryDirectory() as directory:
    out = pathlib.Path(directory)
    for program, limit in limits.items():
        added = program_size.compare(program, [*compiler, "-I", lws_include], out)["added"]
        print(f"{program}: {added} bytes more than with lws alone, at most {limit}")
        if added > limit:
            failures.append(f"{program} is too large")
        contents = (out / f"{program}_wsclose.elf").read_bytes()
        failures += [f"{program} has {text}, which it does not use" for text in absent[program] if text in contents]
        failures += [f"{program} has no {text}: what is not there goes unnoticed" for text in present[program]
                     if text not in contents]

print("\n".join(failures))
sys.exit(1 if failures else 0)
