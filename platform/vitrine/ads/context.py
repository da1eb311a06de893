"""What an ad is to suit: the page, what was typed or photographed, and who looks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from vitrine.ads.creative_vectors import CreativeVectors
from vitrine.ads.drawing import Drawn, DrawnProducts
from vitrine.ads.targeting import Situation, fold_words
from vitrine.db import Readers, Reads, Sessions
from vitrine.decisions.models import ANONYMOUS, USER
from vitrine.decisions.people import Who, ensure, one_person, resolve, resolve_visitor
from vitrine.embedding.encoders import Encoders
from vitrine.embedding.vectors import normalise
from vitrine.errors import Conflict, Invalid, NotFound
from vitrine.media.decode import Limits
from vitrine.recommend.profile import Profile
from vitrine.recommend.profiles import Profiles
from vitrine.retrieval.serving import Serving
from vitrine.retrieval.stored import StoredPictures
from vitrine.search.looking import encoder_in_use
from vitrine.search.memory import Remembered, SearchMemory
from vitrine.search.photos import Photos
from vitrine.search.uploads import Uploads
from vitrine.wire.ads import MatchQuery
from vitrine.wire.ids import parse_product_id

Vectors = NDArray[np.float32]

MOST_INTERESTS = 3
_MOST_PICTURES = 3


@dataclass(frozen=True, slots=True)
class Interested:
    """One interest of who looks: its weight, and the vector [d] of what stands for it."""

    weight: float
    vector: Vectors


@dataclass(frozen=True, slots=True)
class AdContext:
    """A request, understood. `pictures` [n, d] are what is looked at; n may be 0.

    `probes` are the pictures, and then what stands for the interests. `same` are all ids of who
    looks, by whatever name: what they were shown counts for all of them. `organic` are the
    similarities of the results that ads would displace, best first; None for one that words alone
    found.
    """

    query: MatchQuery
    now: datetime
    serving: Serving
    who: Who | None
    same: tuple[int, ...]
    profile: Profile
    pictures: Vectors
    interests: tuple[Interested, ...] = ()
    product: Drawn | None = None
    categories: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    organic: tuple[float | None, ...] = ()
    probes: Vectors = field(init=False)

    def __post_init__(self) -> None:
        likes = [one.vector[np.newaxis] for one in self.interests]
        seen = [self.pictures] if len(self.pictures) else []
        probes = np.concatenate([*seen, *likes]) if seen or likes else self.pictures
        object.__setattr__(self, "probes", probes)

    @property
    def situation(self) -> Situation:
        """What targeting goes by."""
        usual = self.profile.price
        price = None if usual is None else Decimal(str(usual.middle))
        return Situation(
            categories=self.categories,
            price=price if self.product is None else self.product.price,
            interests=self.profile.categories,
            geo=self.query.geo,
            device=self.query.device,
            words=self.words,
        )


@dataclass(frozen=True, slots=True)
class ContextTools:
    """What understanding a request takes."""

    readers: Readers
    sessions: Sessions
    encoders: Encoders
    uploads: Uploads
    memory: SearchMemory
    profiles: Profiles
    products: DrawnProducts
    vectors: CreativeVectors
    limits: Limits


class Contexts:
    """Understands requests; safe to share between threads."""

    def __init__(self, tools: ContextTools) -> None:
        self._tools = tools

    def read(
        self, query: MatchQuery, photos: Sequence[bytes], serving: Serving, now: datetime
    ) -> AdContext:
        """Find out who looks at what. Raises Invalid, ImageRejected, NotFound or Unavailable."""
        _check(query, photos)
        search = self._search(query, serving)
        product = self._page_product(query.product_id)
        who, same = self._who(query)
        digest = serving.model.digest
        profile = Profile(digest) if who is None else self._tools.profiles.of(who, digest)
        stored = self._stored(product, profile, digest)
        of_product = None if product is None else stored.get(product.id)
        pictures = self._pictures(query, photos, of_product, serving)
        typed = query.text
        if search is not None:
            pictures = _together(pictures, search.vectors)
            typed = typed or search.question["query"].get("text")
        named = [query.category] if query.category else [product.category] if product else []
        return AdContext(
            query=query,
            now=now,
            serving=serving,
            who=who,
            same=same,
            profile=profile,
            pictures=pictures,
            interests=_interests(profile, stored),
            product=product,
            categories=frozenset(named),
            words=fold_words(typed or ""),
            organic=_organic(query, search),
        )

    def _search(self, query: MatchQuery, serving: Serving) -> Remembered | None:
        if query.search_id is None:
            return None
        # The id itself is the leave to use it: whoever has it was given it by who searched.
        search = self._tools.memory.recall(query.search_id, key_id=None)
        if search.model != serving.model.digest:
            # Vectors of two models never meet, and what an ad displaces would be unknown.
            raise Conflict("The index was made anew since this search. Search again.")
        return search

    def _page_product(self, public_id: str | None) -> Drawn | None:
        if public_id is None:
            return None
        key = parse_product_id(public_id, pointer="/product_id")
        found = self._tools.products.of([key]).get(key)
        if found is None:
            raise NotFound(f"There is no product {public_id}.")
        return found

    def _stored(
        self, product: Drawn | None, profile: Profile, model: str
    ) -> Mapping[int, StoredPictures]:
        """Read the pictures of the page's product, and of those that stand for interests."""
        wanted = [one.product_id for one in profile.interests[:MOST_INTERESTS]]
        if product is not None:
            wanted.append(product.id)
        return self._tools.vectors.of_products(wanted, model) if wanted else {}

    def _pictures(
        self,
        query: MatchQuery,
        photos: Sequence[bytes],
        of_product: StoredPictures | None,
        serving: Serving,
    ) -> Vectors:
        data = list(photos)
        if query.upload_id is not None:
            data.append(self._tools.uploads.get(query.upload_id, key_id=None))
        encoder = encoder_in_use(self._tools.encoders, serving.model.digest) if data else None
        if encoder is not None:
            side = encoder.spec.preprocessing.short_side
            seen = encoder.encode(Photos(data, self._tools.limits).decoded(side, None))
            return normalise(seen.embedding.astype(np.float32))
        if of_product is not None:
            return of_product.vectors[:_MOST_PICTURES]
        return np.empty((0, 0), np.float32)

    def _who(self, query: MatchQuery) -> tuple[Who | None, tuple[int, ...]]:
        """Find out who looks, and all ids of theirs.

        Somebody new is remembered: how often they saw what has to be counted from now on.
        """
        name, kind = query.user_id, USER
        if name is None:
            name, kind = query.client_id, ANONYMOUS
        if name is None:
            return None, ()
        with self._tools.readers() as reads:
            found = _resolve(reads, query)
            if found is not None:
                # Of a user they are known already.
                return found, found.ids if found.kind == USER else one_person(reads, found)
        with self._tools.sessions.begin() as session:
            person_id = ensure(session, kind, [name])[name]
        return Who(person_id, kind, (person_id,)), (person_id,)


def _check(query: MatchQuery, photos: Sequence[bytes]) -> None:
    if photos and query.upload_id is not None:
        raise Invalid("Send a photo or an `upload_id`, not both.")
    few = len(query.positions) < query.slots
    if query.positions and (few or len(set(query.positions)) < len(query.positions)):
        detail = "must name a place for each of the `slots`, each another"
        raise Invalid(
            f"`/positions` {detail}.", errors=[{"pointer": "/positions", "detail": detail}]
        )
    if query.organic and query.search_id is not None:
        raise Invalid("Send `organic` results or a `search_id`, which knows them; not both.")


def _resolve(reads: Reads, query: MatchQuery) -> Who | None:
    if query.user_id is not None:
        found = resolve(reads, query.user_id)
        # A visitor of that name is somebody else.
        return found if found is not None and found.kind == USER else None
    if query.client_id is not None:
        return resolve_visitor(reads, query.client_id)
    return None


def _interests(profile: Profile, stored: Mapping[int, StoredPictures]) -> tuple[Interested, ...]:
    return tuple(
        Interested(one.weight, stored[one.product_id].vector_of(one.image_id))
        for one in profile.interests[:MOST_INTERESTS]
        if one.product_id in stored
    )


def _together(some: Vectors, more: Vectors) -> Vectors:
    found = [normalise(one) for one in (some, more) if len(one)]
    return np.concatenate(found) if found else some


def _organic(query: MatchQuery, search: Remembered | None) -> tuple[float | None, ...]:
    if search is not None:
        return tuple(one.cosine for one in search.ranking)
    return tuple(one.similarity for one in query.organic)
