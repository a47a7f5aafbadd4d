"""Parent and child about the maps of a user namespace: neither waits for one that is gone."""

import errno
import os
from collections.abc import Callable

from capabilities import needs

from vaultui.linux import namespaces
from vaultui.shim.idmaps import IdMaps
from vaultui.wire.attributes import Attributes, IdRange, Namespace

OWN = Attributes(
    namespaces=(Namespace.USER,),
    uid_maps=(IdRange(0, os.getuid()),),
    gid_maps=(IdRange(0, os.getgid()),),
)


def in_child(work: Callable[[], int]) -> int:
    """Fork; the child exits with what `work` returns, or with the errno that it raises."""
    pid = os.fork()
    if pid == 0:
        code = 255
        try:
            code = work()
        except OSError as error:
            code = error.errno or 255
        finally:
            os._exit(code)
    return pid


def code_of(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@needs("user-namespaces")
def test_the_child_is_who_the_maps_say_when_it_goes_on() -> None:
    before = descriptors()
    maps = IdMaps.wanted_by(OWN)
    assert maps is not None

    def work() -> int:
        namespaces.unshare("user")
        unmapped = os.getuid()
        maps.wait()
        return 0 if (unmapped, os.getuid(), os.getgid()) == (65534, 0, 0) else 254

    pid = in_child(work)
    maps.serve(pid)
    assert code_of(pid) == 0
    assert descriptors() == before


def test_the_parent_does_not_wait_for_a_child_that_is_gone() -> None:
    before = descriptors()
    maps = IdMaps.wanted_by(OWN)
    assert maps is not None
    pid = in_child(lambda: 0)
    maps.serve(pid)
    assert code_of(pid) == 0
    assert descriptors() == before


def test_the_child_does_not_wait_for_a_parent_that_is_gone() -> None:
    reading, writing = os.pipe()

    def middle() -> int:
        maps = IdMaps.wanted_by(OWN)
        assert maps is not None

        def work() -> int:
            try:
                maps.wait()
            except OSError as error:
                os.write(writing, str(error.errno).encode())
            return 0

        in_child(work)
        return 0

    assert code_of(in_child(middle)) == 0
    os.close(writing)
    assert os.read(reading, 10) == str(errno.ECHILD).encode()
    os.close(reading)


def test_maps_are_nobodys_business_without_a_user_namespace() -> None:
    assert IdMaps.wanted_by(Attributes(uid_maps=(IdRange(0, 0),))) is None
    assert IdMaps.wanted_by(Attributes(namespaces=(Namespace.USER,))) is None
