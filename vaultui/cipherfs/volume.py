"""A volume as a whole: made, opened, described, and given another password.

Order of writing, so that a crash leaves nothing that looks whole and is not:

- `create` writes the directory IV first and the config last. A directory without a config is
  no volume; until the config is durable nobody holds a master key for it.
- `change_password` opens what it is about to write, keeps the old config under a second
  name, replaces it in one step, and drops the second name when the new one is durable.

Two changes of one config take turns, by a lock on the file that is about to be replaced: the
second finds the password of the first.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from vaultui import __version__
from vaultui.crypto import masterkey
from vaultui.crypto.content import ContentCipher, new_aead
from vaultui.crypto.filename import NameCipher, Names, PlainNames
from vaultui.format import volumeconf
from vaultui.format.features import (
    BadFeatures,
    ContentScheme,
    FeatureFlag,
    Features,
    NameScheme,
)
from vaultui.format.names import CONF_NAME, DIR_IV_BYTES, DIR_IV_NAME, REVERSE_CONF_NAME
from vaultui.format.volumeconf import DEFAULT_LOGN, MAX_LOGN, MIN_LOGN, VolumeConf
from vaultui.linux.durable import remove_temporaries, write_durably
from vaultui.model.errors import (
    CipherdirMissing,
    CipherdirNotAccessible,
    CipherdirNotEmpty,
    InitFailed,
    ScryptCostRefused,
    VolumeConfMissing,
    VolumeConfNotWritten,
    VolumeConfUnreadable,
    VolumeConfUnsupported,
)
from vaultui.model.secret import Secret

DIR_IV_MODE: Final = 0o444
_CREATOR: Final = f"vaultui {__version__}"
_KEPT_SUFFIX: Final = b".old"

Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]


@dataclass(frozen=True, slots=True)
class Volume:
    """An open volume: what it is made of, and the ciphers under its keys."""

    features: Features
    content: ContentCipher
    names: Names


def read_conf(
    cipherdir: Path, config_path: Path | None = None, *, reverse: bool = False
) -> VolumeConf:
    """Return the config of the volume in `cipherdir`; needs no password.

    `reverse` looks for the config that a plain directory has. Raises CipherdirMissing,
    VolumeConfMissing, VolumeConfUnreadable, VolumeConfCorrupt or VolumeConfUnsupported.
    """
    return _read(_conf_path(cipherdir, config_path, reverse))[0]


def open_volume(
    cipherdir: Path, password: Secret, config_path: Path | None = None, *, reverse: bool = False
) -> Volume:
    """Return the volume in `cipherdir`, opened; raises as `read_conf`, and PasswordIncorrect.

    The password stays the caller's to wipe.
    """
    conf = read_conf(cipherdir, config_path, reverse=reverse)
    with masterkey.unwrap(conf, password) as master:
        return volume_of(conf.features, master)


def volume_from_master_key(master: Secret, flags: Sequence[str], long_name_max: int = 0) -> Volume:
    """Return the volume that has this master key and these features, named as in a config.

    No config is read. Raises VolumeConfUnsupported for flags that a config could not have
    either. The master key stays the caller's to wipe.
    """
    try:
        features = Features.parse(flags, long_name_max)
    except BadFeatures as error:
        raise VolumeConfUnsupported(path="given with the master key", reason=error.reason) from None
    return volume_of(features, master)


def volume_of(features: Features, master: Secret) -> Volume:
    """Return the volume for a master key that is known already."""
    keys = masterkey.derive_keys(master, features)
    try:
        with keys.content.view as content_key, keys.names.view as name_key:
            return Volume(
                features=features,
                content=ContentCipher(new_aead(features, content_key)),
                names=_new_names(features, name_key),
            )
    finally:
        keys.wipe()


def _new_names(features: Features, key: memoryview) -> Names:
    if features.names is NameScheme.PLAINTEXT:
        return PlainNames(key)
    return NameCipher(key, features.raw64, uses_dir_iv=features.names is NameScheme.EME)


def create(
    cipherdir: Path,
    password: Secret,
    scrypt_logn: int = DEFAULT_LOGN,
    *,
    content: str = ContentScheme.AES_GCM,
    names: str = NameScheme.EME,
    long_name_max: int = 0,
    reverse: bool = False,
    master: Secret | None = None,
    config_path: Path | None = None,
) -> Secret:
    """Make a volume in the empty directory `cipherdir`, and return its master key.

    Raises PasswordEmpty, PasswordTooLong, ScryptCostRefused, CipherdirMissing,
    CipherdirNotEmpty, CipherdirNotAccessible or InitFailed. What a failure had already
    written is removed.
    """
    directory = os.fsencode(cipherdir)
    _check_empty(directory)
    masterkey.check_password(password)
    _check_logn(scrypt_logn)
    master = masterkey.new_master_key()
    try:
        encrypted_key, cost = masterkey.wrap(master, password, scrypt_logn)
        conf = VolumeConf(creator=_CREATOR, encrypted_key=encrypted_key, scrypt=cost)
        _write_new_volume(directory, volumeconf.format(conf))
    except BaseException:
        master.wipe()
        raise
    return master


def change_password(
    cipherdir: Path,
    old: Secret,
    new: Secret,
    logn: int | None = None,
    config_path: Path | None = None,
    *,
    reverse: bool = False,
    from_master_key: bool = False,
) -> None:
    """Wrap the master key under the password `new`; the volume's content stays as it is.

    `logn` None keeps the cost. Raises as `open_volume`, and PasswordEmpty, PasswordTooLong or
    ScryptCostRefused for the new ones, and VolumeConfNotWritten with the old config in place.
    """
    # A link to the config is followed now: replacing the link would leave the config as it was.
    path = os.path.realpath(_conf_path(cipherdir, config_path, reverse))
    with _locked(path):
        conf, owner = _read(path)
        masterkey.check_password(new)
        if logn is not None:
            _check_logn(logn)
        with masterkey.unwrap(conf, old) as master:
            data = _rewrapped(conf, master, new, conf.scrypt.logn if logn is None else logn)
            # Open what is about to be written, from its bytes: after the replacement it is
            # the only way to the content.
            with masterkey.unwrap(volumeconf.parse(data, os.fsdecode(path)), new) as again:
                if again.view != master.view:
                    raise VolumeConfNotWritten(
                        path=os.fsdecode(path), reason="it did not open when tried"
                    )
        _replace(path, data, owner)


def _rewrapped(conf: VolumeConf, master: Secret, password: Secret, logn: int) -> bytes:
    encrypted_key, cost = masterkey.wrap(
        master, password, logn, hkdf=conf.features.has(FeatureFlag.HKDF)
    )
    return volumeconf.format(replace(conf, encrypted_key=encrypted_key, scrypt=cost))


@contextlib.contextmanager
def _locked(path: bytes) -> Iterator[None]:
    """Hold the config at `path` for a replacement, after others who are at it.

    A config that cannot be opened is held by nobody; reading it will say why. Where the file
    system knows no locks there are none.
    """
    with contextlib.ExitStack() as held:
        while True:
            try:
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            except OSError:
                break
            held.callback(os.close, fd)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX)
                if os.path.samestat(os.fstat(fd), os.stat(path)):
                    break
            except OSError:
                break
            # The one before us has replaced the file: the lock is on the old one.
            held.close()
        yield


def _read(path: bytes) -> tuple[VolumeConf, tuple[int, int]]:
    """Return the config at `path` with the user and group that own the file."""
    shown = os.fsdecode(path)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            data = _read_bounded(fd, volumeconf.MAX_CONF_BYTES + 1)
            status = os.fstat(fd)
        finally:
            os.close(fd)
    except FileNotFoundError as error:
        raise VolumeConfMissing(path=shown) from error
    except OSError as error:
        raise VolumeConfUnreadable(path=shown, reason=os.strerror(error.errno or 0)) from error
    return volumeconf.parse(data, shown), (status.st_uid, status.st_gid)


def _read_bounded(fd: int, limit: int) -> bytes:
    """Return what `fd` gives up to its end or `limit` bytes: it may be a pipe, or endless."""
    data = b""
    while len(data) < limit and (piece := os.read(fd, limit - len(data))):
        data += piece
    return data


def _conf_path(cipherdir: Path, config_path: Path | None, reverse: bool) -> bytes:
    directory = os.fsencode(cipherdir)
    # A directory that is not there is another mistake than a directory without a config.
    if not os.path.isdir(directory):
        raise CipherdirMissing(path=os.fsdecode(directory))
    if config_path:
        return os.fsencode(config_path)
    return os.path.join(directory, REVERSE_CONF_NAME if reverse else CONF_NAME)


def _check_logn(logn: int) -> None:
    if not MIN_LOGN <= logn <= MAX_LOGN:
        raise ScryptCostRefused(logn=logn, low=MIN_LOGN, high=MAX_LOGN)


def _check_empty(directory: bytes) -> None:
    shown = os.fsdecode(directory)
    try:
        names = sorted(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise CipherdirMissing(path=shown) from error
    except OSError as error:
        raise CipherdirNotAccessible(path=shown, reason=os.strerror(error.errno or 0)) from error
    if names:
        raise CipherdirNotEmpty(path=shown, first=os.fsdecode(names[0]))


def _write_new_volume(directory: bytes, conf: bytes) -> None:
    shown = os.fsdecode(directory)
    dir_iv_path = os.path.join(directory, DIR_IV_NAME)
    conf_path = os.path.join(directory, CONF_NAME)
    # What may be ours, and so is taken away after a failure: also a file that has its name
    # already, where only the last fsync failed.
    ours: list[bytes] = []
    try:
        ours.append(dir_iv_path)
        write_durably(dir_iv_path, os.urandom(DIR_IV_BYTES), mode=DIR_IV_MODE, exclusive=True)
        ours.append(conf_path)
        write_durably(conf_path, conf, mode=volumeconf.CONF_MODE, exclusive=True)
    except BaseException as error:
        if isinstance(error, FileExistsError):
            # Another process made a volume here since the directory was found empty.
            taken = ours.pop()
        while ours:
            with contextlib.suppress(OSError):
                os.unlink(ours.pop())
        if isinstance(error, FileExistsError):
            raise CipherdirNotEmpty(
                path=shown, first=os.fsdecode(os.path.basename(taken))
            ) from error
        if isinstance(error, OSError):
            raise InitFailed(path=shown, reason=os.strerror(error.errno or 0)) from error
        raise


def _replace(path: bytes, data: bytes, owner: tuple[int, int]) -> None:
    kept = path + _KEPT_SUFFIX
    try:
        remove_temporaries(path)
        # A second name left by a crash is from before the config that has just been opened.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(kept)
        try:
            os.link(path, kept)
        except OSError as error:
            # No hard links here (FAT, some network file systems): the rename alone remains.
            if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
                raise
        write_durably(path, data, mode=volumeconf.CONF_MODE, owner=owner)
    except OSError as error:
        # The failure may have come after the replacement, from the fsync of the directory.
        # Where it came before, both names are one file and rename(2) does nothing.
        with contextlib.suppress(OSError):
            os.rename(kept, path)
        with contextlib.suppress(OSError):
            os.unlink(kept)
        raise VolumeConfNotWritten(
            path=os.fsdecode(path), reason=os.strerror(error.errno or 0)
        ) from error
    with contextlib.suppress(OSError):
        os.unlink(kept)
