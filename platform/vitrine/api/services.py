"""What the routes work with, built once from the platform."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from vitrine.ads.accounting import Accounting
from vitrine.ads.accounts.advertisers import Advertisers
from vitrine.ads.accounts.campaigns import Campaigns
from vitrine.ads.accounts.creatives import Creatives
from vitrine.ads.conversions import Conversions
from vitrine.ads.events import AdEvents
from vitrine.ads.explaining import explain
from vitrine.ads.matching import AdMatcher
from vitrine.api.limits import Limits
from vitrine.api.metrics import Metrics
from vitrine.api.readiness import Readiness
from vitrine.api.renditions import Renditions
from vitrine.assembly import Platform
from vitrine.catalog.service import Catalog
from vitrine.db import Sessions
from vitrine.decisions.intake import Intake
from vitrine.recommend.portraits import Portraits
from vitrine.recommend.service import Recommender
from vitrine.search.explanations import Explanations
from vitrine.search.looking import Looking
from vitrine.search.service import SearchService
from vitrine.search.suggest import Suggester
from vitrine.search.uploads import Uploads
from vitrine.settings import Settings
from vitrine.wire.ads import DecisionOut


@dataclass(frozen=True, slots=True)
class Services:
    """One object a concern."""

    settings: Settings
    catalog: Catalog
    search: SearchService
    suggester: Suggester
    intake: Intake
    recommender: Recommender
    matcher: AdMatcher
    explainer: Callable[[str], DecisionOut]
    portraits: Portraits
    advertisers: Advertisers
    campaigns: Campaigns
    creatives: Creatives
    ad_events: AdEvents
    conversions: Conversions
    accounting: Accounting
    sessions: Sessions
    uploads: Uploads
    looking: Looking
    explanations: Explanations
    renditions: Renditions
    readiness: Readiness
    metrics: Metrics
    limits: Limits
    clock: Callable[[], datetime]


def build_services(platform: Platform) -> Services:
    """Build the services; connects to nothing. Raises Misconfigured without a secret key."""
    readiness = Readiness(platform)
    return Services(
        settings=platform.settings,
        catalog=platform.catalog,
        search=platform.search,
        suggester=platform.suggester,
        intake=platform.intake,
        recommender=platform.recommender,
        matcher=platform.matcher,
        explainer=partial(explain, platform.reading.connect),
        portraits=platform.portraits,
        advertisers=platform.advertisers,
        campaigns=platform.campaigns,
        creatives=platform.creatives,
        ad_events=platform.ad_events,
        conversions=platform.conversions,
        accounting=platform.accounting,
        sessions=platform.sessions,
        uploads=platform.uploads,
        looking=platform.looking,
        explanations=platform.explanations,
        renditions=Renditions(platform.blobs, platform.limits),
        readiness=readiness,
        metrics=Metrics(platform.sessions, readiness),
        limits=Limits(platform.settings, platform.redis_calls),
        clock=platform.clock,
    )
