"""What was shown, kept encrypted, so that an auditor can read years later what a reader read."""

from __future__ import annotations

import base64
import hashlib
import json

from cryptography.fernet import Fernet, InvalidToken

from monitors.delivery.message import Message
from monitors.errors import DeliveryError, UserError
from monitors.settings import Settings

KEY = "NEPHROWATCH_PAYLOAD_KEY"
SHORTEST = 32  # characters of a key


class Vault:
    """Seals and opens payloads with one secret. key_id: first digits of its hash, kept beside what it sealed."""

    def __init__(self, secret: str) -> None:
        if len(secret) < SHORTEST:
            raise UserError(f"{KEY} is shorter than {SHORTEST} characters: make one with `openssl rand -hex 32`.")
        derived = hashlib.sha256(b"nephrowatch/payload/v1|" + secret.encode()).digest()
        self.key_id = hashlib.sha256(b"id|" + derived).hexdigest()[:12]
        self._cipher = Fernet(base64.urlsafe_b64encode(derived))

    def seal(self, message: Message) -> bytes:
        shown: dict[str, object] = {"subject": message.subject, "text": message.text, "html": message.html,
                                    "blocks": list(message.blocks)}  # fmt: skip
        if message.picture:
            shown["picture"] = base64.b64encode(message.picture).decode()
        return self._cipher.encrypt(json.dumps(shown, ensure_ascii=False, sort_keys=True).encode())

    def open(self, sealed: bytes) -> dict[str, object]:
        """What `seal` was given. Raises DeliveryError when another key sealed it, or it was changed."""
        try:
            return dict(json.loads(self._cipher.decrypt(bytes(sealed))))
        except InvalidToken:
            raise DeliveryError("permanent", f"This payload does not open with the {KEY} of now.") from None


def vault(settings: Settings) -> Vault | None:
    """The vault of this installation; None when no key is set: then only the hash of a payload is kept."""
    if not (settings.environment.get(KEY) or settings.environment.get(f"{KEY}_FILE")):
        return None
    return Vault(settings.secret(KEY))
