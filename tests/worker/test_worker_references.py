"""Secrets in a journal: hidden and put back, for any JSON."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caseway.platform.masking import mask
from caseway.platform.references import MissingSecret, References, masked, restore
from caseway.worker.masking import Masked
from caseway.worker.sealed_journal import SealedJournal
from caseway_runner import Entry, MemoryJournal

SECRET = st.text(min_size=4, max_size=12).filter(lambda text: len(set(text) - set("⟦⟧")) > 1)
SLOTS = st.dictionaries(
    st.sampled_from(["erp", "a/b", "ü%⟧"]),
    st.one_of(
        SECRET, st.dictionaries(st.sampled_from(["k", "~/", "ö"]), SECRET, min_size=1), st.integers(1000)
    ),
    min_size=1,
    max_size=3,
)
SCALAR = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()
)


def values_in(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in values_in(item)]
    return [str(value)]


def planted(draw: st.DrawFn, secrets: list[str]) -> object:
    """Any JSON, with secrets inside strings, as keys, as numbers, in every spelling."""
    spelled = [form for one in secrets for form in spellings(one)]
    piece = st.one_of(st.sampled_from(spelled), st.text(max_size=4), st.sampled_from(["⟦", "⟧", "⟦⟧", "⟦#⟧"]))
    text = st.lists(piece, max_size=4).map("".join)
    numbers = [int(one) for one in secrets if one.isdecimal() and one.isascii()] or [0]
    leaf = st.one_of(SCALAR, text, st.sampled_from(numbers), st.sampled_from(numbers).map(lambda n: n * 100))
    deep = st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.one_of(text, st.text()), inner, max_size=3)
        ),
        max_leaves=8,
    )
    return draw(deep)


def spellings(secret: str) -> list[str]:
    data = secret.encode()
    return [
        secret,
        json.dumps(secret)[1:-1],
        quote(secret, safe=""),
        quote_plus(secret),
        b64encode(data).decode(),
        urlsafe_b64encode(data).decode(),
        b64encode(b"user:" + data).decode(),
        b64encode(b"ab" + data + b"xyz").decode(),
    ]


@st.composite
def scenes(draw: st.DrawFn) -> tuple[dict[str, object], object]:
    secrets = draw(SLOTS)
    return secrets, planted(draw, [text for value in secrets.values() for text in values_in(value)])


def texts_in(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for pair in value.items() for item in pair for text in texts_in(item)]
    if isinstance(value, list):
        return [text for item in value for text in texts_in(item)]
    return [] if value is None or isinstance(value, bool) else [str(value)]


@settings(max_examples=200, deadline=None)
@given(scenes())
def test_what_was_hidden_is_restored_exactly(scene):
    secrets, value = scene
    hidden = References(secrets.items()).hide(value)
    back = restore(json.loads(json.dumps(hidden)), secrets.__getitem__)
    assert json.dumps(back) == json.dumps(value)


@settings(max_examples=200, deadline=None)
@given(scenes())
def test_no_secret_is_left_in_what_is_hidden(scene):
    secrets, value = scene
    left = "\n".join(texts_in(masked(References(secrets.items()).hide(value))))
    for item in secrets.values():
        for secret in values_in(item):
            assert secret not in left.replace("***", "\n")


@pytest.mark.parametrize("spell", range(8))
def test_no_common_spelling_of_a_secret_passes_a_mask(spell):
    secret = 'hunter/2 "ünter"+cover'
    said = mask(f"<{spellings(secret)[spell]}>", [secret])
    assert "***" in said
    assert len(said) <= len("<***>") + 12  # base64's edges belong to the neighbours


def test_a_rotated_secret_comes_back_as_it_is_now():
    hidden = References([("erp", {"token": "hunter-2"})]).hide({"told": "it is hunter-2", "n": 1})
    assert restore(hidden, lambda _: {"token": "other-3"}) == {"told": "it is other-3", "n": 1}


def test_a_rotated_number_that_is_none_now_comes_back_as_text():
    hidden = References([("pin", 123456)]).hide({"pin": 123456})
    assert "123456" not in json.dumps(hidden)
    assert restore(hidden, lambda _: 654321) == {"pin": 654321}
    assert restore(hidden, lambda _: "word") == {"pin": "word"}


def test_a_secret_that_is_gone_is_named():
    hidden = References([("erp", {"token": "hunter-2"})]).hide("hunter-2")

    def gone(slot):
        raise KeyError(slot)

    for source in (gone, lambda _: {"other": "hunter-2"}):
        with pytest.raises(MissingSecret) as caught:
            restore(hidden, source)
        assert caught.value.slot == "erp"


def test_a_journal_keeps_no_secret_and_gives_it_back():
    async def scene() -> tuple[list[Entry], list[Entry], list[Entry]]:
        behind = MemoryJournal()
        secrets = {"erp": {"token": "hunter-2"}}
        source = Masked(secrets.__getitem__)
        source("erp")
        entries = [
            Entry("/do/0/a", "started", "t"),
            Entry("/do/0/a", "completed", "t", {"hunter-2": ["Bearer hunter-2"]}),
        ]
        await SealedJournal(behind, source).append(entries)
        return entries, behind.entries, list(await SealedJournal(behind, source).recorded())

    appended, stored, recorded = asyncio.run(scene())
    assert recorded == appended
    assert "hunter-2" not in str(stored)


def test_a_secret_that_changes_while_it_is_used_is_hidden_in_both_forms():
    values = {"erp": "hunter-2"}
    source = Masked(values.__getitem__)
    source("erp")
    values["erp"] = "other-33"
    source("erp")
    shown = str(source.hidden(["hunter-2", "other-33"])) + source.text("hunter-2 other-33")
    assert "hunter-2" not in shown
    assert "other-33" not in shown
