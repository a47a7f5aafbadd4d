"""The control socket of a real mount: gocryptfs's protocol word for word, and our own requests."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import socket
import stat
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
from asking import Asking
from capabilities import needs
from mounting import Vaultfs
from support import wait_until

pytestmark = needs("fuse")


@needs("gocryptfs-xray")
def test_the_real_client_of_gocryptfs_translates_both_ways(mounted: Vaultfs) -> None:
    folder = mounted.mountpoint / "Ordner mit Ü"
    folder.mkdir()
    names = [b"Ordner mit \xc3\x9c/a", b"Ordner mit \xc3\x9c/" + b"l" * 200]
    socket_path = mounted.base / "ctl"
    for name in names:
        (mounted.mountpoint / os.fsdecode(name)).touch()
    text = b"".join(name + b"\n" for name in names)
    encrypted = subprocess.run(
        ("gocryptfs-xray", "-encrypt-paths", socket_path),
        input=text,
        capture_output=True,
        check=True,
        timeout=20,
    ).stdout
    for line in encrypted.splitlines():
        assert (mounted.cipherdir / os.fsdecode(line)).exists()
    decrypted = subprocess.run(
        ("gocryptfs-xray", "-decrypt-paths", socket_path),
        input=encrypted,
        capture_output=True,
        check=True,
        timeout=20,
    ).stdout
    assert decrypted == text


def test_a_request_that_fills_the_buffer_closes_the_connection(mounted: Vaultfs) -> None:
    with Asking(mounted.base / "ctl") as client:
        assert client.raw(b"x" * 5000) == b""
    with Asking(mounted.base / "ctl") as client:
        assert json.loads(client.raw(b" " * 4997 + b"{}"))["ErrText"] == "empty input"


def test_the_socket_is_private_and_gone_after_the_mount(mounted: Vaultfs) -> None:
    path = mounted.base / "ctl"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    mounted.unmount()
    assert not path.exists()


def test_the_socket_is_gone_when_unlocking_fails(volume: Vaultfs) -> None:
    path = volume.base / "ctl"
    done = volume.run(
        "-fg", "-ctlsock", path, volume.cipherdir, volume.mountpoint, input=b"wrong\n"
    )
    assert done.returncode == 12
    assert not path.exists()


def test_the_socket_is_bound_before_the_password_is_read(volume: Vaultfs) -> None:
    process = subprocess.Popen(
        (
            volume.command(),
            "-fg",
            "-ctlsock",
            volume.base / "ctl",
            volume.cipherdir,
            volume.mountpoint,
        ),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_until((volume.base / "ctl").exists, what="the socket is there")
    process.communicate(b"wrong\n", timeout=20)
    assert process.returncode == 12


def test_a_socket_of_a_killed_backend_is_replaced_and_a_live_one_is_not(mounted: Vaultfs) -> None:
    path = mounted.base / "ctl"
    other = mounted.base / "other"
    other.mkdir()
    again = mounted.run("-fg", "-ro", "-ctlsock", path, _copy(mounted), other)
    assert again.returncode == 20
    assert "control socket" in again.stderr.decode()
    mounted.kill()
    assert path.exists()
    mounted.mount()
    with Asking(path) as client:
        assert client.ours("StatusRequest")["type"] == "Status"


def _copy(volume: Vaultfs) -> Path:
    target = volume.base / "copy"
    target.mkdir()
    for name in ("gocryptfs.conf", "gocryptfs.diriv"):
        (target / name).write_bytes((volume.cipherdir / name).read_bytes())
    return target


def test_status_names_open_files_their_openers_and_what_was_moved(mounted: Vaultfs) -> None:
    folder = mounted.mountpoint / "docs"
    folder.mkdir()
    with (folder / "letter").open("wb") as file, Asking(mounted.base / "ctl") as client:
        file.write(b"x" * 10000)
        file.flush()
        # Where finding out takes long, who opened it comes with a later answer.
        status = wait_until(
            lambda: _with_openers(client.ours("StatusRequest")),
            what="the status names who opened the file",
        )
        assert status["open_file_count"] == 1
        (opened,) = status["open_files"]
        assert (opened["path"], opened["handles"], opened["writable"]) == ("docs/letter", 1, True)
        assert [opener["pid"] for opener in opened["openers"]] == [os.getpid()]
        assert status["bytes_written"] == 10000
        assert status["operations"]["mkdir"] == 1
        assert status["cipherdir"] == str(mounted.cipherdir)
        assert status["mountpoint"] == str(mounted.mountpoint)
        assert status["rss_bytes"] > 1 << 20
        assert status["features"][0] == "HKDF"
        assert status["idle_left_s"] is None
        (folder / "letter").rename(folder / "note")
        assert client.ours("StatusRequest")["open_files"][0]["path"] == "docs/note"
    # Its release comes after the close has returned.
    with Asking(mounted.base / "ctl") as client:
        wait_until(lambda: client.ours("StatusRequest")["open_file_count"] == 0)


def _with_openers(status: dict[str, Any]) -> dict[str, Any]:
    """Return a status that names who has the files open; {} for another."""
    return status if all(file["openers"] for file in status["open_files"]) else {}


def test_a_lock_is_refused_with_the_holder_and_done_when_it_let_go(mounted: Vaultfs) -> None:
    path = mounted.base / "ctl"
    file = (mounted.mountpoint / "held").open("wb")
    with Asking(path) as client:
        refused = client.ours("LockRequest", reason="test")
        assert refused["error"]["code"] == "mount-busy"
        assert f"({os.getpid()}, open file)" in refused["error"]["summary"]
        # Nobody waits for it: it is the idle lock alone that can be due.
        assert not client.ours("StatusRequest")["busy_reason"]
        file.close()
        wait_until(lambda: client.ours("StatusRequest")["open_file_count"] == 0)
        assert client.ours("LockRequest", reason="test")["type"] == "LockReply"
    assert mounted.process is not None
    assert mounted.process.wait(20) == 0
    assert not mounted.is_mounted()


def test_a_lazy_lock_lets_holders_finish(mounted: Vaultfs) -> None:
    with (mounted.mountpoint / "held").open("w+b") as file:
        with Asking(mounted.base / "ctl") as client:
            assert client.ours("LockRequest", lazy=True)["type"] == "LockReply"
        assert not mounted.is_mounted()
        file.write(b"still works")
        file.flush()
        assert mounted.process is not None
        assert mounted.process.poll() is None
    assert mounted.process.wait(20) == 0
    with mounted.by(Vaultfs) as again:
        assert (again.mountpoint / "held").read_bytes() == b"still works"


def test_events_tell_of_a_damaged_block_with_its_path(volume: Vaultfs) -> None:
    volume.mount_options = ("-ctlsock", str(volume.base / "ctl"))
    with volume:
        (volume.mountpoint / "victim").write_bytes(b"x" * 10000)
        volume.unmount()
        (cipher,) = (
            entry for entry in volume.cipherdir.iterdir() if not entry.name.startswith("gocryptfs.")
        )
        damaged = bytearray(cipher.read_bytes())
        damaged[18 + 4128 + 100] ^= 1
        cipher.write_bytes(damaged)
        volume.mount()
        with (volume.mountpoint / "victim").open("rb", 0) as file:
            with pytest.raises(OSError, match="Input/output error"):
                os.pread(file.fileno(), 4096, 4096)
            assert os.pread(file.fileno(), 100, 8192) == b"x" * 100
        with Asking(volume.base / "ctl") as client:
            events = client.ours("EventsRequest", since=0)["events"]
    kinds = [event["kind"] for event in events]
    assert kinds[0] == "unlocked"
    (damage,) = (event for event in events if event["kind"] == "corrupt-content")
    assert damage["path"] == "victim"
    assert "1" in damage["detail"]


def test_requests_that_are_none_are_refused_and_the_connection_stays(mounted: Vaultfs) -> None:
    with Asking(mounted.base / "ctl") as client:
        assert client.ours("Nonsense")["error"]["code"] == "backend-too-old"
        assert client.ours("ExtendRequest", seconds="x")["error"]["code"] == "protocol"
        assert client.ours("ExtendRequest", seconds=-1)["error"]["code"] == "protocol"
        assert client.ours("StatusRequest")["type"] == "Status"


def test_it_answers_while_the_data_plane_is_busy(mounted: Vaultfs) -> None:
    stop = threading.Event()

    def write() -> None:
        with (mounted.mountpoint / "big").open("wb", 0) as file:
            while not stop.is_set():
                file.seek(0)
                file.write(bytes(1 << 20))

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        with Asking(mounted.base / "ctl", timeout=30) as client:
            for _ in range(20):
                assert client.ours("StatusRequest")["type"] == "Status"
                assert client.path(EncryptPath="big")["ErrNo"] == 0
    finally:
        stop.set()
        for writer in writers:
            writer.join()


def test_many_clients_are_served_at_once(mounted: Vaultfs) -> None:
    clients = [Asking(mounted.base / "ctl") for _ in range(20)]
    for client in reversed(clients):
        assert client.path(EncryptPath="a")["ErrNo"] == 0
    for client in clients:
        client.__exit__(None, None, None)


def test_a_mount_without_a_descriptor_left_goes_on_and_answers_when_it_has_one(
    volume: Vaultfs,
) -> None:
    path = volume.base / "ctl.sock"
    with volume.by(Vaultfs, mount_options=("-ctlsock", str(path))) as served:
        assert served.process is not None
        pid = served.process.pid
        limit = len(os.listdir(f"/proc/{pid}/fd")) + 20
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, limit))
        with contextlib.ExitStack() as held:
            with pytest.raises(OSError, match="Too many open files"):
                _open_files(served.mountpoint, held)
            client = socket.socket(socket.AF_UNIX)
            client.settimeout(20)
            client.connect(str(path))
            client.sendall(b'{"EncryptPath":"f1"}')
            wait_until(lambda: "has to wait" in served.log, 10)
        with client:
            assert json.loads(client.recv(5000))["ErrNo"] == 0
        assert served.is_mounted()


def _open_files(directory: Path, held: contextlib.ExitStack) -> None:
    for number in range(100):
        held.enter_context((directory / f"f{number}").open("w"))
