# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""Writes wsclose.hpp, wsclose_lws.hpp, and each public header that these lack, as one file each into the folder that is
the argument: wsclose/std_format.hpp as wsclose_std_format.hpp. Such a file has all that its header includes. The include
guards stay, so that the files work together, in any order."""

import pathlib
import re
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parents[2]
headers = {path.relative_to(root / "include").as_posix(): path.read_text(encoding="utf-8")
           for path in sorted((root / "include").rglob("*.hpp"))}
includes = re.compile(r"^# *include <(\S+)>.*\n", re.MULTILINE)


def output_of(*command):
    done = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    return done.stdout.strip()


def parts_of(header, before=()):
    """The headers of wsclose that `header` consists of and `before` lacks, each behind those that it includes."""
    for other in includes.findall(headers[header]):
        if other in headers and other not in before:
            before = parts_of(other, before)
    return (*before, header)


def body_of(header, on_top):
    """The header without copyright and includes. `on_top` gets other libraries' headers, unless an #if decides on them."""
    lines, depth = [], -1  # 0 within the include guard
    for line in headers[header].splitlines(keepends=True)[2:]:
        depth += line.startswith("#") and {"if": 1, "en": -1}.get(line[1:].strip()[:2], 0)
        match = includes.match(line)
        if match and match[1] not in headers and depth == 0:
            on_top.add(match[1])
        elif not match or match[1] not in headers:
            lines.append(line)
    return re.sub(r"\n{3,}", "\n\n", "".join(lines)).strip() + "\n"


version = output_of(sys.executable, "docs/tools/version.py")
date = output_of("git", "log", "-1", "--format=%cs") if (root / ".git").exists() else ""
licence = "".join(f"// {line}".rstrip() + "\n" for line in (root / "LICENSE").read_text(encoding="utf-8").splitlines())
folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)

number = "{}{:02}{:02}".format(*map(int, version.split(".")))
head = f"""wsclose {version}{date and f" ({date})"} and all that it includes, as one file. Written by `./dev single-header`.
//
// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0
//
{licence}
#if defined(WSCLOSE_VERSION) && WSCLOSE_VERSION != {number}
#    error "this is wsclose {version}, but another version was included before it: include only one of them"
#endif
"""

whole = parts_of("wsclose/lws.hpp")
for header in headers:
    if header in ("wsclose.hpp", "wsclose/lws.hpp") or header not in whole and "detail/" not in header:
        on_top = set()
        bodies = [f"\n// ==== {part}\n\n{body_of(part, on_top)}" for part in parts_of(header)]
        system = [f"#include <{name}>\n" for name in sorted(on_top)]
        text = "".join([f"// <{header}> of {head}\n", *system, *bodies])
        (folder / header.replace("/", "_")).write_text(text, encoding="utf-8")
