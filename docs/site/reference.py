# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""The reference, from Doxygen's XML of the public headers: one page for each header, with all names in the order of the
header. Ends the program if a name has no comment, or if a comment does not read as it was meant."""

import collections
import functools
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

symbols = {}  # name as prose spells it: where it is documented
places = {}  # id of Doxygen's: the same
problems = []

inner = re.compile(r"_INCLUDED$|^WSCLOSE_(DETAIL_|BEGIN_|END_)")  # macros that are not for programs
layers = {"For a program on lws": "wsclose/lws/", "Without lws": "wsclose/"}


def text_of(node):
    return "".join(node.itertext()).strip() if node is not None else ""


def escape(text):
    return re.sub(r"([\\<>{}*_\[\]])", r"\\\1", text).replace("\\{\\{", "&#123;&#123;") if text else ""


def inline(node):
    """The content of a paragraph as Markdown."""
    out = escape(node.text)
    for child in node:
        if child.tag == "computeroutput":
            out += f"`{text_of(child)}`"
        elif child.tag == "ref":
            known = places.get(child.get("refid"))
            out += f"[{escape(text_of(child))}]({known})" if known else escape(text_of(child))
        elif child.tag == "verbatim":
            code = (child.text or "").rstrip()
            out += f"\n\n```{'cpp' if re.search('[;{]$', code, re.MULTILINE) else 'text'}\n{code}\n```\n\n"
        elif child.tag in ("itemizedlist", "orderedlist"):
            items = [" ".join(inline(para) for para in item).strip() for item in child]
            if child.tag == "orderedlist" or not all(items):
                problems.append(f"a comment becomes a list, since a line begins with a number: ...{out[-60:]}")
            out += "\n\n" + "".join(f"- {item}\n" for item in items) + "\n"
        elif child.tag == "para":
            out += inline(child)
        else:
            problems.append(f"reference.py does not know <{child.tag}>: ...{out[-60:]}")
        out += escape(child.tail)
    return out


def comment(node):
    paragraphs = [inline(para) for part in ("briefdescription", "detaileddescription") for para in node.findall(f"{part}/para")]
    return re.sub(r"\n{3,}", "\n\n", "\n\n".join(p.strip() for p in paragraphs)).strip()


def with_sections(text):
    """Links to the sections of an RFC, and to pages."""
    text = re.sub(r"docs/([\w-]+\.md)", r"[docs/\1](/\1)", text)
    return re.sub(r"RFC (\d+) sections? ([\d.]*\d)", lambda m: f"[{m[0]}](https://www.rfc-editor.org/rfc/rfc{m[1]}#section-{m[2]})", text)


def sentence(text):
    """A comment at the end of a line, which begins small and has no full stop, as a sentence."""
    return text[0].upper() + text[1:] + "." if re.match(r"[a-z].*[\w`)]$", text) else text


class Entry:
    """A name of a header: a class, a function, an enum, a macro ..."""

    def __init__(self, node, scope=""):
        self.node, self.scope = node, scope
        self.kind = node.get("kind")
        name = text_of(node.find("compoundname")) or text_of(node.find("name"))
        self.full = re.sub(r"^wsclose::", "", f"{scope}::{name}" if scope else name)
        self.name = name.split("::")[-1] if self.kind not in ("class", "struct") else self.full
        self.line = int(node.find("location").get("line"))
        self.file = node.find("location").get("file")
        self.anchor = re.sub(r"[^\w-]", lambda sign: f"-{ord(sign[0])}", re.sub("::| ", "-", self.full)).lower()

    @functools.cached_property
    def text(self):  # once the places of all names are known
        return with_sections(comment(self.node))

    def signature(self):
        node = self.node
        template = node.find("templateparamlist")
        parameters = []
        for one in template if template is not None else ():
            text, default = f"{text_of(one.find('type'))} {text_of(one.find('declname'))}".strip(), text_of(one.find("defval"))
            parameters.append(text + (f" = {default}" if default else ""))
        lines = f"template <{', '.join(parameters)}>\n" if template is not None else ""
        kind, name = text_of(node.find("type")), text_of(node.find("name"))
        if self.kind in ("class", "struct"):
            return f"{lines}{self.kind} {self.full};"
        if self.kind == "enum":
            names = ", ".join(text_of(value.find("name")) for value in node.findall("enumvalue"))
            names = "" if self.values().startswith("|") else f" {{ {names} }}"
            strong = "class " if node.get("strong") == "yes" else ""
            return f"enum {strong}{self.full}" + (f" : {kind}" if kind else "") + names + ";"
        if self.kind == "define":
            parameters = [text_of(p) for p in node.findall("param")]
            return f"#define {name}" + (f"({', '.join(parameters)})" if parameters else "")
        if self.kind == "variable":
            value = text_of(node.find("initializer"))
            static = "static " if node.get("static") == "yes" and "static" not in kind else ""
            return f"{lines}{static}{kind} {name}{' ' + value if 0 < len(value) < 60 else ''};".replace(" * ", " *")
        words = [self.kind if self.kind == "friend" else "", "static" if node.get("static") == "yes" else "",
                 "explicit" if node.get("explicit") == "yes" and "explicit" not in kind else "",
                 re.sub(r"^(friend|static) ", "", kind)]
        arguments = re.sub(r" (?='\d{3})", "", re.sub(r"\s*=\s*", " = ", text_of(node.find("argsstring"))))
        declaration = " ".join([*filter(None, words), name]).replace(" * ", " *").replace(" & ", " &")
        if len(declaration + arguments) > 74 and "," in arguments:  # one parameter a line
            inner, _, rest = arguments[1:].rpartition(")")
            parts, depth = [""], 0
            for letter in inner:
                depth += (letter in "<({") - (letter in ">)}")
                parts[-1] += letter if letter != "," or depth else ",\n    "
            arguments = "(\n    " + re.sub(r"\n +", "\n    ", "".join(parts)) + ")" + rest
        return f"{lines}{declaration}{arguments};".replace(" &amp;", "&")

    def speaks_for_itself(self):
        """What every class has: constructors without parameters, destructors, what is deleted, and friends."""
        arguments, kind = text_of(self.node.find("argsstring")), text_of(self.node.find("type"))
        default_constructor = self.full.endswith(f"{self.name}::{self.name}") and arguments.startswith("()")
        return (self.kind == "friend" and kind == "class" or self.name.startswith("~") or default_constructor
                or re.search(r"= ?(delete|default)$", arguments))

    def values(self):
        rows = []
        found = self.node.findall("enumvalue")
        if not any(comment(value) for value in found):
            return "".join(f'<a id="{self.anchor}-{text_of(value.find("name"))}"></a>' for value in found) + "\n\n"
        for value in found:
            name, number = text_of(value.find("name")), text_of(value.find("initializer")).lstrip("= ")
            what = with_sections(" ".join(comment(value).split()))
            if not what:
                problems.append(f"{self.file}:{self.line}: {self.full}::{name} has no comment")
            rows.append(f"| <a id=\"{self.anchor}-{name}\"></a>`{name}`{' = ' + number if number else ''} | {what} |")
        return "| value | meaning |\n|---|---|\n" + "\n".join(rows) + "\n\n" if rows else ""

    def body(self):
        text = f"```cpp\n{self.signature()}\n```\n\n{sentence(self.text)}\n\n"
        return text + (self.values() if self.kind == "enum" else "")


def members_of(node):
    return [member for section in node.findall("sectiondef") for member in section.findall("memberdef")
            if member.get("prot") == "public" and member.get("kind") in ("function", "variable", "enum", "typedef", "friend")]


def read(folder):
    """The entries by header; each class with its members."""
    headers, inside = collections.defaultdict(list), collections.defaultdict(list)
    for file in sorted(folder.glob("*.xml")):
        for node in ElementTree.parse(file).getroot().findall("compounddef"):
            name, kind = text_of(node.find("compoundname")), node.get("kind")
            if "detail" in name.split("::") or kind == "namespace" and name.startswith("std"):
                continue
            if kind in ("class", "struct") and node.get("prot") == "public":
                entry = Entry(node)
                headers[entry.file].append((entry, inside[entry.full]))
                inside[entry.full] += [Entry(member, name) for member in members_of(node)]
            elif kind == "namespace":
                for entry in (Entry(member, name) for member in members_of(node)):
                    headers[entry.file].append((entry, []))
            elif kind == "file":
                for entry in map(Entry, node.findall("sectiondef/memberdef[@kind='define']")):
                    if not inner.search(entry.name):
                        headers[entry.file].append((entry, []))
    return headers


def page_of(header):
    return "reference/" + re.sub(r"^wsclose/", "", header).removesuffix(".hpp")


def introduction(path):
    """The comment at the top of a header, which says what it is for."""
    found = re.search(r"#define WSCLOSE_\w+_INCLUDED\n\n((?://.*\n)+)", path.read_text())
    if not found:
        problems.append(f"{path.name}: no comment behind the include guard that says what the header is for")
        return ""
    lines = re.sub(r"^// ?", "", found[1], flags=re.MULTILINE)
    return re.sub(r"(?<!\n)\n(?!\n)", " ", lines).strip()


def register(headers):
    for header, entries in headers.items():
        for entry, members in entries:
            for one in [entry, *members]:
                place = f"/{page_of(header)}#{one.anchor}"
                places[one.node.get("id")] = place
                symbols.setdefault(one.full, place)
                for value in one.node.findall("enumvalue"):
                    name = text_of(value.find("name"))
                    places[value.get("id")] = symbols[f"{one.full}::{name}"] = f"{place}-{name}"


def section(level, entries):
    """Entries under headings, in the order of the header; all with one name share the first one's heading."""
    blocks = {}
    for entry, members in sorted(entries, key=lambda pair: (pair[0].kind != "variable" or level == "##", pair[0].line)):
        if not entry.text and entry.speaks_for_itself():
            continue
        if not entry.text:
            problems.append(f"{entry.file}:{entry.line}: {entry.full} has no comment")
        if entry.kind == "variable" and level == "###":
            table = blocks.setdefault("", ["| member | meaning |\n|---|---|\n"])
            what = " ".join(entry.text.split())
            table.append(f'| <a id="{entry.anchor}"></a>`{entry.signature()}` | {what} |\n')
            continue
        block = blocks.setdefault(entry.anchor, [f"{level} {escape(entry.name)} {{%#{entry.anchor}%}}\n\n"])
        block += [entry.body(), section("###", [(member, []) for member in members])]
    return "".join("".join(block) + "\n" for block in blocks.values())


def make(folder, include, write):
    headers = read(folder)
    register(headers)
    sidebar, done = [], set()
    index = ("# Reference\n\nEach public name of each header: what it means, in which units, what it returns on failure, and its "
             "source.\n\n")
    for title, prefix in layers.items():
        items, rows = [], ""
        for header in sorted(h for h in headers if h.startswith(prefix) and h not in done):
            done.add(header)
            what = introduction(include / header)
            title_of_page = header.split("/")[-1].replace("_", "_<wbr>")
            text = f"# {title_of_page} {{%#header%}}\n\n```cpp\n#include <{header}>\n```\n\n{escape_prose(what)}\n\n"
            write(page_of(header), text + section("##", headers[header]))
            name = header.removeprefix("wsclose/")
            items.append({"text": name, "link": "/" + page_of(header)})
            rows += f"| [{name}](/{page_of(header)}) | {escape_prose(what)} |\n"
        sidebar.append({"text": f"Reference: {title[0].lower()}{title[1:]}", "collapsed": True, "items": items})
        index += f"## {title}\n\n| header | what it is |\n|---|---|\n{rows}\n"
    write("reference/index", index)
    sidebar[0]["items"].insert(0, {"text": "All headers", "link": "/reference/"})
    if problems:
        sys.exit("\n".join(sorted(set(problems))))
    return sidebar


def escape_prose(text):
    """A comment that is not Doxygen's, as Markdown: what stands in backticks is left alone."""
    return "".join(part if part.startswith("`") else escape(part) for part in re.split(r"(`[^`]*`)", text))
