"""A YAML text into a pydantic model, with errors that name file, line and rule.

Pure: text in, model out. Who reads the file (config.py) passes its name along for the messages.
"""

from __future__ import annotations

import difflib
import re
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from monitors.errors import ConfigError


class Document(BaseModel):
    """Base of every configuration model: frozen, and a key nobody knows is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Model = TypeVar("Model", bound=BaseModel)


class _TextKeepingLoader(yaml.SafeLoader):
    """SafeLoader that leaves dates, times of day and yes/no as the text that was written: YAML 1.1 would read the
    unit NO as false and the cut-off 10:00 as 600."""


_PLAIN = {"tag:yaml.org,2002:null", "tag:yaml.org,2002:merge"}
_TextKeepingLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag in _PLAIN]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789"),
    ("float", r"^[-+]?[0-9]+\.[0-9]+(?:[eE][-+]?[0-9]+)?$", "-+0123456789"),
):
    _TextKeepingLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


def parse(text: str, file: str, model: type[Model]) -> Model:
    """Validate a YAML text as `model`.

    Raises ConfigError with the line of the offending key: bad YAML, a duplicate key, an unknown key (with
    the nearest known one), a wrong type, or whatever sentence a validator raises.
    """
    try:
        node = yaml.compose(text, Loader=_TextKeepingLoader)
        if node is None:
            raise ConfigError(file, 0, "the file is empty")
        _refuse_duplicates(node, file)
        data = yaml.load(text, Loader=_TextKeepingLoader)  # noqa: S506  (a SafeLoader)
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        raise ConfigError(file, mark.line + 1 if mark else 0, f"not valid YAML: {problem.problem}") from None
    except (yaml.YAMLError, RecursionError, TypeError) as problem:  # control characters, an alias to itself, a list as key
        raise ConfigError(file, 0, f"not valid YAML: {str(problem).splitlines()[0]}") from None
    try:
        return model.model_validate(data)
    except ValidationError as invalid:
        first = invalid.errors(include_url=False)[0]
        path = first["loc"]
        raise ConfigError(file, line_of(node, path), _sentence(first, model)) from None


def line_of(node: yaml.Node | None, path: tuple[Any, ...]) -> int:
    """Line, from 1, of the deepest part of `path` the document has."""
    line = node.start_mark.line + 1 if node else 0
    for step in path:
        found = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(step):
                    found, line = value, key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            found = node.value[step]
            line = found.start_mark.line + 1
        if found is None:
            continue  # a name pydantic puts in for a union or a validator
        node = found
    return line


def line_in(text: str, *path: Any) -> int:
    """Line of `path` in a YAML text, for messages about cross-references."""
    return line_of(yaml.compose(text, Loader=_TextKeepingLoader), path)


def _refuse_duplicates(node: yaml.Node, file: str) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise ConfigError(file, key.start_mark.line + 1, f"key '{key.value}' stands here twice")
            seen.add(key.value)
            _refuse_duplicates(value, file)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_duplicates(item, file)


def _sentence(error: Any, model: type[BaseModel]) -> str:
    where = ".".join(str(step) for step in error["loc"])
    if error["type"] == "extra_forbidden":
        unknown = str(error["loc"][-1])
        near = difflib.get_close_matches(unknown, _all_names(model), n=1)
        return f"unknown key '{where}'" + (f"; did you mean '{near[0]}'?" if near else "")
    if error["type"] == "missing":
        return f"'{where}' is missing"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{where}: {message}" if where else message


def _all_names(model: type[BaseModel], seen: set[type[BaseModel]] | None = None) -> list[str]:
    seen = set() if seen is None else seen
    if model in seen:
        return []
    seen.add(model)
    names: list[str] = []
    for name, info in model.model_fields.items():
        names.append(info.alias or name)
        for part in _models_in(info.annotation):
            names.extend(_all_names(part, seen))
    return names


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models_in(part)]
