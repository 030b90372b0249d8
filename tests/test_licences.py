"""The list of licences names what is pinned, and nothing under a licence that would bind those who run this."""

from __future__ import annotations

import re

from tests.licences import PAGE, licence, locked

KNOWN = {"pymerkle", "text-unidecode"}  # tests only; or under the Artistic License


def test_the_list_is_that_of_the_lock() -> None:
    rows = re.findall(r"^\| (\S+) \| (\S+) \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [row[:2] for row in rows if row[0] not in ("package", "---")] == locked(), "run make licences"


def test_nothing_is_under_the_gpl_but_what_is_known() -> None:
    bound = {name for name, _ in locked() if re.search(r"(?<!L)(?<!Lesser )\bA?GPL|GNU (Affero )?General Public", licence(name))}
    assert bound <= KNOWN
    assert "pymerkle" in bound, "the look would be blind"
