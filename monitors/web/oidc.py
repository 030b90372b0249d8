"""Signing in through the hospital's OpenID Connect provider: code flow with PKCE, state and nonce; the signature is checked."""

from __future__ import annotations

import secrets
import warnings
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
from authlib.common.security import generate_token
from authlib.deprecate import AuthlibDeprecationWarning

with warnings.catch_warnings():  # about a client library of its own future, which no reader of our log can change
    warnings.simplefilter("ignore", AuthlibDeprecationWarning)
    from authlib.integrations.httpx_client import OAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from starlette.exceptions import HTTPException

from monitors.settings import Settings

FAILED = "Signing in did not work: the provider's answer could not be verified. Start again from the first page."
ALGORITHMS = ["RS256", "ES256", "PS256"]


@dataclass
class Provider:
    """issuer: as the provider names itself; redirect: the address of /sign-in/callback as it knows it."""

    issuer: str
    client_id: str
    client_secret: str
    redirect: str
    http: Any = None  # an httpx transport, in tests
    _begun: dict[str, tuple[datetime, str, str, str, str]] = field(default_factory=dict)

    def begin(self, to: str, now: datetime) -> tuple[str, str]:
        """(address to go to, value of the cookie that ties the answer to this browser)."""
        self._begun = {k: v for k, v in self._begun.items() if now < v[0]}
        verifier, nonce, cookie = generate_token(64), secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        address, state = self._client().create_authorization_url(
            self._found()["authorization_endpoint"], code_verifier=verifier, nonce=nonce
        )
        self._begun[cookie] = now + timedelta(minutes=10), state, verifier, nonce, to
        return address, cookie

    def finish(self, cookie: str, state: str, code: str, now: datetime) -> tuple[str, str]:
        """(verified e-mail address, where to go). Raises a 403 for anything that does not fit."""
        until, wanted, verifier, nonce, to = self._begun.pop(cookie, (now, "", "", "", ""))
        if now >= until or not wanted or not secrets.compare_digest(state.encode(), wanted.encode()) or not code:
            raise HTTPException(403, FAILED)
        found = self._found()
        try:
            token = self._client().fetch_token(found["token_endpoint"], code=code, code_verifier=verifier)
            with httpx.Client(transport=self.http, timeout=10) as client:
                keys = KeySet.import_key_set(client.get(found["jwks_uri"]).raise_for_status().json())
            claims = jwt.decode(token["id_token"], keys, algorithms=ALGORITHMS).claims
            jwt.JWTClaimsRegistry(
                now=int(now.timestamp()), leeway=60, iss={"essential": True, "value": self.issuer},
                aud={"essential": True, "value": self.client_id}, exp={"essential": True},
                nonce={"essential": True, "value": nonce},
            ).validate(claims)  # fmt: skip
        except HTTPException:
            raise
        except (JoseError, httpx.HTTPError, KeyError, ValueError) as problem:
            raise HTTPException(403, FAILED) from problem
        except Exception as problem:
            if type(problem).__module__.startswith("authlib."):
                raise HTTPException(403, FAILED) from problem
            raise
        if not claims.get("email") or claims.get("email_verified") is False:
            raise HTTPException(403, "The provider did not vouch for your e-mail address; ask whoever looks after it.")
        return str(claims["email"]), to

    def _client(self) -> OAuth2Client:
        return OAuth2Client(
            self.client_id, self.client_secret, scope="openid email", redirect_uri=self.redirect,
            code_challenge_method="S256", transport=self.http, timeout=10,
        )  # fmt: skip

    def _found(self) -> dict[str, Any]:
        """The provider's own description."""
        try:
            with httpx.Client(transport=self.http, timeout=10) as client:
                said: dict[str, Any] = client.get(f"{self.issuer}/.well-known/openid-configuration").raise_for_status().json()
        except (httpx.HTTPError, ValueError):
            raise HTTPException(503, "The sign-in provider does not answer; try again in a minute.") from None
        if said.get("issuer") != self.issuer:
            raise HTTPException(503, "The sign-in provider calls itself something else than was set up here.")
        return said


def provider(settings: Settings) -> Provider | None:
    """The provider this installation names, or None. Raises UserError when only part of it is set."""
    given = settings.environment
    if not given.get("NEPHROWATCH_OIDC_ISSUER"):
        return None
    return Provider(
        given["NEPHROWATCH_OIDC_ISSUER"].rstrip("/"), settings.secret("NEPHROWATCH_OIDC_CLIENT_ID"),
        settings.secret("NEPHROWATCH_OIDC_CLIENT_SECRET"), settings.secret("NEPHROWATCH_OIDC_REDIRECT"),
    )  # fmt: skip
