# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""Draws the times of validating UTF-8 as SVG: a panel for each kind of text, a line for each
contestant. Nothing is behind the lines, and no colour is light or dark, so that a page may be both."""

import math

series = {  # the contestants, the first on top of the others
    "validate wsclose": ("wsclose", "#e0660f", 2.5),
    "validate simdutf": ("simdutf", "#3584d6", 1.5),
    "validate simdutf 16": ("simdutf by 16 bytes", "#c9971c", 1.5),
    "validate Beast": ("Boost.Beast", "#2b9c62", 1.5),
    "validate lws": ("lws", "#a864c8", 1.5),
    "validate websocketpp": ("websocketpp", "#7f7f7f", 1.5),
}
grey = "#7f7f7f"
left, top, width, height = 44, 56, 220, 150  # of the first panel
pitch_x, pitch_y, columns = 264, 206, 3
longest, shortest_time, longest_time = 123, 0.5, 300


def x_of(size):
    return width * size / longest


def y_of(ns):
    share = math.log(ns / shortest_time) / math.log(longest_time / shortest_time)
    return height * (1 - min(max(share, 0), 1))


def text(x, y, content, anchor="middle"):
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{grey}">{content}</text>'


def line(x1, y1, x2, y2, colour, stroke):
    return f'<path d="M{x1:.0f} {y1:.1f}L{x2:.0f} {y2:.1f}" stroke="{colour}" stroke-width="{stroke}"/>'


def axes():
    out = []
    for ns in (1, 10, 100):
        out += [line(0, y_of(ns), width, y_of(ns), grey + "55", 1), text(-6, y_of(ns) + 4, ns, "end")]
    for size in (0, 16, 32, 64, 100, 123):
        out.append(text(x_of(size), height + 15, size))
    return out


def curve(cells, name):
    points = [f"{x_of(c['size']):.1f} {y_of(c['ns'][name]):.1f}" for c in cells if name in c["ns"]]
    _, colour, stroke = series[name]
    shapes = [("M" + "L".join(points), stroke), ("".join(f"M{point}h0" for point in points), stroke + 3)]
    return [f'<path d="{path}" stroke="{colour}" stroke-width="{size}"/>' for path, size in shapes if points]


def panel(index, kind, cells):
    at = f"{left + index % columns * pitch_x} {top + index // columns * pitch_y}"
    drawn = [part for name in reversed(series) for part in curve(cells, name)]
    heading = text(0, -8, f"{kind}: ns by bytes", "start")
    return [f'<g transform="translate({at})">', heading, *axes(), *drawn, "</g>"]


def legend():
    out, x = [], left
    for label, colour, stroke in series.values():
        out += [line(x, 14, x + 16, 14, colour, stroke + 1), text(x + 20, 18, label, "start")]
        x += 52 + 6 * len(label)
    return out


def svg(cells):
    kinds = {kind: [c for c in cells if (c["kind"], c["error"]) == (kind, "valid")] for kind in
             dict.fromkeys(c["kind"] for c in cells)}
    w, h = left + columns * pitch_x, top + -(-len(kinds) // columns) * pitch_y
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w}" height="{h}" '
            'font-family="sans-serif" font-size="11" fill="none" stroke-linecap="round">')
    title = "<title>Validating UTF-8: nanoseconds, logarithmic, by the length of the text in bytes</title>"
    panels = [part for index, (kind, its) in enumerate(kinds.items()) for part in panel(index, kind, its)]
    return "\n".join([head, title, *legend(), *panels, "</svg>"]) + "\n"
