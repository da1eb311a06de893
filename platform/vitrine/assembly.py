"""The one place that builds the concrete objects and hands them on."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from redis import Redis
from sqlalchemy import Engine, event

from vitrine import work
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
        return {**HANDLERS, work.MENTIONS: MENTIONS_HANDLER, **of_profiles}

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
        )


def assemble(
    settings: Settings, *, hint: Hint = "latency", processes: int = 1, serving: bool = False
) -> Platform:
    """Build the platform of these settings.

    `hint` says what the encoder is tuned for, `processes` how many like this one share the cores,
    `serving` that it answers requests, which have a deadline and more to do than to wait.
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
    return Platform(
        settings=settings,
        engine=engine,
        reading=reading,
        sessions=make_sessions(engine),
        redis=redis,
        redis_calls=RedisCalls(redis),
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
    )
