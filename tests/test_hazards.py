"""The hazard log and the tests cannot drift apart."""

from __future__ import annotations

from tests import hazards


def test_every_hazard_has_a_test_and_every_number_a_hazard() -> None:
    known = [hazard["h"] for hazard in hazards.hazards()]
    assert known == list(range(1, 23))
    carried = hazards.tests()
    assert [h for h in known if not carried.get(h)] == [], "a hazard without a test: mark one with @pytest.mark.hazard(n)"
    assert [h for h in carried if h not in known] == [], "a test carries a number that docs/hazards.yaml does not have"


def test_the_page_is_current() -> None:
    assert hazards.PAGE.read_text(encoding="utf-8") == hazards.page(), "run `make hazards`"


def test_what_a_hazard_names_is_there() -> None:
    assert [hazard["where"] for hazard in hazards.hazards() if not (hazards.ROOT / hazard["where"]).is_file()] == []


def test_numbers_are_found_in_marks_and_in_names() -> None:
    source = (
        "@pytest.mark.hazard(4, 5)\ndef test_a(): ...\n"
        "def test_hazard_12_b(): ...\ndef test_h3_c(): ...\ndef helper_hazard_9(): ...\n"
    )  # fmt: skip
    assert list(hazards.numbered(source)) == [(4, "test_a"), (5, "test_a"), (12, "test_hazard_12_b"), (3, "test_h3_c")]
