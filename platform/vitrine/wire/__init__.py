"""The bodies that travel over HTTP, shared by the api, the services behind it and the client."""

from vitrine.wire.ids import ProductId, is_seller, parse_product_id
from vitrine.wire.jobs import JobCounts, JobError, JobImage, JobOut, JobRef
from vitrine.wire.products import (
    Accepted,
    AttributeValue,
    Availability,
    ImageOut,
    ProductIn,
    ProductOut,
    ProductPage,
    ProductPatch,
)
from vitrine.wire.reading import read
from vitrine.wire.search import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    ModelOut,
    QueryOut,
    ResultImage,
    SearchBody,
    SearchQuery,
    SearchResponse,
    SearchResult,
    TimingMs,
)
from vitrine.wire.service import Alive, Check, Problem, ProblemField, Readiness

__all__ = [
    "DEFAULT_LIMIT",
    "MAX_LIMIT",
    "Accepted",
    "Alive",
    "AttributeValue",
    "Availability",
    "Check",
    "ImageOut",
    "JobCounts",
    "JobError",
    "JobImage",
    "JobOut",
    "JobRef",
    "ModelOut",
    "Problem",
    "ProblemField",
    "ProductId",
    "ProductIn",
    "ProductOut",
    "ProductPage",
    "ProductPatch",
    "QueryOut",
    "Readiness",
    "ResultImage",
    "SearchBody",
    "SearchQuery",
    "SearchResponse",
    "SearchResult",
    "TimingMs",
    "is_seller",
    "parse_product_id",
    "read",
]
