"""How often a key and an address may ask, with the real Redis and without one."""

import dataclasses
import time

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from vitrine.api import limits
from vitrine.api.app import create_app
from vitrine.api.buckets import Buckets, Quota
from vitrine.assembly import Platform
from vitrine.catalog.keys import create_key
from vitrine.redis_calls import RedisCalls, make_redis

NOWHERE = "redis://127.0.0.1:1/0"


def api_with(platform: Platform, **settings: object) -> FlaskClient:
    changed = platform.settings.model_copy(update=settings)
    return create_app(dataclasses.replace(platform, settings=changed)).test_client()


def key_of(platform: Platform, *origins: str) -> str:
    with platform.sessions.begin() as session:
        return create_key(session, "storefront", origins=origins)[1]


def ask(
    api: FlaskClient, key: str, address: str = "192.0.2.1", forwarded: str | None = None
) -> TestResponse:
    headers = {"Authorization": f"Bearer {key}"}
    if forwarded:
        headers["X-Forwarded-For"] = forwarded
    return api.get("/v1/products", headers=headers, environ_base={"REMOTE_ADDR": address})


def exhaust(api: FlaskClient, key: str, most: int = 20, **how: str) -> TestResponse:
    """Ask until it is too much, which nine requests at once are not."""
    for number in range(most):
        answer = ask(api, key, **how)
        if answer.status_code == 429:
            assert number >= 9
            return answer
    raise AssertionError(f"{most} requests were answered")


@pytest.mark.parametrize("redis", ["there", "gone"])
def test_a_key_asks_too_often(platform: Platform, redis: str) -> None:
    if redis == "gone":
        calls = RedisCalls(make_redis(NOWHERE, timeout_seconds=0.2))
        platform = dataclasses.replace(platform, redis_calls=calls)
    api = api_with(platform, rate_limit_per_minute=60)
    key, other = key_of(platform), key_of(platform)
    first = ask(api, key)
    assert first.status_code == 200
    assert first.headers["RateLimit-Policy"] == '"key";q=10;w=10'
    assert first.headers["RateLimit"] == '"key";r=9;t=1'
    refused = exhaust(api, key, most=30)
    body = refused.get_json()
    assert body["type"] == "/problems/too-many-requests"
    assert "more than 60 times a minute" in body["detail"]
    assert 1 <= int(refused.headers["Retry-After"]) <= 2
    assert refused.headers["RateLimit"].startswith('"key";r=0;t=')
    assert ask(api, other).status_code == 200
    assert "RateLimit" not in api.get("/healthz").headers


def test_every_process_counts_together(platform: Platform) -> None:
    one, other = Buckets(platform.redis_calls), Buckets(platform.redis_calls)
    quota = Quota("key", 60)
    assert one.take([(quota, "k")])[0].remaining == 9
    assert other.take([(quota, "k")])[0].remaining == 8
    ttl = platform.redis.pttl("vitrine:limit:key:k")
    assert 0 < ttl <= 2000  # type: ignore[operator]  # nothing stays behind


def test_an_address_is_limited_with_a_published_key_alone(platform: Platform) -> None:
    api = api_with(platform, rate_limit_per_address=60)
    published, secret = key_of(platform, "https://shop.example"), key_of(platform)
    refused = exhaust(api, published)
    assert "This address" in refused.get_json()["detail"]
    assert '"address";q=10;w=10' in refused.headers["RateLimit-Policy"]
    assert ask(api, published, "192.0.2.2").status_code == 200
    # One customer's IPv6 network is one address.
    exhaust(api, published, address="2001:db8:1:2::1")
    assert ask(api, published, "2001:db8:1:2::ffff").status_code == 429
    assert ask(api, published, "2001:db8:1:3::1").status_code == 200
    for _ in range(15):
        assert ask(api, secret).status_code == 200


def test_a_page_that_is_refused_is_counted(platform: Platform) -> None:
    api = api_with(platform, rate_limit_per_address=60)
    key = key_of(platform, "https://shop.example")
    headers = {"Authorization": f"Bearer {key}", "Origin": "https://other.example"}
    statuses = [api.get("/v1/products", headers=headers).status_code for _ in range(20)]
    assert statuses[:10] == [403] * 10
    assert statuses[-1] == 429


def test_a_proxy_is_believed_if_it_is_trusted(platform: Platform) -> None:
    key = key_of(platform, "*")
    careful = api_with(platform, rate_limit_per_address=60)
    exhaust(careful, key, address="192.0.2.9", forwarded="203.0.113.1")
    assert ask(careful, key, "192.0.2.9", "203.0.113.2").status_code == 429
    behind = api_with(platform, rate_limit_per_address=60, trusted_proxies=1)
    exhaust(behind, key, address="192.0.2.8", forwarded="6.6.6.6, 203.0.113.1")
    # What the caller wrote in front of the proxy's word makes no other address of it.
    assert ask(behind, key, "192.0.2.8", "7.7.7.7, 203.0.113.1").status_code == 429
    assert ask(behind, key, "192.0.2.8", "203.0.113.3").status_code == 200


def test_no_limit(platform: Platform) -> None:
    api = api_with(platform, rate_limit_per_minute=0, rate_limit_per_address=0)
    answer = ask(api, key_of(platform, "*"))
    assert answer.status_code == 200
    assert "RateLimit" not in answer.headers


def test_wrong_keys_of_an_address(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "WRONG_KEYS_PER_MINUTE", 60)
    api = api_with(platform)
    known, new = key_of(platform), key_of(platform)
    assert ask(api, known).status_code == 200
    statuses = [ask(api, f"vt_wrong_{number}").status_code for number in range(20)]
    assert statuses[:10] == [401] * 10
    assert statuses[-1] == 429
    assert ask(api, known).status_code == 200, "a key that was seen is no stranger"
    assert ask(api, new, "192.0.2.7").status_code == 200
    time.sleep(2.1)
    assert ask(api, new).status_code == 200
