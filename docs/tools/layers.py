# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""Checks that the picture of the layers in docs/architecture.md is true, and draws docs/layers.svg from the headers:
layers.py [--write]. Every header stands in the text once and includes only headers that stand below it; below the line, none
names libwebsockets. The drawing must be what the headers say; --write puts it there."""

import pathlib
import re
import sys
from html import escape

docs = pathlib.Path(__file__).resolve().parent.parent
include = docs.parent / "include"
picture = docs / "layers.svg"


def listed():
    """The headers of the text, each with its line; and the line below which there is no libwebsockets."""
    block = re.search(r"^```\n(  lws\.hpp .*?)^```$", (docs / "architecture.md").read_text(), re.MULTILINE | re.DOTALL)[1]
    places, border = {}, None
    for number, line in enumerate(block.splitlines()):
        if line.startswith("  ---"):
            border = number
        for name in re.findall(r"[\w/]+\.hpp", re.split(r"\s{3,}", line.strip())[0] if not line.startswith(" " * 20) else ""):
            if name in places:
                failures.append(f"{name} stands twice")
            places[name] = number
    return places, border


def short(path):
    return re.sub(r"^wsclose/", "", path.relative_to(include).as_posix())


def included():
    """The headers of wsclose that each header includes, and whether it includes libwebsockets itself."""
    found = {}
    for path in include.rglob("*.hpp"):
        names = re.findall(r"^#\s*include <([\w/.]+)>", path.read_text(), re.MULTILINE)
        found[short(path)] = ({re.sub(r"^wsclose/", "", n) for n in names if n.startswith("wsclose")}, "libwebsockets.h" in names)
    return found


def check(headers, places, border):
    failures.extend(f"{name} is not in the text" for name in headers.keys() - places.keys())
    failures.extend(f"{name} is in the text, and there is no such header" for name in places.keys() - headers.keys())
    for name, (below, bare) in headers.items():
        failures.extend(f"{name} includes {other}, which does not stand below it" for other in below
                        if name in places and other in places and places[other] <= places[name])
        if bare and places.get(name, 0) > border:
            failures.append(f"{name} includes libwebsockets.h, and stands below the line")


def draw(headers):
    """Each header in the lowest row that is above all that it includes; lws on top of the core."""
    heights = {}

    def height(name):
        if name not in heights:
            heights[name] = max((height(other) + 1 for other in headers[name][0]), default=0)
        return heights[name]

    def group(name):
        return "lws" if name.startswith("lws") else "core"

    rows, y, out = [], 34, []
    for layer in ("lws", "core"):
        mine = [name for name in headers if group(name) == layer]
        for level in sorted({height(name) for name in mine}, reverse=True):
            rows.append((layer, sorted((name for name in mine if height(name) == level), key=lambda n: ("detail" in n, n))))
    last = None
    for layer, names in rows:
        if layer != last:
            y += 10
            title = "above libwebsockets" if layer == "lws" else "the core: knows no libwebsockets"
            out.append(f'<text class="title" x="20" y="{y}">{title}</text>')
            y += 12
            last = layer
        x = 20
        for name in names:
            label = name.removeprefix("lws/") if layer == "lws" else name
            label = label.removesuffix(".hpp")
            wide = len(label) * 6.7 + 16
            if x + wide > 860:
                x, y = 20, y + 28
            kind = "inner" if "detail" in name else "outer"
            out.append(f'<rect class="{kind}" x="{x:.0f}" y="{y}" width="{wide:.0f}" height="24" rx="5"/>'
                       f'<text x="{x + wide / 2:.0f}" y="{y + 16}" text-anchor="middle">{escape(label)}</text>')
            x += wide + 8
        y += 36
    style = ("text{font:11px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;fill:#1f2328}.title{font-weight:bold}"
             ".paper{fill:#fff;stroke:#d0d7de}.outer{fill:#d3f0ec;stroke:#0b6e6e}.inner{fill:#f0f2f4;stroke:#aab2bb}"
             "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.paper{fill:#161b22;stroke:#30363d}.outer{fill:#0f4743;stroke:#5fd0c5}"
             ".inner{fill:#262c34;stroke:#59636e}}")
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 880 {y + 4}" role="img" '
                      'aria-label="The headers of wsclose: each includes only headers in rows below it">',
                      f"<style>{style}</style>", f'<rect class="paper" x=".5" y=".5" width="879" height="{y + 3}" rx="8"/>',
                      '<text x="20" y="26">A header includes only headers in rows below it. Green: for programs. Grey: detail.</text>',
                      *out, "</svg>", ""])


failures = []
headers = included()
places, border = listed()
check(headers, places, border)
if "--write" in sys.argv:
    picture.write_text(draw(headers))
elif not failures and draw(headers) != picture.read_text():
    failures.append("docs/layers.svg is not what the headers say; run: python3 docs/tools/layers.py --write")
print("\n".join(f"docs/architecture.md: {failure}" if "svg" not in failure else failure for failure in failures))
print(f"layers: {len(headers)} headers, {len(failures)} failures")
sys.exit(1 if failures else 0)
