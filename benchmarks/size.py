# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""The size of programs that use wsclose over the same programs on bare lws, optimised for size.

A program is linked alone: what it calls of lws and of the C library stays undefined, on each target,
since that is the same for both programs or in the library anyway. All that would be loaded counts, so
code, constants and data; but for the tables that only unwind, which stand in a column of their own."""

import pathlib
import re
import shutil
import subprocess

here = pathlib.Path(__file__).resolve().parent
programs = here / "size"
flags = ["-std=c++17", "-Os", "-ffunction-sections", "-fdata-sections", "-fno-pie", "-I", here.parent / "include"]
link = ["-nostdlib", "-static", "-Wl,--gc-sections", "-Wl,--unresolved-symbols=ignore-all", "-Wl,-e,main"]
# On ARM with the headers of this machine's lws, which are the same for all.
host_headers = ["-idirafter", "/usr/include", "-idirafter", "/usr/include/x86_64-linux-gnu"]
targets = {
    "x86-64, GCC": ["g++"],
    "x86-64, Clang": ["clang++"],
    "ARM Thumb, GCC": ["arm-linux-gnueabihf-g++", "-mthumb", *host_headers],
}
variants = {"": [], ", without exceptions": ["-fno-exceptions", "-fno-rtti"]}
pairs = {  # a use of wsclose, and how much it may add to the same program on bare lws
    "close, parse and answer": ("verbs", 1024),
    "tracked connection with a report and a log line": ("tracked", 2560),
}
unwinding = re.compile(r"\.(eh_frame|eh_frame_hdr|gcc_except_table|ARM\.ex\w+)")
loaded = re.compile(r"\.(text|rodata|data|init_array|fini_array|tdata)\b")


def build_program(name, compiler, out):
    file = out / f"{name}.elf"
    subprocess.run([*compiler, *flags, programs / f"{name}.cpp", *link, "-o", file], check=True, stderr=subprocess.PIPE)
    return file


def size(file):
    """The bytes that are loaded, and those of them that only unwind."""
    listing = subprocess.run(["size", "-A", file], check=True, capture_output=True, text=True).stdout
    found = {"loaded": 0, "unwinding": 0}
    for name, count in re.findall(r"^(\.\S+) +(\d+)", listing, re.M):
        if unwinding.match(name):
            found["unwinding"] += int(count)
        elif loaded.match(name):
            found["loaded"] += int(count)
    return found


def largest(file):
    """The functions and tables of a program by their size. What is left to the sum are texts."""
    command = ["nm", "-SC", "--size-sort", "--reverse-sort", file]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows = re.findall(r"^\w+ (\w+) [^bBuU] (.*)$", listing, re.M)
    view = "std::basic_string_view<char, std::char_traits<char> >"
    return [[name.replace("wsclose::", "").replace(view, "std::string_view"), int(count, 16)] for count, name in rows]


def compare(program, compiler, out):
    bare, ours = (size(build_program(f"{program}_{what}", compiler, out)) for what in ("lws", "wsclose"))
    return {"lws": bare, "wsclose": ours, "added": ours["loaded"] - bare["loaded"],
            "unwinding": ours["unwinding"] - bare["unwinding"]}


def measure(build, quick):
    out = build / "benchmarks" / "size"
    out.mkdir(parents=True, exist_ok=True)
    rows, kept = [], {}
    for use, (program, goal) in pairs.items():
        for target, compiler in targets.items():
            for variant, options in variants.items():
                if not shutil.which(compiler[0]):
                    rows.append([f"{use}: {target}{variant}", "missing", "", "", goal, ""])
                    continue
                cost = compare(program, compiler + options, out)
                kept[f"{program}, {target}{variant}"] = cost
                rows.append([f"{use}: {target}{variant}", cost["lws"]["loaded"], cost["wsclose"]["loaded"],
                             cost["added"], goal, cost["unwinding"]])
    parts = largest(build_program("tracked_wsclose", ["g++"], out))
    return {"tables": [{"title": "Bytes of a program at -Os",
                        "columns": ["use", "with lws alone", "with wsclose", "added", "goal", "unwinding tables added"],
                        "rows": rows},
                       {"title": "Where they are: the largest parts of the tracked connection, x86-64, GCC",
                        "columns": ["part", "bytes"], "rows": [[f"`{name[:80]}`", count] for name, count in parts[:20]]}],
            "sizes": kept, "parts": parts}
