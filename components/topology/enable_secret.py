"""Hashed passwords as IOS has them in its configuration: `enable secret 5 $1$<salt>$<hash>` and `enable secret 8 $8$<salt>$<hash>`."""

import base64
import hashlib
import re

_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_STANDARD = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_ITERATIONS = 20000
_LONGEST = 25
"""Characters of a password that IOS takes."""


def salt(*what: str) -> str:
    """A salt of 14 characters that is always the same for the same router of the same stack: another one would be a change at each run.

    It must differ from router to router and need not be secret. It is not made of the password, which could be guessed faster by it.
    """
    digest = hashlib.sha256("\0".join(what).encode()).digest()
    return "".join(_ALPHABET[byte & 63] for byte in digest[:14])


def type_8(password: str, salt: str) -> str:
    """PBKDF2-SHA256 with Cisco's alphabet. `salt` has 14 characters."""
    key = hashlib.pbkdf2_hmac("sha256", _checked(password), salt.encode(), _ITERATIONS)
    text = base64.b64encode(key).decode().rstrip("=")
    return f"$8${salt}${text.translate(str.maketrans(_STANDARD, _ALPHABET))}"


def type_5(password: str, salt: str) -> str:
    """MD5-crypt, as `openssl passwd -1`. Of `salt` four characters count, as IOS has it."""
    secret, short = _checked(password), salt[:4].encode()
    inner = _md5(secret + short + secret)
    text = secret + b"$1$" + short + (inner * 5)[: len(secret)]
    length = len(secret)
    while length:
        text += b"\0" if length & 1 else secret[:1]
        length >>= 1
    digest = _md5(text)
    for turn in range(1000):
        digest = _md5(
            (secret if turn & 1 else digest)
            + (short if turn % 3 else b"")
            + (secret if turn % 7 else b"")
            + (digest if turn & 1 else secret)
        )
    order = ((0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5))
    groups = [(digest[a] << 16 | digest[b] << 8 | digest[c], 4) for a, b, c in order] + [(digest[11], 2)]
    return f"$1${short.decode()}$" + "".join(
        "".join(_ALPHABET[number >> 6 * at & 63] for at in range(count)) for number, count in groups
    )


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _checked(password: str) -> bytes:
    if not re.fullmatch(rf"[!->@-~][ ->@-~]{{,{_LONGEST - 1}}}", password):
        # Without the password: it must be in no message.
        raise ValueError(
            f"an enable secret must have 1 to {_LONGEST} characters of ASCII, no '?', and no space before the first"
        )
    return password.encode()
