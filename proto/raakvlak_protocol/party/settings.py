"""A program's settings: one TOML file into one frozen dataclass, read once.

The dataclass is the whole truth: its fields are the keys, its types what they must hold, its defaults what may be left
out. Whatever does not fit is refused, because a misspelt key that is silently ignored is a setting that does not hold.
Values never stand in a message: one of them may be a secret.
"""

import dataclasses
import tomllib
import types
from pathlib import Path
from typing import Any, Final, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from raakvlak_protocol.errors import RaakvlakError, Refused

T = TypeVar("T")

_WORDS: Final[dict[type, str]] = {
    str: "text",
    int: "a whole number",
    bool: "true or false",
    Path: "a path",
    dict: "a table",
}


def load(path: Path, into: type[T]) -> T:
    """The settings in `path`. `into` is a frozen dataclass of str, int, bool, Path, tuple[X, ...], dict[str, X],
    X | None and further such dataclasses (tables). A relative path is taken from the settings file's folder.

    Raises Refused naming the file, the key and what it must hold. A dataclass may refuse more in `__post_init__`.
    """
    try:
        content = tomllib.loads(path.read_bytes().decode())
    except FileNotFoundError:
        raise Refused(f"the settings file {path} is missing") from None
    except OSError as error:
        raise Refused(f"can't read the settings file {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Refused(f"{path} is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise Refused(f"{path} is not TOML: {error}") from None
    return cast(T, _Reader(path).table(content, into, ""))


@dataclasses.dataclass(frozen=True)
class _Reader:
    file: Path

    def wrong(self, key: str, what: str) -> Refused:
        return Refused(f"{self.file}: {key or 'the file'} {what}")

    def table(self, content: object, into: type, key: str) -> object:
        if not isinstance(content, dict):
            raise self.wrong(key, "must be a table")
        hints = get_type_hints(into)
        fields = {field.name: field for field in dataclasses.fields(into)}
        for name in content:
            if name not in fields:
                raise self.wrong(_below(key, name), f"is unknown; known here: {', '.join(sorted(fields))}")
        for name, field in fields.items():
            if name not in content and _required(field):
                raise self.wrong(_below(key, name), f"is missing; it must be {_expected(hints[name])}")
        values = {name: self.value(value, hints[name], _below(key, name)) for name, value in content.items()}
        try:
            return into(**values)
        except RaakvlakError as error:
            raise self.wrong(key, f"can't be so: {error.message}") from None

    def value(self, value: object, kind: Any, key: str) -> object:
        if get_origin(kind) in (Union, types.UnionType):
            (kind,) = (each for each in get_args(kind) if each is not types.NoneType)
        if dataclasses.is_dataclass(kind):
            return self.table(value, cast(type, kind), key)
        if get_origin(kind) is tuple and isinstance(value, list):
            inner = get_args(kind)[0]
            return tuple(self.value(each, inner, f"{key}[{place}]") for place, each in enumerate(value))
        if get_origin(kind) is dict and isinstance(value, dict):
            inner = get_args(kind)[1]
            return {name: self.value(each, inner, _below(key, name)) for name, each in value.items()}
        if kind is Path and type(value) is str and value:
            return self.file.absolute().parent / value
        # type(), not isinstance(): true would pass as the number 1.
        if type(value) is kind and kind in (str, int, bool):
            return value
        raise self.wrong(key, f"must be {_expected(kind)}")


def _required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _below(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _expected(kind: Any) -> str:
    if get_origin(kind) in (Union, types.UnionType):
        (kind,) = (each for each in get_args(kind) if each is not types.NoneType)
    if get_origin(kind) is tuple:
        return f"a list, each {_expected(get_args(kind)[0])}"
    if get_origin(kind) is dict:
        return f"a table, each key {_expected(get_args(kind)[1])}"
    return _WORDS.get(kind, "a table")
