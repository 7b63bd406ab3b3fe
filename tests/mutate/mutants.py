# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""Finds what can be changed in the headers, with Clang, and writes headers that have every change, each behind a call
of mutant.hpp that asks whether it is the active one."""

import collections
import pathlib
import re
import subprocess

import clang.cindex
from clang.cindex import CursorKind as Kind
from clang.cindex import TypeKind as Type

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
INCLUDE = ROOT / "include"

# For each operator: the function of mutant.hpp, and the operator that takes its place.
COMPARISONS = {"<": ("less", "<="), "<=": ("less_equal", "<"), ">": ("greater", ">="), ">=": ("greater_equal", ">")}
ARITHMETIC = {
    "+": ("plus", "-"),
    "-": ("minus", "+"),
    "*": ("times", "+"),
    "&": ("bit_and", "|"),
    "|": ("bit_or", "&"),
    "<<": ("left", ">>"),
    ">>": ("right", "<<"),
}
NUMBERS = {Type.INT, Type.UINT, Type.LONG, Type.ULONG, Type.LONGLONG, Type.ULONGLONG, Type.UCHAR, Type.SCHAR}
NUMBERS |= {Type.CHAR_S, Type.USHORT, Type.SHORT, Type.DOUBLE}
FUNCTIONS = {Kind.FUNCTION_DECL, Kind.CXX_METHOD, Kind.CONSTRUCTOR, Kind.DESTRUCTOR, Kind.FUNCTION_TEMPLATE}
FUNCTIONS |= {Kind.CONVERSION_FUNCTION, Kind.LAMBDA_EXPR}
CONSTANTS = {Kind.STATIC_ASSERT, Kind.ENUM_DECL, Kind.TEMPLATE_TYPE_PARAMETER, Kind.TEMPLATE_NON_TYPE_PARAMETER}
STATEMENTS = {Kind.CALL_EXPR, Kind.BINARY_OPERATOR, Kind.COMPOUND_ASSIGNMENT_OPERATOR, Kind.UNARY_OPERATOR}
BODIES = {Kind.IF_STMT, Kind.FOR_STMT, Kind.WHILE_STMT, Kind.CXX_FOR_RANGE_STMT, Kind.CASE_STMT, Kind.DEFAULT_STMT}
MACRO = re.compile(r"[A-Z][A-Z0-9_]*(\(.*\))?")

Mutant = collections.namedtuple("Mutant", "header line code what")
# `operator` is the place and the length of what becomes a comma; `ids` are the mutants.
Edit = collections.namedtuple("Edit", "begin end before after operator ids")


def extent(cursor):
    return cursor.extent.start.offset, cursor.extent.end.offset


def are_numbers(cursors):
    return all(cursor.type.get_canonical().kind in NUMBERS for cursor in cursors)


def operator_of(operands):
    """The operator between two operands, and its place."""
    begin = operands[0].extent.end
    for token in operands[0].translation_unit.get_tokens(
        extent=clang.cindex.SourceRange.from_locations(begin, operands[1].extent.start)
    ):
        if token.extent.start.offset >= begin.offset and token.spelling not in "()":
            return token.spelling, token.extent.start.offset
    return None, 0


def branches_of(cursor, children):
    """What comes behind the parentheses of `if`, `while` and `for`, or behind the label of `case`."""
    if cursor.kind in (Kind.CASE_STMT, Kind.DEFAULT_STMT):
        return children[-1:]
    depth = 0
    for token in cursor.get_tokens():
        depth += {"(": 1, ")": -1}.get(token.spelling, 0)
        if token.spelling == ")" and depth == 0:
            return [child for child in children if child.extent.start.offset > token.extent.start.offset]
    return []


class Header:
    """One header: its text, and what is to change in it."""

    def __init__(self, path, mutants):
        self.path = path
        self.mutants = mutants  # of all headers
        self.text = path.read_bytes()
        self.lines = self.text.decode().splitlines()
        self.edits = {}
        self.conditions = set()  # their extents: of !a and a, only one has mutants

    def line_of(self, offset):
        return self.text.count(b"\n", 0, offset) + 1

    def source(self, cursor):
        begin, end = extent(cursor)
        return self.text[begin:end].decode(errors="replace")

    def short(self, cursor):
        text = " ".join(self.source(cursor).split())
        return text if len(text) <= 60 else text[:57] + "..."

    def add(self, cursor, whats, before, after=")", operator=None):
        """`before` has {} in the place of the first mutant's number."""
        begin, end = extent(cursor)
        key = (begin, end, before)
        if key in self.edits:
            return
        line = self.line_of(begin)
        first = len(self.mutants)
        for what in whats:
            self.mutants.append(Mutant(str(self.path.relative_to(ROOT)), line, self.lines[line - 1].strip(), what))
        ids = range(first, len(self.mutants))
        self.edits[key] = Edit(begin, end, before.format(first).encode(), after.encode(), operator, ids)

    def mutated(self, without):
        """The text with all edits but those on the lines `without`."""
        pieces = []  # (place, what comes first at one place, the order among these, text, bytes that it replaces)
        for number, edit in enumerate(self.edits.values()):
            if self.line_of(edit.begin) not in without:
                length = edit.end - edit.begin
                pieces.append((edit.end, 0, length, -number, edit.after, 0))  # the inner ones first
                pieces.append((edit.begin, 1, -length, number, edit.before, 0))  # the outer ones first
                if edit.operator:
                    pieces.append((edit.operator[0], 2, 0, 0, b",", edit.operator[1]))
        out, at = [], 0
        for place, _, _, _, text, replaced in sorted(set(pieces)):
            out += [self.text[at:place], text]
            at = place + replaced
        return b"".join(out) + self.text[at:]

    # ---- what is changed

    def condition(self, cursor):
        """Always true, always false."""
        children = list(cursor.get_children())
        while cursor.kind == Kind.UNEXPOSED_EXPR and len(children) == 1 and extent(children[0]) == extent(cursor):
            cursor = children[0]
            children = list(cursor.get_children())
        if not cursor.kind.is_expression() or cursor.kind == Kind.CXX_BOOL_LITERAL_EXPR:
            return
        if MACRO.fullmatch(self.source(cursor)):
            return
        if cursor.kind == Kind.BINARY_OPERATOR and operator_of(children)[0] in ("&&", "||"):
            return  # its operands are conditions
        self.conditions.add(extent(cursor))
        text = self.short(cursor)
        self.add(cursor, [f"{text}: true", f"{text}: false"], "::mutant::condition({}, static_cast<bool>(", "))")

    def statement(self, cursor):
        """Left out."""
        inner = cursor
        children = list(inner.get_children())
        while inner.kind in (Kind.UNEXPOSED_EXPR, Kind.PAREN_EXPR) and len(children) == 1:
            inner = children[0]
            children = list(inner.get_children())
        if inner.kind in STATEMENTS and not self.source(cursor).startswith("static_cast<void>"):
            self.add(cursor, [f"without {self.short(cursor)}"], "::mutant::on({}) ? void() : void(")

    def binary(self, cursor):
        """Another operator."""
        operands = list(cursor.get_children())
        operator, place = operator_of(operands)
        if operator in ("&&", "||"):
            for operand in operands:
                self.condition(operand)
        elif operator in ("==", "!=", *COMPARISONS):
            self.condition(cursor)
        known = {**COMPARISONS, **ARITHMETIC}.get(operator)
        are_enums = all(operand.type.get_canonical().kind == Type.ENUM for operand in operands)
        if known and (are_numbers(operands) or (are_enums and operator in COMPARISONS)):
            function, other = known
            whats = [f"{self.short(cursor)}: {other}"]
            self.add(cursor, whats, f"::mutant::{function}({{}}, ", operator=(place, len(operator)))

    def is_constant(self, cursor):
        """Whether the compiler needs to know it."""
        if cursor.kind in (Kind.DECL_STMT, Kind.VAR_DECL, Kind.FIELD_DECL):
            return re.match(r"(static|constexpr|inline)\b", self.source(cursor)) is not None
        return cursor.kind in CONSTANTS or (cursor.kind.is_expression() and MACRO.fullmatch(self.source(cursor)))

    def read(self, cursor, in_function=False):
        kind = cursor.kind
        children = list(cursor.get_children())
        if kind == Kind.TRANSLATION_UNIT:
            children = [c for c in children if c.location.file and pathlib.Path(c.location.file.name) == self.path]
        elif self.is_constant(cursor):
            return
        elif kind in FUNCTIONS:
            children = [child for child in children if child.kind == Kind.COMPOUND_STMT]
            in_function = True
        elif in_function:
            children = self.read_in_function(cursor, kind, children)
        for child in children:
            self.read(child, in_function)

    def read_in_function(self, cursor, kind, children):
        """Returns the children that are to be read."""
        if kind == Kind.IF_STMT and re.match(r"if\s+constexpr", self.source(cursor)):
            children = children[1:]
        elif kind in (Kind.IF_STMT, Kind.WHILE_STMT):
            head = children[: len(children) - len(branches_of(cursor, children))]
            if head[0].kind != Kind.VAR_DECL:  # the condition declares something
                self.condition(head[-1])
        elif kind == Kind.DO_STMT:
            self.condition(children[1])
            self.statement(children[0])
        elif kind == Kind.CONDITIONAL_OPERATOR:
            self.condition(children[0])
        elif kind == Kind.FOR_STMT and len(children) == 4:
            self.condition(children[1])
        elif kind == Kind.UNARY_OPERATOR and self.source(cursor).startswith("!"):
            if extent(cursor) not in self.conditions:
                self.condition(children[0])
        elif kind == Kind.BINARY_OPERATOR:
            self.binary(cursor)
        elif kind == Kind.RETURN_STMT and children and children[0].type.get_canonical().kind == Type.BOOL:
            self.condition(children[0])
        elif kind == Kind.INTEGER_LITERAL:
            if are_numbers([cursor]) and self.source(cursor)[:1].isdigit():
                self.add(cursor, [f"{self.source(cursor)}: one more"], "::mutant::number({}, ")
        elif kind == Kind.DECL_REF_EXPR:
            known = cursor.referenced
            if known and known.kind == Kind.ENUM_CONSTANT_DECL and self.source(cursor).endswith(cursor.spelling):
                self.add(cursor, [f"{self.source(cursor)}: the next one"], "::mutant::enumerator({}, ")
            return []
        elif kind == Kind.VAR_DECL and cursor.type.kind == Type.CONSTANTARRAY:
            children = [child for child in children if child.kind == Kind.INIT_LIST_EXPR]  # not its size
        elif kind == Kind.COMPOUND_STMT:
            for child in children:
                self.statement(child)
        if kind in BODIES:
            for child in branches_of(cursor, children):
                self.statement(child)
        return children[1:] if kind == Kind.CASE_STMT else children  # its label is a constant


def find(wanted):
    """The headers whose paths contain one of `wanted`, or all, and their mutants."""
    paths = sorted(INCLUDE.rglob("*.hpp"))
    others = ("detail/formatter.hpp", "std_format.hpp", "fmt_format.hpp")  # another standard, or another library
    paths = [path for path in paths if not str(path).endswith(others)]
    resources = subprocess.run(["clang++", "-print-resource-dir"], capture_output=True, text=True, check=True)
    options = ["-std=c++17", "-I", str(INCLUDE), "-resource-dir", resources.stdout.strip()]
    everything = "".join(f"#include <{path.relative_to(INCLUDE)}>\n" for path in paths)
    unit = clang.cindex.Index.create().parse("all.cpp", args=options, unsaved_files=[("all.cpp", everything)])
    errors = [str(diagnostic) for diagnostic in unit.diagnostics if diagnostic.severity >= 3]
    if errors:
        raise SystemExit("mutate: Clang does not compile the headers:\n" + "\n".join(errors))
    mutants = []
    headers = [Header(p, mutants) for p in paths if not wanted or any(part in str(p) for part in wanted)]
    for header in headers:
        header.read(unit.cursor)
    return headers, mutants
