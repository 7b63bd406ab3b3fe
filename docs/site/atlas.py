# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""What lws does, as pages that can be filtered: one for each section of docs/behaviour, with a picture of each way in which
a situation ended. The pictures show what was measured, and nothing else: what the peer got, and what the program was told."""

import json
import pathlib
import re
import textwrap
from html import escape

behaviour = pathlib.Path(__file__).resolve().parent.parent / "behaviour"
program, lws, peer = 34, 190, 346  # the lines of life, and where they stand in a picture
titles = {program: "program", lws: "lws", peer: "peer"}


def slug(text):
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def short(text):
    return re.sub(r"(.)\1{9,}", r"\1…\1", text)


class Picture:
    """A sequence picture, from the top down."""

    def __init__(self):
        self.parts, self.y = [], 34

    def lines(self, text, x, kind, columns, anchor="middle"):
        for line in textwrap.wrap(text, columns) or [""]:
            self.y += 13
            self.parts.append(f'<text x="{x}" y="{self.y}" class="{kind}" text-anchor="{anchor}">{escape(line, quote=False)}</text>')

    def arrow(self, start, end, label, kind="step"):
        self.lines(label, (start + end) / 2, kind, 24)
        self.y += 7
        back = 7 if start < end else -7
        stop = end - back / 7
        self.parts.append(f'<path class="{kind}" d="M{start} {self.y}H{stop:g}m{-back} -4l{back} 4l{-back} 4"/>')
        self.y += 6

    def note(self, text, x=(lws + peer) / 2, kind="note"):
        self.lines(text, x, kind, 24)
        self.y += 6

    def svg(self, label):
        height = self.y + 14
        lives = "".join(f'<path class="life" d="M{x} 24V{height - 6}"/><text class="lane" x="{x}" y="16" text-anchor="middle">{title}</text>'
                        for x, title in titles.items())
        wire = f'<text class="wire" x="{(lws + peer) / 2:g}" y="16" text-anchor="middle">wire</text>'
        return (f'<svg class="sequence" viewBox="0 0 380 {height}" role="img" aria-label="{escape(label)}">'
                f"{lives}{wire}{''.join(self.parts)}</svg>")


def begin(picture, section, name, flavour):
    """What sets the ending off: who does what."""
    plain = name.replace("`", "")
    if section == "The program closes":
        if "LWS_TO_KILL" in name and flavour == "plain":
            picture.arrow(program, lws, re.search(r"LWS_TO_KILL_\w+", name)[0])
        elif "no reason" in name:
            picture.arrow(program, lws, "returns -1")
        elif "returns 0" in name:
            picture.arrow(program, lws, "lws_close_reason(), returns 0")
            picture.arrow(peer, lws, "Close 1001, later")
        else:
            picture.arrow(program, lws, "lws_close_reason(), returns -1" if flavour == "plain" else "ws.close()")
        if name.startswith("the peer"):
            picture.note(plain, peer - 40)
    elif section == "The peer closes":
        picture.arrow(peer, lws, f"Close: {plain}")
    elif section == "The peer breaks the protocol":
        if name.startswith("no answer"):
            picture.arrow(lws, peer, "ping")
        else:
            picture.arrow(peer, lws, plain)
    elif section == "The connection just ends":
        who, what = (program, "the program calls ") if name.startswith("the program") else (peer, "the peer ")
        picture.arrow(who, lws, plain.removeprefix(what))
    else:
        picture.arrow(program, lws, "connects")
        picture.arrow(lws, peer, "TCP" if name.startswith("nobody") else "upgrade?")
        picture.arrow(peer, lws, plain.removeprefix("the server ").replace("the server's ", ""))


def on_the_wire(picture, section, name, wire, told):
    """What the peer got, and the frame of the peer's that the report says came after it."""
    frame, *rest = re.split(r', (?=after|then|reset|and no end|part)', wire)
    if frame:
        bad = re.match(r"forbidden_code|truncated_code|invalid_utf8|too_long", frame)
        if frame == "no Close frame":
            picture.note(frame, kind="missing" if section == "The program closes" else "note")
        else:
            name = re.sub(r"^\w+: ", "", frame)
            picture.arrow(lws, peer, name if "Close frame" in name else f"Close {name}", "bad" if bad else "step")
        if bad:
            picture.note(f"{bad[0]}: RFC 6455 does not allow it", kind="missing")
    answer = re.match(r"closed (?:cleanly )?by us.*?, received (\d+)(?: \w+)?((?: \([^)]*\))?(?: \"[^\"]*\")?)", told)
    if answer:
        picture.arrow(peer, lws, f"Close {answer[1]}{answer[2]}")
    ended = False
    for what in rest:
        if what == "and no end":
            picture.note("no end within 15 s", kind="missing")
            ended = True
        elif what.startswith("after"):
            picture.note(what)
        else:
            picture.arrow(lws, peer, {"reset": "TCP reset"}.get(what, what.removeprefix("then ")), "bad")
            ended = ended or what == "reset"
    if frame and not ended and name != "the peer resets TCP":
        picture.arrow(lws, peer, "TCP FIN")


def draw(section, name, flavour, outcome):
    picture = Picture()
    wire, told = short(outcome["wire"]), short(outcome["told"])
    begin(picture, section, name, flavour)
    on_the_wire(picture, section, name, wire, told)
    for what in re.split(r", then (?=peer:|the data)|(?<=the data), then ", told):
        if what == "nothing":
            picture.note("told nothing", (program + lws) / 2, "missing")
        elif flavour == "plain" or what == "the data":
            picture.arrow(lws, program, what, "bad" if what.startswith("it is closed, not why") else "step")
        else:
            picture.arrow(lws, program, "on_close: " + re.split(r":|, after", what)[0], "good")
    return picture.svg(f"{name}, {'plain lws' if flavour == 'plain' else 'wsclose'}: {wire or 'nothing on the wire'}; told: {told}")


def covered(pairs, roles, versions):
    """The roles and versions of a route in words: `server: 4.0 to 4.3; client: all versions`."""
    def spans(mine):
        if len(mine) == len(versions):
            return ""
        runs = []
        for version in mine:
            at = versions.index(version)
            if runs and runs[-1][1] == at - 1:
                runs[-1][1] = at
            else:
                runs.append([at, at])
        return ", ".join(versions[a] if a == b else f"{versions[a]} to {versions[b]}" for a, b in runs)

    by_role = {role: spans([v for v in versions if (role, v) in pairs]) for role in roles if any((role, v) in pairs for v in versions)}
    if len(roles) > 1 and len(by_role) == len(roles) and len(set(by_role.values())) == 1:
        by_role = {"either": next(iter(by_role.values()))}
    return "; ".join(f"{role}{': ' + span if span else ''}" for role, span in by_role.items())


def situation(section, name, found, versions):
    """A heading, and for each program the routes, each with its picture."""
    roles = [role for role in ("server", "client") if any(r == role for r, _ in found)]
    out = f'<div class="situation">\n\n### {name} {{%#{slug(name)}%}}\n\n<div class="programs">\n'
    for flavour, title in {"plain": "plain lws", "wsclose": "wsclose"}.items():
        routes = {}
        for pair, measured in found.items():
            for outcome in measured[flavour]:
                routes.setdefault((outcome["wire"], outcome["told"]), []).append(pair)
        out += f'<div class="program"><div class="title">{title}</div>\n'
        for (wire, told), pairs in routes.items():
            varied = [pair for pair in pairs if len(found[pair][flavour]) > 1]
            steady = [pair for pair in pairs if pair not in varied]
            where = [covered(steady, roles, versions), "sometimes " + covered(varied, roles, versions) if varied else ""]
            on = " ".join(f"{role}-{version}" for role, version in pairs)
            got = f"<b>Wire</b> {escape(short(wire))}<br>" if wire else ""
            out += (f'<figure class="route" data-on="{on}">{draw(section, name, flavour, {"wire": wire, "told": told})}'
                    f'<figcaption><span class="on">{"; ".join(filter(None, where))}</span>'
                    f"{got}<b>Told</b> {escape(short(told))}</figcaption></figure>\n")
        out += "</div>\n"
    return out + "</div>\n</div>\n\n"


def make(write):
    files = sorted(behaviour.glob("*.json"), key=lambda file: [int(part) for part in file.stem.split(".")])
    versions = [file.stem for file in files]
    sections = {}
    for file in files:
        for measured in json.loads(file.read_text())["situations"]:
            found = sections.setdefault(measured["section"], {}).setdefault(measured["name"], {})
            found[measured["lws"], file.stem] = measured
    items, lines = [], ""
    for section, situations in sections.items():
        page = f"lws/{slug(section)}"
        text = f"---\noutline: 3\naside: false\n---\n\n# {section}\n\n<BehaviourFilter :versions='{json.dumps(versions)}' />\n\n"
        text += "".join(situation(section, name, found, versions) for name, found in situations.items())
        write(page, text)
        items.append({"text": section, "link": "/" + page})
        lines += f"- [{section}](/{page}.md): {len(situations)} situations\n"
    write("lws/index", f"""# What lws does, situation by situation

Each page shows what libwebsockets (lws) does in the situations of one kind, for a server and for a client, in the versions
{", ".join(versions[:-1])} and {versions[-1]}: with a program on plain lws, and with the same program on wsclose. You can
choose a version and a role.

{lines}
The pictures are made from the measurements, and show what was measured: what starts the ending, what the peer got, and what
the program was told. If a report of wsclose has the peer's answer, the picture has it too. Red is what RFC 6455 does not
allow, what is missing, and what a program cannot learn. Time runs from the top down, not to scale.

[What libwebsockets does when a connection closes](/lws-behaviour.md) has the same as tables, says how it was measured, and
what wsclose makes of it. The measurements: {", ".join(f'<a href="/source/docs/behaviour/{v}.json" target="_self">{v}.json</a>' for v in versions)}.
""")
    return {"text": "What lws does", "items": [{"text": "Situation by situation", "link": "/lws/"}, *items]}
