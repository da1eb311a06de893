"""The one place that builds the concrete objects and hands them on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from redis import Redis
from sqlalchemy import Engine, event

from vitrine import work
from vitrine.ads.accounting import Accounting
from vitrine.ads.accounts.advertisers import Advertisers
from vitrine.ads.accounts.campaigns import Campaigns
from vitrine.ads.accounts.creatives import Creatives
from vitrine.ads.bidding import Auctioneer, House
from vitrine.ads.candidates import Finder
from vitrine.ads.clicks import ClickModels
from vitrine.ads.context import Contexts, ContextTools
from vitrine.ads.conversions import Conversions, ConversionTools
from vitrine.ads.counters import Counters, now_utc
from vitrine.ads.creative_vectors import CreativeVectors
from vitrine.ads.creative_work import CREATIVE_HANDLER, CREATIVES, with_creatives
from vitrine.ads.drawing import DrawnProducts
from vitrine.ads.eligibility import Sieve
from vitrine.ads.events import AdEvents, EventTools
from vitrine.ads.gallery import Gallery
from vitrine.ads.keeping import Background
from vitrine.ads.looking import RunningAds
from vitrine.ads.matching import AdMatcher, MatchTools
from vitrine.ads.scoring import Scorer
from vitrine.ads.showing import Showing
from vitrine.ads.traffic import Traffic
from vitrine.ads.unsigned import UnsignedCounts
from vitrine.catalog.service import Catalog
from vitrine.db import Sessions, connecting_breaker, make_engine, make_sessions
from vitrine.decisions.intake import Intake
from vitrine.decisions.recording import Recorder
from vitrine.decisions.tokens import TokenSigner
from vitrine.doorbell import Doorbell, make_celery
from vitrine.embedding.cores import share, usable_cores
from vitrine.embedding.encoders import Encoders
from vitrine.embedding.registry import ModelStore
from vitrine.embedding.runtimes import Hint
from vitrine.index.client import VectorIndex
from vitrine.index.text import TextIndex
from vitrine.ingest.drain import HANDLERS, Handler
from vitrine.ingest.parts import Bounds, Parts
from vitrine.media.decode import Limits
from vitrine.media.store import BlobStore
from vitrine.recommend.mentions import MENTIONS_HANDLER
from vitrine.recommend.nearest import Nearest
from vitrine.recommend.portraits import Portraits
from vitrine.recommend.profiles import Profiles
from vitrine.recommend.ranker import Rankers
from vitrine.recommend.ranking import PageRanker, Taste
from vitrine.recommend.rollups import RollupBounds
from vitrine.recommend.service import Recommender, RecommenderTools
from vitrine.recommend.sources import Sources
from vitrine.recommend.thumbnails import Thumbnails
from vitrine.recommend.weights import EventWeights
from vitrine.redis_calls import LONGEST_WAIT_SECONDS, RedisCalls, make_redis
from vitrine.retrieval.serving import Generations
from vitrine.retrieval.vocabulary import Vocabulary
from vitrine.search.calibration_rows import Calibrations
from vitrine.search.catalogue_pictures import CataloguePictures
from vitrine.search.explanations import Explanations
from vitrine.search.looking import Looking
from vitrine.search.memory import SearchMemory
from vitrine.search.question import Understanding
from vitrine.search.ranking import Ranker
from vitrine.search.service import SearchService, SearchTools
from vitrine.search.suggest import Suggester
from vitrine.search.uploads import Uploads
from vitrine.settings import Settings
from vitrine.shortlived import ShortLived


@dataclass(frozen=True)
class Platform:
    """Everything a process needs; nothing in it has connected to anything yet."""

    settings: Settings
    engine: Engine
    reading: Engine
    sessions: Sessions
    redis: Redis
    redis_calls: RedisCalls
    blobs: BlobStore
    index: VectorIndex
    vocabulary: Vocabulary
    models: ModelStore
    encoders: Encoders
    doorbell: Doorbell
    limits: Limits
    event_weights: EventWeights
    ad_counters: Counters
    clock: Callable[[], datetime]

    @property
    def catalog(self) -> Catalog:
        """What sellers do."""
        return Catalog(self.sessions, self.blobs, self.doorbell, currency=self.settings.currency)

    @property
    def short_lived(self) -> ShortLived:
        """What is kept for minutes: query photos, what a search remembers."""
        return ShortLived(self.redis_calls)

    @property
    def uploads(self) -> Uploads:
        """Query photos that are kept for a short time."""
        return Uploads(self.short_lived, self.limits, seconds=self.settings.upload_seconds)

    @property
    def looking(self) -> Looking:
        """What a photo shows at first sight."""
        return Looking(make_sessions(self.reading), self.encoders)

    @property
    def explanations(self) -> Explanations:
        """Why a product matched the photo of a search."""
        kept = self.settings.search_memory_seconds
        return Explanations(
            make_sessions(self.reading),
            self.search_memory,
            self.uploads,
            CataloguePictures(
                self.blobs, self.encoders, self.limits, self.short_lived, seconds=kept
            ),
            self.short_lived,
        )

    @property
    def texts(self) -> TextIndex:
        """The index of words."""
        return TextIndex(self.index, self.vocabulary.rarity)

    @property
    def suggester(self) -> Suggester:
        """What completes the words of shoppers."""
        return Suggester(make_sessions(self.reading), self.vocabulary)

    @property
    def search(self) -> SearchService:
        """What shoppers do. Raises Misconfigured without a secret key."""
        settings = self.settings
        sessions, readers = make_sessions(self.reading), self.reading.connect
        return SearchService(
            SearchTools(
                sessions=sessions,
                readers=readers,
                understanding=Understanding(sessions, self.encoders, self.uploads, self.limits),
                vocabulary=self.vocabulary,
                ranker=Ranker(readers, self.index, self.texts),
                calibrations=Calibrations(sessions),
                memory=self.search_memory,
                recorder=Recorder(readers),
                signer=TokenSigner(settings.secret_key),
                currency=settings.currency,
            )
        )

    @property
    def intake(self) -> Intake:
        """What takes in the events of shoppers. Raises Misconfigured without a secret key."""
        return Intake(
            self.sessions,
            self.doorbell,
            TokenSigner(self.settings.secret_key),
            event_days=self.settings.event_days,
            decision_days=self.settings.decision_days,
        )

    @property
    def search_memory(self) -> SearchMemory:
        """What a search leaves for its next page and its explanation."""
        return SearchMemory(self.short_lived, seconds=self.settings.search_memory_seconds)

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """How each kind of work is done."""
        profiles = self.profiles.handler
        of_profiles = {work.PROFILE: profiles, work.REMAKE: profiles}
        of_ads = {
            work.CREATIVE: CREATIVE_HANDLER,
            work.MENTIONS: with_creatives(MENTIONS_HANDLER),
        }
        return {**HANDLERS, **of_profiles, **of_ads}

    @property
    def profiles(self) -> Profiles:
        """What the profiles of people are."""
        return Profiles(self.reading.connect, self.event_weights)

    @property
    def portraits(self) -> Portraits:
        """What the shop makes of people, for people to read."""
        readers = self.reading.connect
        return Portraits(
            readers=readers,
            generations=Generations(readers, make_sessions(self.reading)),
            profiles=self.profiles,
            thumbnails=Thumbnails(self.blobs, self.limits),
            currency=self.settings.currency,
        )

    @property
    def recommender(self) -> Recommender:
        """What recommends products. Raises Misconfigured without a secret key."""
        settings, readers = self.settings, self.reading.connect
        sources = Sources(Nearest(self.index, readers), readers)
        taste = Taste(diversity=settings.diversity, exploration=settings.exploration)
        return Recommender(
            RecommenderTools(
                readers=readers,
                generations=Generations(readers, make_sessions(self.reading)),
                profiles=self.profiles,
                sources=sources,
                pages=PageRanker(readers, sources, Rankers(readers), taste),
                recorder=Recorder(readers, threads=settings.api_threads),
                signer=TokenSigner(settings.secret_key),
                currency=settings.currency,
                bought_days=settings.bought_days,
                decision_days=settings.decision_days,
                replenishable=settings.replenishable_categories,
            )
        )

    @property
    def advertisers(self) -> Advertisers:
        """Who advertises."""
        return Advertisers(self.sessions)

    @property
    def campaigns(self) -> Campaigns:
        """What advertisers want shown, and for how much."""
        return Campaigns(self.sessions, self.blobs, self.doorbell)

    @property
    def creatives(self) -> Creatives:
        """What their ads look like."""
        return Creatives(self.sessions, self.blobs, self.doorbell)

    @property
    def matcher(self) -> AdMatcher:
        """What matches ads. Raises Misconfigured without a secret key."""
        settings, readers = self.settings, self.reading.connect
        reading = make_sessions(self.reading)
        background = Background()
        gallery = Gallery(reading, background)
        vectors = CreativeVectors(reading, background, gallery)
        products = DrawnProducts(readers, background)
        house = House(
            exponent=settings.ad_relevance_exponent,
            max_loss=settings.ad_max_loss,
            reserve_micros=settings.ad_reserve_micros,
        )
        return AdMatcher(
            MatchTools(
                readers=readers,
                generations=Generations(readers, reading),
                contexts=Contexts(
                    ContextTools(
                        readers=readers,
                        sessions=self.sessions,
                        encoders=self.encoders,
                        uploads=self.uploads,
                        memory=self.search_memory,
                        profiles=self.profiles,
                        products=products,
                        vectors=vectors,
                        limits=self.limits,
                    )
                ),
                running=RunningAds(readers),
                finder=Finder(self.index, gallery),
                sieve=Sieve(products, vectors),
                scorer=Scorer(
                    vectors,
                    ClickModels(readers),
                    floor=settings.ad_relevance_floor,
                    exploration=settings.ad_exploration,
                ),
                auctioneer=Auctioneer(self.ad_counters, house),
                counters=self.ad_counters,
                showing=Showing(
                    readers,
                    TokenSigner(settings.secret_key),
                    currency=settings.currency,
                    api_url=settings.api_url,
                ),
                clock=self.clock,
            )
        )

    @property
    def ad_events(self) -> AdEvents:
        """What takes in what became of ads. Raises Misconfigured without a secret key."""
        signer = TokenSigner(self.settings.secret_key)
        return AdEvents(
            EventTools(
                sessions=self.sessions,
                readers=self.reading.connect,
                signer=signer,
                counters=self.ad_counters,
                traffic=Traffic(
                    self.redis_calls,
                    signer,
                    clicks_per_minute=self.settings.ad_clicks_per_minute,
                    clock=self.clock,
                ),
                unsigned=UnsignedCounts(self.sessions, clock=self.clock),
                token_seconds=self.settings.ad_token_seconds,
                clock=self.clock,
            )
        )

    @property
    def conversions(self) -> Conversions:
        """What takes in what was sold. Raises Misconfigured without a secret key."""
        return Conversions(
            ConversionTools(
                sessions=self.sessions,
                signer=TokenSigner(self.settings.secret_key),
                counters=self.ad_counters,
                billed_by=self.settings.ad_attribution,
                clock=self.clock,
            )
        )

    @property
    def accounting(self) -> Accounting:
        """The ledger of what ads cost."""
        return Accounting(self.sessions, self.reading.connect, clock=self.clock)

    @property
    def rollup_bounds(self) -> RollupBounds:
        """What counts for what goes together and for what is wanted now."""
        return RollupBounds(
            pair_days=self.settings.pair_days,
            half_life_days=self.settings.trend_half_life_days,
        )

    @property
    def ingest(self) -> Parts:
        """What the workers do."""
        settings = self.settings
        return Parts(
            sessions=self.sessions,
            blobs=self.blobs,
            index=self.index,
            texts=self.texts,
            encoders=self.encoders,
            limits=self.limits,
            bounds=Bounds(
                embed_batch=settings.embed_batch,
                sync_batch=settings.sync_batch,
                lease_seconds=settings.lease_seconds,
                max_attempts=settings.max_attempts,
            ),
            beside=(CREATIVES,),
        )


def assemble(
    settings: Settings,
    *,
    hint: Hint = "latency",
    processes: int = 1,
    serving: bool = False,
    clock: Callable[[], datetime] = now_utc,
) -> Platform:
    """Build the platform of these settings.

    `hint` says what the encoder is tuned for, `processes` how many like this one share the cores,
    `serving` that it answers requests, which have a deadline and more to do than to wait. Ads go by
    `clock`.
    """
    timeout = settings.dependency_timeout_seconds
    connect = partial(
        make_engine,
        settings.database_url,
        timeout_seconds=timeout,
        # Short enough that a request has to shorten it no more unless it is slow already.
        statement_seconds=min(timeout * 6, settings.request_deadline_seconds / 2)
        if serving
        else None,
        breaker=connecting_breaker(),
    )
    engine, reading = connect(), connect(reading=True)
    # Who lets go of one lets go of both.
    event.listen(engine, "engine_disposed", lambda _: reading.dispose())
    models = ModelStore(settings.model_store)
    redis = make_redis(settings.redis_url, timeout_seconds=min(timeout, LONGEST_WAIT_SECONDS))
    redis_calls = RedisCalls(redis)
    return Platform(
        settings=settings,
        engine=engine,
        reading=reading,
        sessions=make_sessions(engine),
        redis=redis,
        redis_calls=redis_calls,
        blobs=BlobStore(settings.blob_url),
        index=VectorIndex(
            settings.milvus_uri,
            settings.milvus_token,
            timeout,
            # Some threads always stay for what needs no index; a worker has nothing else to do.
            at_once=max(1, settings.api_threads * 3 // 4) if serving else None,
        ),
        vocabulary=Vocabulary(make_sessions(reading)),
        models=models,
        encoders=Encoders(
            models,
            settings.runtime,
            hint=hint,
            precision=None if settings.precision == "auto" else settings.precision,
            threads=share(usable_cores(), processes),
        ),
        doorbell=Doorbell(make_celery(settings.redis_url)),
        limits=Limits(settings.max_image_bytes, settings.max_image_pixels),
        event_weights=EventWeights.of(
            settings.event_weights,
            half_life_days=settings.interest_half_life_days,
            events=settings.profile_events,
        ),
        ad_counters=Counters(
            redis_calls, reading.connect, seconds=settings.ad_reservation_seconds, clock=clock
        ),
        clock=clock,
    )
