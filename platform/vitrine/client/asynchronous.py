"""The client for async code (asyncio)."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx

from vitrine.client import (
    ad_events,
    ad_reports,
    advertising,
    events,
    explanations,
    jobs,
    matching,
    operations,
    products,
    profiles,
    recommending,
    searching,
    uploads,
    users,
    words,
)
from vitrine.client.attempts import Attempts
from vitrine.client.paging import Pages
from vitrine.client.request import Call, Request, as_method, headers
from vitrine.wire import JobOut

P = ParamSpec("P")
Answer = TypeVar("Answer")
Page = TypeVar("Page")
Item = TypeVar("Item")


def _runs(
    call: Call[P, Answer],
) -> Callable[Concatenate["AsyncVitrineClient", P], Coroutine[Any, Any, Answer]]:
    async def run(self: "AsyncVitrineClient", /, *args: P.args, **kwargs: P.kwargs) -> Answer:
        return await self.run(call(*args, **kwargs))

    return as_method(run, call)


def _iterates(
    pages: Callable[P, Pages[Page, Item]],
) -> Callable[Concatenate["AsyncVitrineClient", P], AsyncIterator[Item]]:
    def run(
        self: "AsyncVitrineClient", /, *args: P.args, **kwargs: P.kwargs
    ) -> AsyncIterator[Item]:
        # Not a generator itself: what is wrong with the arguments is said at once.
        return self.iterate(pages(*args, **kwargs))

    return as_method(run, pages)


class AsyncVitrineClient:
    """Talks to one Vitrine with one key; safe to share between the tasks of one loop."""

    def __init__(self, base_url: str, key: str, *, timeout: float = 30.0) -> None:
        self.base_url = base_url.rstrip("/")
        self._http = httpx.AsyncClient(
            base_url=self.base_url, timeout=timeout, headers=headers(key)
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    search = _runs(searching.search)
    iter_search = _iterates(searching.iter_search)
    similar = _runs(searching.similar)
    upload = _runs(uploads.upload)
    delete_upload = _runs(uploads.delete_upload)
    explanation = _runs(explanations.explanation)
    explanation_picture = _runs(explanations.explanation_picture)

    suggest = _runs(words.suggest)
    empty_searches = _runs(words.empty_searches)
    empty_searches_csv = _runs(words.empty_searches_csv)
    iter_empty_searches = _iterates(words.iter_empty_searches)

    recommendations = _runs(recommending.recommendations)

    match_ads = _runs(matching.match_ads)
    ad_decision = _runs(matching.ad_decision)

    profile = _runs(profiles.profile)
    profile_picture = _runs(profiles.profile_picture)

    put_advertiser = _runs(advertising.put_advertiser)
    get_advertiser = _runs(advertising.get_advertiser)
    list_advertisers = _runs(advertising.list_advertisers)
    iter_advertisers = _iterates(advertising.iter_advertisers)

    put_campaign = _runs(advertising.put_campaign)
    patch_campaign = _runs(advertising.patch_campaign)
    archive_campaign = _runs(advertising.archive_campaign)
    get_campaign = _runs(advertising.get_campaign)
    list_campaigns = _runs(advertising.list_campaigns)
    iter_campaigns = _iterates(advertising.iter_campaigns)

    put_creative = _runs(advertising.put_creative)
    patch_creative = _runs(advertising.patch_creative)
    archive_creative = _runs(advertising.archive_creative)
    get_creative = _runs(advertising.get_creative)
    list_creatives = _runs(advertising.list_creatives)
    iter_creatives = _iterates(advertising.iter_creatives)

    campaign_report = _runs(ad_reports.campaign_report)
    campaign_report_csv = _runs(ad_reports.campaign_report_csv)
    iter_campaign_report = _iterates(ad_reports.iter_campaign_report)

    send_ad_events = _runs(ad_events.send_ad_events)
    send_ad_postbacks = _runs(ad_events.send_ad_postbacks)
    send_conversions = _runs(ad_events.send_conversions)
    refund_charge = _runs(ad_events.refund_charge)
    ledger = _runs(ad_events.ledger)
    iter_ledger = _iterates(ad_events.iter_ledger)

    send_events = _runs(events.send_events)
    export_user = _runs(users.export_user)
    iter_export = _iterates(users.iter_export)
    erase_user = _runs(users.erase_user)

    put_product = _runs(products.put_product)
    patch_product = _runs(products.patch_product)
    delete_product = _runs(products.delete_product)
    get_product = _runs(products.get_product)
    list_products = _runs(products.list_products)
    iter_products = _iterates(products.iter_products)

    job = _runs(jobs.job)

    async def wait(self, job_id: str, timeout: float = 60.0) -> JobOut:
        """Wait until a job is done or has failed; raises TimeoutError with its last state."""
        watch = jobs.Watch(job_id, timeout)
        while True:
            found = await self.job(job_id)
            pause = watch.pause_after(found)
            if pause is None:
                return found
            await asyncio.sleep(pause)

    media = _runs(operations.media)
    ready = _runs(operations.ready)

    async def run(self, request: Request[Answer]) -> Answer:
        """Send a request, again where that helps and does no harm, and read its answer."""
        attempts = Attempts(request, self.base_url)
        # A photo is read from its file by a thread, as other tasks want to go on.
        options = await asyncio.to_thread(request.load) if request.reads_files else request.load()
        while True:
            outcome: httpx.Response | httpx.TransportError
            try:
                outcome = await self._http.request(**options)
            except httpx.TransportError as error:
                outcome = error
            judged = attempts.judge(outcome)
            if isinstance(judged, httpx.Response):
                return request.read(judged)
            await asyncio.sleep(judged)

    async def iterate(self, pages: Pages[Page, Item]) -> AsyncIterator[Item]:
        """Read page after page."""
        request: Request[Page] | None = pages.first
        while request is not None:
            page = await self.run(request)
            for item in pages.items(page):
                yield item
            request = pages.after(page)
