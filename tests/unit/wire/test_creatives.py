"""What an ad system may send of creatives: above all, where they may lead."""

from typing import Any

import pytest

from vitrine.errors import Invalid
from vitrine.wire import read
from vitrine.wire.creatives import CreativeIn, CreativePatch

GOOD: dict[str, Any] = {
    "campaign": "spring-mugs",
    "title": "Mugs",
    "landing_url": "https://shop.example/mugs",
}


def refusal(**changes: Any) -> tuple[str, str]:
    """Pointer and sentence of the first wrong field."""
    with pytest.raises(Invalid) as caught:
        read(CreativeIn, {**GOOD, **changes})
    error = caught.value.errors[0]
    return error["pointer"], error["detail"]


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example",
        "HTTP://Shop.Example:8080/a/b;c?x=1&y=%C3%BC#top",
        "http://127.0.0.1/",
        "http://[2001:db8::1]:81/x",
        "https://xn--mnchen-3ya.example./?next=https://other.example/@x",
        "https://shop.example?x[]=1",
    ],
)
def test_an_address_is_kept_as_it_is(url: str) -> None:
    assert read(CreativeIn, {**GOOD, "landing_url": url}).landing_url == url


@pytest.mark.parametrize(
    "url",
    [
        *("javascript:alert(1)", "JaVaScRiPt://shop.example/%0aalert(1)", "data:text/html,x"),
        *("//shop.example/x", "/x", "shop.example", "https:/shop.example", "https:shop.example"),
        *("ftp://shop.example", "http://", "https:///x", "https://?x", "https://:80/", "http://./"),
        # What some take for the host others take for the name of a user.
        *("http://shop.example@evil.example/", "http://a:b@evil.example/", "http://@evil.example"),
        *("http://shop.example\\@evil.example/", "http:\\\\evil.example", "http://a\\b/"),
        # Readers leave these out, or begin a new header after them.
        *("https://shop.example/\r\nSet-Cookie: a=b", "https://shop.example/\n", "http://a\tb.c/"),
        *(" https://shop.example", "https://shop.example /x", "https://shop.example/a b"),
        *("https://shop.example/\x00", "https://shop.example/\x7f", "https://shop.example/\u2028"),
        *("https://münchen.example/", "https://shop.example/ü", "httpſ://shop.example/"),
        *("https://%73hop.example/", "https://sh<op.example/", "https://a|b/", "https://-a/"),
        *("http://shop.example:0/", "http://shop.example:65536/", "http://shop.example:x/"),
        *(
            "http://[::1/",
            "http://[zz]/",
            "http://[::1%25eth0]/",
            "http://a[b]c/",
            "http://[1.2.3.4]/",
        ),
        *("https://shop.example/" + "a" * 2000, "", 3, None, "https://shop.example/\ud800"),
    ],
)
def test_an_address_that_leads_elsewhere_or_nowhere_is_refused(url: Any) -> None:
    assert refusal(landing_url=url)[0] == "/landing_url"
    with pytest.raises(Invalid):
        read(CreativePatch, {"landing_url": url})


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"title": ""}, "/title"),
        ({"title": "  ", "product_id": None}, "/title"),
        ({"title": "x" * 151}, "/title"),
        ({"text": "a\x00"}, "/text"),
        ({"campaign": "Spring"}, "/campaign"),
        ({"product_id": "mug-1"}, "/product_id"),
        ({"category": "Home"}, "/category"),
        ({"state": "archived"}, "/state"),
        ({"image": "x"}, "/image"),
    ],
)
def test_pointers_name_what_is_wrong(changes: dict[str, Any], pointer: str) -> None:
    assert refusal(**changes)[0] == pointer


def test_a_product_gives_what_is_lacking() -> None:
    found = read(CreativeIn, {**GOOD, "title": "", "product_id": "acme:mug-1"})
    assert (found.title, found.product_id, found.category) == ("", "acme:mug-1", None)
    assert CreativeIn.model_validate_json(found.model_dump_json(exclude_none=True)) == found


def test_a_patch_holds_only_what_was_given() -> None:
    patch = read(CreativePatch, {"category": None, "state": "paused"})
    assert patch.changes() == {"category": None, "state": "paused"}
    for body in ({}, {"campaign": "x"}, {"product_id": "a:b"}, {"title": None}):
        with pytest.raises(Invalid):
            read(CreativePatch, body)
