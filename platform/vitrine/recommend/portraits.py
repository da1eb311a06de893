"""Portraits: profiles for people to read, with the products that are still there."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from urllib.parse import quote

from sqlalchemy import text

from vitrine.catalog.views import image_url
from vitrine.db import Readers, Reads
from vitrine.decisions.people import resolve
from vitrine.errors import NotFound
from vitrine.recommend.profile import Interest, PriceBand, Profile
from vitrine.recommend.profile_sheet import Row, draw_sheet
from vitrine.recommend.profile_words import Described, describe, summarise
from vitrine.recommend.profiles import Profiles
from vitrine.recommend.thumbnails import Thumbnails
from vitrine.retrieval.serving import Generations
from vitrine.wire import ResultImage
from vitrine.wire.names import PERSON
from vitrine.wire.profiles import (
    AffinityOut,
    InterestOut,
    PriceBandOut,
    ProfileOut,
    ProfileProduct,
)

MOST_MEMBERS = 7
MOST_LISTED = 20
_COLOUR_LETTERS = 40

_PRODUCTS = text(
    """
    select products.id, products.seller_id || ':' || products.sku as public_id, products.title,
           products.brand, products.category, products.price,
           coalesce(products.attributes ->> 'color', products.attributes ->> 'colour') as colour,
           coalesce(chosen.cid, first.cid) as cid
    from products
    left join lateral (
        select cid from product_images
        where product_id = products.id and state = 'searchable'
        order by position, id limit 1
    ) as first on true
    left join lateral (
        select cid from product_images
        where product_id = products.id and state = 'searchable'
          and id = any(cast(:images as bigint[])) limit 1
    ) as chosen on true
    where products.id = any(cast(:ids as bigint[]))
    """
)


@dataclass(frozen=True, slots=True)
class _Shown:
    """What is known of a product that is still there."""

    described: Described
    out: ProfileProduct


@dataclass(frozen=True)
class Portraits:
    """Tells what the shop makes of a person."""

    readers: Readers
    generations: Generations
    profiles: Profiles
    thumbnails: Thumbnails
    currency: str

    def of(self, user: str) -> ProfileOut:
        """Read the profile of a user or visitor. Raises NotFound for somebody nobody knows."""
        model = self.generations.current().model
        with self.readers() as reads:
            who = resolve(reads, user) if PERSON.fits(user) else None
        if who is None:
            raise NotFound("No event of such a user or visitor is kept.")
        profile = self.profiles.of(who, model.digest)
        with self.readers() as reads:
            shown = self._read(reads, profile)

        def listed(products: Iterable[int], at: Mapping[int, datetime]) -> list[ProfileProduct]:
            there = [(id_, shown[id_].out) for id_ in products if id_ in shown]
            return [one.model_copy(update={"at": at.get(id_)}) for id_, one in there]

        return ProfileOut(
            words=summarise(profile, self.currency),
            events=profile.events,
            as_of=profile.as_of,
            interests=self._interests(profile.interests, shown),
            dislikes=self._interests(profile.dislikes, shown),
            categories=_affinities(profile.categories),
            brands=_affinities(profile.brands),
            price=self._band(profile.price),
            viewed=listed(_first(profile.viewed), profile.viewed),
            bought=listed(_first(profile.bought), profile.bought),
            carted=listed(_first(profile.carted), profile.carted),
            hidden=listed(_first(profile.hidden), profile.hidden),
            picture=f"/v1/users/{quote(user, safe='')}/profile/picture",
            model=model,
        )

    def picture(self, user: str) -> bytes:
        """Draw the interests and dislikes of a profile, as PNG. Raises NotFound."""
        found = self.of(user)
        return draw_sheet(
            found.words,
            [self._row(one) for one in found.interests],
            [self._row(one) for one in found.dislikes],
        )

    def _band(self, price: PriceBand | None) -> PriceBandOut | None:
        if price is None:
            return None
        low, middle, high = (Decimal(f"{one:.2f}") for one in (price.low, price.middle, price.high))
        return PriceBandOut(low=low, middle=middle, high=high, currency=self.currency)

    def _row(self, one: InterestOut) -> Row:
        pictures = [product.image.id for product in (one.product, *one.products) if product.image]
        return Row(one.words, one.weight, one.count, [self.thumbnails.get(cid) for cid in pictures])

    def _interests(
        self, interests: Iterable[Interest], shown: Mapping[int, _Shown]
    ) -> list[InterestOut]:
        """Those of which a product is left; another member stands in for a medoid that is gone."""
        described = {id_: one.described for id_, one in shown.items()}
        found = []
        for interest in interests:
            there = [id_ for id_ in interest.products if id_ in shown]
            if not there:
                continue
            stands = interest.product_id if interest.product_id in shown else there[0]
            others = [id_ for id_ in there if id_ != stands]
            found.append(
                InterestOut(
                    words=describe(interest, described, self.currency),
                    weight=interest.weight,
                    product=shown[stands].out,
                    products=[shown[id_].out for id_ in others[:MOST_MEMBERS]],
                    count=len(there),
                    last_at=interest.last_at,
                )
            )
        return found

    def _read(self, reads: Reads, profile: Profile) -> dict[int, _Shown]:
        groups = [*profile.interests, *profile.dislikes]
        ids = {id_ for one in groups for id_ in one.products}
        for named in (profile.viewed, profile.bought, profile.carted, profile.hidden):
            ids.update(_first(named))
        values = {"ids": sorted(ids), "images": [one.image_id for one in groups]}
        found = {}
        for row in reads.execute(_PRODUCTS, values) if ids else ():
            out = ProfileProduct(
                id=row.public_id,
                title=row.title,
                brand=row.brand,
                category=row.category,
                price=row.price,
                currency=self.currency,
                image=row.cid and ResultImage(id=row.cid, url=image_url(row.cid)),
            )
            colour = row.colour[:_COLOUR_LETTERS] if row.colour else None
            found[row.id] = _Shown(Described(row.category, row.price, colour), out)
        return found


def _affinities(shares: Mapping[str, float]) -> list[AffinityOut]:
    # JSONB keeps no order.
    ordered = sorted(shares.items(), key=lambda item: (-item[1], item[0]))
    return [AffinityOut(name=name, share=share) for name, share in ordered]


def _first(products: Collection[int]) -> list[int]:
    return list(products)[:MOST_LISTED]
