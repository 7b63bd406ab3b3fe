# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""Compares what the program herd says with docs/coming-back.md and docs/herd.svg: herd.py [--write] HERD. With
--write, puts it there."""

import pathlib
import re
import subprocess
import sys
import tempfile

docs = pathlib.Path(__file__).resolve().parent.parent
page, picture = docs / "coming-back.md", docs / "herd.svg"

with tempfile.NamedTemporaryFile(suffix=".svg") as file:
    table = subprocess.run([sys.argv[-1], file.name], check=True, capture_output=True, text=True).stdout
    drawn = pathlib.Path(file.name).read_text()
text = re.sub(r"(<!-- herd -->\n\n).*?(\n<!-- end -->)", lambda found: found[1] + table + found[2], page.read_text(),
              flags=re.DOTALL)
if "--write" in sys.argv:
    page.write_text(text)
    picture.write_text(drawn)
elif text != page.read_text() or drawn != picture.read_text():
    sys.exit("docs/coming-back.md and docs/herd.svg are not what herd says; run ./dev herd")
