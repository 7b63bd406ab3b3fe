# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""Counts the instructions of the marked parts of a program (measured.hpp), without the kernel's."""

import pathlib
import re
import subprocess
import tempfile


def instructions(program, *arguments):
    """{name: instructions} for each marked part, in order."""
    with tempfile.TemporaryDirectory() as place:
        subprocess.run(["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={place}/out", "--instr-atstart=no",
                        "--collect-atstart=no", program, *map(str, arguments)],
                       check=True, capture_output=True, timeout=1200)
        files = sorted(pathlib.Path(place).glob("out.*"), key=lambda file: int(file.suffix[1:]))
        texts = [file.read_text() for file in files]
    marks = [(re.search(r"^desc: Trigger: Client Request: (.*)$", text, re.M), text) for text in texts]
    return {mark[1]: int(re.search(r"^totals: (\d+)$", text, re.M)[1]) for mark, text in marks if mark}
