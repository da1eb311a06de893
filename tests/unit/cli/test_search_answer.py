"""What a person reads of a search's answer."""

import io
from typing import Any

import pytest
from rich.console import Console

from vitrine.cli.search_answer import notes, show, show_table, why
from vitrine.wire import SearchResponse

NOW = "2026-01-02T03:04:05Z"
PRODUCT: dict[str, Any] = {
    "id": "acme:mug-1",
    "seller": "acme",
    "sku": "mug-1",
    "title": "Blue mug",
    "description": "",
    "brand": "Tern",
    "category": "home/mugs",
    "price": "1234.50",
    "currency": "EUR",
    "availability": "in_stock",
    "in_stock": True,
    "attributes": {},
    "images": [],
    "version": 1,
    "created_at": NOW,
    "updated_at": NOW,
}


def answer(**changes: Any) -> SearchResponse:
    body = found().model_dump(mode="json")
    return SearchResponse.model_validate({**body, **changes})


def found(**changes: Any) -> SearchResponse:
    hit = {"score": 0.8, "image": {"id": "c", "url": "/media/c"}, "token": "t"}
    return SearchResponse.model_validate(
        {
            "search_id": "s",
            "query": {"by": "image", "limit": 2},
            "results": [{**hit, "product": {**PRODUCT, **changes}}] * 2,
            "timing_ms": {},
            "model": {"name": "m", "digest": "d", "trained": True},
        }
    )


LONG = {
    "title": "Alba striped stoneware espresso cup\nwith a saucer in terracotta",
    "category": "home/kitchen/tableware/cups/espresso",
}


@pytest.mark.parametrize("columns", [20, 60, 80, 120])
@pytest.mark.parametrize("product_id", ["demo:espresso-1-00012", "a" * 63 + ":" + "b" * 128])
def test_an_id_is_never_split(columns: int, product_id: str) -> None:
    written = io.StringIO()
    show_table(found(id=product_id, **LONG), Console(width=columns, file=written))
    heading, *rows = written.getvalue().splitlines()
    assert heading.split()[:2] == ["#", "id"]
    assert [row.split()[1] for row in rows] == [product_id] * 2


def test_a_line_a_product_at_eighty_columns() -> None:
    written = io.StringIO()
    show_table(found(id="demo:espresso-1-00012", **LONG), Console(width=80, file=written))
    lines = written.getvalue().splitlines()
    assert len(lines) == 3
    assert all(len(line) <= 80 for line in lines)
    assert "…" in lines[1]


def test_nothing_is_cut_for_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    show(found(**LONG), 0.1)
    shown = capsys.readouterr().out.splitlines()
    assert "Alba striped stoneware espresso cup with a saucer in terracotta" in shown[1]
    assert LONG["category"] in shown[1]


def said(found: SearchResponse) -> str:
    return "\n".join(line.plain for line in notes(found))


def test_corrections_are_told() -> None:
    corrections = [{"typed": "bleu", "meant": "blue"}, {"typed": "mgu", "meant": "mug"}]
    query = {"by": "text", "text": "bleu mgu", "limit": 2, "corrections": corrections}
    assert said(answer(query=query)) == (
        'Searched for "blue" instead of "bleu", "mug" instead of "mgu".'
    )


GUESSES = [
    {"category": "home/mugs", "confidence": 0.834},
    {"category": "home/bowls", "confidence": 0.1},
]


@pytest.mark.parametrize(
    ("category", "use", "words"),
    [
        ("home/mugs", "boost", "seems to show home/mugs (83 % sure)."),
        ("home/mugs", "filter", "(83 % sure; no other is shown)."),
        (None, "filter", "not clear; perhaps home/mugs (83 %), home/bowls (10 %)."),
    ],
)
def test_the_predicted_category(category: str | None, use: str, words: str) -> None:
    told = {"category": category, "confidence": 0.834, "use": use, "candidates": GUESSES}
    assert words in said(answer(category=told))


def test_a_photo_of_nothing_sold_here_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    verdict = {"score": 0.93, "threshold": 0.8, "rejected": True, "calibrated": True}
    category = {"category": "home/mugs", "confidence": 0.3, "use": "boost"}
    rejected = answer(results=[], category=category, out_of_catalogue=verdict)
    show(rejected, 0.1)
    shown = capsys.readouterr().out
    assert "nothing that this shop sells (out-of-catalogue score 0.93, bound 0.80)" in shown
    assert "home/mugs" not in shown
    assert "Is the shop filled" not in shown


def test_a_bound_that_was_not_measured_rejects_nothing() -> None:
    verdict = {"score": 0.93, "threshold": 0.8, "rejected": False, "calibrated": False}
    assert "`vitrine calibrate`" in said(answer(out_of_catalogue=verdict))
    sold = {"score": 0.1, "threshold": 0.8, "rejected": False, "calibrated": False}
    assert said(answer(out_of_catalogue=sold)) == ""


def test_a_region_is_shown_as_the_option_that_searches_for_it() -> None:
    box = {"x": 0.1, "y": 0.25, "width": 0.5, "height": 0.6}
    assert "--crop 0.10,0.25,0.50,0.60" in said(answer(regions=[{"box": box, "score": 0.7}]))


def test_reasons_and_parts_stand_under_the_rank_of_their_product() -> None:
    hit = answer().results[0].model_dump(mode="json")
    part = {"name": "text", "value": 0.0164, "words": "its rank by the words"}
    hits = [{**hit, "reasons": ["it is [blue]", "it is a mug"], "parts": [part]}, hit]
    assert [line.plain for line in why(answer(results=hits), 10)] == [
        "\nWhy:",
        " 11  it is [blue]; it is a mug",
        "     +0.0164  text: its rank by the words",
    ]
    assert list(why(answer())) == []


@pytest.mark.parametrize(("by", "score"), [("text", "12.35"), ("hybrid", "12.3457")])
def test_a_score_has_the_decimals_of_its_kind(by: str, score: str) -> None:
    written = io.StringIO()
    hit = {**answer().results[0].model_dump(mode="json"), "score": 12.34567}
    told = answer(query={"by": by, "limit": 2}, results=[hit])
    show_table(told, Console(width=120, file=written))
    assert score in written.getvalue().split()


def test_only_stages_that_took_time_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    show(answer(timing_ms={"understand": 1, "search": 6, "total": 8}), 0.1)
    assert "2 found in 8 ms (understand 1, search 6);" in capsys.readouterr().out
