"""A mark of the code of a class: the same as long as the class does the same.

It is made of what runs, not of the text: of the bytecode, names and constants of the methods of the
class, and of the plain values among its attributes. So it is there in notebooks too, where a class has
no file to read, and comments, blank lines and the place in the file are no difference. Functions that
the methods call by name, and other versions of Python, are not seen through: the first are taken as
unchanged, the second as another code.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any
from weakref import WeakKeyDictionary

from flow_widgets.flow.model import Action, all_actions

_MARKS: WeakKeyDictionary[type, str] = WeakKeyDictionary()
_FOREIGN = frozenset({"flow_widgets", "pydantic", "builtins", "abc", "typing"})
"""Packages whose classes have no code of the user's."""
_LIMIT = 100
"""How deep functions inside functions are followed."""


def code_mark(cls: type) -> str:
    """Return a short mark of the code of a class; empty for the classes of flow_widgets itself."""
    mark = _MARKS.get(cls)
    if mark is None:
        mark = _MARKS[cls] = "" if _package(cls) == "flow_widgets" else _made(cls)
    return mark


def action_code(action: Action) -> str:
    """Return the mark of the code of an action, and of the actions in the flows inside it."""
    own = code_mark(type(action))
    bodies = action.bodies
    if not bodies:
        return own
    inside = {
        (one.type, code_mark(type(one)))
        for body in bodies.values()
        for one in all_actions(body.flow)
    }
    marks = sorted(one for one in inside if one[1])
    return _short([own, *map(repr, marks)]) if marks else own


def _package(cls: type) -> str:
    return str(cls.__module__).partition(".")[0]


def _made(cls: type) -> str:
    own = [one for one in cls.__mro__ if _package(one) not in _FOREIGN]
    try:
        return _short(part for one in own for part in _parts_of(one))
    except Exception:  # noqa: BLE001  # whatever a class holds, an action is not failed for its mark
        return _short(["?", cls.__module__, cls.__qualname__])


def _short(parts: Any) -> str:
    text = "\0".join(parts)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _parts_of(cls: type) -> Iterator[str]:
    """Yield what the own attributes of a class do, by name."""
    for name, value in sorted(vars(cls).items()):
        code = list(_functions(value, _LIMIT))
        if code:
            yield name
            yield from code
        elif not (name.startswith("__") or hasattr(Action, name)):
            yield f"{name}={_plain(value)}"


def _functions(value: Any, depth: int) -> Iterator[str]:
    """Yield the code of a function, and of what wraps functions: methods, properties, decorators."""
    if depth == 0:
        return
    if isinstance(value, FunctionType):
        yield from _of_code(value.__code__)
        yield _plain([value.__defaults__, value.__kwdefaults__])
        for cell in value.__closure__ or ():
            inside = _content(cell)
            yield from list(_functions(inside, depth - 1)) or [_plain(inside)]
        return
    for part in ("__func__", "fget", "fset", "func", "__wrapped__"):
        inner = getattr(value, part, None) if not isinstance(value, type) else None
        if inner is not None:
            yield part
            yield from _functions(inner, depth - 1)


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # it is empty
        return None


def _of_code(code: CodeType) -> Iterator[str]:
    """Yield what makes up a code object, without files, lines and addresses."""
    yield code.co_code.hex()
    yield repr((code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars))
    yield repr((code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags))
    yield code.co_exceptiontable.hex()
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _of_code(constant)
        else:
            yield _plain(constant)


def _plain(value: Any) -> str:
    """Return plain data as a text that is the same in every process; of anything else its type."""
    if isinstance(value, (set, frozenset)):
        return f"{{{', '.join(sorted(map(_plain, value)))}}}"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_plain(key)}: {_plain(one)}' for key, one in value.items())}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_plain, value))}]"
    if value is None or value is ... or type(value) in (bool, int, float, complex, str, bytes):
        return repr(value)
    return type(value).__qualname__
