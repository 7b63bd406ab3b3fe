# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""The documentation shows no code that is not compiled and no command that is not run: every C++
block of README.md, docs/*.md and the site's home page stands in a program of docs/examples or tests/porting, every
diff in a patch of tests/porting, every YAML block in a file of docs/examples, every block of a proxy's configuration
in its file of docs/proxies, and every line of a shell, Meson or CMake block is in tests/consumers.sh or .ci/run. Every
test that SECURITY.md names exists."""

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


sources = [path for folder in ("docs/examples", "tests/porting") for path in (root / folder).rglob("*.[ch]pp")]
examples = [lines(path.read_text()) for path in sources]
files = [lines(path.read_text()) for path in (root / "docs/examples").glob("*.yml")]
proxies = {name: lines((root / "docs/proxies" / file).read_text()) for name, file in
           {"nginx": "nginx.conf", "haproxy": "haproxy.cfg", "caddy": "Caddyfile", "apache": "httpd.conf"}.items()}
patches = [[line.rstrip() for line in path.read_text().splitlines()] for path in (root / "tests/porting").glob("*.patch")]
run = lines((root / "tests/consumers.sh").read_text()) + lines((root / ".ci/run").read_text())

failures, count = [], 0
for page in [root / "docs/site/home.md", *sorted(root.glob("*.md")), *sorted((root / "docs").glob("*.md"))]:
    for language, text in re.findall(r"^ *```(cpp|diff|yaml|nginx|haproxy|caddy|apache|sh|meson|cmake)\n(.*?)^ *```$", page.read_text(), re.MULTILINE | re.DOTALL):
        # "..." stands for what is left out
        for part in re.split(r"^\s*(?://|#) \.\.\.$", text, flags=re.MULTILINE):
            count += 1
            if language == "cpp" and not any(stands_in(lines(part), example) for example in examples):
                failures.append(f"{page.name}: not in any program of docs/examples:\n{part}")
            if language == "diff" and not any(stands_in([line.rstrip() for line in part.splitlines()], patch) for patch in patches):
                failures.append(f"{page.name}: not a patch of tests/porting:\n{part}")
            if language == "yaml" and not any(stands_in(lines(part), file) for file in files):
                failures.append(f"{page.name}: not in any file of docs/examples:\n{part}")
            if language in proxies and not stands_in(lines(part), proxies[language]):
                failures.append(f"{page.name}: not in the file of docs/proxies:\n{part}")
            if language in ("sh", "meson", "cmake"):
                failures += [f"{page.name}: not run by any script: {l}" for l in lines(part) if not any(l in script for script in run)]

tests = "".join(path.read_text() for path in (root / "tests").rglob("*") if path.suffix in (".cpp", ".build"))
for row in re.findall(r"^\|[^|]*\| (.*`) \|$", (root / "SECURITY.md").read_text(), re.MULTILINE):
    for name in re.findall(r"`([^`]*)`", row):
        if f'TEST_CASE("{name}"' not in tests and f"'{name}'" not in tests and not name.startswith("./dev "):
            failures.append(f"SECURITY.md: there is no test {name!r}")

print("\n".join(failures))
print(f"{count} snippets, {len(failures)} not compiled or not run")
sys.exit(1 if failures else 0)
