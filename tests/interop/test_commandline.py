"""Words become options as in gocryptfs, and what scripts read in its output stands in ours.

`-version` is obeyed after all words are read and before anything is done, so beside any words
it tells whether gocryptfs takes them. Exit codes of whole calls are in test_exit_codes.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import Gocryptfs, Vaultfs, private_home, program, run_program

from vaultui.model.errors import UsageError
from vaultui.mountd.commandline.optiontable import OPTIONS
from vaultui.mountd.commandline.pflag import parse
from vaultui.mountd.commandline.refusals import check_options

NEWER = {"context", "noxattr", "fido2-assert-option"}
"""Options that the gocryptfs of the distribution does not know yet."""
OURS = {
    "xray",
    "dumpmasterkey",
    "encrypt-paths",
    "decrypt-paths",
    "0",
    "spec-fd",
    "notify-fd",
    "argon2id",
    "conflict-copies",
    "keyfile",
}

TAKEN = """
--o ro
-o ro -- c
-o=ro
-o ro,,q
-o ro,q -o dev
-o o=1
-o= c
-o --
- c
--q
-q=T -fg=f -init=FALSE
-idle 1h30m
-idle=1.5h
-i=-0
-i .5s
-i 2562047h
-i 500ms20us3ns
-scryptn 017
-scryptn=0x10
-scryptn +1_1
-scryptn=-3
-longnamemax 0
-longnamemax 0b1111111
-fsname --
-extpass -X
-extpass a,b
-badname *
-badname [a-z]
-badname [^a]?*
-badname !a
-e a -exclude b -ew c -exclude-wildcard d -exclude-from e
-openssl=0
-openssl auto
-openssl T
-nofail -devrandom -forcedecode=false
-masterkey= -passfile p
-masterkey k -zerokey
-ko=noexec,a=b
-force_owner x
"""

REFUSED = r"""
-nosuch
-q -nosuch=1 -alsonosuch
--=x
---x
-o ---ro
-o -o
-o o
-o nosuch
-h=1
--h
-qf
-fg=maybe
-fg=
-idle 5
-idle=
-idle 1h-5m
-idle 1e3s
-idle 2562048h
-idle=-5s
-scryptn ten
-scryptn 08
-scryptn 9223372036854775808
-scryptn= c
-longnamemax 256
-longnamemax=-1
-longnamemax=+70
-longnamemax 61
-openssl perhaps
-openssl c
-badname [
-badname a[
-badname []
-badname []]
-badname [a-
-badname [-a]
-passfile a -extpass b
-passfile a -masterkey b
-passfile a -masterkey b -init
-extpass a -masterkey b
-extpass a -passfile b -masterkey c
-masterkey
"""


def lines(text: str) -> list[str]:
    return text.strip().splitlines()


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return private_home(tmp_path_factory.mktemp("commandline"))


def theirs(words: list[str], environment: dict[str, str]) -> str:
    """Return what gocryptfs has against the words; empty when it takes them."""
    done = run_program(("gocryptfs", "-version", *words), env=environment, cwd=environment["HOME"])
    assert done.returncode in (0, 1, 6), done.text
    complaint = done.stderr.decode("utf-8", "replace").strip()
    # What -o puts in front may end the options or take -version for a value: then the words
    # are read, and directories are looked for.
    is_read = done.returncode != 1 or complaint == "CIPHERDIR argument is missing"
    return "" if is_read else complaint


def ours(words: list[str]) -> str:
    try:
        options = parse(["gocryptfs", "-version", *words])
        if not options.help:
            check_options(options)
    except UsageError as error:
        return error.summary
    return ""


@pytest.mark.parametrize("line", lines(TAKEN))
def test_words_that_gocryptfs_takes_are_taken(line: str, environment: dict[str, str]) -> None:
    words = shlex.split(line)
    assert theirs(words, environment) == ""
    assert ours(words) == ""


@pytest.mark.parametrize("line", lines(REFUSED))
def test_words_that_gocryptfs_refuses_are_refused_for_the_same_reason(
    line: str, environment: dict[str, str]
) -> None:
    words = line.split(" ")
    reason = theirs(words, environment)
    assert reason
    assert essence(ours(words)) == essence(reason)


def essence(complaint: str) -> str:
    """Return the part of a complaint that names the culprit, without the words of Go's library."""
    what = re.sub(r"^Invalid command line: (\"\S*\" )*\"\S*\": ", "", complaint.rstrip("."))
    what = what.removesuffix(". Try 'gocryptfs -help'")
    what = re.sub(r'(strconv\.Parse\w+: parsing "[^"]*"|time): ', "", what)
    what = re.sub(r'(invalid|missing unit in|unknown unit "\S+" in) duration', "no duration", what)
    return re.sub(r" setting: .*", "", what)


names = st.sampled_from(
    sorted({name for option in OPTIONS for name in option.names} - NEWER - OURS - {"version"})
)
values = st.sampled_from(("", "1", "false", "5s", "a,b", "61", "-x", "0x10", "[", "auto", "="))
word = st.one_of(
    st.builds("-{}".format, names),
    st.builds("--{}".format, names),
    st.builds("-{}={}".format, names, values),
    st.sampled_from(("-o", "-o=ro,q", "-", "ro,idle=1m", "c", "---", "-=", "--nosuch")),
    values,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(word, max_size=5))
def test_whatever_the_words_are_both_take_them_or_both_refuse(
    words: list[str], environment: dict[str, str]
) -> None:
    # A process in the background would say it, too, only later.
    words = ["-fg", *words]
    assert bool(ours(words)) == bool(theirs(words, environment))


def test_every_option_of_gocryptfs_is_one_of_ours() -> None:
    listed = run_program(("gocryptfs", "-hh")).check().text
    known = {name for option in OPTIONS for name in option.names}
    assert set(re.findall(r"^ +--([\w-]+)", listed, re.MULTILINE)) <= known
    newest = Path("/opt/gocryptfs-2.6.1/usr/bin/gocryptfs")
    if newest.exists():
        listed = run_program((newest, "-hh")).check().text
        assert set(re.findall(r"^ +--([\w-]+)", listed, re.MULTILINE)) <= known


SAID = {
    "-init -scryptn 10 e": (
        "Choose a password for protecting your files.",
        "Not running on a terminal, suppressing master key display",
        "The gocryptfs filesystem has been created successfully.",
        "You can now mount it using: gocryptfs e MOUNTPOINT",
    ),
    "-init -reverse -scryptn 10 e": (
        "The gocryptfs-reverse filesystem has been created successfully.",
        "You can now mount it using: gocryptfs -reverse e MOUNTPOINT",
    ),
    "-init -scryptn 10 -zerokey 'with space'": (
        'You can now mount it using: gocryptfs "with space" MOUNTPOINT',
    ),
    "-passwd -extpass 'echo pw' c": (
        'Reading password from extpass program "echo", arguments: ["pw"]',
        "Decrypting master key",
        "Please enter your new password.",
    ),
    "-passwd c": ("Please enter your new password.", "Password changed."),
    "-passwd -masterkey " + "6f" * 32 + " c": (
        "Using explicit master key.",
        'THE MASTER KEY IS VISIBLE VIA "ps ax" AND MAY BE STORED IN YOUR SHELL HISTORY!',
        'A copy of the old config file has been created at "{base}/c/gocryptfs.conf.bak".',
        "Password changed.",
    ),
    "-fsck -zerokey c": (
        "Using all-zero dummy master key.",
        "ZEROKEY MODE PROVIDES NO SECURITY AT ALL AND SHOULD ONLY BE USED FOR TESTING.",
        "fsck summary: no problems found",
    ),
    "-fsck -config c/gocryptfs.conf c": (
        "Using config file at custom location {base}/c/gocryptfs.conf",
    ),
    "c": ("Wrong number of arguments (have 1, want 2).",),
    "-q": ("CIPHERDIR argument is missing",),
    "-info -init c": ("At most one of -info, -init, -passwd, -fsck is allowed",),
    "-info c e": ("The options -info, -init, -passwd, -fsck take exactly one argument, 2 given",),
    "-fsck -reverse c": ("Running -fsck with -reverse is not supported",),
    "-e x c": ("-exclude only works in reverse mode",),
    "-force_owner 1 c": ("UID:GID",),
    "-passfile pw -cpuprofile /nonexistent/x c": ("Writing CPU profile to /nonexistent/x",),
    "-fg c e": ("Password incorrect.",),
}


@pytest.mark.parametrize("line", SAID)
def test_what_programs_read_in_the_output_of_gocryptfs_is_said(line: str, tmp_path: Path) -> None:
    alias = tmp_path / "gocryptfs"
    alias.symlink_to(program("vaultfs"))
    for number, command in enumerate(("gocryptfs", str(alias))):
        base = tmp_path / str(number)
        volume = Gocryptfs(base, cipherdir=base / "c", password=b"pw")
        volume.create()
        for folder in ("e", "with space"):
            (base / folder).mkdir()
        given = b"wrong\n" if line.startswith("-fg") else b"pw\nnew\n"
        done = run_program((command, *shlex.split(line)), given, cwd=base)
        for text in SAID[line]:
            assert text.format(base=base) in done.text


FLAVOURS = {
    "xchacha": "-xchacha -longnamemax 100",
    "plaintextnames": "-plaintextnames -longnamemax 100",
    "deterministic-names": "-aessiv -deterministic-names -longnamemax 62 -scryptn 11",
}


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_info_says_the_same_of_every_flavour_whoever_made_it(flavour: str, tmp_path: Path) -> None:
    said = set()
    for kind in (Gocryptfs, Vaultfs):
        volume = kind(tmp_path, cipherdir=tmp_path / kind.__name__)
        volume.init_options += tuple(FLAVOURS[flavour].split())
        volume.create()
        said |= {volume.by(reader).info().split("\n", 1)[1] for reader in (Gocryptfs, Vaultfs)}
    assert len(said) == 1, said
