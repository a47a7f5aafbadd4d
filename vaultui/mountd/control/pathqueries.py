"""gocryptfs's half of the control socket: which ciphertext path belongs to a plaintext path.

The replies are those of gocryptfs 2.6, down to the texts, because programs show and compare
them. Older versions began three of them with a capital letter; no client that we know of
looks at that.
"""

from __future__ import annotations

import errno
import json
import os
import posixpath
import string
from collections.abc import Callable
from typing import Any, Final

from vaultui.mountd.control import gojson
from vaultui.wire.control import EXTENSION_KEY, PathReply

Translate = Callable[[bytes], bytes]

_OTHER_ERROR = -1
_BASE64URL = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
_FIELDS: Final = {"encryptpath": "EncryptPath", "decryptpath": "DecryptPath"}
_HTML: Final = str.maketrans({c: f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"})
"""Go spells these out, so that JSON can stand in a web page."""


def parse(data: bytes) -> tuple[dict[str, Any], str]:
    """Return the request in `data`, and "" or the text of gocryptfs's complaint about it.

    Paths need not be UTF-8: their bytes are taken as they are, where Go would put U+FFFD.
    """
    if reason := gojson.complaint(data):
        return {}, f"JSON Unmarshal error: {reason}"
    try:
        request = json.loads(data.decode("utf-8", "surrogateescape"), parse_int=_integer)
    except RecursionError:
        return {}, "JSON Unmarshal error: exceeded max depth"
    if request is None:  # which Go takes for an empty object
        return {}, ""
    if not isinstance(request, dict):
        kind = f"{_go_kind(request)} into Go value of type ctlsock.RequestStruct"
        return {}, f"JSON Unmarshal error: json: cannot unmarshal {kind}"
    for key, value in request.items():
        field = _FIELDS.get(key.lower())
        if field and not isinstance(value, str | None):
            kind = f"{_go_kind(value)} into Go struct field RequestStruct.{field} of type string"
            return {}, f"JSON Unmarshal error: json: cannot unmarshal {kind}"
    return request, ""


def _integer(digits: str) -> int | float:
    # Python refuses to read integers of thousands of digits; nobody means such a one.
    return int(digits) if len(digits) < 20 else float(digits)


def find(request: dict[str, Any], field: str) -> Any:
    """Return the value of `field`, whose name counts in any case; "" when it is missing."""
    found: Any = ""
    for key, value in request.items():
        if key.lower() == field.lower() and value is not None:
            found = value
    return found


def answer(request: dict[str, Any], encrypt: Translate, decrypt: Translate) -> PathReply:
    """Return the reply to a request that `parse` accepted."""
    plain, cipher = find(request, "EncryptPath"), find(request, "DecryptPath")
    if plain and cipher:
        return PathReply("", _OTHER_ERROR, "ambiguous", "")
    if not plain and not cipher:
        return PathReply("", _OTHER_ERROR, "empty input", "")
    path = plain or cipher
    clean = canonical(path)
    warning = ""
    if clean != path:
        warning = f"Non-canonical input path '{path}' has been interpreted as '{clean}'."
    if not clean:
        return PathReply("", _OTHER_ERROR, "empty input after canonicalization", warning)
    try:
        result = (encrypt if plain else decrypt)(os.fsencode(clean))
    except OSError as error:
        code = errno.ENOENT if error.errno == errno.ENOENT else _OTHER_ERROR
        text = _go_text(error)
        if cipher and error.errno == errno.EBADMSG:
            text = _illegal_base64(os.fsdecode(error.filename or "")) or text
        return PathReply("", code, text, warning)
    except ValueError:  # a surrogate that stands for no byte, or NUL in a system call
        return PathReply("", _OTHER_ERROR, "bad message", warning)
    return PathReply(os.fsdecode(result), 0, "", warning)


def canonical(path: str) -> str:
    """Return `path` relative to the root and without detours; "" when it leads outside."""
    clean = posixpath.normpath(path.lstrip("/"))
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
        text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
        line = text.translate(_HTML).encode("utf-8")
    except UnicodeEncodeError:
        # A path with bytes that are not UTF-8: escapes carry them to our own client.
        line = json.dumps(fields, separators=(",", ":")).encode("ascii")
    return line + b"\n"


def _go_text(error: OSError) -> str:
    number = error.errno or errno.EIO
    if number == errno.EINVAL:  # of a name that none can be, as one with NUL
        number = errno.EBADMSG
    return os.strerror(number).lower()


def _illegal_base64(name: str) -> str:
    """Return Go's complaint about the base64 of an encrypted name; "" if that is in order."""
    if "\r" in name or "\n" in name:
        return "characters CR or LF in base64"
    legal = len(name) - len(name.lstrip(_BASE64URL))
    if legal == len(name):
        # The letters left over may have too few bits for a byte, or bits that no byte has.
        rest, last = len(name) % 4, _BASE64URL.find(name[-1:])
        if rest == 2 and last % 16:
            legal -= 2
        elif rest == 1 or (rest == 3 and last % 4):
            legal -= 1
        else:
            return ""
    return f"illegal base64 data at input byte {legal}"


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
