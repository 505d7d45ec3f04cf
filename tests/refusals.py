"""Which messages errors may bear, found in the source: so that a test can say which of them have no Dutch.

An f-string becomes a message with holes, `%(name)s`, each named by the last name in its expression.
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

ERRORS: Final = {"Malformed", "Refused", "NotPermitted", "TooLarge", "Unavailable", "Evidence", "Missing", "RaakvlakError"}
"""Whose first argument is the message."""
SECOND: Final = {"Reason", "_reject"}
"""Whose second argument is."""


def messages(folder: Path) -> dict[str, str]:
    """Every message in the modules of a folder, and where it stands."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*.py")) if folder.is_dir() else [folder]:
        if "v1" in path.parts:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = dict(_constants(tree))
        for node in ast.walk(tree):
            for message in _of(node, constants):
                found.setdefault(message, f"{path.name}:{node.lineno}")  # type: ignore[attr-defined]
    return found


def _constants(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """The texts that a module names: they are messages where an error bears the name."""
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(node.value, ast.Constant):
            yield node.target.id, node.value


def _of(node: ast.AST, constants: Mapping[str, ast.expr]) -> Iterator[str]:
    if not isinstance(node, ast.Call):
        return
    name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""
    place = 0 if name in ERRORS or _is_super_init(node) else 1 if name in SECOND else None
    if place is not None and len(node.args) > place:
        message = node.args[place]
        yield from _texts(constants.get(message.id, message) if isinstance(message, ast.Name) else message)


def _is_super_init(node: ast.Call) -> bool:
    function = node.func
    return (
        isinstance(function, ast.Attribute)
        and function.attr == "__init__"
        and isinstance(function.value, ast.Call)
        and isinstance(function.value.func, ast.Name)
        and function.value.func.id == "super"
    )


def _texts(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=values):
            yield "".join(_part(each) for each in values)
        case ast.IfExp(body=body, orelse=orelse):
            yield from _texts(body)
            yield from _texts(orelse)
        case _:
            return


def _part(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    assert isinstance(node, ast.FormattedValue)
    names = [each.id for each in ast.walk(node.value) if isinstance(each, ast.Name)]
    names += [each.attr for each in ast.walk(node.value) if isinstance(each, ast.Attribute)]
    return f"%({(names or ['value'])[-1].lower()})s"
