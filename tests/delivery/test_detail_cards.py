"""What a card with details says and how: in the unit reported, cut where it has to be, free of advice, and safe to show."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from monitors.delivery import detail_cards
from monitors.delivery.detail import MOST, Detail, Why, _why
from monitors.delivery.message import Message, render
from monitors.units import round6
from tests.delivery.builders import NOW, SITE, everything
from tests.delivery.detail_example import (
    CALCIUM,
    CONTENT,
    PHOSPHATE,
    PTH,
    ROW,
    example,
    picture,
    product,
    result,
    shipped,
)
from tests.delivery.test_lint import wrong


def card(detail: Detail, channel: str = "slack", kind: str = "alert", **changed: Any) -> Message:
    return render(kind, CONTENT | changed, SITE, channel, "d-1", now=NOW, pressable=True, detail=detail, picture=picture())


def buttons(shown: Message) -> list[str]:
    return [one["text"]["text"] for block in shown.blocks if block["type"] == "actions" for one in block["elements"]]


def test_values_stand_in_the_unit_they_were_reported_in() -> None:
    si = [result(PHOSPHATE, day, round6(value / 0.3229), flags=1) for day, value in (("2026-03-17", 1.91), ("2026-04-14", 2.2))]
    mixed = [result(CALCIUM, "2026-03-17", 9.6), result(CALCIUM, "2026-04-14", round6(2.42 / 0.2495), flags=1)]
    shown = card(example(ROW | {"results": [*si, *mixed]})).text
    assert "Phosphate, mmol/L: 2.2 on Tue 14 Apr (24 h old); before: 1.91 on 17 Mar" in shown
    assert "Calcium (total), mmol/L: 2.42 on Tue 14 Apr (24 h old); before: 9.6 mg/dL on 17 Mar" in shown


def test_marks_of_a_value_are_said_and_a_censored_one_keeps_its_sign() -> None:
    results = [result(PHOSPHATE, "2026-03-17", 4.1, flags=64), result(PHOSPHATE, "2026-04-14", 5.9, flags=32 | 256),
               result(PTH, "2026-02-17", 5.0, comparator="<", flags=2)]  # fmt: skip
    shown = card(example(ROW | {"results": results})).text
    assert "5.9 on Tue 14 Apr (in hospital, preliminary, 24 h old); before: 4.1 on 17 Mar (after dialysis)" in shown
    assert "pg/mL: <5 on Tue 17 Feb" in shown


def test_no_more_than_six_values_of_a_measure() -> None:
    results = [result(PHOSPHATE, f"2026-04-{day:02d}", 5.0 + day / 10) for day in range(1, 15)]
    [phosphate] = [one for one in example(ROW | {"results": results}).measured if one.name == "phosphate"]
    assert [value.text for value in phosphate.values] == ["6.4", "6.3", "6.2", "6.1", "6", "5.9"]
    assert len(phosphate.values) == MOST


def test_the_band_is_that_of_the_rules_in_the_newest_unit() -> None:
    bands = {one.name: (one.low, one.high) for one in example().measured}
    assert bands["phosphate"] == (2.5, 5.5)
    assert bands["pth"][1] == 9 * 65
    assert bands["ca_p_higher"] == (None, None)
    si = example(ROW | {"results": [result(PHOSPHATE, "2026-04-14", round6(2.2 / 0.3229), flags=1)]})
    assert si.measured[0].high == 1.78


@pytest.mark.hazard(6)
@pytest.mark.parametrize(("patient", "judges"), [
    ({}, True), ({"born": None}, True), ({"family_name": None, "given_name": None}, True),
    ({"family_name": None, "given_name": None, "born": None}, False), ({"number": ""}, False),
])  # fmt: skip
def test_hazard_6_nobody_judges_from_a_card_without_two_identifiers(patient: dict[str, Any], judges: bool) -> None:
    shown = card(example(ROW | {"patient": ROW["patient"] | patient}))
    assert ("Acknowledge" in buttons(shown)) is judges
    assert ("fewer than two identifiers" in shown.text) is not judges
    assert buttons(shown)[:2] == ["Open (sign-in)", "I am taking this"]


@pytest.mark.hazard(12)
@pytest.mark.parametrize("where", ["message", "rule"])
def test_hazard_12_a_critical_card_has_no_dismissal(where: str) -> None:
    limb = ROW["limbs"][0] | ({"severity": "CRITICAL"} if where == "rule" else {})
    shown = card(example(ROW | {"limbs": [limb]}), severity="CRITICAL" if where == "message" else "HIGH")
    assert buttons(shown) == ["Open (sign-in)", "I am taking this", "Acknowledge", "Snooze: plan in place"]
    assert buttons(card(example()))[-1] == "Dismiss"


def test_a_withdrawal_says_whom_it_was_about_and_repeats_no_value() -> None:
    shown = card(example(), kind="withdrawn", change_kind="retracted")
    assert "EXAMPLE, Alex · born 3 Feb 1957 · no. TEST-00417 (HOSP)" in shown.text
    assert "R10: Vitamin K antagonist" in shown.text
    for value in ("6.8", "9.7", "540", "Warfarin"):
        assert value not in everything(shown)


def test_hazard_13_no_rule_makes_a_card_with_details_advise() -> None:
    limb = ROW["limbs"][0]
    rules = {rule.id: rule for rule in shipped().rules}
    for rule in rules.values():
        why = _why(limb | {"rule": rule.id}, rules, {}, shipped(), "UTC")
        assert why.questions
        assert wrong("\n".join((why.title, *why.questions, *why.clears))) == [], rule.id
        shown = card(replace(example(), whys=(why,)))
        assert wrong(everything(shown)) == [], rule.id
        assert all(len(str(part["text"]["text"])) <= 3000 for part in shown.blocks if part["type"] == "section")


def test_a_rule_that_changed_since_asks_no_question_and_says_no_limit() -> None:
    old = CONTENT | {"rules": [CONTENT["rules"][0] | {"version": 7}]}
    detail = example(content=old)
    assert (detail.whys[0].questions, detail.whys[0].clears) == ((), ())
    assert "To review" not in card(detail).text


def test_text_of_a_feed_stays_text() -> None:
    name = "<!channel> & \u202e*bold* <script>alert(1)</script>\r\nBcc: x@y.z " + "A" * 9000
    odd = example(ROW | {"patient": ROW["patient"] | {"family_name": name}, "drugs": [ROW["drugs"][0] | {"text": name}]})
    slack, mail = card(odd), card(odd, "email")
    assert all(block["text"]["type"] == "plain_text" for block in slack.blocks if "text" in block)
    assert "<script>" not in mail.html
    assert "&lt;script&gt;" in mail.html
    for shown in (slack, mail):
        assert "\u202e" not in everything(shown)
        assert "\r" not in everything(shown)
        assert "A" * 81 not in everything(shown)
        assert "EXAMPLE" not in shown.subject
        assert "<!channel>" not in shown.subject


def test_subject_labels_links_and_thread_are_those_of_the_card_without_details() -> None:
    with_them, bare = card(example(), "email"), render("alert", CONTENT, SITE, "email", "d-1", now=NOW)
    assert (with_them.subject, with_them.labels, with_them.thread) == (bare.subject, bare.labels, bare.thread)
    links = [re.findall(r'href="([^"]+)"', shown.html) for shown in (with_them, bare)]
    assert links[0] == links[1]


def test_the_picture_says_in_words_what_it_shows_within_slacks_limit() -> None:
    png, alt = picture()
    assert png.startswith(b"\x89PNG")
    assert "Phosphate, mg/dL: 5.3 on 20 Jan, 5.2 on 17 Feb, 5.9 on 17 Mar, 6.8 on 14 Apr" in alt
    assert "480 on 18 Nov (assay A), 540 on 17 Feb" in alt
    many = [result(analyte, f"2026-04-{day:02d}", 123456.123456) for analyte in range(1, 12) for day in range(1, 8)]
    evidence = [{"analyte": name, "value": 1.0, "unit": "x", "comparator": "", "collected_at": "2026-04-01T06:00:00Z"}
                for name in shipped().analytes]  # fmt: skip
    wide = example(ROW | {"results": many, "limbs": [ROW["limbs"][0] | {"evidence": [*evidence, product("2026-04-14", 66.0)]}]})
    assert len(detail_cards.drawn(wide, CONTENT, NOW)[1]) <= 2000
    assert len(wide.measured) > 4


def test_values_of_another_assay_say_so() -> None:
    assert "540 on Tue 17 Feb (before dialysis, 57 days old, assay B); before: 480 on 18 Nov (assay A)" in card(example()).text


@pytest.mark.hazard(5)
def test_hazard_5_no_drug_list_is_never_no_drug() -> None:
    assert "none of the drugs watched for is on it" in card(example(ROW | {"drugs": []})).text
    unknown = card(example(ROW | {"drugs": [], "list_date": None})).text
    assert "what is taken is not known here" in unknown
    assert "none of the drugs" not in unknown


@pytest.mark.parametrize(("state", "offered"), [
    ("", ["Acknowledge", "Snooze: plan in place", "Dismiss"]), ("acknowledged", ["Snooze: plan in place", "Dismiss"]),
    ("snoozed", []), ("dismissed", []),
])  # fmt: skip
def test_a_post_brought_up_to_date_offers_what_is_left_to_do(state: str, offered: list[str]) -> None:
    shown = card(example(), kind="parent", of="alert", state=state)
    assert buttons(shown) == ["Open (sign-in)", "I am taking this", *offered]


def test_the_picture_stands_with_the_values_and_what_every_card_says_at_the_foot() -> None:
    kinds = [block["type"] for block in card(example()).blocks]
    assert kinds.index("image") < len(kinds) - 4
    assert "approved for this channel or mailbox, until 30 Jun 2026" in card(example()).text
    lines = card(example()).text.splitlines()
    assert lines.index("To review") < next(n for n, line in enumerate(lines) if line.startswith("Not assessed in this unit"))


def test_a_limb_that_is_over_is_not_a_reason() -> None:
    over = ROW["limbs"][0] | {"rule": "R01", "outcome": "clear", "severity": "CRITICAL"}
    whys = example(ROW | {"limbs": [over, ROW["limbs"][0]]}).whys
    assert [why.rule for why in whys] == ["R10"]
    assert isinstance(whys[0], Why)
