# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""Asks the compiler which headers wsclose brings along: none of the heavy ones. The core does not even
name libwebsockets."""

import pathlib
import re
import subprocess
import sys

standard, lws_include, *compiler = sys.argv[1:]
include = pathlib.Path(__file__).resolve().parent.parent / "include"
heavy = {"format", "iostream", "istream", "locale", "memory", "mutex", "ostream", "sstream", "string", "system_error"}


def brought_by(*headers):
    """The names of the files that these headers include, and what these include, and so on."""
    source = "".join(f"#include <{header}>\n" for header in headers)
    command = [*compiler, "-std=" + standard, "-I", include, "-I", lws_include, "-M", "-x", "c++", "-"]
    rule = subprocess.run(command, check=True, input=source, capture_output=True, text=True).stdout
    return {pathlib.Path(word).name for word in rule.split()}


failures = [f"wsclose.hpp brings <{name}>" for name in heavy & brought_by("wsclose.hpp")]
beyond = brought_by("wsclose/lws.hpp") - brought_by("libwebsockets.h")
failures += [f"wsclose/lws.hpp brings <{name}>" for name in heavy & beyond]
if not heavy & brought_by("wsclose.hpp", "ostream"):
    failures.append("that <ostream> is heavy goes unnoticed")

core = [include / "wsclose.hpp", *include.glob("wsclose/*.hpp"), *include.glob("wsclose/detail/*.hpp")]
core.remove(include / "wsclose/lws.hpp")
failures += [
    f"{path.name}:{number} names lws"
    for path in core
    for number, line in enumerate(path.read_text().splitlines(), 1)
    if re.search("lws|libwebsockets", line, re.IGNORECASE)
]

print("\n".join(failures))
print(f"headers: {len(failures)} failures ({standard})")
sys.exit(1 if failures else 0)
