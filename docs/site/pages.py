# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""Lays out the source of the site for VitePress: pages.py OUT. The pages are README.md, its neighbours and docs/*.md,
with their links turned to pages of the site. The files that they link to become pages with highlighted code; the
reference and what lws does are generated. navigation.json is the only list of pages: the build fails if one is missing."""

import json
import pathlib
import re
import shutil
import sys
import textwrap

import atlas
import reference

here = pathlib.Path(__file__).resolve().parent
docs = here.parent
root = docs.parent
languages = {".cpp": "cpp", ".hpp": "cpp", ".py": "python", ".yml": "yaml", ".patch": "diff", ".build": "meson", ".sh": "sh"}


def navigation():
    """The groups of the table with the file of each page; ends the program if a page is missing in it or on disk."""
    groups = json.loads((here / "navigation.json").read_text())
    listed = [(docs / name).resolve() for group in groups.values() for name in group]
    wrong = [f"{path.relative_to(root)} is not in docs/site/navigation.json: add a line for it"
             for path in sorted([*docs.glob("*.md"), *root.glob("*.md")]) if path not in listed]
    wrong += [f"docs/site/navigation.json names {path.relative_to(root)}, which does not exist" for path in listed if not path.exists()]
    wrong += [f"docs/site/navigation.json names {path.relative_to(root)} twice" for path in set(listed) if listed.count(path) > 1]
    if wrong:
        sys.exit("\n".join(wrong))
    return {group: {(docs / name).resolve(): title for name, title in entries.items()} for group, entries in groups.items()}


def dedented(block):
    """A block of code without the indentation that it has in its program."""
    first, *code, last = block.split("\n")
    fence = first[: first.index("`")]
    return "\n".join([first, *textwrap.indent(textwrap.dedent("\n".join(code)), fence).split("\n"), last])


class Site:
    def __init__(self, out):
        self.out, self.sources = out, set()
        self.groups = navigation()
        self.pages = {path: self.name(path) for entries in self.groups.values() for path in entries}

    @staticmethod
    def name(path):
        return path.stem.lower() if path.parent == root else path.relative_to(docs).with_suffix("").as_posix()

    def write(self, name, text):
        path = self.out / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def target(self, page, link):
        """What a link of a page leads to on the site."""
        file, _, anchor = link.partition("#")
        anchor = "#" + anchor if anchor else ""
        path = (page.parent / file).resolve()
        if path == root / "README.md" and not anchor:
            return "/index.md"
        if path in self.pages:
            return f"/{self.pages[path]}.md{anchor}"
        if not path.exists() or not path.is_relative_to(root):
            sys.exit(f"{page.relative_to(root)}: the link {link} leads to no file")
        self.sources.add(path)
        return f"/source/{path.relative_to(root)}" + ("/index.md" if path.is_dir() else ".md")

    def convert(self, page):
        """The text of a page, with its links turned; code is left alone. Pictures go along."""
        def turn(found):
            before, link = found[1], found[2]
            if re.match(r"[a-z]+:|#|/", link):
                return found[0]
            if before.startswith("!"):
                shutil.copy(page.parent / link, self.out / pathlib.Path(link).name)
                return f"{before}(./{pathlib.Path(link).name})"
            return f"]({self.target(page, link)})"

        parts = re.split(r"(^ *```.*?^ *```$|`[^`\n]+`)", page.read_text(), flags=re.MULTILINE | re.DOTALL)
        return "".join(dedented(part) if "```" in part else part if part.startswith("`")
                       else re.sub(r"(!\[[^\]]*\]|\])\(([^()\s]+)\)", turn, part) for part in parts)

    def source(self, path):
        """A page for a file, or for a folder with a page for each file in it."""
        title = path.relative_to(root)
        if path.is_dir():
            files = [file for file in sorted(path.iterdir()) if file.is_file() and file.suffix in languages]
            plain = [file for file in sorted(path.iterdir()) if file.is_file() and file.suffix not in languages]
            for file in files:
                self.source(file)
            for file in plain:
                shutil.copy(file, self.static(file))
            lines = [f"- [{file.name}](./{file.name}.md)" for file in files]
            lines += [f'- <a href="{file.name}" target="_self" download>{file.name}</a>' for file in plain]
            return self.write(f"source/{title}/index", f"# {title}/\n\n" + "\n".join(lines) + "\n")
        if path.suffix not in languages:
            sys.exit(f"{title}: pages.py does not know how to show it; add its suffix to `languages`")
        search = str(path.parent == docs / "examples").lower()
        self.write(f"source/{title}", f"---\naside: false\nsearch: {search}\n---\n\n# {path.name}\n\n`{title}`\n\n"
                   f"````{languages[path.suffix]}\n{path.read_text()}````\n")

    def static(self, file):
        target = self.out / "public/source" / file.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def make(self):
        for path, name in self.pages.items():
            text = self.convert(path)
            wide = any(len(line) > 500 and line.startswith("|") for line in text.splitlines())
            self.write(name, ("---\naside: false\n---\n\n" if wide else "") + text)
        for path in sorted(self.sources):
            self.source(path)
        sidebar = [{"text": group, "items": [{"text": title, "link": "/" + self.pages[path]} for path, title in entries.items()]}
                   for group, entries in self.groups.items()]
        sidebar.append(atlas.make(self.write))
        sidebar += reference.make(root / "build/doxygen/xml", root / "include", self.write)
        self.write("index", self.convert(here / "home.md"))
        shutil.copytree(here / "theme", self.out / ".vitepress/theme")
        shutil.copy(here / "config.mjs", self.out / ".vitepress/config.mjs")
        (self.out / ".vitepress/sidebar.json").write_text(json.dumps(sidebar))
        (self.out / ".vitepress/symbols.json").write_text(json.dumps(reference.symbols))


if __name__ == "__main__":
    out = pathlib.Path(sys.argv[1])
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    Site(out).make()
