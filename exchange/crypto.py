"""Encryption of stored secrets and keyed digests of webhook secrets, both under FIELD_ENCRYPTION_KEYS."""

from __future__ import annotations

import hashlib
import hmac

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


def _keys() -> list[str]:
    keys: list[str] = list(settings.FIELD_ENCRYPTION_KEYS)
    if not keys:
        raise RuntimeError("FIELD_ENCRYPTION_KEYS is empty: put a Fernet key into .env (./run makes one)")
    return keys


def encrypt(text: str) -> str:
    """Encrypt with the first key."""
    return Fernet(_keys()[0]).encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """Decrypt with any of the keys; raises InvalidToken if none fits."""
    return MultiFernet([Fernet(key) for key in _keys()]).decrypt(token.encode()).decode()


def digest(secret: bytes) -> str:
    """Return the keyed digest under the first key, by which a webhook secret is stored and found."""
    return _digest(_keys()[0], secret)


def digests(secret: bytes) -> list[str]:
    """Return the digest under every key, so that a rotated key still finds older rows."""
    return [_digest(key, secret) for key in _keys()]


def _digest(key: str, secret: bytes) -> str:
    # A label keeps this use of the key apart from encryption.
    return hmac.new(b"webhook-secret:" + key.encode(), secret, hashlib.sha256).hexdigest()
