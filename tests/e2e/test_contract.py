"""Does the api keep its own OpenAPI document? schemathesis asks, over the whole of it.

`--fuzz-examples 500` asks for longer; a failure prints the request as a curl command. The seed is
fixed and `--fuzz-seed` changes it.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Running
from tests.integration.conftest import listing
from tests.pictures import jpeg
from vitrine.client import VitrineClient
from vitrine.wire.ads import AdOut, MatchQuery
from vitrine.wire.advertisers import AdvertiserIn
from vitrine.wire.campaigns import CampaignIn
from vitrine.wire.creatives import CreativeIn

SELLER = "contract"
# What a schema allows is not always what a shop can do: a new product without a picture is refused.
NOT_CHECKED = "positive_data_acceptance"
DOCUMENT = "/openapi.json"
METHODS = {"get", "put", "post", "patch", "delete"}


@pytest.fixture
def shop(running: Running) -> Iterator[dict[str, list[str]]]:
    """Things to ask about, by parameter; what the run lists is deleted at the end."""
    with running.client("admin") as admin:
        before = {product.id for product in admin.iter_products()}
        accepted = [
            admin.put_product(f"{SELLER}:{name}", listing(title=f"Blue {name}"), [jpeg(seed)])
            for seed, name in enumerate(("mug", "lamp", "chair", "vase", "gone"), start=900)
        ]
        for each in accepted:
            assert admin.wait(each.job.id, timeout=60).counts.searchable == 1
        *kept, replaced, gone = [each.product.id for each in accepted]
        yield {
            "products": kept,
            # A product that is put again may lose the pictures that others are to ask for.
            "replaced": [replaced],
            "gone": [gone],
            "jobs": [each.job.id for each in accepted],
            "pictures": [each.product.images[0].id for each in accepted[:-2]],
            "uploads": [_upload(running, seed) for seed in range(20)],
            "searches": [admin.search(jpeg(900)).search_id],
            "people": _people(admin, "reader", kept[0]),
            "forgotten": _people(admin, "leaver", kept[0]),
            **_advertise(admin),
        }
        for campaign in admin.iter_campaigns():
            admin.archive_campaign(campaign.id)
        for product in [each.id for each in admin.iter_products() if each.id not in before]:
            admin.wait(admin.delete_product(product).job.id, timeout=60)


# One only ever redirects; for the other, schemathesis would have to know what was charged.
UNTOLD = {"GET /ads/click/{token}", "POST /v1/ads/refunds"}


def test_every_operation_answers_as_documented(
    running: Running, shop: dict[str, list[str]], tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    document = httpx.get(f"{running.url}{DOCUMENT}").json()
    operations = [
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method in METHODS & methods.keys()
        if path != DOCUMENT  # schemathesis has read that one already
    ]
    (tmp_path / "schemathesis.toml").write_text(_configuration(running, shop))
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", "schemathesis.toml"),
            *("run", f"{running.url}{DOCUMENT}", "--continue-on-failure"),
            *("--max-examples", str(pytestconfig.getoption("fuzz_examples"))),
            *("--seed", str(pytestconfig.getoption("fuzz_seed"))),
            *("--exclude-checks", NOT_CHECKED, "--report-json-path", "report.json"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    print(json.dumps(report["test_cases"]), _accepted(report))
    assert report["operations"]["tested"] == len(operations)
    # Answers that are all refusals would prove little.
    refused = {name for name in operations if not _accepted(report).get(name)}
    assert refused <= UNTOLD


def _accepted(report: dict[str, Any]) -> dict[str, int]:
    """How many requests of each operation were answered with a success."""
    return {
        name: sum(phase["accepted"] for phase in phases.values())
        for name, phases in report["valid_rates"].items()
    }


def _people(admin: VitrineClient, name: str, product: str) -> list[str]:
    """Users who looked at something."""
    people = [f"{name}-{number}" for number in range(10)]
    view = {"name": "view_item", "event_id": "1", "params": {"items": [{"item_id": product}]}}
    admin.send_events([{**view, "user_id": user} for user in people])
    return people


def _advertise(admin: VitrineClient) -> dict[str, list[str]]:
    """Campaigns and creatives, called as in the examples of the bodies; some to be archived."""
    admin.put_advertiser("tern", AdvertiserIn(name="Tern"))
    campaign = CampaignIn(
        advertiser="tern",
        name="Mugs",
        starts_on=date(2026, 1, 1),
        total_budget_micros=10**9,
        bid_type="cpc",
        bid_micros=10**5,
    )
    ended = [f"ended-{number}" for number in range(5)]
    for name in ("spring-mugs", *ended):
        admin.put_campaign(name, campaign)
    creative = CreativeIn(campaign="spring-mugs", title="Mugs", landing_url="https://shop.example")
    chipped = [f"chipped-{number}" for number in range(5)]
    for name in ("blue-mug", *chipped):
        admin.put_creative(name, creative, jpeg(900))
    # Of a campaign that was charged not all can be changed: it is another one.
    admin.put_campaign("seen-mugs", campaign.model_copy(update={"bid_micros": 10**6}))
    admin.put_creative("seen-mug", creative.model_copy(update={"campaign": "seen-mugs"}), jpeg(901))
    ad, decision = _shown(admin)
    admin.send_ad_events([{"token": ad.token, "event": "click"}])
    return {
        "decisions": [decision],
        "tokens": [ad.token],
        "charges": [entry.id for entry in admin.iter_ledger("seen-mugs")],
        "advertisers": ["tern"],
        "campaigns": ["spring-mugs"],
        "ended": ended,
        "creatives": ["blue-mug"],
        "chipped": chipped,
    }


def _shown(admin: VitrineClient) -> tuple[AdOut, str]:
    """An ad of theirs, and the decision that showed it; the api sees them in about a second."""
    until = time.monotonic() + 60
    while True:
        found = admin.match_ads(MatchQuery(), image=jpeg(901))
        if [one.creative for one in found.ads] == ["seen-mug"]:
            return found.ads[0], found.decision_id
        assert time.monotonic() < until, found
        time.sleep(0.3)


def _upload(running: Running, seed: int) -> str:
    answer = httpx.post(
        f"{running.url}/v1/uploads",
        headers={"Authorization": f"Bearer {running.keys['admin']}"},
        files={"image": ("photo.jpg", jpeg(seed), "image/jpeg")},
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["upload_id"])


def _configuration(running: Running, shop: dict[str, list[str]]) -> str:
    """Let most of the requests name what there is."""
    lines = [f'headers = {{ Authorization = "Bearer {running.keys["admin"]}" }}']
    lines += [f"[dictionaries.{name}]\nvalues = {json.dumps(ids)}" for name, ids in shop.items()]
    # Ids that an answer names are not for the calls that delete: others are to find them.
    lines += [
        f"[phases.{phase}.extra-data-sources]\nresponses = false"
        for phase in ("examples", "coverage", "fuzzing")
    ]
    explanation = {"path.search_id": "searches", "path.product": "products"}
    for operation, parameters in {
        "GET /v1/products/{id}": {"path.id": "products"},
        "GET /v1/products/{id}/similar": {"path.id": "products"},
        "PATCH /v1/products/{id}": {"path.id": "products"},
        "PUT /v1/products/{id}": {"path.id": "replaced"},
        "DELETE /v1/products/{id}": {"path.id": "gone"},
        "GET /v1/jobs/{id}": {"path.id": "jobs"},
        "GET /media/{cid}": {"path.cid": "pictures"},
        "GET /v1/users/{user}/export": {"path.user": "people"},
        "GET /v1/users/{user}/profile": {"path.user": "people"},
        "GET /v1/users/{user}/profile/picture": {"path.user": "people"},
        "GET /v1/users/{user}/recommendations": {"path.user": "people"},
        "DELETE /v1/users/{user}": {"path.user": "forgotten"},
        "DELETE /v1/uploads/{id}": {"path.id": "uploads"},
        "GET /v1/ads/decisions/{decision}": {"path.decision": "decisions"},
        "GET /ads/click/{token}": {"path.token": "tokens"},
        "POST /v1/ads/refunds": {"body.charge": "charges"},
        "GET /v1/advertisers/{advertiser}": {"path.advertiser": "advertisers"},
        "PUT /v1/advertisers/{advertiser}": {"path.advertiser": "advertisers"},
        "GET /v1/campaigns/{campaign}": {"path.campaign": "campaigns"},
        "PUT /v1/campaigns/{campaign}": {"path.campaign": "campaigns"},
        "PATCH /v1/campaigns/{campaign}": {"path.campaign": "campaigns"},
        "DELETE /v1/campaigns/{campaign}": {"path.campaign": "ended"},
        "GET /v1/creatives/{creative}": {"path.creative": "creatives"},
        "PUT /v1/creatives/{creative}": {"path.creative": "creatives"},
        "PATCH /v1/creatives/{creative}": {"path.creative": "creatives"},
        "DELETE /v1/creatives/{creative}": {"path.creative": "chipped"},
        "GET /v1/search/{search_id}/explanations/{product}": explanation,
        "GET /v1/search/{search_id}/explanations/{product}/picture": explanation,
    }.items():
        lines.append(f'[[operations]]\ninclude-name = "{operation}"')
        lines += [f"checks.{check}.enabled = false" for check in _unfit_checks(operation)]
        lines.append("[operations.parameters]")
        lines += [
            f'"{parameter}" = {{ dictionary = "{name}", probability = 0.7 }}'
            for parameter, name in parameters.items()
        ]
    return "\n".join(lines)


def _unfit_checks(operation: str) -> list[str]:
    """Checks of what these calls do otherwise on purpose."""
    unfit = []
    if operation.startswith(("PUT", "PATCH")):
        # An attribute of one type that is made one of another is sound still.
        unfit.append("negative_data_rejection")
    if "/campaigns/" in operation or "/creatives/" in operation:
        # What is archived can be read still.
        unfit.append("use_after_free")
    return unfit
