"""What an ad looks like when it is shown, and the token that its events quote."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from vitrine.ads.context import AdContext
from vitrine.ads.eligibility import Eligible
from vitrine.catalog.views import image_url
from vitrine.db import Readers
from vitrine.decisions.tokens import Shown, TokenSigner
from vitrine.retrieval.filters import to_sql
from vitrine.retrieval.filters.tree import InStock
from vitrine.retrieval.grouping import Ranked
from vitrine.retrieval.hydration import hydrate, read_products
from vitrine.wire.ads import AdOut, RelevanceOut
from vitrine.wire.products import ProductOut
from vitrine.wire.search import ResultImage

AD = "ad"
_IN_STOCK = to_sql(InStock(True))
_LOSS_DIGITS = 4
_ACTIVE = text(
    """
    select creatives.id from creatives join campaigns on campaigns.id = campaign_id
    where creatives.id = any(cast(:ids as bigint[]))
      and creatives.state = 'active' and campaigns.state = 'active'
    """
)


@dataclass(frozen=True, slots=True)
class Looks:
    """How an ad is shown: its picture, and the product that it draws on."""

    image: ResultImage | None
    product: ProductOut | None


@dataclass(frozen=True, slots=True)
class Show:
    """An ad in its slot."""

    looks: Looks
    ad: Eligible
    position: int
    place: int | None
    relevance: RelevanceOut
    similarity: float | None
    loss: float | None
    explored: bool


class Showing:
    """Writes ads for whoever shows them."""

    def __init__(
        self, readers: Readers, signer: TokenSigner, *, currency: str, api_url: str
    ) -> None:
        self._readers = readers
        self._signer = signer
        self._currency = currency
        self._url = api_url

    def read(self, ads: Sequence[Eligible]) -> list[Looks | None]:
        """Read how each is shown; None for one that is not active any more, nor its product."""
        ids = [one.product.id for one in ads if one.product is not None]
        shown = {}
        with self._readers() as reads:
            active = set(
                reads.execute(_ACTIVE, {"ids": [one.creative.id for one in ads]}).scalars()
            )
            rows = read_products(reads, ids, _IN_STOCK)
        if ids:
            ranking = [Ranked(one, None) for one in dict.fromkeys(ids)]
            hydrated = hydrate(ranking, rows, currency=self._currency, limit=len(ranking))
            shown = {ranking[one.at].product_id: one for one in hydrated}
        found: list[Looks | None] = []
        for ad in ads:
            if ad.creative.id not in active:
                found.append(None)
                continue
            cid = ad.creative.cid
            own = None if cid is None else ResultImage(id=cid, url=image_url(cid))
            if ad.product is None:
                found.append(Looks(own, None))
                continue
            product = shown.get(ad.product.id)
            found.append(Looks(own or product.image, product.product) if product else None)
        return found

    def ad(self, show: Show, decision: str, key_id: str, context: AdContext) -> AdOut:
        """Write an ad with the addresses that count what comes of it."""
        creative, product = show.ad.creative, show.looks.product
        loss = None if show.loss is None else round(show.loss, _LOSS_DIGITS)
        token = self._signer.sign(
            Shown(
                key_id=key_id,
                decision=decision,
                kind=AD,
                item=creative.slug,
                position=show.position,
                model=context.serving.model.digest[:16],
                issued_at=int(context.now.timestamp()),
                loss=loss,
            )
        )
        return AdOut(
            position=show.position,
            place=show.place,
            creative=creative.slug,
            campaign=show.ad.campaign.slug,
            advertiser=show.ad.campaign.advertiser,
            title=creative.title or (product.title if product else ""),
            text=creative.text,
            call_to_action=creative.call_to_action,
            image=show.looks.image,
            product=product,
            relevance=show.relevance,
            similarity=show.similarity,
            loss=loss,
            explored=show.explored,
            token=token,
            impression_url=f"{self._url}/ads/pixel/{token}",
            click_url=f"{self._url}/ads/click/{token}",
        )
