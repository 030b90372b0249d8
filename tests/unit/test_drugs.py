"""Which class a drug text or code belongs to; the traps are from the WHO index, where classes stand mixed."""

import pytest
from spec.table import catalogue


def classes(text: str) -> list[str]:
    drugs = catalogue()[1]
    name = drugs.ingredient_of(text)
    return drugs.ingredients[name].classes if name else []


@pytest.mark.parametrize(("text", "expected"), [
    ("Warfarin 3 mg", "vka"), ("COUMADIN 5MG TAB", "vka"), ("Jantoven", "vka"), ("warfarin sodium", "vka"),
    ("Phenprocoumon 3 mg", "vka"), ("Marcumar", "vka"), ("acenocoumarol", "vka"), ("Sintrom 1 mg", "vka"),
    ("fluindione", "vka"),
    ("apixaban 2.5 mg", "other_anticoagulant"), ("Eliquis", "other_anticoagulant"),
    ("Heparin 5000 units SC", "other_anticoagulant"),
    ("Calcium acetate 667 mg", "calcium_binder"), ("PhosLo", "calcium_binder"), ("CALCIUM CARBONATE 500 mg", "calcium_binder"),
    ("sevelamer carbonate 800 mg", "non_calcium_binder"), ("Lanthanum", "non_calcium_binder"),
    ("ferric citrate", "non_calcium_binder"),
    ("Calcitriol 0.25 mcg", "active_vitamin_d"), ("alfacalcidol", "active_vitamin_d"), ("Zemplar", "active_vitamin_d"),
    ("ergocalciferol 50,000 units", "nutritional_vitamin_d"), ("Cholecalciferol", "nutritional_vitamin_d"),
    ("Vitamin D3 1000 IU", "nutritional_vitamin_d"), ("calcifediol", "nutritional_vitamin_d"),
    ("cinacalcet 30 mg", "calcimimetic"), ("Parsabiv", "calcimimetic"), ("evocalcet", "calcimimetic"),
    ("denosumab 60 mg", "denosumab"), ("sodium thiosulfate 25 g", "sodium_thiosulfate"), ("Venofer 100 mg", "iv_iron"),
])  # fmt: skip
def test_a_drug_text_names_its_class(text, expected):
    assert classes(text)[0] == expected


@pytest.mark.parametrize(("code", "expected"), [
    ("B01AA03", "vka"), ("B01AA04", "vka"), ("B01AA07", "vka"), ("B01AF02", "other_anticoagulant"),
    ("H05BX01", "calcimimetic"), ("H05BX02", "active_vitamin_d"), ("H05BX03", "active_vitamin_d"),
    ("H05BX04", "calcimimetic"),
    ("H05BX05", "nutritional_vitamin_d"), ("A11CC01", "nutritional_vitamin_d"), ("A11CC03", "active_vitamin_d"),
    ("A11CC04", "active_vitamin_d"), ("A11CC05", "nutritional_vitamin_d"), ("V03AE02", "non_calcium_binder"),
    ("V03AE03", "non_calcium_binder"), ("V03AE04", "calcium_binder"), ("V03AE07", "calcium_binder"),
    ("A12AA04", "calcium_binder"),
])  # fmt: skip
def test_a_seven_character_code_names_its_class_where_its_group_is_mixed(code, expected):
    assert classes(code)[0] == expected


@pytest.mark.parametrize("text", [
    "darbepoetin alfa", "Calcitriol ointment 3 mcg/g", "calcitriol topical", "heparin flush 10 units/mL", "D05AX03",
    "H05BX", "A11CC", "V03AE", "calcium gluconate", "warfarinised", "aspirin", "",
])  # fmt: skip
def test_a_look_alike_names_none(text):
    assert classes(text) == []


def test_paricalcitol_is_no_calcimimetic():
    assert "calcimimetic" not in classes("paricalcitol 5 mcg IV")


def test_every_code_has_seven_characters_and_names_one_ingredient():
    codes = [code for ingredient in catalogue()[1].ingredients.values() for code in ingredient.atc]
    assert {len(code) for code in codes} == {7}
    assert len(codes) == len(set(codes))
