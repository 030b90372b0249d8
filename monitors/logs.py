"""One line a stage, as JSON: which stage, of which run, how long, what it came to. Counts and classes only, never a row.

The lines go to the logger `nephrowatch`. Airflow keeps them with each task; on the command line NEPHROWATCH_LOG=json sends them
to stderr. What an exception says is not logged here: it may quote what was read.
"""

from __future__ import annotations

import functools
import json
import logging
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

VARIABLE = "NEPHROWATCH_LOG"
logger = logging.getLogger("nephrowatch")


def stage(work: Callable[P, T]) -> Callable[P, T]:
    """Log each call of a stage when it ends. Its first argument, where it is a number, is the id of a run or a shard."""

    @functools.wraps(work)
    def logged(*args: P.args, **kwargs: P.kwargs) -> T:
        began = time.monotonic()
        about: dict[str, Any] = {"stage": work.__name__}
        if args and isinstance(args[0], int):
            about["shard" if work.__name__ == "judge" else "run"] = args[0]
        try:
            result = work(*args, **kwargs)
        except BaseException as problem:
            logger.error(line(about, began, outcome="failed", error=type(problem).__name__))
            raise
        logger.info(line(about, began, outcome="done", came_to=counts(result)))
        return result

    return logged


def line(about: Mapping[str, Any], began: float, **more: Any) -> str:
    said = {key: value for key, value in more.items() if value is not None}
    return json.dumps({**about, "seconds": round(time.monotonic() - began, 3), **said})


def counts(result: Any) -> Any:
    """The numbers of a result: of a list how many, of a mapping its numbers; nothing of any text but the words it counts."""
    if isinstance(result, bool | int):
        return result
    if isinstance(result, list | tuple):
        return len(result)
    if isinstance(result, Mapping):
        return {str(key): value for key, value in result.items() if isinstance(value, bool | int)} or None
    return None


def to_stderr() -> None:
    """For the command line: each line as it is, nothing before it."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
