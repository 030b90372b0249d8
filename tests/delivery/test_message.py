"""What a message says, and above all what it never says."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitors.delivery.message import KINDS, render, thread
from monitors.delivery.slack import fallback
from tests.delivery.builders import ALERT, CONTENTS, DIGEST, NOW, SITE, everything, message

CHANNELS = ("slack", "email")
BANNED = re.compile(r"\b(normal|safe|all clear|reassur\w*|healthy)\b", re.IGNORECASE)
DRUG = (
    r"(warfarin|vka|vitamin k|anticoagula\w*|binders?|calcium|calcitriol|alfacalcidol|vitamin d|cinacalcet|"
    r"etelcalcetide|drugs?|medicines?|medication|doses?|dialysate|treatment|therapy)"
)
ADVICE = re.compile(
    rf"\b(start|stop|hold|reduce|increase|switch|give|lower|raise|change)\w*\b[^.\n]{{0,40}}\b{DRUG}\b",
    re.IGNORECASE,
)


def test_the_phi_free_card_reads_as_agreed() -> None:
    card = message("alert", "email")
    assert card.subject == "Unit N3: 1 lab review needs acknowledgement (HIGH)"
    assert card.text == (
        "HIGH · Unit N3 · 1 patient · changed since yesterday\n"
        "\n"
        "For: nephrologist on duty    Acknowledge by: Wed 15 Apr 17:00 BST (in 9 h)\n"
        "Newest result used: 17 h old. Data complete to Wed 15 Apr 04:00 BST (3 h ago).\n"
        "Not assessed in this unit today: 4 of 96 (reasons on the list).\n"
        "Results are hours old. Urgent values should already have been phoned by the laboratory.\n"
        "\n"
        "Open (sign-in): https://nephrowatch.example/a/NW-4F7K-2\n"
        "I am taking this: https://nephrowatch.example/a/NW-4F7K-2?do=take\n"
        "\n"
        "Ref NW-4F7K-2 · rules (not clinically reviewed at this site)\n"
        "Please do not write patient details in this channel.\n"
        "This is not a diagnosis, a risk score or a treatment recommendation. Not the medical record.\n"
        "From Nephrowatch at Example Renal Network, for North Unit.\n"
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channel", CHANNELS)
def test_no_message_reassures_or_advises(kind: str, channel: str) -> None:  # hazards 4 and 13
    for repeat in (False, True):
        shown = everything(message(kind, channel, late=True, possible_repeat=repeat))
        assert not BANNED.search(shown)
        assert not ADVICE.search(shown)


@pytest.mark.hazard(14)
@pytest.mark.parametrize("kind", ["alert", "withdrawn", "handed_over", "digest"])
def test_every_clinical_message_says_that_nobody_reviewed_the_rules_here(kind: str) -> None:  # hazard 14
    assert "not clinically reviewed at this site" in message(kind).text
    assert "Please do not write patient details in this channel." in message(kind).text


def test_a_signature_in_the_ledger_changes_the_footer_only_when_every_rule_has_one() -> None:
    signed, draft = {"review": "signed by A. Example, 2026-04-01"}, {"review": "none"}
    assert "(clinically reviewed at this site)" in message(rules=[signed]).text
    assert "(not clinically reviewed at this site)" in message(rules=[signed, draft]).text
    assert "(not clinically reviewed at this site)" in message(rules=[]).text


@pytest.mark.parametrize(
    ("mark", "word"), [({"possible_repeat": True}, "POSSIBLE REPEAT"), ({"late": True}, "LATE")]
)
def test_repeats_and_late_tellings_say_so_in_every_form(mark: dict[str, bool], word: str) -> None:
    slack, mail = message(**mark), message("alert", "email", **mark)
    assert word.lower() in slack.subject.lower()
    for form in (slack.text, str(slack.blocks), mail.text, mail.html):
        assert word in form


@pytest.mark.parametrize("kind", ["alert", "handed_over"])
def test_how_the_values_read_together_stays_behind_the_link(kind: str) -> None:
    """A card without details says who looks and by when, never what the values make: that is evidence."""
    for channel in CHANNELS:
        assert everything(message(kind, channel, patterns=["high_turnover"])) == everything(message(kind, channel, patterns=[]))


def test_missing_facts_print_as_not_known_never_as_nothing_wrong() -> None:
    for kind in KINDS:
        shown = render(kind, {}, SITE, "email", "d-1")
        assert shown.subject
    empty = render("digest", {"unit": "N3"}, SITE, "email", "d-1")
    assert "Feeds\n  - not known" in empty.text
    assert "Not assessed, by reason\n  - not known" in empty.text
    assert "Patients watched: not known" in empty.text


@pytest.mark.hazard(18)
def test_times_are_in_the_units_zone_with_its_name_and_a_summer_change_is_not_lost() -> None:
    winter = message(acknowledge_by="2026-01-10T16:00:00Z").text
    assert "Sat 10 Jan 16:00 GMT" in winter
    assert "Wed 15 Apr 12:00 EDT" in message(zone="America/New_York").text
    assert "Wed 15 Apr 13:00 UTC-03 (in 9 h)" in message(zone="America/Sao_Paulo").text


def test_the_morning_list_counts_and_keeps_its_order() -> None:
    text = message("digest", "email").text
    order = ["Needs a look today: 2", "CRITICAL · Phosphate: 1", "HIGH · PTH: 1", "New since yesterday: 0",
             "PTH: 4, no recent result (PTH)",
             "missing or too old: 4", "Files, held: 1"]  # fmt: skip
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert "newest 17 h old, oldest 71 days old" in text


def test_an_operations_message_names_the_feed_but_neither_file_nor_sentence() -> None:
    shown = everything(message("operations", "email", file="OXENHOPE Alex.csv", sentence="row 3 of OXENHOPE"))
    assert "Feed: n3-labs" in shown
    assert "Reason: wrong columns" in shown
    assert "OXENHOPE" not in shown


def test_all_messages_of_an_episode_share_a_thread() -> None:
    assert thread("NW-4F7K-2") == thread("NW-4F7K-13") == "episode-NW-4F7K"
    assert thread("NW-4F7K") == "episode-NW-4F7K"


# ------------------------------------------------------------------------------------------ no patient in it
SECRETS = ("OXENHOPE", "Alexandra", "TEST-00417", "1957-02-03", "6.8137", "warfarin")


def planted(value: Any, secret: str) -> Any:
    """The content with a secret in every place no message may print from, and in places it does not know."""
    extra = {"patient": secret, "name": [secret], "evidence": {"value": secret}, "dedup_key": secret}
    hidden = {"reason_sentence": secret, "sentence": secret, "file": f"{secret}.csv", "group": secret,
              "reason": f"Not a code: {secret}", "change_kind": secret, "limbs": {secret: secret},
              "rules": [{"id": secret, "version": secret, "title": secret, "review": secret}]}  # fmt: skip
    return {**value, **hidden, **extra}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("secret", SECRETS)
def test_nothing_of_a_patient_reaches_any_form(kind: str, secret: str) -> None:
    content = planted(CONTENTS[kind], secret)
    if kind == "digest":
        content["not_assessed"] = [
            {"group": f"{secret} {secret}", "reason": f"{secret}:{secret}!", "patients": 1}
        ]
        content["feeds"] = {f"{secret} file": 2}
    for channel in CHANNELS:
        shown = everything(render(kind, content, SITE, channel, "d-1", possible_repeat=True, now=NOW))
        assert secret.casefold() not in shown.casefold()


@given(
    st.text(min_size=1, max_size=40).map(lambda text: f"Not A Code {text}"), st.sampled_from(sorted(KINDS))
)
@settings(max_examples=60, deadline=None)
def test_a_message_does_not_depend_on_what_it_must_not_print(secret: str, kind: str) -> None:
    plain = render(kind, planted(CONTENTS[kind], "Not A Code"), SITE, "email", "d-1", now=NOW)
    assert render(kind, planted(CONTENTS[kind], secret), SITE, "email", "d-1", now=NOW) == plain


# ------------------------------------------------------------------------------------------- hostile text
HOSTILE = [
    "<!channel> <@U123> @here", "*bold* _it_ `code` :fire:", "<script>alert(1)</script>", '"><img src=x>',
    "line\r\nBcc: x@example.org", "nul\x00bell\x07esc\x1b[31m", "\u202eevil\u200b", "ö" * 10_000,
    "A" * 10_000,
]  # fmt: skip


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("kind", KINDS)
def test_hostile_names_neither_break_a_form_nor_ping_anybody(kind: str, text: str) -> None:
    names = dict.fromkeys(
        ("unit", "unit_name", "owner", "feed", "destination", "ref", "zone", "severity"), text
    )
    slack, mail = message(kind, "slack", **names), message(kind, "email", **names)
    assert not re.search(r"[\x00-\x1f\x7f\u200b\u202e]", slack.subject)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u200b\u202e]", slack.text)
    assert "<" not in fallback(slack.subject)
    assert len(fallback(slack.subject)) < 1_000
    tags = Tags()
    tags.feed(mail.html)
    assert tags.seen <= {
        "html",
        "head",
        "meta",
        "title",
        "body",
        "div",
        "h1",
        "h2",
        "p",
        "ul",
        "li",
        "a",
        "b",
    }
    assert len(mail.html) < 20_000


def walk(node: Any) -> list[dict[str, Any]]:
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list | tuple) else ()
    return ([node] if isinstance(node, dict) else []) + [found for child in children for found in walk(child)]


@pytest.mark.parametrize("kind", KINDS)
def test_slack_blocks_keep_to_slacks_limits_and_hold_no_markup(kind: str) -> None:
    huge = {
        "sections": DIGEST["sections"] * 15,
        "not_assessed": DIGEST["not_assessed"] * 500,
        "owner": "x" * 10_000,
    }
    blocks = message(kind, "slack", **(huge if kind == "digest" else {"owner": "x" * 10_000})).blocks
    assert 0 < len(blocks) <= 50
    for part in walk(blocks):
        assert part.get("type") != "mrkdwn"
        if part.get("type") == "plain_text":
            assert 0 < len(part["text"]) <= 3000
            assert part["emoji"] is False
        if part.get("type") == "header":
            assert len(part["text"]["text"]) <= 150
        assert len(part.get("elements", ())) <= 25


def test_buttons_are_plain_links_to_this_site_with_the_opaque_ref_only() -> None:
    buttons = [part for part in walk(message().blocks) if part.get("type") == "button"]
    assert [button["text"]["text"] for button in buttons] == ["Open (sign-in)", "I am taking this"]
    assert [button["url"] for button in buttons] == [
        "https://nephrowatch.example/a/NW-4F7K-2", "https://nephrowatch.example/a/NW-4F7K-2?do=take",
    ]  # fmt: skip
    assert all(set(button) == {"type", "text", "url", "action_id"} for button in buttons)
    assert "evil" not in message(ref="../../evil?x=1").text.replace("evilx1", "")


def test_severity_is_a_word_in_the_html_not_only_a_colour() -> None:
    for severity in ("WARNING", "HIGH", "CRITICAL"):
        assert f"{severity} · Unit N3" in message("alert", "email", **(ALERT | {"severity": severity})).html


def test_the_gallery_shows_what_the_code_says() -> None:
    from monitors.delivery.policy import PARENT
    from tests.delivery.gallery import FOLDER, PAGE, asked, blocks, page, shown, slug

    assert PAGE.read_text(encoding="utf-8") == page(), "run: make gallery"
    kept = {path.name: path.read_text(encoding="utf-8") for path in (FOLDER / "slack").glob("*.json")}
    assert kept == blocks(), "run: make gallery"
    drawn = {part: {path.stem for path in (FOLDER / part).glob("*.png")} for part in ("slack", "mail")}
    assert drawn["slack"] == {*(slug(title) for _, title, _ in shown()), *map(slug, asked())}, "run: make gallery"
    assert drawn["mail"] == {slug(title) for kind, title, _ in shown() if kind != PARENT}, "run: make gallery"
