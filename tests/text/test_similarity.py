"""The same in other clothes is the same; another number, name, date or "not" never is."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from memsync.text.similarity import are_close, day, is_lasting, words


@pytest.mark.parametrize(
    "other",
    [
        "- prefers short answers",
        "* Prefers short answers.",
        "1. I prefer short answers!",
        "- [x] PREFERS SHORT ANSWERS",
        "  - 2026-11-23: I prefer  short\tanswers",
        "Please remember that I prefer the short answers",
        "**Prefers** short `answers`",
        "prefers \u201cshort\u201d answers\u2026",
    ],
)
def test_case_punctuation_spaces_and_small_words_are_clothes(other):
    assert words("Prefers short answers") == words(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Use 2 spaces", "Use 4 spaces"),
        ("Port 80", "Port 8.0"),
        ("Costs 5", "Costs 5%"),
        ("Costs 5", "Costs -5"),
        ("Use tabs", "Never use tabs"),
        ("Use tabs", "Do not use tabs"),
        ("Use tabs", "Don't use tabs"),
        ("Use tabs?", "Use tabs"),
        ("✅ use tabs", "❌ use tabs"),
        ("Use tabs", "~~Use tabs~~"),
        ("Prefers tea over coffee", "Prefers coffee over tea"),
        ("Ada likes tea", "Anna likes tea"),
        ("Jen likes tea", "Jens likes tea"),
        ("Likes tea", "Ada likes tea"),
        ("My key is in the safe", "Her key is in the safe"),
        ("Off on 2026-11-23", "Off on 2026-11-24"),
        ("Ask IT first", "Ask it first"),
        ("Edit env first", "Edit .env first"),
        ("Use C for this", "Use C# for this"),
        ("Push with --force", "Push with force"),
        ("Deploy just on Friday", "Deploy on Friday"),
        ("I was in Oslo", "I am in Oslo"),
    ],
)
def test_what_carries_meaning_is_not(one, other):
    assert words(one) != words(other)


SOLID = st.text(st.characters(categories=["Lu", "Ll", "Nd"]), min_size=1, max_size=8)
SENTENCES = st.lists(SOLID, min_size=2, max_size=8)
NEGATIONS = st.sampled_from(
    ["not", "never", "no", "don't", "cannot", "without", "nicht", "kein", "ne", "pas", "nunca"]
)


@given(SENTENCES, st.data())
def test_another_word_anywhere_is_another_sentence(sentence, data):
    at = data.draw(st.integers(0, len(sentence) - 1))
    new = data.draw(SOLID)
    assume(words(new) != words(sentence[at]))
    assume(words(new) and words(sentence[at]))
    changed = [*sentence[:at], new, *sentence[at + 1 :]]
    assert words(" ".join(changed)) != words(" ".join(sentence)) or _is_loud(sentence, changed)


def _is_loud(*sentences: list[str]) -> bool:
    """Tell whether capitals, which a text all of capitals makes mean nothing, are in play."""
    return any(" ".join(sentence).isupper() for sentence in sentences)


@given(SENTENCES, NEGATIONS, st.data())
def test_a_negation_anywhere_is_another_sentence(sentence, negation, data):
    at = data.draw(st.integers(0, len(sentence)))
    changed = [*sentence[:at], negation, *sentence[at:]]
    assert words(" ".join(changed)) != words(" ".join(sentence))


@given(SENTENCES, st.data())
def test_another_number_is_another_sentence(sentence, data):
    at = data.draw(st.integers(0, len(sentence)))
    one, other = data.draw(st.lists(st.integers(0, 9999), min_size=2, max_size=2, unique=True))
    first, second = ([*sentence[:at], str(n), *sentence[at:]] for n in (one, other))
    assert words(" ".join(first)) != words(" ".join(second))


@given(SENTENCES, st.sampled_from(["- ", "* ", "7. ", ""]), st.sampled_from(["", ".", "!", " "]))
def test_other_clothes_are_the_same_sentence(sentence, bullet, end):
    plain = " ".join(sentence).lower()
    assume(words(plain))
    assert words(f"{bullet}{'  '.join(sentence).lower()}{end}") == words(plain)


def test_a_date_before_it_is_the_lines_day():
    assert day("- 2026-11-23: Ran 5 km") == "2026-11-23"
    assert day("- On 2026-11-23: Ran 5 km") == ""


@pytest.mark.parametrize(
    ("line", "lasts"),
    [
        ("I prefer tabs", True),
        ("Never push on Friday", True),
        ("Ran 5 km", False),
        ("I use vim today", False),
        ("", False),
    ],
)
def test_a_rule_holds_on_any_day_and_an_event_does_not(line, lasts):
    assert is_lasting(words(line)) is lasts


def test_close_is_most_words_shared_and_not_the_same():
    oslo, turin = words("I live in Oslo"), words("Lives in Turin")
    assert are_close(oslo, turin)
    assert not are_close(oslo, oslo)
    assert not are_close(oslo, words("Write the runbook"))


def test_stars_without_end_are_read_like_any_other_text():
    assert len(words("**a " * 16_000)) == 16_000  # took a minute while emphasis had no bound
