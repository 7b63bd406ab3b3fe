# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""Compiles each header alone, and a program that uses what is in them, with more warnings than the build has.
Programs that include wsclose may use these flags, so no warning may point into a header of wsclose. The headers
of lws are the system's."""

import pathlib
import subprocess
import sys

uses, standard, lws_include, *compiler = sys.argv[1:]
include = pathlib.Path(__file__).resolve().parent.parent / "include"

gcc = [
    "-Wall", "-Wextra", "-Wpedantic", "-Wcast-align", "-Wcast-qual", "-Wconversion", "-Wdouble-promotion",
    "-Wduplicated-branches", "-Wduplicated-cond", "-Wextra-semi", "-Wformat=2", "-Wlogical-op", "-Wnon-virtual-dtor",
    "-Wold-style-cast", "-Woverloaded-virtual", "-Wredundant-decls", "-Wshadow",
    "-Wsign-conversion", "-Wundef", "-Wuseless-cast", "-Wzero-as-null-pointer-constant",
]  # fmt: skip

clang = [
    "-Weverything",
    "-Wno-unknown-warning-option",  # what follows has names that not every version knows
    "-Wno-c++98-compat",  # wsclose is C++17
    "-Wno-c++98-compat-pedantic",
    "-Wno-c++20-compat",  # and uses consteval, if there is one
    "-Wno-pre-c++20-compat-pedantic",
    "-Wno-padded",
    "-Wno-ms-bitfield-padding",  # a report takes at most 288 bytes with that too, as on Windows
    "-Wno-nrvo",  # of functions that make constants
    "-Wno-switch-default",  # a switch names every enumerator,
    "-Wno-switch-enum",  # or has a default for those that need nothing
    "-Wno-weak-vtables",  # a category of errors derives from the standard's, and there is no library to put it in
    "-Wno-exit-time-destructors",  # nor has it a destructor that does something
    "-Wno-unsafe-buffer-usage",  # the interfaces of lws are pointers and sizes
]

macros = subprocess.run([*compiler, "-dM", "-E", "-x", "c++", "/dev/null"], capture_output=True, text=True).stdout
flags = clang if "__clang__" in macros else gcc
search = ["-I", include]
if lws_include != "/usr/include":  # which is the system's already, in its place
    search += ["-isystem", lws_include]


def warnings_of(source):
    """The warnings in the headers of wsclose; everything that the compiler says if it fails."""
    command = [*compiler, "-std=" + standard, *search, *flags, "-DWITH_REMOTE", "-fsyntax-only", "-x", "c++", "-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True)
    lines = done.stderr.splitlines()
    ours = [line for line in lines if line.startswith(f"{include}/") and " warning: " in line]
    return lines if done.returncode else ours


headers = sorted(str(path.relative_to(include)) for path in include.rglob("*.hpp"))
failures = [line for header in headers for line in warnings_of(f"#include <{header}>\n")]
failures += warnings_of(pathlib.Path(uses).read_text())
failures += warnings_of(  # as systems other than Linux see it
    "#include <wsclose/lws/detail/verdict.hpp>\n#include <libwebsockets.h>\n"
    "#undef __linux__\n#include <wsclose/lws/detail/socket.hpp>\n"
)

print("\n".join(dict.fromkeys(failures)))
print(f"warnings: {len(set(failures))} in {len(headers)} headers ({standard})")
sys.exit(1 if failures else 0)
