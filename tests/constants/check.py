# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""Compiles cases.cpp and looks at the object files: a constant frame is data, and no code makes it."""

import pathlib
import re
import subprocess
import sys
import tempfile

cases, standard, *compiler = sys.argv[1:]
include = pathlib.Path(cases).parent.parent.parent / "include"
levels = ["-O0", "-O1", "-O2", "-O3", "-Os"]
allowed = {"take(wsclose::close_frame const&)", "memcpy", "memset", "_GLOBAL_OFFSET_TABLE_"}


def body(text):
    """The 128 bytes of a frame with 1001 and this text."""
    return (b"\x03\xE9" + text).ljust(127, b"\0") + bytes([2 + len(text)])


def output(*command):
    """What a command prints, in which names are without the version's namespace."""
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return re.sub(r"\bv\d+_\d+_\d+::", "", text)


def compile_to(file, level, *more):
    subprocess.run([*compiler, "-std=" + standard, level, *more, "-fno-stack-protector", "-fcf-protection=none",
                    "-I", include, "-c", cases, "-o", file], check=True)


def sections(file):
    """Name and contents of the sections that take up memory."""
    data = pathlib.Path(file).read_bytes()
    row = re.compile(r"\] (\S+) +(?:PROGBITS|INIT_ARRAY) +\w+ (\w+) (\w+) \w+ +[A-Z]*A")
    for name, offset, size in row.findall(output("readelf", "-SW", file)):
        yield name, data[int(offset, 16):][:int(size, 16)]


def wrong_with(file):
    """What in an object file is more than data and copies of it."""
    parts = list(sections(file))
    constant = b"".join(contents for name, contents in parts if name.startswith(".rodata"))
    wrong = [f"section {name}" for name, contents in parts if name.startswith((".init_array", ".ctors"))]
    wrong += [f"{text!r} is not constant data" for text in texts if body(text) not in constant]
    names = output("nm", "-C", file)
    undefined = set(re.findall(r"^ +U (.*)$", names, re.M))
    wrong += [f"calls {name}" for name in sorted(undefined - allowed)]
    made = re.findall(r"^\w+ [tTwW] (wsclose::.*|_GLOBAL__sub_I.*)$", names, re.M)
    wrong += [f"has code for {name}" for name in made]
    code = output("objdump", "-dC", "--no-show-raw-insn", file)
    branches = re.findall(r"\t(j(?!mp)\w+ .*|jmp +[^#\n]*<(?!take).*)", code)
    return wrong + [f"branches: {branch}" for branch in branches]


signs = ["init_array", "_GLOBAL__sub_I", "'0 namespace' is not", "has code for wsclose::", "branches"]
texts = [b"0 namespace", b"1 macro", b"2 header", b"3 static", b"4 static"]
failures = []
with tempfile.TemporaryDirectory() as directory:
    file = directory + "/cases.o"
    for level in levels:
        compile_to(file, level)
        failures += [f"{level}: {wrong}" for wrong in wrong_with(file)]
    compile_to(file, "-O2", "-DMADE_AT_RUN_TIME")
    noticed = " ".join(wrong_with(file))
    failures += [f"it goes unnoticed: {sign}" for sign in signs if sign not in noticed]

print("\n".join(failures))
print(f"constant frames at {len(levels)} levels of optimisation: {len(failures)} failures ({standard})")
sys.exit(1 if failures else 0)
