"""Words as people type them: joined or apart, inflected, misspelt, with other letters for umlauts."""

import pytest

from flowkeys.storage.transaction import Tables
from tests.documents.support import collection, wrong

OTHERS = {f"Road {number}": f"The house at number {number} has a garden." for number in range(40)}
"""What makes a collection large, in which nothing is found for merely resembling a word."""

APART = {
    "The guests' Wi-Fi is free.": ["wifi", "Is there WiFi?", "wi fi"],
    "Write us an e-mail.": ["email", "Can I email you?"],
    "We re-wax coats.": ["rewaxing", "re-waxed", "rewax"],
    "Washed T-shirts stay white.": ["tshirt", "t shirts", "TSHIRTS"],
    "Web hooks are called twice.": ["webhook", "webhooks", "web-hook"],
    "The drill AB-1234-X is loud.": ["AB1234X", "ab 1234 x", "AB-1234/X", "ab1234-x"],
    "The drill QZ77K is loud.": ["QZ-77-K", "qz 77 k", "QZ77-K"],
    "A sack weighs 25 kg.": ["25kg", "25-kg sacks"],
    "A bottle holds 75cl.": ["75 cl", "75-cl"],
    "Up to 10 000 crowns are paid.": ["10000", "10,000", "10.000"],
    "Up to 20000 crowns are paid.": ["20 000", "20,000"],
}
"""What is written as one word or as several, and how else it is typed."""


@pytest.mark.parametrize(("written", "typed"), APART.items(), ids=lambda value: str(value)[:30])
def test_words_are_found_joined_and_apart(tables: Tables, written: str, typed: list[str]) -> None:
    """Hyphens, blanks and points within names, codes, numbers and units mean nothing."""
    made = collection(tables, {"Wanted": written, **OTHERS})
    assert wrong(tables, made, dict.fromkeys(typed, "Wanted")) == {}


def test_umlauts_are_found_spelt_out_and_the_other_way(tables: Tables) -> None:
    """Whether the document or the question has no umlauts on its keyboard."""
    filled = {f"Haus {number}": f"Das Haus mit der Nummer {number} hat einen Garten." for number in range(40)}
    for written, typed in {
        "Gäste": "Gaeste",
        "Huette": "Hütte",
        "Loeffel": "Löffel",
        "Kåre": "Kaare",
    }.items():
        made = collection(tables, {"Gesucht": f"Hier steht {written} auf dem Schild.", **filled})
        assert wrong(tables, made, {typed: "Gesucht", written: "Gesucht"}) == {}, written


INFLECTED = {
    "es": ({"Devoluciones": "Puede devolver un libro.", "Horario": "Abrimos a las diez."}, "devuelvan"),
    "de": ({"Baden": "Hier wird viel geschwommen.", "Sauna": "Sie ist oben."}, "geschwammen"),
    "en": ({"Songs": "She sang for an hour.", "Prices": "It costs five euros."}, "sung"),
    "ru": ({"Сборка": "Сборка мебели стоит дорого.", "Часы": "Мы открыты до шести."}, "соберёте"),
}


def test_a_vowel_that_changes_with_the_inflection_is_no_other_word(tables: Tables) -> None:
    """In a small collection, where hardly a word has the same consonants by chance."""
    for language, (sections, question) in INFLECTED.items():
        wanted = next(iter(sections))
        assert wrong(tables, collection(tables, sections), {question: wanted}) == {}, language


def test_compounds_have_a_part_in_common(tables: Tables) -> None:
    """That they begin alike is enough in a small collection."""
    made = collection(tables, {"Auto": "Parkplätze sind umsonst.", "Sauna": "Sie kostet sechs Euro."})
    assert wrong(tables, made, {"Parkgebühren": "Auto", "Parkmöglichkeiten?": "Auto"}) == {}


def test_questions_without_spaces_may_consist_of_stop_words(tables: Tables) -> None:
    """Lists of stop words have those of headings, "open" and "send", whose pieces stand in a row there."""
    sections = {"เวลาเปิดทำการ": "ตั้งแต่เจ็ดโมงเช้าถึงหกโมงเย็น", "การจัดส่ง": "ค่าห้าสิบบาท", "ที่จอดรถ": "ด้านหลัง"}
    asked = {"เปิดไหม": "เวลาเปิดทำการ", "เปิดวันอาทิตย์ไหม": "เวลาเปิดทำการ", "ส่งต่างจังหวัดไหม": "การจัดส่ง"}
    assert wrong(tables, collection(tables, sections), asked) == {}


def test_known_words_that_no_passage_has_together_find_the_one_that_says_most(tables: Tables) -> None:
    """None of them is missing. But where none says more than the others, or one is missing: nothing."""
    made = collection(
        tables,
        {
            "Scripts": "We send javascript.",
            "Sheets": "The css is small.",
            **{f"Sheet {number}": f"A css of {number} lines." for number in range(4)},
            **{f"Serving {number}": f"Serving {number} plates." for number in range(5)},
            "Secrets": "Hidden.", "Hooks": "Sharp.", "Letters": "Old.",
            **OTHERS,
        },
    )  # fmt: skip
    asked = {
        "serving css and javascript": "Scripts",
        "hidden sharp old": "",
        "serving css and typewriters": "",
    }
    assert wrong(tables, made, asked) == {}
