"""The command line is read as gocryptfs reads it: dashes, order, -o, durations, complaints."""

from __future__ import annotations

import pytest

from vaultui.model.errors import UsageError
from vaultui.mountd.helptext import help_text
from vaultui.mountd.options import OPTIONS, Options
from vaultui.mountd.optionvalues import parse_duration
from vaultui.mountd.pflag import parse


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
    assert failure.value.summary == (
        'Invalid command line: "vaultfs" "--zz" "c": unknown flag: --zz. Try \'vaultfs -help\'.'
    )
    assert failure.value.exit_code == 1


def test_an_option_without_its_value_is_refused() -> None:
    with pytest.raises(UsageError, match="flag needs an argument: --ctlsock"):
        parsed("c", "m", "-ctlsock")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500s", 500), ("1h30m", 5400), ("10ms", 0.01), ("1.5h", 5400), ("0", 0), ("-5s", -5)],
)
def test_durations_are_those_of_go(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["5", "", "s", "1x", "--5s", "1h 5m", "1.2.3s", "m5"])
def test_what_go_takes_for_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


def test_integers_are_read_as_go_reads_them() -> None:
    assert parsed("-scryptn=0x10").scrypt_logn == 16
    with pytest.raises(UsageError, match="scryptn"):
        parsed("-scryptn", "ten")


def test_every_option_for_people_is_in_the_long_help() -> None:
    text = help_text("vaultfs", "1.0", full=True)
    for option in OPTIONS:
        for name in option.names:
            assert (f"-{name}" in text) == bool(option.help), name
    assert "-notifypid" not in help_text("vaultfs", "1.0", full=False)


def test_every_row_of_the_table_fills_a_field() -> None:
    for option in OPTIONS:
        assert hasattr(Options(), option.target)
