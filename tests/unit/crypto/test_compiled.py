"""Proves of the compiled ciphers what their answers don't show: nonces, wiping, doing without.

That they say the same as those in Python is proved in tests/property/test_compiled_ciphers.py.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import ModuleType

import forkedwork
import pytest
from capabilities import needs
from support import run_program

from vaultui.cipherfs.volume import volume_from_master_key
from vaultui.crypto import hazmat
from vaultui.crypto.content import ContentCipher
from vaultui.crypto.hazmat import compiled
from vaultui.crypto.hazmat.aead import AesGcm
from vaultui.model import switches
from vaultui.model.secret import Secret

ROOT = Path(__file__).parents[3]
KEY = bytes(range(32))
FILE_ID = bytes(range(1, 17))
RAW_EME = ("EMENames", "LongNames", "Raw64")
NONCE = 16
POOLED = 255
"""Nonces that are drawn at once."""


@pytest.fixture
def module() -> ModuleType:
    found = compiled.load()
    assert found is not None
    return found


@needs("compiled")
def test_damage_at_every_place_is_refused_and_leaves_zeros(module: ModuleType) -> None:
    runs = module.GcmRuns(KEY)
    plain = b"secret content"
    sealed = runs.seal(3, FILE_ID, plain)
    for at in range(len(sealed)):
        damaged = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        out = bytearray(b"\xee" * len(damaged))
        assert runs.open_into(3, FILE_ID, damaged, out) == -1
        assert out == bytes(len(plain)) + b"\xee" * 32


@needs("compiled")
def test_damage_in_the_last_block_leaves_nothing_of_the_first(module: ModuleType) -> None:
    runs = module.GcmRuns(KEY)
    sealed = bytearray(runs.seal(0, FILE_ID, b"p" * 5000))
    sealed[-1] ^= 1
    out = bytearray(b"\xee" * len(sealed))
    assert runs.open_into(0, FILE_ID, bytes(sealed), out) == -1
    assert out == bytes(5000) + b"\xee" * 64


@needs("compiled")
@pytest.mark.parametrize("size", [1, 32])
def test_a_torn_last_block_is_refused_before_anything_is_opened(
    module: ModuleType, size: int
) -> None:
    runs = module.GcmRuns(KEY)
    torn = runs.seal(0, FILE_ID, b"p" * 5000)[: 4128 + size]
    with pytest.raises(ValueError, match="damaged"):
        runs.open(0, FILE_ID, torn)


@needs("compiled")
def test_no_nonce_comes_twice(module: ModuleType) -> None:
    runs = [module.GcmRuns(KEY) for _ in range(2)]
    nonces = [of.seal(0, FILE_ID, b"x")[:NONCE] for _ in range(4 * POOLED) for of in runs]
    assert len(set(nonces)) == len(nonces)


@needs("compiled")
def test_a_child_does_not_use_the_nonces_that_its_parent_has_drawn_ahead(
    module: ModuleType,
) -> None:
    runs = module.GcmRuns(KEY)
    runs.seal(0, FILE_ID, b"x")
    left = NONCE * (POOLED - 1)
    read, write = os.pipe()
    forkedwork.run_in_child(lambda: os.write(write, runs.random(left)))
    of_child = os.read(read, left)
    os.close(read)
    os.close(write)
    of_parent = runs.random(left)
    drawn = [of[at : at + NONCE] for of in (of_child, of_parent) for at in range(0, len(of), NONCE)]
    assert len(drawn) == 2 * (POOLED - 1)
    assert len(set(drawn)) == len(drawn)


@needs("compiled")
def test_what_is_no_key_no_file_id_and_no_iv_is_refused(module: ModuleType) -> None:
    for size in (0, 16, 31, 33, 64):
        with pytest.raises(ValueError, match="key"):
            module.GcmRuns(bytes(size))
        with pytest.raises(ValueError, match="key"):
            module.EmeNames(bytes(size), True)
    runs = module.GcmRuns(KEY)
    names = module.EmeNames(KEY, True)
    with pytest.raises(ValueError, match="file ID"):
        runs.seal(0, b"short", b"x")
    with pytest.raises(ValueError, match="file ID"):
        runs.open(0, b"short", b"x")
    with pytest.raises(ValueError, match="IV"):
        names.encrypt(b"short", b"name")
    with pytest.raises(ValueError, match="negative"):
        runs.random(-1)


@needs("compiled")
def test_the_key_may_be_wiped_as_soon_as_it_was_handed_over(module: ModuleType) -> None:
    key = bytearray(KEY)
    runs = module.GcmRuns(key)
    key[:] = bytes(32)
    assert ContentCipher(AesGcm(KEY)).open(0, FILE_ID, runs.seal(0, FILE_ID, b"x")) == b"x"


@needs("compiled")
@pytest.mark.parametrize(
    ("flags", "has_content", "has_names"),
    [
        (("HKDF", "GCMIV128", "DirIV", *RAW_EME), True, True),
        (("GCMIV128", "DirIV", "EMENames", "LongNames"), True, True),
        (("HKDF", "GCMIV128", *RAW_EME), True, True),
        (("HKDF", "GCMIV128", "PlaintextNames"), True, False),
        (("HKDF", "GCMIV128", "AESSIV", "DirIV", *RAW_EME), False, True),
        (("HKDF", "XChaCha20Poly1305", "DirIV", *RAW_EME), False, True),
    ],
)
def test_a_volume_has_those_that_its_features_allow(
    flags: tuple[str, ...], has_content: bool, has_names: bool
) -> None:
    volume = volume_from_master_key(Secret(bytearray(KEY)), flags)
    assert volume.compiled is not None
    runs, names = volume.compiled.content, volume.compiled.names
    assert (runs is not None, names is not None) == (has_content, has_names)
    if runs is not None:
        assert runs.open(2, FILE_ID, volume.content.seal(2, FILE_ID, b"content")) == b"content"
    if names is not None:
        assert names.encrypt(FILE_ID, b"name") == volume.names.encrypt(b"name", FILE_ID)


def test_switched_off_a_volume_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(switches.HOTPATH, "off")
    volume = volume_from_master_key(Secret(bytearray(KEY)), ("HKDF", "GCMIV128", "DirIV", *RAW_EME))
    assert volume.compiled is None


@pytest.mark.parametrize("content", [None, b"", b"\x7fELF of another machine"])
def test_a_module_that_is_missing_or_does_not_load_is_as_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / f"_openssl{EXTENSION_SUFFIXES[0]}").write_bytes(content)
    monkeypatch.delitem(sys.modules, f"{hazmat.__name__}._openssl", raising=False)
    monkeypatch.delattr(hazmat, "_openssl", raising=False)
    monkeypatch.setattr(hazmat, "__path__", [str(tmp_path)])
    assert compiled.load() is None
    assert compiled.new_ciphers(KEY, KEY, raw64=True) is None


@needs("sanitizers")
@pytest.mark.timeout_s(300)
def test_nothing_is_touched_out_of_bounds(tmp_path: Path) -> None:
    """The other tests once more, with the module compiled to end the process where it errs."""
    options = "-g -fsanitize=address,undefined -fno-sanitize-recover=all"
    command = (sys.executable, ROOT / "scripts/compile", "--into", tmp_path, "_openssl")
    run_program(command, env={**os.environ, "CFLAGS": options}, timeout=100).check()
    (built,) = tmp_path.iterdir()
    code = (
        "import importlib.util, sys, pytest\n"
        "from vaultui.crypto import hazmat\n"
        f"name, path = '{hazmat.__name__}._openssl', {str(built)!r}\n"
        "spec = importlib.util.spec_from_file_location(name, path)\n"
        "module = hazmat._openssl = sys.modules[name] = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
        "sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', *sys.argv[1:]]))\n"
    )
    runtimes = [
        run_program(("cc", f"-print-file-name={name}")).check().stdout.decode().strip()
        for name in ("libasan.so", "libubsan.so")
    ]
    env = {
        **os.environ,
        "LD_PRELOAD": " ".join(runtimes),
        # What the interpreter itself keeps to its end is no leak of ours.
        "ASAN_OPTIONS": "detect_leaks=0",
        # Its own allocator puts many objects into one piece of memory.
        "PYTHONMALLOC": "malloc",
        "HYPOTHESIS_PROFILE": "few",
    }
    tests = (Path(__file__), ROOT / "tests/property/test_compiled_ciphers.py")
    done = run_program(
        (sys.executable, "-c", code, *tests, "-k", "not out_of_bounds"),
        env=env,
        cwd=ROOT,
        timeout=250,
    )
    assert b" passed" in done.check().stdout
