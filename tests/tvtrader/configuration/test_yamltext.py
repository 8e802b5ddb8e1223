from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tvtrader.configuration.yamltext import Block, Unreadable, dump, load


def test_numbers_stay_text() -> None:
    assert load("a: 0.1\nb: 1e3\nc: 1_000\nd: 0x1F\ne: 12:30\nf: .inf\ng: 2026-01-02") == {
        "a": "0.1", "b": "1e3", "c": "1_000", "d": "0x1F", "e": "12:30", "f": ".inf", "g": "2026-01-02",
    }  # fmt: skip


def test_only_true_and_false_are_booleans() -> None:
    assert load("[true, false, yes, no, ON]") == [True, False, "yes", "no", "ON"]


def test_null_in_its_spellings() -> None:
    assert load("[null, ~, '']") == [None, None, ""]


@pytest.mark.parametrize("text", ["a: 1\na: 2", "x: {b: 1, b: 1}", "- {a: 1, 'a': 2}"])
def test_a_key_that_stands_twice_is_refused(text: str) -> None:
    with pytest.raises(Unreadable, match=r"line \d+, column \d+: the key . stands twice"):
        load(text)


@pytest.mark.parametrize("text", ["a: [1", "\ta: 1", "a: !!python/object:os.system x", "a: 1\n---\nb: 2", "{[1]: 2}"])
def test_what_is_no_plain_yaml_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        load(text)


def test_an_error_does_not_quote_the_line() -> None:
    with pytest.raises(Unreadable) as caught:
        load("api_secret: 'hunter2-is-my-secret\n")

    assert "hunter2" not in str(caught.value)


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(Unreadable, match="nested"):
        load("[" * 5000)


plain_text = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff\u2028\u2029\x85"))
leaves = st.none() | st.booleans() | plain_text
trees = st.recursive(leaves, lambda kids: st.lists(kids, max_size=3) | st.dictionaries(plain_text, kids, max_size=3))


@given(trees)
def test_what_is_dumped_is_read_back(tree: object) -> None:
    assert load(dump(Block(key=tree))) == {"key": tree}
