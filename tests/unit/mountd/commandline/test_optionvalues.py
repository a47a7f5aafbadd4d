"""Values of options are what Go takes them for, and nothing else is a value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultui.mountd.commandline.optionvalues import (
    parse_bool,
    parse_duration,
    parse_int,
    parse_owner,
    parse_uint8,
)

ANY_TEXT = st.text(alphabet="0123456789abxoXhmsnuµ.+-_ :tTf١", max_size=8)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500s", 500),
        ("1h30m", 5400),
        ("10ms", 0.01),
        ("1.5h", 5400),
        ("0", 0),
        ("-5s", -5),
        ("+.5s", 0.5),
        ("5.m", 300),
        ("1µs", 1e-6),
    ],
)
def test_durations_are_those_of_go(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["5", "", "s", "1x", "--5s", "1h 5m", "1.2.3s", "m5", "00", ".", "٣s", "9999999h"]
)
def test_what_go_takes_for_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


@given(st.tuples(*(st.integers(0, 999) for _ in range(4))), st.sampled_from(("", "+", "-")))
def test_a_duration_is_the_sum_of_its_parts(parts: tuple[int, ...], sign: str) -> None:
    hours, minutes, seconds, thousandths = parts
    total = hours * 3600 + minutes * 60 + seconds + thousandths / 1000
    text = f"{sign}{hours}h{minutes}m{seconds}s{thousandths}ms"
    assert parse_duration(text) == pytest.approx(-total if sign == "-" else total)


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_an_integer_is_read_in_every_spelling_of_go(number: int) -> None:
    sign, size = ("-" if number < 0 else ""), abs(number)
    for spelling in (f"{size}", f"{size:_}", f"0x{size:X}", f"0b{size:b}", f"0o{size:o}"):
        assert parse_int(sign + spelling) == number
    assert parse_int(f"{sign}0{size:o}") == number


@given(ANY_TEXT)
def test_any_text_is_a_value_or_is_refused_with_a_reason(text: str) -> None:
    for parse in (parse_bool, parse_int, parse_uint8, parse_duration, parse_owner):
        try:
            parse(text)
        except ValueError as error:
            assert str(error)  # noqa: PT017 - that it is refused is right as well


@pytest.mark.parametrize("text", ["256", "-1", "+1", "", "1.0", "x"])
def test_a_byte_has_no_sign_and_ends_at_255(text: str) -> None:
    with pytest.raises(ValueError):
        parse_uint8(text)
    assert parse_uint8("255") == 255


def test_integers_end_at_64_bits() -> None:
    assert parse_int("0x7fffffffffffffff") == (1 << 63) - 1
    with pytest.raises(ValueError, match="range"):
        parse_int("0x8000000000000000")


def test_an_owner_is_a_user_and_a_group_by_number() -> None:
    assert parse_owner("1000:0x64") == (1000, 100)
    for text, reason in (
        ("1000", "UID:GID"),
        ("", "UID:GID"),
        ("root:0", 'UID "root"'),
        ("-1:0", 'UID "-1"'),
        ("1:2:3", 'GID "2:3"'),
        ("1:2147483648", "GID"),
    ):
        with pytest.raises(ValueError, match=reason):
            parse_owner(text)
