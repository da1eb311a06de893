"""The contact sheet: what queries found, because people look before they read.

Left the misses, one of each of the worst labels; right a fair sample of all queries. A right result
has a green frame and a check mark, a wrong one a red frame and a cross.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vitrine.errors import ImageRejected
from vitrine.learning.evaluation.judge import NO_LABEL, Evaluation
from vitrine.learning.evaluation.ranking import NONE
from vitrine.media.decode import Limits, decode

ROWS = 12
RESULTS = 5
TILE = 150
_FRAME, _GAP, _MARGIN, _TEXT = 6, 10, 28, 17
_CELL = TILE + 2 * _FRAME + _GAP
_LINE = TILE + 2 * _FRAME + 3 * _TEXT + 16
# The query stands apart from what it found.
_APART = 26
_WIDTH = (1 + RESULTS) * _CELL + _APART
_HEAD = 104

_PAPER, _INK, _FAINT = (252, 252, 251), (32, 33, 36), (112, 114, 120)
_RIGHT, _WRONG, _QUERY = (24, 128, 56), (197, 34, 31), (90, 92, 98)


# Pillow's own font has no letters but those of English; these are looked for where systems keep
# their fonts.
_FONTS = ("NotoSansCJK-Regular.ttc", "DejaVuSans.ttf", "NotoSans-Regular.ttf", "arial.ttf")


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    for name in _FONTS:
        with suppress(OSError):
            return ImageFont.truetype(name, size)
    return ImageFont.load_default(size)


class ContactSheet:
    """Draws an evaluation; `limits` bound the pictures as everywhere."""

    def __init__(self, evaluation: Evaluation, limits: Limits) -> None:
        self._evaluation = evaluation
        self._limits = limits
        self._large, self._plain = _font(26), _font(15)

    def write(self, path: Path, title: str) -> None:
        """Draw and write a PNG."""
        misses, sample = misses_of(self._evaluation), sample_of(self._evaluation)
        answerable = len(self._evaluation.answerable)
        wrong = int((~self._evaluation.right[self._evaluation.answerable, 0]).sum())
        lines = max(len(misses), len(sample), 1)
        size = 2 * _WIDTH + 3 * _MARGIN, _HEAD + lines * _LINE + _MARGIN
        self._sheet = Image.new("RGB", size, _PAPER)
        self._pen = ImageDraw.Draw(self._sheet)
        self._pen.text((_MARGIN, 20), title, _INK, self._large)
        self._legend(size[0])
        heads = (
            f"Misses: {len(misses)} of {wrong} wrong first results, worst labels first",
            f"A fair sample: {len(sample)} of {answerable} queries",
        )
        for column, (head, rows) in enumerate(zip(heads, (misses, sample), strict=True)):
            left = _MARGIN + column * (_WIDTH + _MARGIN)
            self._pen.text((left, 70), head, _FAINT, self._plain)
            for line, row in enumerate(rows):
                self._query(row, left, _HEAD + line * _LINE)
        self._sheet.save(path, "PNG", optimize=True)

    def _query(self, row: int, x: int, y: int) -> None:
        """One line: the query and its first results, each with what it shows."""
        evaluation = self._evaluation
        query = evaluation.queries.examples[row]
        self._tile(query.path, x, y, _QUERY)
        self._words(x, y, query.label, "query")
        x += _APART
        for place in range(RESULTS):
            hit = int(evaluation.ranking.found[row, place])
            if hit == NONE:
                break
            x += _CELL
            right = bool(evaluation.right[row, place])
            found = evaluation.catalogue.examples[hit]
            self._tile(found.path, x, y, _RIGHT if right else _WRONG)
            self._mark(x, y, right=right)
            score = float(evaluation.ranking.scores[row, place])
            self._words(x, y, found.label or NO_LABEL, f"{place + 1} · {score:.2f}")

    def _tile(self, path: Path, x: int, y: int, colour: tuple[int, int, int]) -> None:
        side = TILE + 2 * _FRAME
        self._pen.rectangle((x, y, x + side - 1, y + side - 1), _PAPER, colour, _FRAME - 2)
        try:
            picture = decode(path.read_bytes(), self._limits, short_side=TILE)
        except (ImageRejected, OSError):
            # It could be read a moment ago.
            return
        picture.thumbnail((TILE, TILE), Image.Resampling.LANCZOS)
        corner = (side - picture.width) // 2, (side - picture.height) // 2
        self._sheet.paste(picture, (x + corner[0], y + corner[1]))

    def _mark(self, x: int, y: int, *, right: bool) -> None:
        """A badge in the upper left corner whose form tells what its colour does."""
        colour = _RIGHT if right else _WRONG
        box = (x, y, x + 27, y + 27)
        if right:
            self._pen.ellipse(box, colour, _PAPER, 2)
            self._pen.line([(x + 7, y + 14), (x + 12, y + 19), (x + 20, y + 8)], _PAPER, 4)
        else:
            self._pen.rectangle(box, colour, _PAPER, 2)
            self._pen.line([(x + 8, y + 8), (x + 19, y + 19)], _PAPER, 4)
            self._pen.line([(x + 19, y + 8), (x + 8, y + 19)], _PAPER, 4)

    def _words(self, x: int, y: int, label: str, note: str) -> None:
        """Write two lines of label at the most, and a note under them."""
        y += TILE + 2 * _FRAME + 3
        first = self._that_fits(label)
        if first != label:
            # At the end of a word, unless that wastes half of the line.
            end = 1 + max(first.rfind(separator) for separator in " -_/")
            first = first[:end] if end > len(first) // 2 else first
        rest = label[len(first) :]
        if rest:
            shown = self._that_fits(rest)
            rest = rest if shown == rest else shown[:-1] + "…"
        for words, ink in ((first, _INK), (rest, _INK), (note, _FAINT)):
            if words:
                self._pen.text((x, y), words, ink, self._plain)
                y += _TEXT

    def _that_fits(self, text: str) -> str:
        """As much of the beginning as is no wider than a tile."""
        room = TILE + 2 * _FRAME
        while self._plain.getlength(text) > room:
            text = text[:-1]
        return text

    def _legend(self, width: int) -> None:
        x = width - _MARGIN - 250
        for words, right in (("right label", True), ("wrong label", False)):
            self._mark(x, 20, right=right)
            self._pen.text((x + 36, 26), words, _INK, self._plain)
            x += 130


def misses_of(evaluation: Evaluation, rows: int = ROWS) -> list[int]:
    """Pick queries whose first result is wrong: one a label, worst labels first, then more."""
    wrong: dict[str, list[int]] = {}
    for at in evaluation.answerable:
        if not evaluation.right[at, 0]:
            wrong.setdefault(evaluation.queries.examples[at].label, []).append(at)
    labels: Sequence[str] = [one.label for one in evaluation.labels() if one.label in wrong]
    picked: list[int] = []
    while len(picked) < rows and any(wrong.values()):
        picked += [wrong[label].pop(0) for label in labels if wrong[label]]
    return picked[:rows]


def sample_of(evaluation: Evaluation, rows: int = ROWS, *, seed: int = 0) -> list[int]:
    """Draw from all queries that could be answered, the same ones every time."""
    rows = min(rows, len(evaluation.answerable))
    chosen = np.random.default_rng(seed).choice(evaluation.answerable, rows, replace=False)
    return sorted(chosen.tolist())
