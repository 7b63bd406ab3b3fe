# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""Prints the version of the headers, for Meson."""

import pathlib
import re

header = pathlib.Path(__file__).parents[2] / 'include/wsclose/version.hpp'
print('.'.join(re.findall(r'#define WSCLOSE_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)', header.read_text(encoding='utf-8'))))
