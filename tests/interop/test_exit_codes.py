"""Scripts branch on exit codes: each call that goes wrong ends with the number that gocryptfs has.

A case is a line of a shell, as a script has it. It runs in a directory of its own, in which
`c` is a volume, `m` an empty mount point, `pw` a file with the password, and `s` a plain tree.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from capabilities import needs
from support import Gocryptfs, MountedVolume, Vaultfs, run_program

CASES: dict[int, tuple[str, ...]] = {
    0: (
        "G -version",
        "G -hh",
        "G -info c",
        "G -info --config=elsewhere.conf c",
        "G -info -config <(cat c/gocryptfs.conf) c",
        "G -fsck c <pw",
        "G -fsck -masterkey=$(cat key) c",
        "G -passwd -scryptn 10 c <<<$'pass word\\nanother'",
        "G -passwd -masterkey=$(cat key) c <<<another",
        "G -init -scryptn 10 m <pw",
        "G -init -scryptn=10 -passfile=pw -aessiv -longnamemax=62 m",
        "G -init -scryptn=10 -extpass cat -extpass pw -plaintextnames m",
        "rm s/.go*; G -init -reverse -scryptn=10 s <pw",
        "G -init -devrandom -hkdf=false -raw64=0 -forcedecode -scryptn=10 m <pw",
    ),
    1: (
        "G",
        "G -nosuch c m",
        "G c",
        "G -info",
        "G -init -info c",
        "G -fsck -reverse s",
        "G -scryptn ten -init m",
        "G -longnamemax=61 -init m <pw",
        "G -idle 5 c m",
        "G -force_owner=root c m <pw",
        "G -openssl=perhaps c m",
        "G -badname='[' c m <pw",
        "G -passfile pw -extpass 'cat pw' c m",
        "G -passfile pw -masterkey=$(cat key) c m",
        "G c m -o",
        "G c m -o nosuch",
    ),
    6: (
        "G nowhere m",
        "G pw m",
        "G -init nowhere <pw",
        "G -init c <pw",
        "G -info nowhere",
    ),
    7: (
        "cp s/.gocryptfs.reverse.conf . ; G -init -reverse s <pw",
        "cp c/gocryptfs.conf c/gocryptfs.conf.bak; G -passwd -masterkey=$(cat key) c <pw",
    ),
    8: (
        "G -info m",
        "echo x >m/gocryptfs.conf; G -info m",
    ),
    9: (
        "G c m </dev/null",
        "G c m <<<''",
        "G -fsck c </dev/null",
        "G -init m <<<''",
        "G -extpass false c m",
        "G -passfile nowhere c m",
        "head -c 3000 /dev/zero | tr '\\0' x | G c m",
        "G -passwd c <pw",
    ),
    10: (
        "G c nowhere <pw",
        "G c pw <pw",
        "G c c <pw",
        "touch m/letter; G c m <pw",
        "mkdir c/m; G c c/m <pw",
        "G c . <pw",
    ),
    11: (
        "G s m <pw",
        "mkdir e; touch e/gocryptfs.conf; G e m <pw",
        "mkdir e; echo '{' >e/gocryptfs.conf; G e m <pw",
        "G -config nowhere c m <pw",
        "G -fsck m <pw",
    ),
    12: (
        "G c m <<<wrong",
        "G -fsck c <<<wrong",
        "G -passwd c <<<$'wrong\\nanother'",
        "EDIT c EncryptedKey; G c m <pw",
    ),
    14: (
        "G -masterkey=abc c m",
        "G -masterkey=${KEY/?/x} c m",
        "G -masterkey=stdin c m <<<abc",
    ),
    19: ("G -ko nosuchoption c m <pw",),
    20: (
        "G -ctlsock nowhere/socket c m <pw",
        "G -ctlsock pw c m",
    ),
    24: (
        "G -init -scryptn 9 m <pw",
        "G -init -aessiv -xchacha -scryptn=10 m <pw",
    ),
    25: ("G -cpuprofile nowhere/profile c m <pw",),
    26: (
        "printf xyz | dd conv=notrunc bs=1 seek=99 of=$FILE; G -fsck c <pw",
        "touch c/foreign; G -fsck c <pw",
    ),
    27: (
        "EDIT c Version 1; G c m <pw",
        'EDIT c FeatureFlags \'["HKDF", "GCMIV128", "Quantum"]\'; G c m <pw',
        'EDIT c FeatureFlags \'["HKDF", "DirIV", "EMENames"]\'; G c m <pw',
    ),
    29: (
        "G -exclude x c m <pw",
        "G -reverse -exclude-from nowhere s m <pw",
    ),
}

PRELUDE = """
KEY=$(cat key)
FILE=c/$(ls c | grep -v gocryptfs)
G() { "$PROGRAM" "$@"; }
EDIT() { "$PYTHON" "$EDIT" "$@"; }
"""

EDIT = """
import json, pathlib, sys

folder, key, *value = sys.argv[1:]
config = pathlib.Path(folder, "gocryptfs.conf")
data = json.loads(config.read_text())
data[key] = json.loads(value[0]) if value else data[key].swapcase()
config.chmod(0o600)
config.write_text(json.dumps(data))
"""
"""Changes one key of a volume config; without a value, damages it."""


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with all that a case may need, to be copied."""
    shelf = tmp_path_factory.mktemp("shelf")
    for name in ("m", "s"):
        (shelf / name).mkdir()
    (shelf / "pw").write_bytes(b"pass word\n")
    (shelf / "edit.py").write_text(EDIT)
    with Gocryptfs(
        shelf, password=b"pass word", cipherdir=shelf / "c", mountpoint=shelf / "m"
    ) as volume:
        (volume.mountpoint / "letter").write_bytes(bytes(5000))
    shutil.copy(shelf / "c" / "gocryptfs.conf", shelf / "elsewhere.conf")
    key = run_program(
        (*("gocryptfs-xray", "-dumpmasterkey"), shelf / "elsewhere.conf"), b"pass word\n"
    )
    (shelf / "key").write_bytes(re.findall(rb"\b[0-9a-f]{64}\b", key.stdout)[0])
    volume.run("-init", "-q", "-reverse", "-scryptn=10", shelf / "s").check()
    return shelf


@needs("gocryptfs-xray")
@pytest.mark.parametrize("code", CASES)
@pytest.mark.parametrize("program", [Gocryptfs, Vaultfs], ids=["gocryptfs", "vaultfs"])
def test_the_call_ends_with_the_code(
    program: type[MountedVolume], code: int, shelf: Path, tmp_path: Path
) -> None:
    ended = {}
    for number, line in enumerate(CASES[code]):
        place = tmp_path / str(number)
        shutil.copytree(shelf, place)
        environment = {
            **os.environ,
            "PROGRAM": program.command(),
            "PYTHON": sys.executable,
            "EDIT": str(place / "edit.py"),
        }
        done = run_program(("bash", "-c", PRELUDE + line), cwd=place, env=environment)
        ended[line] = done.returncode
        if done.returncode != code:
            print(done.text)
    assert ended == dict.fromkeys(CASES[code], code)
