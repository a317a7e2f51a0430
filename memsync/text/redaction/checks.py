"""Checksums and encodings that tell a credential from a number or string of the same form."""

from __future__ import annotations

import base64
import binascii
import re


def is_card(text: str) -> bool:
    """Is this the number of a payment card, by Luhn's sum (ISO/IEC 7812)?"""
    digits = [int(sign) for sign in text if sign.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return len(set(digits)) > 1 and (sum(digits[::-2]) + sum(doubled)) % 10 == 0


def is_iban(text: str) -> bool:
    """Is this the number of a bank account, by its remainder (ISO 13616)?"""
    bare = re.sub(r"[ -]", "", text)
    moved = "".join(str(int(sign, 36)) for sign in bare[4:] + bare[:4])
    return 15 <= len(bare) <= 34 and int(moved) % 97 == 1


def is_pair(text: str) -> bool:
    """Is this `user:password` in base64, as HTTP Basic and Docker write it?"""
    plain = decoded(text)
    return plain is not None and ":" in plain[1:]


def is_stellar_seed(text: str) -> bool:
    """Is this a secret key of Stellar, which begins with the byte 0x90?"""
    return base64.b32decode(text)[0] == 0x90


def decoded(text: str) -> str | None:
    """Return what a string says in base64, of either alphabet; None if it says no ASCII text."""
    bare = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        plain = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return None
    return plain
