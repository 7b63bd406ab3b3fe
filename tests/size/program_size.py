# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""How many bytes a program with wsclose has more than the same program on bare lws, at -Os.

A program is linked alone: what it calls of lws and of the C library stays undefined, on each target. All
that would be loaded counts: code, constants and data. Tables that only serve unwinding are counted apart."""

import pathlib
import re
import subprocess

here = pathlib.Path(__file__).resolve().parent
flags = ["-std=c++17", "-Os", "-ffunction-sections", "-fdata-sections", "-fno-pie", "-I", here.parent.parent / "include"]
link = ["-nostdlib", "-static", "-Wl,--gc-sections", "-Wl,--unresolved-symbols=ignore-all", "-Wl,-e,main"]
unwinding = re.compile(r"\.(eh_frame|eh_frame_hdr|gcc_except_table|ARM\.ex\w+)")
loaded = re.compile(r"\.(text|rodata|data|init_array|fini_array|tdata)\b")


def build_program(name, compiler, out):
    file = out / f"{name}.elf"
    subprocess.run([*compiler, *flags, here / f"{name}.cpp", *link, "-o", file], check=True, stderr=subprocess.PIPE)
    return file


def size(file):
    """The bytes that are loaded, and apart from them those for unwinding."""
    listing = subprocess.run(["size", "-A", file], check=True, capture_output=True, text=True).stdout
    found = {"loaded": 0, "unwinding": 0}
    for name, count in re.findall(r"^(\.\S+) +(\d+)", listing, re.M):
        if unwinding.match(name):
            found["unwinding"] += int(count)
        elif loaded.match(name):
            found["loaded"] += int(count)
    return found


def compare(program, compiler, out):
    """The sizes of both programs, and by how much the one with wsclose is larger."""
    bare, ours = (size(build_program(f"{program}_{what}", compiler, out)) for what in ("lws", "wsclose"))
    return {"lws": bare, "wsclose": ours, "added": ours["loaded"] - bare["loaded"],
            "unwinding": ours["unwinding"] - bare["unwinding"]}
