"""What a file is, by its first bytes: the name and the declared type are not believed."""

from collections.abc import Callable

from vitrine.errors import ImageRejected

ACCEPTED = ("jpeg", "png", "webp", "gif", "bmp", "tiff", "avif", "heic")
_TAKEN = "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF and HEIC are accepted"

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"BM", "bmp"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
)

_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})

# What people send instead of a picture, and the way out.
_KNOWN_OTHERS: tuple[tuple[bytes, str, str], ...] = (
    (b"%PDF", "a PDF document", "export the page as JPEG or PNG"),
    (b"8BPS", "a Photoshop document", "export it as JPEG or PNG"),
    (b"%!PS", "a PostScript file", "export it as JPEG or PNG"),
    (b"PK\x03\x04", "a ZIP archive", "unpack it and upload the pictures in it"),
    (b"\x1f\x8b", "a compressed archive", "unpack it and upload the pictures in it"),
    (b"\0\0\x01\0", "an icon", "save it as PNG"),
    (b"\xff\x0a", "a JPEG XL picture", "save it as JPEG"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture", "save it as JPEG"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture", "save it as JPEG"),
    (b"\x1aE\xdf\xa3", "a video", "save one frame of it as JPEG"),
)


def sniff(data: bytes) -> str:
    """Name the format, one of `ACCEPTED`.

    Raises ImageRejected: `empty`, or `unsupported-format` with what the file seems to be.
    """
    if not data:
        raise ImageRejected("empty", "The file is empty: upload it again.")
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[4:8] == b"ftyp":
        return _sniff_iso_media(data)
    raise _unsupported(*_guess(data))


def _sniff_iso_media(data: bytes) -> str:
    # The major brand of a still picture may be the neutral `mif1`: the list behind it decides.
    length = min(max(int.from_bytes(data[:4], "big"), 16), 256)
    listed = data[8:12] + data[16:length]
    brands = {listed[at : at + 4] for at in range(0, len(listed), 4)}
    if brands & _AVIF_BRANDS:
        return "avif"
    if brands & _HEIC_BRANDS:
        return "heic"
    raise _unsupported("a video or an unknown container", "save one frame of it as JPEG")


def _guess(data: bytes) -> tuple[str, str]:
    for magic, what, fix in _KNOWN_OTHERS:
        if data.startswith(magic):
            return what, fix
    text = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<svg", b"<?xml")) and (b"<svg" in text or b"svg" in text):
        return "an SVG drawing", "export it as PNG"
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<!--")):
        return "a web page", "save the picture itself, not the page that shows it"
    if text and not any(byte < 9 or 13 < byte < 32 for byte in text):
        return "a text file", "choose the picture's own file"
    return "not a picture that can be read", "save it as JPEG or PNG"


def _unsupported(what: str, fix: str) -> ImageRejected:
    return ImageRejected("unsupported-format", f"The file is {what}: {fix}. {_TAKEN}.")


def is_cut_short(data: bytes, name: str) -> bool:
    """Say whether the end of the file is missing, as far as its format tells."""
    missing = _END_MISSING.get(name)
    return missing is not None and missing(data)


def _boxes_overrun(data: bytes) -> bool:
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size < 8:
            return False
        at += size
    return at != len(data)


_END_MISSING: dict[str, Callable[[bytes], bool]] = {
    "jpeg": lambda data: b"\xff\xd9" not in data[-4096:],
    "png": lambda data: b"IEND" not in data[-64:],
    "gif": lambda data: not data.rstrip(b"\0").endswith(b";"),
    "webp": lambda data: int.from_bytes(data[4:8], "little") + 8 > len(data),
    "bmp": lambda data: int.from_bytes(data[2:6], "little") > len(data),
    "avif": _boxes_overrun,
    "heic": _boxes_overrun,
}
