"""gocryptfs's half of the control socket: which ciphertext path belongs to a plaintext path.

The replies are those of gocryptfs 2.3, down to the texts, because programs parse them.
"""

from __future__ import annotations

import errno
import json
import os
import posixpath
import string
from collections.abc import Callable
from typing import Any

from vaultui.format.names import LONG_PREFIX
from vaultui.wire.control import EXTENSION_KEY, PathReply

Translate = Callable[[bytes], bytes]

_OTHER_ERROR = -1
_BASE64URL = string.ascii_letters + string.digits + "-_"
_LONG = LONG_PREFIX.decode()


def parse(data: bytes) -> tuple[dict[str, Any], str]:
    """Return the request in `data`, and "" or the text of gocryptfs's complaint about it."""
    try:
        request = json.loads(data)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "not UTF-8"
        return {}, f"JSON Unmarshal error: {reason}"
    if request is None:  # which Go takes for an empty object
        return {}, ""
    if not isinstance(request, dict):
        kind = _go_kind(request)
        return {}, f"JSON Unmarshal error: json: cannot unmarshal {kind} into Go value"
    for field in ("EncryptPath", "DecryptPath"):
        value = find(request, field)
        if not isinstance(value, str):
            return {}, (
                f"JSON Unmarshal error: json: cannot unmarshal {_go_kind(value)} "
                f"into Go struct field RequestStruct.{field} of type string"
            )
    return request, ""


def find(request: dict[str, Any], field: str) -> Any:
    """Return the value of `field`, whose name counts in any case; "" when it is missing."""
    found: Any = ""
    for key, value in request.items():
        if key.casefold() == field.casefold() and value is not None:
            found = value
    return found


def answer(request: dict[str, Any], encrypt: Translate, decrypt: Translate) -> PathReply:
    """Return the reply to a request that `parse` accepted."""
    plain, cipher = find(request, "EncryptPath"), find(request, "DecryptPath")
    if plain and cipher:
        return PathReply("", _OTHER_ERROR, "Ambiguous", "")
    if not plain and not cipher:
        return PathReply("", _OTHER_ERROR, "Empty input", "")
    path = plain or cipher
    clean = canonical(path)
    warning = ""
    if clean != path:
        warning = f"Non-canonical input path '{path}' has been interpreted as '{clean}'."
    if not clean:
        return PathReply("", _OTHER_ERROR, "Empty input after canonicalization", warning)
    try:
        if "\0" in clean:
            raise OSError(errno.EBADMSG, "a name holds no NUL")
        result = (encrypt if plain else decrypt)(os.fsencode(clean))
    except OSError as error:
        code = errno.ENOENT if error.errno == errno.ENOENT else _OTHER_ERROR
        text = _go_text(error)
        if cipher and error.errno == errno.EBADMSG:
            text = _illegal_base64(clean) or text
        return PathReply("", code, text, warning)
    except UnicodeEncodeError:  # a surrogate that stands for no byte
        return PathReply("", _OTHER_ERROR, "bad message", warning)
    return PathReply(os.fsdecode(result), 0, "", warning)


def canonical(path: str) -> str:
    """Return `path` relative to the root and without detours; "" when it leads outside."""
    # normpath keeps two leading slashes, which POSIX gives a meaning that Go does not.
    clean = posixpath.normpath(path).lstrip("/")
    return "" if clean in (".", "..") or clean.startswith("../") else clean


def encode(reply: PathReply, extension: dict[str, Any] | None = None) -> bytes:
    """Return the line that goes back, the four fields first and in gocryptfs's order."""
    fields: dict[str, Any] = {
        "Result": reply.Result,
        "ErrNo": reply.ErrNo,
        "ErrText": reply.ErrText,
        "WarnText": reply.WarnText,
    }
    if extension is not None:
        fields[EXTENSION_KEY] = extension
    try:
        line = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    except UnicodeEncodeError:
        # A path with bytes that are not UTF-8: escapes carry them to our own client.
        line = json.dumps(fields, separators=(",", ":")).encode("ascii")
    return line + b"\n"


def _go_text(error: OSError) -> str:
    number = error.errno or errno.EIO
    return os.strerror(number).lower()


def _illegal_base64(path: str) -> str:
    """Return Go's complaint about the first letter that is none of base64url; "" without one."""
    for name in path.split("/"):
        legal = len(name) - len(name.lstrip(_BASE64URL))
        if legal < len(name) and not name.startswith(_LONG):
            return f"illegal base64 data at input byte {legal}"
    return ""


def _go_kind(value: Any) -> str:
    match value:
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"
