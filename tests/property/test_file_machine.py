"""File content under any sequence of calls is what a bytearray says it is, for every cipher.

A machine of several handles on one file writes, appends, truncates, reads, reopens; the model
is one bytearray. At every step what a handle reads, and at the end what a fresh look at the
disk reads, must be the model's content. Sizes cluster around multiples of the block size,
where the mistakes are.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from openvolume import FLAVOURS, Flavour, OpenVolume

from vaultui.cipherfs.attributes import AttributeChange
from vaultui.cipherfs.check import check
from vaultui.model.ids import Handle

BLOCK = 4096
LIMIT = 6 * BLOCK

near_edges = st.builds(
    lambda block, delta: max(block * BLOCK + delta, 0), st.integers(0, 5), st.integers(-2, 2)
)
offsets = st.one_of(near_edges, st.integers(0, LIMIT))
sizes = st.one_of(
    st.integers(1, 40),
    st.builds(
        lambda block, delta: max(block * BLOCK + delta, 1), st.integers(0, 3), st.integers(-2, 2)
    ),
)


class FileMachine(RuleBasedStateMachine):
    """One file, up to four handles, one model."""

    flavour: ClassVar[Flavour]

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory(
            dir="/dev/shm" if os.path.isdir("/dev/shm") else None
        )
        cipherdir = Path(self.directory.name, "cipher")
        self.vault = OpenVolume(cipherdir, self.flavour.create(cipherdir))
        self.handles: list[tuple[Handle, int]] = []
        self.model = bytearray()
        self.fill = 0

    @initialize()
    def make(self) -> None:
        opened, attributes = self.vault.fs.create(*self.vault.split("file"), 0o644, os.O_RDWR)
        self.ino = attributes.ino
        self.handles = [(opened.handle, os.O_RDWR)]

    def pick(self, index: int, *, writable: bool) -> tuple[Handle, int] | None:
        fit = [h for h in self.handles if not writable or h[1] & os.O_ACCMODE != os.O_RDONLY]
        return fit[index % len(fit)] if fit else None

    def data(self, size: int) -> bytes:
        self.fill = self.fill % 255 + 1
        return bytes((self.fill,)) * size

    @rule(flags=st.sampled_from([os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_APPEND]))
    @precondition(lambda self: len(self.handles) < 4)
    def open(self, flags: int) -> None:
        self.ino = self.vault.ino("file")
        self.handles.append((self.vault.fs.open(self.ino, flags).handle, flags))

    @rule()
    def open_truncating(self) -> None:
        self.ino = self.vault.ino("file")
        handle = self.vault.fs.open(self.ino, os.O_WRONLY | os.O_TRUNC).handle
        self.vault.fs.release(handle)
        self.model.clear()

    @rule(index=st.integers(0, 3))
    def close(self, index: int) -> None:
        if self.handles:
            handle, _flags = self.handles.pop(index % len(self.handles))
            self.vault.flush(handle)
            self.vault.fs.release(handle)

    @rule(index=st.integers(0, 3), offset=offsets, size=sizes)
    def write(self, index: int, offset: int, size: int) -> None:
        if (picked := self.pick(index, writable=True)) is None:
            return
        handle, flags = picked
        data = self.data(size)
        if flags & os.O_APPEND:
            offset = len(self.model)
        assert self.vault.fs.write(handle, offset, data) == size
        if offset > len(self.model):
            self.model.extend(bytes(offset - len(self.model)))
        self.model[offset : offset + size] = data

    @rule(index=st.integers(0, 3), offset=offsets, size=sizes)
    def read(self, index: int, offset: int, size: int) -> None:
        if (picked := self.pick(index, writable=False)) is not None:
            got = bytes(self.vault.fs.read(picked[0], offset, size))
            assert got == bytes(self.model[offset : offset + size])

    @rule(size=offsets, index=st.none() | st.integers(0, 3))
    def truncate(self, size: int, index: int | None) -> None:
        picked = None if index is None else self.pick(index, writable=True)
        handle = None if picked is None else picked[0]
        attributes = self.vault.fs.setattr(self.ino, AttributeChange(size=size), handle)
        assert attributes.size == size
        del self.model[size:]
        self.model.extend(bytes(size - len(self.model)))

    @rule(index=st.integers(0, 3))
    def fsync(self, index: int) -> None:
        if (picked := self.pick(index, writable=False)) is not None:
            self.vault.fs.fsync(picked[0], False)

    @rule()
    def forget_everything(self) -> None:
        self.vault.reopen()
        self.handles = []
        self.ino = self.vault.ino("file")

    @invariant()
    def size_is_known(self) -> None:
        if self.handles:
            assert self.vault.fs.getattr(self.ino).size == len(self.model)

    def teardown(self) -> None:
        try:
            self.vault.reopen()
            assert self.vault.read("file") == bytes(self.model)
            fd = os.open(self.vault.cipherdir, os.O_RDONLY)
            try:
                damages: list[object] = []
                check(fd, self.vault.volume, lambda *_: None, lambda *d: damages.append(d))
                assert damages == []
            finally:
                os.close(fd)
        finally:
            self.vault.close()
            self.directory.cleanup()


class GcmMachine(FileMachine):
    flavour = Flavour("HKDF GCMIV128 DirIV EMENames LongNames Raw64")


class OldGcmMachine(FileMachine):
    flavour = FLAVOURS["0.6"]


class SivMachine(FileMachine):
    flavour = FLAVOURS["siv"]


class XChaChaMachine(FileMachine):
    flavour = FLAVOURS["xchacha-deterministic"]


_STEPS = settings(stateful_step_count=60)
# All take the same way through the code: what differs is the size of a nonce.
_FEWER = settings(_STEPS, max_examples=_STEPS.max_examples // 4)

TestGcm = GcmMachine.TestCase
TestGcm.settings = _STEPS
TestOldGcm = OldGcmMachine.TestCase
TestOldGcm.settings = _FEWER
TestSiv = SivMachine.TestCase
TestSiv.settings = _FEWER
TestXChaCha = XChaChaMachine.TestCase
TestXChaCha.settings = _FEWER
