# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""The documentation shows no code that is not compiled and no command that is not run: every C++
block of README.md, docs/*.md and the home page of the site stands in a program of docs/examples, every diff is a patch of
tests/porting, every YAML block stands in a file of docs/examples, and every line of a shell, Meson or CMake block is in
tests/consumers.sh or .ci/run."""

import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent


def lines(text):
    """Without indentation, blank lines and the comments at the ends of lines."""
    stripped = (re.sub(r"\s*(//|#) .*$", "", line).strip() for line in text.splitlines())
    return [line for line in stripped if line]


def stands_in(block, source):
    return any(source[i : i + len(block)] == block for i in range(len(source)))


examples = [lines(path.read_text()) for path in (root / "docs/examples").glob("*.cpp")]
files = [lines(path.read_text()) for path in (root / "docs/examples").glob("*.yml")]
patches = [[line.rstrip() for line in path.read_text().splitlines()] for path in (root / "tests/porting").glob("*.patch")]
run = lines((root / "tests/consumers.sh").read_text()) + lines((root / ".ci/run").read_text())

failures, count = [], 0
for page in [root / "README.md", root / "docs/site/home.md", *sorted((root / "docs").glob("*.md"))]:
    for language, text in re.findall(r"^ *```(cpp|diff|yaml|sh|meson|cmake)\n(.*?)^ *```$", page.read_text(), re.MULTILINE | re.DOTALL):
        # "..." stands for what is left out
        for part in re.split(r"^\s*(?://|#) \.\.\.$", text, flags=re.MULTILINE):
            count += 1
            if language == "cpp" and not any(stands_in(lines(part), example) for example in examples):
                failures.append(f"{page.name}: not in any program of docs/examples:\n{part}")
            if language == "diff" and part.splitlines() not in patches:
                failures.append(f"{page.name}: not a patch of tests/porting:\n{part}")
            if language == "yaml" and not any(stands_in(lines(part), file) for file in files):
                failures.append(f"{page.name}: not in any file of docs/examples:\n{part}")
            if language not in ("cpp", "diff", "yaml"):
                failures += [f"{page.name}: not run by any script: {l}" for l in lines(part) if not any(l in script for script in run)]

print("\n".join(failures))
print(f"{count} snippets, {len(failures)} not compiled or not run")
sys.exit(1 if failures else 0)
