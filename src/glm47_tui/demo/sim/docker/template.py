"""Go templates as ``docker --format`` takes them: the part of the language that people use there.

Actions: fields, ``json``, ``println``, ``printf``, ``join``, ``index``, ``len``, ``eq`` and the
like, pipes, variables, ``if``/``else``, ``range``, ``with``, trimming dashes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

_ACTION = re.compile(r"(\s*)\{\{(- )?(.*?)( -)?\}\}(\s*)", re.S)
_WORD = re.compile(
    r"""\s*(?:(?P<text>"(?:\\.|[^"\\])*"|`[^`]*`)|(?P<open>\()|(?P<close>\))|(?P<pipe>\|)
    |(?P<set>:?=)|(?P<comma>,)|(?P<name>[^\s()|,=:"`]+))""",
    re.X,
)


class TemplateError(Exception):
    """A template that cannot be read, or does not fit the data."""


def render(template: str, data: Any) -> str:
    """Return a template filled with data."""
    tokens = _split(template.replace("\\n", "\n").replace("\\t", "\t"))
    body, rest = _parse(tokens, 0, ())
    if rest != len(tokens):
        raise TemplateError(f"unexpected {{{{{tokens[rest][1]}}}}}")
    return "".join(_run(body, data, {"$": data}))


def _split(template: str) -> list[tuple[str, str]]:
    """Cut a template into ("text", ...) and ("action", ...)."""
    tokens: list[tuple[str, str]] = []
    at = 0
    for match in _ACTION.finditer(template):
        before = template[at : match.start()] + ("" if match[2] else match[1])
        tokens += [("text", before), ("action", match[3].strip())]
        at = match.end() if match[4] else match.end(5) - len(match[5])
    return [*tokens, ("text", template[at:])]


Node = tuple[str, Any, Any, Any]


def _parse(tokens: list[tuple[str, str]], at: int, until: Sequence[str]) -> tuple[list[Node], int]:
    body: list[Node] = []
    while at < len(tokens):
        kind, text = tokens[at]
        word = text.split(None, 1)[0] if kind == "action" and text else ""
        if kind == "action" and word in until:
            return body, at
        at += 1
        if kind == "text":
            body.append(("text", text, None, None))
        elif word in ("if", "range", "with"):
            inner, at = _parse(tokens, at, ("else", "end"))
            other: list[Node] = []
            if tokens[at][1].startswith("else "):  # else if ...: as if it stood in the else
                tokens[at] = ("action", tokens[at][1][5:])
                nested, at = _parse_nested(tokens, at)
                other = nested
            else:
                if tokens[at][1] == "else":
                    other, at = _parse(tokens, at + 1, ("end",))
                at += 1
            body.append((word, text[len(word) :].strip(), inner, other))
        elif word and not text.startswith("/*"):
            body.append(("value", text, None, None))
    if until:
        raise TemplateError("unexpected EOF")
    return body, at


def _parse_nested(tokens: list[tuple[str, str]], at: int) -> tuple[list[Node], int]:
    """Parse one ``if`` that shares its ``end`` with the one around it."""
    depth, end = 0, at
    while end < len(tokens):
        kind, text = tokens[end]
        word = text.split(None, 1)[0] if kind == "action" and text else ""
        depth += (word in ("if", "range", "with")) - (word == "end")
        if word == "end" and depth == 0:
            break
        end += 1
    body, _ = _parse(tokens[: end + 1], at, ())
    return body, end + 1


def _run(body: Iterable[Node], dot: Any, names: dict[str, Any]) -> Iterable[str]:
    for kind, what, inner, other in body:
        if kind == "text":
            yield what
        elif kind == "value":
            name, value = _assigned(what, dot, names)
            if name:
                names[name[0]] = value
            else:
                yield show(value)
        elif kind == "range":
            yield from _range(what, inner, other, dot, names)
        else:
            _, value = _assigned(what, dot, names)
            scope = dict(names)
            yield from _run(inner if value else other, value if kind == "with" else dot, scope)


def _range(
    what: str, inner: list[Node], other: list[Node], dot: Any, names: dict[str, Any]
) -> Iterable[str]:
    variables, value = _assigned(what, dot, names)
    if isinstance(value, Mapping):
        items: list[tuple[Any, Any]] = sorted(value.items())
    else:
        items = list(enumerate(value or ()))
    if not items:
        yield from _run(other, dot, dict(names))
    for key, item in items:
        scope = {**names, **dict(zip(variables[::-1], (item, key), strict=False))}
        yield from _run(inner, item, scope)


def _assigned(what: str, dot: Any, names: dict[str, Any]) -> tuple[list[str], Any]:
    """Evaluate ``$a, $b := pipeline``; the names are empty when nothing is assigned."""
    head, mark, tail = what.partition(":=")
    if mark and head.lstrip().startswith("$"):
        return [n.strip() for n in head.split(",")], _pipeline(tail, dot, names)
    return [], _pipeline(what, dot, names)


def _pipeline(text: str, dot: Any, names: dict[str, Any]) -> Any:
    words, at = [], 0
    while at < len(text.rstrip()):
        match = _WORD.match(text, at)
        if match is None:
            raise TemplateError(f"unexpected {text[at:]!r}")
        words.append((match.lastgroup or "", match[match.lastgroup or 0]))
        at = match.end()
    value, rest = _pipe(words, 0, dot, names)
    if rest != len(words):
        raise TemplateError(f"unexpected {words[rest][1]!r} in {text!r}")
    return value


def _pipe(
    words: list[tuple[str, str]], at: int, dot: Any, names: dict[str, Any]
) -> tuple[Any, int]:
    value, at = _command(words, at, dot, names, ())
    while at < len(words) and words[at][0] == "pipe":
        value, at = _command(words, at + 1, dot, names, (value,))
    return value, at


def _command(
    words: list[tuple[str, str]], at: int, dot: Any, names: dict[str, Any], last: tuple[Any, ...]
) -> tuple[Any, int]:
    function: Callable[..., Any] | None = None
    args: list[Any] = []
    first = True
    while at < len(words) and words[at][0] not in ("pipe", "close"):
        kind, word = words[at]
        at += 1
        if kind == "open":
            value, at = _pipe(words, at, dot, names)
            at += 1
        elif first and kind == "name" and word in _FUNCTIONS:
            function, first = _FUNCTIONS[word], False
            continue
        else:
            value = _operand(kind, word, dot, names)
        first = False
        args.append(value)
    if function is not None:
        return function(*args, *last), at
    if len(args) != 1:
        raise TemplateError("not a function")
    return args[0], at


def _operand(kind: str, word: str, dot: Any, names: dict[str, Any]) -> Any:
    if kind == "text":
        return word[1:-1] if word[0] == "`" else json.loads(word.replace("\n", "\\n"))
    if re.fullmatch(r"-?\d+", word):
        return int(word)
    if word in ("true", "false", "nil"):
        return {"true": True, "false": False, "nil": None}[word]
    if word.startswith("."):
        return _fields(dot, word)
    if word.startswith("$"):
        name, _, path = word.partition(".")
        if name not in names:
            raise TemplateError(f"undefined variable {name!r}")
        return _fields(names[name], f".{path}")
    raise TemplateError(f"function {word!r} not defined")


def _fields(value: Any, path: str) -> Any:
    for name in path.split("."):
        if not name:
            continue
        if value is None:
            raise TemplateError(f"nil pointer evaluating .{name}")
        if not isinstance(value, Mapping) or name not in value:
            raise TemplateError(f'map has no entry for key "{name}"')
        value = value[name]
    return value


def show(value: Any) -> str:
    """Return a value as Go prints it."""
    if value is None:
        return "<no value>"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "map[" + " ".join(f"{k}:{show(v)}" for k, v in sorted(value.items())) + "]"
    if isinstance(value, list | tuple):
        return "[" + " ".join(map(show, value)) + "]"
    return str(value)


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else value[key]
    return value


def _printf(form: str, *values: Any) -> str:
    known = [v if isinstance(v, int) and not isinstance(v, bool) else show(v) for v in values]
    return form.replace("%v", "%s").replace("%q", '"%s"') % tuple(known)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "json": lambda v: json.dumps(v, separators=(",", ":")),
    "println": lambda *v: " ".join(map(show, v)) + "\n",
    "print": lambda *v: "".join(map(show, v)),
    "printf": _printf,
    "join": lambda v, sep: sep.join(map(show, v or ())),
    "split": lambda v, sep: v.split(sep),
    "index": _index,
    "len": lambda v: len(v or ()),
    "lower": str.lower,
    "upper": str.upper,
    "not": lambda v: not v,
    "eq": lambda a, *b: a in b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "gt": lambda a, b: a > b,
    "and": lambda *v: next((x for x in v if not x), v[-1]),
    "or": lambda *v: next((x for x in v if x), v[-1]),
}
