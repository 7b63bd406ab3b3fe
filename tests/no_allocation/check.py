# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""Compiles uses.cpp and reads from the object file what all of wsclose calls: lws, the operating
system, and functions of C on memory and strings. So nothing allocates, throws or takes the C++ library."""

import pathlib
import re
import subprocess
import sys
import tempfile

uses, standard, lws_include, *compiler = sys.argv[1:]
include = pathlib.Path(uses).parent.parent.parent / "include"
allowed = re.compile(r"_?lwsl?_\w+|bcmp|mem(chr|cmp|cpy|move|set)|str(len|str)|poll|shutdown|getsockopt|callback\(.*|"
                     r"__errno_location|"
                     r"_GLOBAL_OFFSET_TABLE_|__\w+_chk\w*|__cpu_\w+")
# and constructors
compile_time = re.compile(r".*::(checked_frame|code_points|th\w+_(on_the_wire|bytes|utf8)|(\w+)(<.*>)?::\3|"
                          r"has_every_cause|has_overlap|is_valid|(checked_rows|row_of)(<.*>)?)\(.*")


def names(*options):
    """The symbols of the object file, as nm -C writes them."""
    with tempfile.NamedTemporaryFile(suffix=".o") as file:
        # Without the assertions that libstdc++ has at -O0, since GCC 15.
        subprocess.run([*compiler, "-std=" + standard, "-fno-exceptions", "-fno-rtti", "-D_GLIBCXX_NO_ASSERTIONS", *options,
                        "-I", include, "-I", lws_include, "-c", uses, "-o", file.name], check=True)
        return subprocess.run(["nm", "-C", file.name], check=True, capture_output=True, text=True).stdout


def needs(symbols):
    return {name for name in re.findall(r" U (.*)$", symbols, re.M) if not allowed.fullmatch(name)}


def functions(symbols):
    found = re.findall(r" [tTwW] (wsclose::(?!.* std::\w+<).*)$", symbols, re.M)  # not what returns a type of ours
    return {name for name in found if not compile_time.fullmatch(name)}


failures = [f"{level}: needs {name}" for level in ("-O0", "-O2", "-Os") for name in sorted(needs(names(level)))]
if not any(name.startswith("operator new") for name in needs(names("-O0", "-DWITH_REMOTE"))):
    failures.append("that cross_thread.hpp allocates goes unnoticed")
# GCC emits every function there is, templates aside; to Clang the option is nothing.
every = functions(names("-O0", "-fkeep-inline-functions", "-Wno-ignored-optimization-argument"))
used = functions(names("-O0")) | functions(names("-O0", "-D__OPTIMIZE_SIZE__"))  # with SIMD and without
failures += [f"uses.cpp does not use {name}" for name in sorted(every - used)]

print("\n".join(failures))
print(f"what all of wsclose needs: {len(failures)} failures ({standard})")
sys.exit(1 if failures else 0)
