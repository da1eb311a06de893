"""Matching: which creatives suit this shopper, on this page, now, and what each will cost."""

import secrets
import time
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from vitrine.ads.bidding import Auctioneer, Sold
from vitrine.ads.candidates import Finder
from vitrine.ads.context import AdContext, Contexts
from vitrine.ads.counters import Counters
from vitrine.ads.decided import Decided, DecidedSlot, record
from vitrine.ads.eligibility import Sieve, Sifted
from vitrine.ads.frequency import Shown, at_cap, read_shown
from vitrine.ads.looking import RunningAds
from vitrine.ads.models import BILLED_BY
from vitrine.ads.running import Running
from vitrine.ads.scoring import Scored, Scorer
from vitrine.ads.showing import Looks, Show, Showing
from vitrine.ads.tracing import told, trace
from vitrine.db import Readers
from vitrine.decisions.tokens import new_decision_id
from vitrine.retrieval.serving import Generations
from vitrine.wire.ads import MatchQuery, MatchResponse, MatchTiming

_WITHOUT_INDEX = (
    "The vector index does not answer: these are ads that words and categories name, compared with "
    "what is looked at all the same."
)
# So many for each slot: with fewer the index is asked for more.
_ENOUGH_PER_SLOT = 3
_SEED_BITS = 62
# What is gone is seen when it is to be shown; one after the other would have to go meanwhile.
_TRIES = 3


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class MatchTools:
    """What matching is done with."""

    readers: Readers
    generations: Generations
    contexts: Contexts
    running: RunningAds
    finder: Finder
    sieve: Sieve
    scorer: Scorer
    auctioneer: Auctioneer
    counters: Counters
    showing: Showing
    clock: Callable[[], datetime] = _now


@dataclass(slots=True)
class _Stages:
    """Where the milliseconds go."""

    spent: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        before = time.perf_counter()
        yield
        took = (time.perf_counter() - before) * 1000
        self.spent[name] = self.spent.get(name, 0.0) + took

    def out(self) -> MatchTiming:
        total = (time.perf_counter() - self.started) * 1000
        return MatchTiming(**self.spent, total=total)


@dataclass(frozen=True, slots=True)
class _Held:
    """An auction, and how its winners are shown: None for one that cannot be."""

    sifted: Sifted
    scored: Scored
    sold: Sold
    looks: list[Looks | None]
    degraded: bool


class AdMatcher:
    """Matches ads of one shop; safe to share between threads."""

    def __init__(self, tools: MatchTools) -> None:
        self.tools = tools

    def match(
        self, query: MatchQuery, *, key_id: str, photos: Sequence[bytes] = ()
    ) -> MatchResponse:
        """Fill the slots with what suits and pays, and reserve what that is expected to cost.

        What is answered can be billed: it is written down before this returns. Raises Invalid,
        ImageRejected, NotFound or Unavailable.
        """
        tools, stages = self.tools, _Stages()
        now = tools.clock()
        seed = secrets.randbits(_SEED_BITS) if query.seed is None else query.seed
        with stages("context"):
            context = tools.contexts.read(query, photos, tools.generations.current(), now)
            running = tools.running.now()
        decision = new_decision_id()
        held = self._hold(context, running, seed, decision, stages)
        with stages("record"):
            try:
                shows = self._shows(held, context)
                self._record(decision, seed, key_id, context, running, held)
            except Exception:
                # What nobody is shown keeps nothing from others.
                tools.counters.release(held.sold.asks)
                raise
        return MatchResponse(
            decision_id=decision,
            ads=[tools.showing.ad(one, decision, key_id, context) for one in shows],
            degraded=_WITHOUT_INDEX if held.degraded else None,
            model=context.serving.model,
            timing_ms=stages.out(),
        )

    def prepare(self) -> None:
        """Begin to read what is active, so that the first request need not wait for it."""
        self.tools.running.prepare()

    def forget(self) -> None:
        """Look at once at what is active now, instead of within seconds."""
        self.tools.running.forget()
        self.tools.finder.forget()

    def _hold(
        self, context: AdContext, running: Running, seed: int, decision: str, stages: _Stages
    ) -> _Held:
        """Hold an auction, and another one without those winners that turn out to be gone."""
        tools, gone = self.tools, set[int]()
        for left in range(_TRIES, 0, -1):
            sifted, degraded = self._sift(context, running, seed, gone, stages)
            with stages("auction"):
                shown = self._leave_out_capped(sifted, context)
                scored = tools.scorer.score(sifted, running, context, seed)
                sold = tools.auctioneer.sell(scored, context, decision, shown)
            with stages("record"):
                looks = self._looks(scored, sold)
            if None not in looks or left == 1:
                break
            tools.counters.release(sold.asks)
            ads = [scored.ads[one.at] for one in sold.winners]
            gone |= {ad.creative.id for ad, look in zip(ads, looks, strict=True) if look is None}
        return _Held(sifted, scored, sold, looks, degraded)

    def _looks(self, scored: Scored, sold: Sold) -> list[Looks | None]:
        """Read what shows the winners, as it stands now: the last gate."""
        try:
            return self.tools.showing.read([scored.ads[one.at] for one in sold.winners])
        except Exception:
            self.tools.counters.release(sold.asks)
            raise

    def _leave_out_capped(self, sifted: Sifted, context: AdContext) -> dict[int, Shown]:
        """Leave out whose caps are reached: who cannot be shown is to make nobody pay more."""
        campaigns = {one.campaign.id: one.campaign for one in sifted.eligible}
        shown = read_shown(self.tools.readers, context.same, list(campaigns.values()), context.now)
        reached = {id_: why for id_, each in shown.items() if (why := at_cap(campaigns[id_], each))}
        for one in sifted.eligible:
            if one.campaign.id in reached:
                sifted.refused[one.creative.id] = reached[one.campaign.id]
        sifted.eligible = [one for one in sifted.eligible if one.campaign.id not in reached]
        return shown

    def _sift(
        self, context: AdContext, running: Running, seed: int, gone: Set[int], stages: _Stages
    ) -> tuple[Sifted, bool]:
        """Find candidates and who of them may take part; deeper, where those are few."""
        tools, wanted = self.tools, context.query.slots * _ENOUGH_PER_SLOT
        for deeper in (False, True):
            with stages("candidates"):
                found = tools.finder.find(context, running, seed, deeper=deeper)
            with stages("eligibility"):
                sifted = tools.sieve.sift(found.ids, running, context, seed, gone)
            if len(sifted.eligible) >= wanted or found.exhausted:
                break
        return sifted, found.degraded

    def _shows(self, held: _Held, context: AdContext) -> list[Show]:
        """Put the winners into their slots; of one that is gone the slot stays empty."""
        sold, scored = held.sold, held.scored
        for at in range(len(sold.winners) - 1, -1, -1):
            if held.looks[at] is None:
                sold.refused[sold.winners[at].at] = "gone"
                sold.drop(at, self.tools.counters)
        kept = [one for one in held.looks if one is not None]
        return [
            Show(
                looks=looks,
                ad=scored.ads[winner.at],
                position=winner.position,
                place=_place(context, winner.position),
                relevance=scored.relevance.out(winner.at),
                similarity=scored.similarity(winner.at),
                loss=loss,
                explored=scored.is_explored(winner.at),
            )
            for looks, winner, loss in zip(kept, sold.winners, sold.losses, strict=True)
        ]

    def _record(
        self,
        decision: str,
        seed: int,
        key_id: str,
        context: AdContext,
        running: Running,
        held: _Held,
    ) -> None:
        tools, scored, sold = self.tools, held.scored, held.sold
        slots = []
        for winner, loss in zip(sold.winners, sold.losses, strict=True):
            ad = scored.ads[winner.at]
            slots.append(
                DecidedSlot(
                    position=winner.position,
                    campaign_id=ad.campaign.id,
                    creative_id=ad.creative.id,
                    event=BILLED_BY[ad.campaign.bid_type],
                    bid_micros=ad.campaign.bid_micros,
                    price_micros=winner.price_micros,
                    expected_micros=winner.expected_micros,
                    probability=float(scored.clicks[winner.at]),
                    relevance=float(scored.relevance.total[winner.at]),
                    loss=loss,
                    features=scored.features[winner.at],
                )
            )
        terms = {
            "relevance_exponent": tools.auctioneer.exponent,
            "relevance_floor": tools.scorer.floor(context),
        }
        found = trace(context, running, held.sifted, scored, sold, tools.auctioneer)
        record(
            tools.readers,
            Decided(
                id=decision,
                at=context.now,
                key_id=key_id,
                placement=context.query.placement,
                person_id=None if context.who is None else context.who.person_id,
                seed=seed,
                model=context.serving.model.digest,
                click_model=scored.click_model,
                context=told(context),
                trace=terms | found,
            ),
            slots,
        )


def _place(context: AdContext, position: int) -> int | None:
    """The place among the organic results that a slot takes, if there are any."""
    if context.query.positions:
        return context.query.positions[position - 1]
    return position if context.organic else None
