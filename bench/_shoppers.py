"""What shoppers ask for, made of what a shop lists: synthetic, and always the same for one seed."""

import io
import random
import string

from _flipkart import COLOURS, Item, words
from PIL import Image, ImageEnhance

# Nobody searches for these, and they tell no product from another.
_STOP = frozenset(("and", "are", "for", "from", "pack", "set", "the", "this", "with", "your"))


def dice_for(seed: int, item: Item, question: str) -> random.Random:
    """Dice of one question about one product, whatever else is asked."""
    return random.Random(f"{seed}/{item.sku}/{question}")


def with_typo(text: str, dice: random.Random) -> str | None:
    """Mistype one word of at least four letters; None if there is none."""
    parts = text.split()
    long = [at for at, part in enumerate(parts) if len(part) >= 4 and part.isalpha()]
    if not long:
        return None
    at = dice.choice(long)
    parts[at] = mistyped(parts[at], dice)
    return " ".join(parts)


def mistyped(word: str, dice: random.Random) -> str:
    """Insert, delete, substitute or transpose letters once; never the same word."""
    while True:
        at, letter = dice.randrange(len(word)), dice.choice(string.ascii_lowercase)
        slip = dice.choice(("insert", "delete", "substitute", "transpose"))
        if slip == "insert":
            found = word[:at] + letter + word[at:]
        elif slip == "delete":
            found = word[:at] + word[at + 1 :]
        elif slip == "substitute":
            found = word[:at] + letter + word[at + 1 :]
        else:
            found = word[:at] + word[at : at + 2][::-1] + word[at + 2 :]
        if found.lower() != word.lower():
            return found


def begun(text: str, dice: random.Random) -> str | None:
    """Cut the last word of at least five letters short, as while it is typed; None if none is."""
    parts = text.split()
    long = [at for at, part in enumerate(parts) if len(part) >= 5 and part.isalpha()]
    if not long:
        return None
    last = parts[long[-1]]
    return " ".join([*parts[: long[-1]], last[: dice.randint(3, len(last) - 1)]])


def two_begun(text: str, dice: random.Random) -> str | None:
    """Take the first two words, the second one cut short; None if it has no five letters."""
    parts = text.split()[:2]
    if len(parts) < 2 or len(parts[1]) < 5 or not parts[1].isalpha():
        return None
    return f"{parts[0]} {parts[1][: dice.randint(3, len(parts[1]) - 1)]}"


def some_words(item: Item, dice: random.Random, count: int = 2) -> str | None:
    """Take words of the title in their order, none of the brand; None if there are too few."""
    listed = words(item.title)
    # A row without a brand nearly always has it as the first word of its title.
    brand = set(words(item.brand)) or set(listed[:1])
    useful = [
        word
        for word in dict.fromkeys(listed)
        if len(word) >= 3 and word.isalpha() and word not in brand | _STOP
    ]
    if len(useful) < count:
        return None
    taken = sorted(dice.sample(range(len(useful)), count))
    return " ".join(useful[at] for at in taken)


def part_of(photo: Image.Image, dice: random.Random) -> bytes:
    """Lean a photo a little, keep 40 to 70 % of its area, change its light, save it anew."""
    leaning = photo.convert("RGB").rotate(
        dice.uniform(-8, 8), Image.Resampling.BILINEAR, fillcolor=(255, 255, 255)
    )
    side, stretch = dice.uniform(0.4, 0.7) ** 0.5, dice.uniform(0.9, 1.1)
    width, height = int(leaning.width * side * stretch), int(leaning.height * side / stretch)
    left = dice.randint(0, leaning.width - width)
    top = dice.randint(0, leaning.height - height)
    cut = leaning.crop((left, top, left + width, top + height))
    out = io.BytesIO()
    lit = ImageEnhance.Brightness(cut).enhance(dice.uniform(0.8, 1.2))
    lit.save(out, "JPEG", quality=dice.randint(60, 90))
    return out.getvalue()


def another_colour(item: Item, items: list[Item], dice: random.Random) -> str | None:
    """Choose a colour in which there are three others of this category, and that it has not."""
    near = [one for one in items if one.listing.product.category == item.listing.product.category]
    have = [colour for one in near for colour in one.colours - item.colours]
    wanted = [colour for colour in COLOURS if colour != "multicolor" and have.count(colour) >= 3]
    return dice.choice(wanted) if wanted else None
