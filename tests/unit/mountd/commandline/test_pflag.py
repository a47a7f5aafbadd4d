"""The command line is read as gocryptfs reads it: dashes, order, -o, durations, complaints."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultui.model.errors import UsageError
from vaultui.mountd.commandline.helptext import help_text
from vaultui.mountd.commandline.options import Options
from vaultui.mountd.commandline.optiontable import OPTIONS
from vaultui.mountd.commandline.pflag import parse


def parsed(*words: str) -> Options:
    return parse(["vaultfs", *words])


def test_one_dash_and_two_dashes_are_the_same() -> None:
    assert parsed("-fg", "c", "m") == parsed("--fg", "c", "m")
    assert parsed("-idle=5m", "c", "m") == parsed("--idle", "5m", "c", "m")


def test_letters_behind_one_dash_are_never_a_cluster() -> None:
    with pytest.raises(UsageError, match="unknown flag: --qf"):
        parsed("-qf", "c", "m")


def test_options_and_positionals_mix_in_any_order() -> None:
    options = parsed("c", "-fg", "m", "-passfile", "p")
    assert options.positionals == ["c", "m"]
    assert options.foreground
    assert options.passfile == ["p"]


def test_two_dashes_alone_end_the_options() -> None:
    options = parsed("-q", "--", "-fg", "--init")
    assert options.positionals == ["-fg", "--init"]
    assert options.quiet
    assert not options.foreground


def test_a_flag_takes_its_value_behind_an_equals_sign_only() -> None:
    assert not parsed("-fg=false", "c", "m").foreground
    assert parsed("-fg=T", "c").foreground
    options = parsed("-fg", "false", "c")
    assert options.foreground
    assert options.positionals == ["false", "c"]
    with pytest.raises(UsageError, match='invalid argument "maybe" for "--fg" flag'):
        parsed("-fg=maybe")


def test_lists_keep_every_value_and_are_not_split_at_commas() -> None:
    assert parsed("-passfile", "a,b", "-passfile=c").passfile == ["a,b", "c"]


def test_a_value_with_one_dash_gets_a_second_one_as_in_gocryptfs() -> None:
    assert parsed("-extpass", "echo", "-extpass", "-X").extpass == ["echo", "--X"]


def test_mount_options_are_put_in_front() -> None:
    options = parsed("c", "m", "-o", "dev,passfile=/p,idle=1m")
    assert options.dev
    assert options.passfile == ["/p"]
    assert options.idle_s == 60
    assert parsed("c", "m", "-o=ro").read_only
    # In front: what stands on the command line itself is later, and wins.
    assert parsed("-idle", "2m", "c", "m", "-o", "idle=1m").idle_s == 120


def test_only_the_last_mount_options_count() -> None:
    options = parsed("c", "m", "-o", "ro", "-o", "q")
    assert options.quiet
    assert not options.read_only


@pytest.mark.parametrize("words", [("c", "m", "-o"), ("c", "m", "-o", "o"), ("c", "-o", "ro,-o")])
def test_mount_options_without_sense_are_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="-o"):
        parsed(*words)


def test_mount_options_mean_nothing_beside_an_end_of_options() -> None:
    options = parsed("-o", "ro", "--", "c", "m")
    assert not options.read_only
    assert options.positionals == ["c", "m"]


def test_an_unknown_option_is_complained_about_with_the_whole_command_line() -> None:
    with pytest.raises(UsageError) as failure:
        parsed("--zz", "c")
    summary = 'Invalid command line: "vaultfs" "--zz" "c": unknown flag: --zz.'
    assert failure.value.summary == summary
    assert failure.value.hint == "Try 'vaultfs -help'."
    assert failure.value.exit_code == 1


def test_a_complaint_does_not_steer_the_terminal() -> None:
    with pytest.raises(UsageError) as failure:
        parsed("\x1b[2J", "-nosuch")
    assert "\x1b" not in failure.value.summary


def test_an_option_without_its_value_is_refused() -> None:
    with pytest.raises(UsageError, match="flag needs an argument: --ctlsock"):
        parsed("c", "m", "-ctlsock")


def test_every_option_for_people_is_in_the_long_help() -> None:
    text = help_text("vaultfs", "1.0", full=True)
    for option in OPTIONS:
        for name in option.names:
            assert (f"-{name}" in text) == bool(option.help), name
    assert "-notifypid" not in help_text("vaultfs", "1.0", full=False)


def test_every_row_of_the_table_fills_a_field() -> None:
    for option in OPTIONS:
        assert hasattr(Options(), option.target)


def test_help_stops_the_reading_where_it_stands() -> None:
    assert parsed("-h", "-nosuch").help
    assert parsed("-help=false", "c").help
    with pytest.raises(UsageError, match="unknown flag: --nosuch"):
        parsed("-nosuch", "-h")


def test_both_spellings_of_an_exclusion_are_kept() -> None:
    options = parsed("-e", "a", "-exclude", "b", "-e=c,d", "-ew", "x", "-exclude-wildcard", "y")
    assert options.exclude == ["a", "b", "c,d"]
    assert options.exclude_wildcard == ["x", "y"]


def test_what_mount_always_writes_is_no_wish_to_write() -> None:
    assert not parsed("c", "m", "-o", "rw,dev,suid").read_write
    assert parsed("-rw", "c", "m").read_write


def test_the_process_in_the_background_does_not_start_another_one() -> None:
    assert parsed("-fg=false", "c", "m").wants_background
    assert not parsed("-fg", f"-notifypid={os.getppid()}", "-fg=false", "c", "m").wants_background


WORDS = st.one_of(
    st.builds(
        "{}{}{}".format,
        st.sampled_from(("", "-", "--", "---")),
        st.sampled_from(sorted({name for option in OPTIONS for name in option.names} | {"o", "x"})),
        st.sampled_from(("", "=", "=1", "=a,b", "=5s", "=-")),
    ),
    st.text(alphabet="-=o,h 1", max_size=4),
)


@given(st.lists(WORDS, max_size=6))
def test_any_words_are_options_or_a_usage_error(words: list[str]) -> None:
    try:
        options = parsed(*words)
    except UsageError as error:
        assert error.exit_code == 1  # noqa: PT017 - that they are refused is right as well
        return
    assert options.help or len(options.positionals) <= 2 * len(words)


TEXTS = st.text(alphabet="ab=/. -", min_size=1).filter(lambda text: text[0] != "-")
LISTS = st.sampled_from(("passfile", "extpass", "badname", "exclude", "exclude-wildcard"))


@given(st.lists(st.tuples(LISTS, TEXTS)), st.lists(TEXTS, max_size=2), st.booleans(), st.data())
def test_what_is_written_as_words_is_read_back_in_any_order(
    values: list[tuple[str, str]], positionals: list[str], joined: bool, data: st.DataObject
) -> None:
    pieces = [[f"-{name}={text}"] if joined else [f"--{name}", text] for name, text in values]
    for place, text in enumerate(positionals):
        pieces.insert(data.draw(st.integers(place, len(pieces))), [text])
    options = parsed(*(word for piece in pieces for word in piece))
    assert sorted(options.positionals) == sorted(positionals)
    taken = {
        "passfile": options.passfile,
        "extpass": options.extpass,
        "badname": options.bad_names,
        "exclude": options.exclude,
        "exclude-wildcard": options.exclude_wildcard,
    }
    for name, found in taken.items():
        assert found == [text for other, text in values if other == name]


@given(st.lists(st.sampled_from(("ro", "q", "idle=5s", "dev", "fsname=x y", "passfile=a=b", ""))))
def test_mount_options_are_the_same_as_words_in_front(items: list[str]) -> None:
    behind = ["c", "m", "-idle", "1s"]
    assert parsed(*behind, "-o", ",".join(items)) == parsed(
        *(f"-{item}" for item in items if item), *behind
    )


def test_the_help_fits_into_a_terminal_of_80_columns() -> None:
    text = help_text("gocryptfs", "1.0", full=True)
    assert max(map(len, text.splitlines())) <= 80
