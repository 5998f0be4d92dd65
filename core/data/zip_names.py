"""Names in zips as those who packed them meant them.

A zip says by a flag that a name is UTF-8. Without it the format means IBM's code page 437, which
hardly anybody writes: Windows in Korea writes CP949, and many programs write UTF-8 all the same.
"""

from __future__ import annotations

import unicodedata
import zipfile
from collections.abc import Sequence

_SAYS_UTF_8 = 0x800
_DECLARED = "cp437"


def mend(members: Sequence[zipfile.ZipInfo]) -> None:
    """Give the members their meant names, composed (NFC); `orig_filename` stays, by which the
    archive finds them."""
    silent = [member for member in members if not member.flag_bits & _SAYS_UTF_8]
    encoding = _encoding([raw for member in silent if (raw := _raw(member.filename)) is not None])
    for member in members:
        name = member.filename
        raw = None if member.flag_bits & _SAYS_UTF_8 else _raw(name)
        if raw is not None:
            name = raw.decode(encoding)
        member.filename = unicodedata.normalize("NFC", name)


def _raw(name: str) -> bytes | None:
    """The bytes that a name was read from; None where it was read from no bytes of the code page,
    as by a field that holds it once more in UTF-8."""
    try:
        return name.encode(_DECLARED)
    except UnicodeEncodeError:
        return None


def _encoding(names: Sequence[bytes]) -> str:
    """What all names of an archive can be read as, and, for CP949, look as if they were written
    in: most of what is no ASCII is one of the 2,350 syllables that Korean is written with, or one
    of the signs of the same standard (KS X 1001)."""
    odd = [name for name in names if not name.isascii()]
    if all(_fits(name, "utf-8") for name in odd):
        return "utf-8"
    if all(_fits(name, "cp949") for name in odd):
        signs = [sign for name in odd for sign in name.decode("cp949") if not sign.isascii()]
        if sum(_fits_sign(sign) for sign in signs) > len(signs) / 2:
            return "cp949"
    return _DECLARED


def _fits(name: bytes, encoding: str) -> bool:
    try:
        name.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _fits_sign(sign: str) -> bool:
    try:
        return len(sign.encode("euc_kr")) == 2  # it spells other syllables out, in eight bytes
    except UnicodeEncodeError:
        return False
