"""Public test data: others' files, not part of this repository for their licences. docs/test-data.md says where each is from.

They lie in ../shared/data beside the checkout, or where NEPHROWATCH_TEST_DATA says. Where they are not, tests that need them are
skipped and the run says which; where the variable is set, a file that is not there is an error.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

VARIABLE = "NEPHROWATCH_TEST_DATA"
DATA = Path(os.environ.get(VARIABLE) or Path(__file__).resolve().parents[2] / "shared" / "data")


def needs(*names: str) -> pytest.MarkDecorator:
    """Skip a test where files or folders below DATA are not there. Raises FileNotFoundError instead where DATA was asked for."""
    lacking = [name for name in names if not (DATA / name).exists()]
    why = f"no {', '.join(lacking)} in {DATA}: docs/test-data.md says where to get it"
    if lacking and os.environ.get(VARIABLE):
        raise FileNotFoundError(f"{VARIABLE}: {why}")
    return pytest.mark.skipif(bool(lacking), reason=why)

