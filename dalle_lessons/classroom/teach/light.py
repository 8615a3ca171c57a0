"""What of a cell costs nothing to run: its imports, definitions, and assignments of plain values.

An answer may use a name that another cell of the lesson defines. Grading runs these statements of other cells, and
nothing else of them: no training, no figure.
"""

from __future__ import annotations

import ast
import re

# Functions that a plain value may be made with.
SMALL = frozenset({"Counter", "dict", "float", "int", "len", "list", "max", "min", "namedtuple", "range", "round"})
SMALL |= {"set", "sorted", "sum", "tuple", "zip"}
MAGIC = re.compile(r"^\s*[%!?].*$", re.MULTILINE)


def parse(source: str) -> ast.Module:
    """The cell as a syntax tree; lines for Jupyter alone, such as `%time` and `!ls`, are left out.

    Raises SyntaxError as Python does.
    """
    try:
        return ast.parse(source)
    except SyntaxError:
        if not MAGIC.search(source):
            raise
    return ast.parse(MAGIC.sub("", source))


def light_statements(source: str) -> list[str]:
    """The statements of a cell that are light, each as text; none of a cell that cannot be read."""
    try:
        tree = parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return []
    return [ast.unparse(statement) for statement in tree.body if is_light(statement)]


def is_light(statement: ast.stmt) -> bool:
    """Is this an import, a definition, or an assignment of a plain value to a name?"""
    if isinstance(statement, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return True
    if isinstance(statement, ast.Assign):
        return all(map(_is_name, statement.targets)) and _is_plain(statement.value)
    return False


def bound_names(source: str) -> set[str]:
    """The names that the statements of a cell bind at its top; none for a cell that cannot be read."""
    try:
        tree = parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return set()
    names: set[str] = set()
    for statement in tree.body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(statement.name)
        elif isinstance(statement, (ast.Import, ast.ImportFrom)):
            names |= {(alias.asname or alias.name).split(".")[0] for alias in statement.names}
        else:
            stored = (node for node in ast.walk(statement) if isinstance(node, ast.Name))
            names |= {node.id for node in stored if isinstance(node.ctx, ast.Store)}
    return names


def used_names(source: str) -> set[str]:
    """The names that a cell reads, anywhere in it."""
    return {
        node.id for node in ast.walk(parse(source)) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


def free_names(source: str) -> set[str]:
    """The names that a cell reads and binds nowhere itself, not even within a function."""
    nodes = list(ast.walk(parse(source)))
    own = {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    own |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    return used_names(source) - own - bound_names(source)


def _is_name(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) or (isinstance(target, ast.Tuple) and all(map(_is_name, target.elts)))


def _is_plain(value: ast.expr) -> bool:
    """Does an expression call nothing but small functions?"""
    return all(
        not isinstance(node, (ast.Call, ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr))
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SMALL)
        for node in ast.walk(value)
    )
