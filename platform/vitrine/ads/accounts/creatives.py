"""What is done with creatives, each in one transaction with the work that it owes."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from vitrine import work
from vitrine.ads.accounts import pictures
from vitrine.ads.accounts.rows import assign, check_not_archived, check_slug, read_cursor, touch
from vitrine.ads.accounts.views import creatives_out
from vitrine.ads.models import ARCHIVED, Campaign, Creative
from vitrine.catalog.models import CreativeImage, Product
from vitrine.db import Sessions, again_after_deadlock
from vitrine.doorbell import Doorbell
from vitrine.errors import Conflict, Invalid, NotFound
from vitrine.media.store import BlobStore
from vitrine.wire import parse_product_id, read
from vitrine.wire.creatives import CreativeIn, CreativeOut, CreativePage, CreativePatch

_OWED = (work.EMBED, work.FILL, work.CREATIVE, work.PURGE)
_NOT_STORED = {"campaign", "product_id", "clear_image"}


class Creatives:
    """The creatives of one shop."""

    def __init__(self, sessions: Sessions, blobs: BlobStore, doorbell: Doorbell) -> None:
        self._sessions = sessions
        self._blobs = blobs
        self._doorbell = doorbell

    @again_after_deadlock
    def put(self, slug: str, wanted: CreativeIn, image: bytes | None) -> CreativeOut:
        """Create or replace a creative; without `image` its picture stays.

        The same again changes nothing and owes nothing. Raises Conflict for what cannot change.
        """
        check_slug(slug, "creative")
        with self._sessions.begin() as session:
            creative, created = _lock_or_create(session, slug, wanted)
            check_not_archived(creative, "creative")
            changed = _change(session, creative, _as_stored(wanted)) or created
            if image is not None:
                changed |= self._replace_picture(session, creative, image)
            elif wanted.clear_image:
                changed |= self._replace_picture(session, creative)
            _check_has_picture(session, creative)
            view = self._changed(session, creative, changed=changed, created=created)
        self._doorbell.ring(_OWED)
        return view

    @again_after_deadlock
    def patch(self, slug: str, patch: CreativePatch) -> CreativeOut:
        """Change some fields. Raises NotFound, Conflict, or Invalid if it does not add up."""
        check_slug(slug, "creative")
        with self._sessions.begin() as session:
            creative = _lock(session, slug)
            check_not_archived(creative, "creative")
            whole = _changed_by(session, creative, patch.changes())
            changed = _change(session, creative, _as_stored(whole))
            view = self._changed(session, creative, changed=changed)
        self._doorbell.ring((work.CREATIVE,))
        return view

    @again_after_deadlock
    def archive(self, slug: str) -> CreativeOut:
        """End a creative for good; once is as good as twice."""
        check_slug(slug, "creative")
        with self._sessions.begin() as session:
            creative = _lock(session, slug)
            changed = assign(creative, {"state": ARCHIVED})
            view = self._changed(session, creative, changed=bool(changed))
        self._doorbell.ring((work.CREATIVE,))
        return view

    def get(self, slug: str) -> CreativeOut:
        """Read one, also an archived one. Raises NotFound."""
        check_slug(slug, "creative")
        with self._sessions() as session:
            creative = session.scalar(select(Creative).where(Creative.slug == slug))
            if creative is None:
                raise _no_creative(slug)
            return creatives_out(session, [creative])[0]

    def page(
        self,
        *,
        cursor: str | None = None,
        limit: int = 50,
        campaign: str | None = None,
        state: str | None = None,
    ) -> CreativePage:
        """Read creatives, oldest first; archived ones only where `state` says so."""
        after = read_cursor(cursor)
        statement = select(Creative).where(Creative.id > after).order_by(Creative.id)
        if campaign is not None:
            named = select(Campaign.id).where(Campaign.slug == campaign).scalar_subquery()
            statement = statement.where(Creative.campaign_id == named)
        statement = statement.where(
            Creative.state != ARCHIVED if state is None else Creative.state == state
        )
        with self._sessions() as session:
            found = session.scalars(statement.limit(limit + 1)).all()
            return CreativePage(
                creatives=creatives_out(session, found[:limit]),
                next_cursor=str(found[limit - 1].id) if len(found) > limit else None,
            )

    def shows(self, cid: str) -> bool:
        """Whether this is the picture of any creative that may be shown some day."""
        used = (
            select(CreativeImage.id)
            .join(Creative, Creative.id == CreativeImage.owner_id)
            .where(
                CreativeImage.kind == pictures.CREATIVE,
                CreativeImage.cid == cid,
                Creative.state != ARCHIVED,
            )
            .limit(1)
        )
        with self._sessions() as session:
            return session.scalar(used) is not None

    def _replace_picture(self, session: Session, creative: Creative, *files: bytes) -> bool:
        return pictures.replace(session, self._blobs, pictures.CREATIVE, creative.id, files)

    def _changed(
        self, session: Session, creative: Creative, *, changed: bool, created: bool = False
    ) -> CreativeOut:
        if changed:
            if not created:
                touch(creative)
            work.owe(session, work.CREATIVE, [creative.id])
        session.flush()
        session.refresh(creative)
        return creatives_out(session, [creative])[0]


def _named(slug: str) -> Any:
    # Not `for update`: a charge refers to the creative, and shares it then.
    return select(Creative).where(Creative.slug == slug).with_for_update(key_share=True)


def _no_creative(slug: str) -> NotFound:
    return NotFound(f"There is no creative {slug}; `PUT /v1/creatives/{slug}` makes it.")


def _lock(session: Session, slug: str) -> Creative:
    creative: Creative | None = session.scalar(_named(slug))
    if creative is None:
        raise _no_creative(slug)
    return creative


def _lock_or_create(session: Session, slug: str, wanted: CreativeIn) -> tuple[Creative, bool]:
    """Lock the creative, or insert it; two first PUTs at once meet at the unique constraint."""
    campaign = _campaign_of(session, wanted.campaign)
    creative: Creative | None = session.scalar(_named(slug))
    created = None
    if creative is None:
        check_not_archived(campaign, "campaign")
        created = session.scalar(
            insert(Creative)
            .values(slug=slug, campaign_id=campaign.id, landing_url=wanted.landing_url)
            .on_conflict_do_nothing(index_elements=["slug"])
            .returning(Creative.id)
        )
        creative = _lock(session, slug)
    if creative.campaign_id != campaign.id:
        detail = "cannot change; make another creative in that campaign"
        raise Conflict(
            f"The creative {slug} stays as it is: `/campaign` {detail}.",
            errors=[{"pointer": "/campaign", "detail": detail}],
        )
    return creative, created is not None


def _campaign_of(session: Session, slug: str) -> Campaign:
    """Share the campaign, so that nobody archives it with all its creatives but this one."""
    campaign: Campaign | None = session.scalar(
        select(Campaign).where(Campaign.slug == slug).with_for_update(read=True)
    )
    if campaign is None:
        detail = f"names none: there is no campaign {slug}; `PUT /v1/campaigns/{slug}` makes it"
        raise Invalid(
            f"The creative cannot be kept: `/campaign` {detail}.",
            errors=[{"pointer": "/campaign", "detail": detail}],
        )
    return campaign


def _as_stored(wanted: CreativeIn) -> dict[str, Any]:
    """The columns of a creative with these fields."""
    seller = sku = None
    if wanted.product_id is not None:
        seller, sku = parse_product_id(wanted.product_id, pointer="/product_id")
    return {**wanted.model_dump(exclude=_NOT_STORED), "seller_id": seller, "sku": sku}


def _changed_by(session: Session, creative: Creative, changes: Mapping[str, Any]) -> CreativeIn:
    """The whole creative with some fields changed; raises Invalid that names what is wrong then."""
    stored = {
        name: getattr(creative, name) for name in CreativeIn.model_fields.keys() - _NOT_STORED
    }
    product = None if creative.sku is None else f"{creative.seller_id}:{creative.sku}"
    campaign = session.get_one(Campaign, creative.campaign_id)
    whole = {**stored, "campaign": campaign.slug, "product_id": product, **changes}
    return read(CreativeIn, whole, what="The creative with these changes")


def _change(session: Session, creative: Creative, values: Mapping[str, Any]) -> bool:
    """Give a creative these fields; tells whether any is another. Raises Invalid for a product
    that is not there; one that went later only keeps the creative from being shown."""
    changed = assign(creative, values)
    if changed & {"seller_id", "sku"} and creative.sku is not None:
        product = select(Product.id).where(
            Product.seller_id == creative.seller_id, Product.sku == creative.sku
        )
        if session.scalar(product) is None:
            name = f"{creative.seller_id}:{creative.sku}"
            detail = f"names none: there is no product {name}; list it first"
            raise Invalid(
                f"The creative cannot be kept: `/product_id` {detail}.",
                errors=[{"pointer": "/product_id", "detail": detail}],
            )
    return bool(changed)


def _check_has_picture(session: Session, creative: Creative) -> None:
    owned = pictures.pictures_of(session, pictures.CREATIVE, [creative.id])[creative.id]
    if not owned and creative.sku is None:
        raise Invalid(
            f"The creative {creative.slug} needs something to show: send a multipart request with "
            "a `creative` JSON part and one `image` part, or name a `product_id`.",
            errors=[{"pointer": "/image", "detail": "is required without a `product_id`"}],
        )
