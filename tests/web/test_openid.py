"""Signing in at a provider of our own: discovery, PKCE, signed tokens; and every way in which its answer may be wrong."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from monitors.web.app import application
from monitors.web.oidc import Provider
from tests.web.conftest import WHO, Web

ISSUER = "https://id.example"


@dataclass
class Hospital:
    """A small OpenID Connect provider. `lie` changes the claims before they are signed, `forge` the key they are signed with."""

    now: datetime
    key: Any = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    lie: dict[str, Any] = field(default_factory=dict)
    forge: Any = None

    def authorize(self, address: str, email: str) -> dict[str, str]:
        """What the person's browser brings back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["code_challenge_method"] == "S256"
        assert asked["response_type"] == "code"
        code = f"code-{len(self.codes)}"
        self.codes[code] = {**asked, "email": email}
        return {"code": code, "state": asked["state"]}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/.well-known/openid-configuration":
            return httpx.Response(200, json={"issuer": ISSUER, "authorization_endpoint": f"{ISSUER}/authorize",
                                             "token_endpoint": f"{ISSUER}/token", "jwks_uri": f"{ISSUER}/keys"})  # fmt: skip
        if request.url.path == "/keys":
            return httpx.Response(200, json={"keys": [self.key.as_dict(private=False)]})
        given = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        asked = self.codes.pop(given.get("code", ""), None)
        digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if asked is None or asked["code_challenge"] != challenge:
            return httpx.Response(400, json={"error": "invalid_grant"})
        seconds = int(self.now.timestamp())
        claims = {"iss": ISSUER, "aud": "nephrowatch", "sub": "1", "iat": seconds, "exp": seconds + 300, "nonce": asked["nonce"],
                  "email": asked["email"], "email_verified": True, **self.lie}  # fmt: skip
        token = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.forge or self.key)
        body = {"access_token": "x", "token_type": "Bearer", "id_token": token}
        return httpx.Response(200, content=json.dumps(body), headers={"Content-Type": "application/json"})


@pytest.fixture
def hospital(web: Web) -> Hospital:
    """The site's pages, which now let people in through this provider."""
    ours = Hospital(web.site.clock)
    people = {viewer.key: viewer for viewer in WHO.values()}
    provider = Provider(ISSUER, "nephrowatch", "a-secret", "http://pages.example/sign-in/callback", httpx.MockTransport(ours))
    web.app = application(web.site.here, current_user=people.get, oidc=provider)
    return ours


def test_somebody_listed_comes_in_and_lands_where_the_message_pointed(web: Web, hospital: Hospital) -> None:
    client = web.browser()
    begun = client.get("/sign-in/openid", params={"to": f"/alerts/{web.ref}"})
    back = hospital.authorize(begun.headers["location"], "nurse@renal.example")
    answer = client.get("/sign-in/callback", params=back)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/alerts/{web.ref}"
    assert client.get(answer.headers["location"]).status_code == 200
    assert client.get("/sign-in/callback", params=back).status_code == 403  # an answer is good once


LIES: tuple[dict[str, Any], ...] = (
    {"iss": "https://evil.example"}, {"aud": "another"}, {"exp": 1}, {"nonce": "guessed"}, {"email_verified": False},
    {"email": ""}, {"email": "stranger@renal.example"},
)  # fmt: skip


def test_what_does_not_fit_lets_nobody_in(web: Web, hospital: Hospital) -> None:
    web.app.state.pages.sign_in_limit.most = 100
    for lie in LIES:
        hospital.lie = lie
        client = web.browser()
        back = hospital.authorize(client.get("/sign-in/openid").headers["location"], "nurse@renal.example")
        assert client.get("/sign-in/callback", params=back).status_code == 403, lie
        assert client.get("/round").status_code == 303


def test_another_key_another_browser_or_another_state_lets_nobody_in(web: Web, hospital: Hospital) -> None:
    client = web.browser()
    back = hospital.authorize(client.get("/sign-in/openid").headers["location"], "nurse@renal.example")
    assert web.browser().get("/sign-in/callback", params=back).status_code == 403
    assert client.get("/sign-in/callback", params={**back, "state": "guessed"}).status_code == 403
    hospital.forge = RSAKey.generate_key(2048, {"kid": "one"})
    back = hospital.authorize(client.get("/sign-in/openid").headers["location"], "nurse@renal.example")
    assert client.get("/sign-in/callback", params=back).status_code == 403


def test_signing_in_leads_nowhere_else(web: Web, hospital: Hospital) -> None:
    for to in ("https://evil.example", "//evil.example", "/\\evil.example", "javascript:x"):
        client = web.browser()
        back = hospital.authorize(client.get("/sign-in/openid", params={"to": to}).headers["location"], "nurse@renal.example")
        assert client.get("/sign-in/callback", params=back).headers["location"] == "/", to
