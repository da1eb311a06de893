"""A user's own pictures as a catalogue: one product a picture, a sub-folder is a category."""

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from vitrine.demo.listing import Listing
from vitrine.errors import Invalid
from vitrine.wire import ProductIn

UNSORTED = "unsorted"
_SUFFIXES = {
    ".jpg",
    ".jpeg",
    ".png",
    ".webp",
    ".gif",
    ".bmp",
    ".tif",
    ".tiff",
    ".avif",
    ".heic",
    ".heif",
}
# What the api reads and Pillow alone does not; the api has the last word on it.
_UNCHECKED = {".avif", ".heic", ".heif"}
_DEEPEST = 6


@dataclass(frozen=True)
class Skipped:
    path: Path
    reason: str


def scan(root: Path, seller: str) -> tuple[list[Listing], list[Skipped]]:
    """Make a listing of every picture under `root`, and say what is none.

    Price and sku come from the path below `root`: the same folder gives the same products.
    The price is a placeholder between 5 and 100.
    """
    listings, skipped = [], []
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        inside = path.relative_to(root)
        if any(part.startswith(".") for part in inside.parts):
            continue
        reason = _trouble(path)
        if reason:
            skipped.append(Skipped(inside, reason))
        else:
            listings.append(_listing(path, inside, seller))
    if not listings:
        raise Invalid(
            f"There is no picture in {root}. Give a folder of JPEG, PNG, WebP, GIF, BMP, TIFF, "
            "AVIF or HEIC files; a sub-folder becomes a category."
        )
    return listings, skipped


def _trouble(path: Path) -> str:
    """Return why a file is no picture; empty if it is one."""
    if path.suffix.lower() not in _SUFFIXES:
        return "not a picture by its name"
    if path.suffix.lower() in _UNCHECKED:
        return ""
    try:
        with Image.open(path) as image:
            image.verify()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        return f"cannot be read as a picture ({type(error).__name__})"
    return ""


def _listing(path: Path, inside: Path, seller: str) -> Listing:
    folders = [slug for slug in map(_slug, inside.parts[:-1]) if slug][:_DEEPEST]
    digest = hashlib.sha256(inside.as_posix().encode()).hexdigest()
    # The name alone may occur in two folders, or in two spellings.
    sku = f"{_slug(inside.stem)[:60] or 'picture'}-{digest[:8]}"
    cents = 500 + int(digest[8:16], 16) % 9500
    words = re.sub(r"[\s_\-.]+", " ", inside.stem).strip() or "Picture"
    product = ProductIn.model_validate(
        {
            "title": (words[0].upper() + words[1:])[:300],
            "category": "/".join(folders) or UNSORTED,
            "price": f"{cents // 100}.{cents % 100:02d}",
            "availability": "in_stock",
            "attributes": {"file": inside.as_posix()[-500:]},
        }
    )
    return Listing(f"{seller}:{sku}", product, (path,))


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60]
