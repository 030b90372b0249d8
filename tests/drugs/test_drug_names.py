"""The words of medications.yaml against names that hospitals really write, and against the traps of the WHO index."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from monitors import config
from monitors.rules.model import Drugs
from tests.drugs.measure import LISTS, READ, classes_by, folded, key, labels, measure, names, table
from tests.public_data import needs
from tests.site import REPOSITORY

BELONGING = {  # names of the two lists a person gave each class: a label lost is seen
    "vka": 15, "other_anticoagulant": 50, "calcium_binder": 18, "non_calcium_binder": 11, "active_vitamin_d": 2,
    "nutritional_vitamin_d": 17, "calcimimetic": 2, "oral_calcimimetic": 2, "etelcalcetide": 0, "magnesium_binder": 0,
    "denosumab": 0, "sodium_thiosulfate": 0, "iv_iron": 0,
}  # fmt: skip
here = needs(*LISTS)


@pytest.fixture(scope="module")
def drugs() -> Drugs:
    return config.load(REPOSITORY / "config").drugs


@here
def test_every_distinct_name_of_the_lists_was_read_by_a_person() -> None:
    found = names()
    assert len(found) == READ, "the lists changed: read what is new, label it, and then change READ"
    keys = {key(name) for name in found}
    assert not set(labels()) - keys, "labelled.csv labels names that are in no list"


@here
def test_no_name_of_a_class_is_missed_and_none_is_taken_for_one(drugs: Drugs, show: Callable[[str], None]) -> None:
    measured = measure(names(), labels(), classes_by(drugs), drugs.classes)

    show(table(measured))
    assert {name: len(one.right) for name, one in measured.items()} == BELONGING
    assert {name: (one.precision, one.recall) for name, one in measured.items()} == dict.fromkeys(drugs.classes, (1.0, 1.0))


def test_the_labels_speak_of_classes_that_exist_and_are_keyed_by_hash(drugs: Drugs) -> None:
    assert set().union(*labels().values()) <= set(drugs.classes)
    assert all(len(bytes.fromhex(one)) == hashlib.sha256().digest_size for one in labels())
    assert {name: sum(name in given for given in labels().values()) for name in drugs.classes} == BELONGING


def test_measuring_sees_what_is_wrong_and_what_is_missed() -> None:
    truth = {key("a"): frozenset({"vka"}), key("b"): frozenset({"vka"}), key("c"): frozenset[str]()}
    says = {"a": frozenset({"vka"}), "b": frozenset[str](), "c": frozenset({"vka"}), "unread": frozenset[str]()}
    one = measure(says, truth, says.__getitem__, ["vka"])["vka"]
    assert (one.right, one.wrong, one.missed) == (("a",), ("c",), ("b",))
    assert (one.precision, one.recall) == (0.5, 0.5)
    assert folded("  HEPARIN  Flush ") == "heparin flush"


@pytest.mark.parametrize(("text", "classes"), [
    # misspelt, abbreviated, other languages, salts, strengths
    ("COUMADIN", "vka"), ("WARFARIN 5MG TABS", "vka"), ("Warfarin-Natrium 5 mg", "vka"), ("Warfarine", "vka"),
    ("warfarin sod (COUMADIN)", "vka"), ("Acénocoumarol 4 mg", "vka"), ("ACENOCUMAROL", "vka"),
    ("Phenprocoumon-ratiopharm", "vka"),
    ("CA ACETATE 667MG", "calcium_binder"), ("calc acetate", "calcium_binder"), ("PHOS-LO", "calcium_binder"),
    ("PhosLo Gelcaps", "calcium_binder"), ("calcium carb 500", "calcium_binder"), ("Ca carbonate", "calcium_binder"),
    ("TUMS E-X", "calcium_binder"), ("OS-CAL 500", "calcium_binder"), ("Oyst-Cal", "calcium_binder"),
    ("CALCIUM CARBONATE (ANTACID) chew", "calcium_binder"), ("calcium citrate 950 mg", "calcium_binder"),
    ("Calcium acetate / magnesium carbonate", "calcium_binder magnesium_binder"),
    ("RENAGEL", "non_calcium_binder"), ("SEVELAMER HCL", "non_calcium_binder"), ("Fosrenol chew", "non_calcium_binder"),
    ("Mag-Al hydroxide susp", "non_calcium_binder"), ("Aluminum-Magnesium Hydrox.-Simethicone", "non_calcium_binder"),
    ("calcitriol (vitamin D)", "active_vitamin_d"), ("1,25-dihydroxyvitamin D3", "active_vitamin_d"),
    ("ONE-ALPHA 0.25", "active_vitamin_d"), ("paricalcitol (vitamin D analog)", "active_vitamin_d"),
    ("sensipar", "calcimimetic oral_calcimimetic"), ("CINACALCET HCL", "calcimimetic oral_calcimimetic"),
    ("Parsabiv 5 mg/mL", "calcimimetic etelcalcetide"),
    ("Vit D3 1000 units", "nutritional_vitamin_d"), ("Vitamin D-2", "nutritional_vitamin_d"),
    ("RxCUI 11289", "vka"), ("RXNORM:1364430", "other_anticoagulant"),
])  # fmt: skip
def test_a_spelling_is_recognised(drugs: Drugs, text: str, classes: str) -> None:
    assert " ".join(sorted(classes_by(drugs)(text))) == classes


@pytest.mark.parametrize("text", ["Caltrate 600 + D", "Calcichew D3 Forte", "calcium carbonate/vitamin D3", "Citracal + D3"])
def test_a_calcium_salt_with_vitamin_d_is_both(drugs: Drugs, text: str) -> None:
    assert classes_by(drugs)(text) == {"calcium_binder", "nutritional_vitamin_d"}


@pytest.mark.parametrize("text", [
    "heparin flush 100 units/mL", "heparin lock", "heparin PF 10 unit/mL syringe", "Silkis", "calcitriol oint 3 mcg/g",
    "calcium", "calcium gluconate in D 5 W", "calcium chloride", "atorvastatin calcium", "docusate calcium", "potassium citrate",
    "multivitamin with vitamin D", "multivit w-ca, min", "vitamin K", "phytonadione", "magnesium hydroxide", "ferrous sulfate",
    "epoetin alfa", "11289", "heparin flush 1897 rxnormal", "D05AX03", "A11CC", "V03AE", "H05BX", "B01AA",
])  # fmt: skip
def test_a_look_alike_is_none_of_ours(drugs: Drugs, text: str) -> None:
    assert classes_by(drugs)(text) == frozenset()


def test_darbepoetin_is_not_epoetin_where_a_site_lists_epoetin(drugs: Drugs) -> None:
    esa = Drugs.model_validate({"classes": {"esa": {"title": "ESA"}}, "ingredients": {
        "epoetin": {"classes": ["esa"], "words": ["epoetin"], "not_with": ["not given"]}}})  # fmt: skip
    assert esa.ingredient_of("epoetin alfa 4000 units") == "epoetin"
    assert esa.ingredient_of("darbepoetin alfa") is None
    assert esa.ingredient_of("epoetin, not given") is None
    assert esa.ingredient_of("epoetin, given, not late") == "epoetin"  # words in a row, not anywhere


@pytest.mark.parametrize("group", ["H05BX", "A11CC", "V03AE"])
def test_a_mixed_group_of_the_index_holds_more_than_one_class(drugs: Drugs, group: str) -> None:
    inside = [one.classes for one in drugs.ingredients.values() if any(code.startswith(group) for code in one.atc)]
    assert len({name for classes in inside for name in classes}) > 1


def test_calcium_carbonate_stands_under_both_of_its_codes(drugs: Drugs) -> None:
    assert {drugs.ingredient_of(code) for code in ("A12AA04", "A02AC01")} == {"calcium_carbonate"}
