"""What calls itself a crawler."""

import pytest

from vitrine.ads.traffic import is_crawler


@pytest.mark.parametrize(
    ("agent", "crawler"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0", False),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/141.0 Mobile Safari", False),
        ("Mozilla/5.0 (Linux; Android 12; CUBOT NOTE 20) Chrome/120.0 Mobile Safari", False),
        ("python-httpx/0.28.1", False),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", True),
        ("Mozilla/5.0 (compatible; bingbot/2.0)", True),
        ("facebookexternalhit/1.1", True),
        ("Mozilla/5.0 HeadlessChrome/141.0", True),
        ("Mozilla/5.0 (compatible; YandexBot/3.0)", True),
        ("Screaming Frog SEO Spider/21", True),
        ("", True),
        ("   ", True),
    ],
)
def test_crawlers(agent: str, crawler: bool) -> None:
    assert is_crawler(agent) == crawler
