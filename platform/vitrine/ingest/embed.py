"""Embed: pictures become vectors in Postgres, and the index rows that follow are owed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from PIL.Image import Image as Picture
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from vitrine import logs, work
from vitrine.catalog.jobs import Outcome, resolve
from vitrine.catalog.models import EMBEDDED, FAILED, RECEIVED, Image, ProductImage
from vitrine.embedding.models import Embedding
from vitrine.embedding.vectors import pack
from vitrine.errors import ImageRejected, NotFound, Unavailable
from vitrine.index.generations import live_generations
from vitrine.ingest.parts import Parts
from vitrine.media.decode import Probe, decode, probe

log = logs.get(__name__)


@dataclass(slots=True)
class _Batch:
    """What became of a batch: vectors by model and content id, and reasons of those that failed."""

    probes: dict[str, Probe] = field(default_factory=dict)
    vectors: dict[str, dict[str, bytes]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


def embed(parts: Parts, claims: Sequence[work.Claim]) -> None:
    """Embed the claimed pictures for every live generation; a bad picture fails alone.

    Raises Unavailable while no model is in use or a dependency is down.
    """
    cids = [claim.key for claim in claims]
    with parts.sessions() as session:
        models = {generation.model for generation in live_generations(session)}
        if not models:
            raise Unavailable("No embedding model is in use yet; `vitrine models use NAME`.")
        missing = _missing(session, cids, models)
    batch = _Batch()
    files = _read(parts, {cid for wanted in missing.values() for cid in wanted}, batch)
    for model, wanted in missing.items():
        _encode(parts, model, {cid: files[cid] for cid in wanted if cid in files}, batch)
    with parts.sessions.begin() as session:
        _keep(session, cids, batch)
        work.finish(session, claims)


def give_up_embedding(session: Session, claims: Sequence[work.Claim], reason: str) -> None:
    """Say of pictures that were tried too often that they failed."""
    buried = work.bury(session, claims, reason)
    _fail(session, dict.fromkeys(buried, reason))


def _missing(session: Session, cids: Sequence[str], models: set[str]) -> dict[str, list[str]]:
    known = set(
        session.execute(select(Embedding.model, Embedding.cid).where(Embedding.cid.in_(cids))).all()
    )
    there = set(session.scalars(select(Image.cid).where(Image.cid.in_(cids))))
    return {
        model: [cid for cid in cids if cid in there and (model, cid) not in known]
        for model in sorted(models)
    }


def _read(parts: Parts, cids: set[str], batch: _Batch) -> dict[str, bytes]:
    files = {}
    for cid in sorted(cids):
        try:
            data = parts.blobs.get(cid)
            batch.probes[cid] = probe(data, parts.limits)
        except ImageRejected as error:
            batch.failures[cid] = str(error)
        except NotFound:
            batch.failures[cid] = "The file of this picture was lost; send the picture again."
        else:
            files[cid] = data
    return files


def _encode(parts: Parts, model: str, files: Mapping[str, bytes], batch: _Batch) -> None:
    if not files:
        return
    try:
        encoder = parts.encoders.get(model)
    except NotFound as error:
        raise Unavailable(f"This worker has not got the model: {error}") from error
    pictures: dict[str, Picture] = {}
    for cid, data in files.items():
        if cid in batch.failures:
            continue
        try:
            short_side = encoder.spec.preprocessing.short_side
            pictures[cid] = decode(data, parts.limits, short_side=short_side)
        except ImageRejected as error:
            batch.failures[cid] = str(error)
    if pictures:
        encoded = encoder.encode(list(pictures.values()))
        batch.vectors[model] = {
            cid: pack(vector) for cid, vector in zip(pictures, encoded.embedding, strict=True)
        }


def _keep(session: Session, cids: Sequence[str], batch: _Batch) -> None:
    """Write vectors, states and the index work, all in the transaction that finishes the claims."""
    # A picture may have been purged meanwhile; the shared lock keeps it from going just now.
    there = set(
        session.scalars(
            select(Image.cid)
            .where(Image.cid.in_(cids))
            .order_by(Image.cid)
            .with_for_update(read=True, key_share=True)
        )
    )
    for cid, probed in sorted(batch.probes.items()):
        if cid in there:
            session.execute(
                update(Image)
                .where(Image.cid == cid)
                .values(format=probed.format, width=probed.width, height=probed.height)
            )
    rows = [
        {"cid": cid, "model": model, "vector": vector}
        for model, vectors in batch.vectors.items()
        for cid, vector in vectors.items()
        if cid in there
    ]
    if rows:
        session.execute(insert(Embedding).on_conflict_do_nothing(), rows)
    good = there - set(batch.failures)
    # Every use is synced, also one that is searchable already: a new generation wants its row.
    uses = session.scalars(select(ProductImage.id).where(ProductImage.cid.in_(good))).all()
    session.execute(
        update(ProductImage)
        .where(ProductImage.cid.in_(good), ProductImage.state.in_((RECEIVED, FAILED)))
        .values(state=EMBEDDED, reason=None)
    )
    work.owe(session, work.SYNC, uses)
    _fail(session, {cid: why for cid, why in batch.failures.items() if cid in there})


def _fail(session: Session, reasons: Mapping[str, str]) -> None:
    for cid, reason in sorted(reasons.items()):
        failed = session.scalars(
            update(ProductImage)
            .where(ProductImage.cid == cid)
            .values(state=FAILED, reason=reason)
            .returning(ProductImage.id)
        ).all()
        resolve(session, work.SYNC, {str(id_): Outcome("failed", reason) for id_ in failed})
        work.owe(session, work.SYNC, failed)
        log.info("image.failed", cid=cid, reason=reason)
