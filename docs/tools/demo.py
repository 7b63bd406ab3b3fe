# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""Runs the program demo and draws docs/demo.svg, a picture of a terminal with some of its endings:
demo.py [--write] DEMO. Without --write, fails if the picture is not what the demo shows with the same version of lws."""

import os
import pathlib
import re
import subprocess
import sys
import unicodedata
from xml.sax.saxutils import escape

picture = pathlib.Path(__file__).resolve().parent.parent / "demo.svg"
shown = ["a text of 151 bytes", "a forbidden code: 1005", "a close from a timer", "the peer's text is not UTF-8", "the peer does not answer",
         "the peer resets TCP"]
column, row, margin = 7.2, 18, 18
colours = {"31": "#ff8a80", "32": "#8fe388", "0": "#d5dbe3"}


def width(text):
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def selected(output):
    """The lines of the endings that the picture has, with the head and the last line."""
    head, title, *endings, last = output.rstrip("\n").split("\n\n")
    found = [ending for name in shown for ending in endings if re.sub(r"\s+", " ", ending).strip().startswith(name)]
    assert len(found) == len(shown), "an ending of the picture is not in the demo"
    return "$ ./dev demo\n" + "\n\n".join([head, title, *found, last]).replace("\n\n\n", "\n\n")


def drawn(text):
    lines = text.split("\n")
    height = margin * 2 + 26 + row * len(lines)
    wide = margin * 2 + column * max(width(re.sub(r"\033\[\d+m", "", line)) for line in lines)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {height}" role="img" aria-label="The output of ./dev demo">',
           "<style>text{font:12px ui-monospace,'DejaVu Sans Mono','Liberation Mono',Menlo,Consolas,monospace;white-space:pre}</style>",
           f'<rect width="{wide:.0f}" height="{height}" rx="10" fill="#161b22"/>']
    out += [f'<circle cx="{margin + 4 + 20 * i}" cy="20" r="6" fill="{colour}"/>' for i, colour in enumerate(["#ff5f57", "#febc2e", "#28c840"])]
    for number, line in enumerate(lines):
        at, colour = 0, colours["0"]
        for part in re.split(r"(\033\[\d+m|(?<=\S)  +|(?<=m)  +)", line):
            if code := re.fullmatch(r"\033\[(\d+)m", part):
                colour = colours[code[1]]
                continue
            words = part.strip(" ")
            if words:
                x = margin + column * (at + len(part) - len(part.lstrip(" ")))
                long = column * width(words)
                fill = "#79c0ff" if number == 0 else colour
                out.append(f'<text x="{x:.1f}" y="{margin + 38 + row * number}" fill="{fill}" textLength="{long:.1f}" '
                           f'lengthAdjust="spacingAndGlyphs">{escape(words)}</text>')
            at += width(part)
    return "\n".join([*out, "</svg>", ""])


def version(text):
    return re.search(r"libwebsockets (\d+\.\d+\.\d+)", text)[1]


def run():
    return subprocess.run([sys.argv[-1]], stdout=subprocess.PIPE, text=True, env={**os.environ, "CLICOLOR_FORCE": "1", "NO_COLOR": ""})


def differs(ran):
    svg, before = drawn(selected(ran.stdout)), picture.read_text()
    return version(svg) == version(before) and svg != before


ran = run()
if "--write" in sys.argv:
    picture.write_text(drawn(selected(ran.stdout)))
    sys.exit(ran.returncode)
print(re.sub(r"\033\[\d+m", "", ran.stdout))
if differs(ran) and differs(run()):  # once more: a machine that is busy can be late
    sys.exit("docs/demo.svg is not what the demo shows; run ./dev demo --svg")
sys.exit(ran.returncode)
