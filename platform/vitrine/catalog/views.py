"""Rows as the wire models that everyone reads."""

from collections.abc import Iterable
from typing import Any

from vitrine import work
from vitrine.catalog.models import FAILED, Image, Job, JobItem, Product, ProductImage
from vitrine.wire import ImageOut, JobCounts, JobError, JobImage, JobOut, ProductOut

_JOB_STATES = ("pending", "failed", "searchable", "removed")


def image_url(cid: str) -> str:
    """Path of a catalogue picture on the api."""
    return f"/media/{cid}"


def image_out(use: ProductImage, image: Image) -> ImageOut:
    """One picture of a product."""
    return ImageOut.model_validate(
        {
            "id": use.cid,
            # A picture that could not be read has nothing to show.
            "url": None if use.state == FAILED else image_url(use.cid),
            "position": use.position,
            "state": use.state,
            "reason": use.reason,
            "width": image.width,
            "height": image.height,
        }
    )


def product_out(product: Product, images: list[ImageOut], currency: str) -> ProductOut:
    """A product with its pictures."""
    return ProductOut.model_validate(
        {
            "id": product.public_id,
            "seller": product.seller_id,
            "sku": product.sku,
            "title": product.title,
            "description": product.description,
            "brand": product.brand,
            "category": product.category,
            "price": product.price,
            "currency": currency,
            "availability": product.availability,
            "in_stock": product.in_stock,
            "attributes": product.attributes,
            "images": images,
            "version": product.version,
            "created_at": product.created_at,
            "updated_at": product.updated_at,
        }
    )


def job_out(job: Job, items: Iterable[JobItem]) -> JobOut:
    """A job with one entry a picture: the least finished of the work items about it.

    The words of the product are no picture: the job waits for them, and only says if they failed.
    """
    pictures: dict[str, JobImage] = {}
    wordless: list[JobError] = []
    for item in items:
        if item.kind == work.TEXT:
            if item.state == "failed":
                wordless.append(JobError(reason=f"Not found by words: {item.reason}"))
            continue
        cid = item.cid or item.key
        seen = pictures.get(cid)
        if seen is None or _JOB_STATES.index(item.state) < _JOB_STATES.index(seen.state):
            pictures[cid] = JobImage(id=cid, state=item.state, reason=item.reason)
    counts: dict[str, Any] = dict.fromkeys(_JOB_STATES, 0)
    for picture in pictures.values():
        counts[picture.state] += 1
    return JobOut(
        id=str(job.id),
        kind=job.kind,
        state=job.state,
        product=job.product,
        counts=JobCounts(total=len(pictures), **counts),
        images=list(pictures.values()),
        errors=[
            JobError(image=picture.id, reason=picture.reason or "unknown")
            for picture in pictures.values()
            if picture.state == "failed"
        ]
        + wordless,
        created_at=job.created_at,
        finished_at=job.finished_at,
    )
