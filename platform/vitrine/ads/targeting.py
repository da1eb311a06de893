"""Where and to whom a campaign is shown, and where never.

Of targeting every list that is not empty has to hold, with one of its values; of exclusions one
value is enough. What a request does not say cannot hold. A category means all under it, a country
all its regions, and a keyword is in a text if all its words are, in any order.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

from vitrine.index.text_words import index_words, normalise

PRICE, KEYWORD = "price", "keyword"
# What a condition is about, in the order in which they are looked at, and the lists that say it.
_LISTS = {
    "category": "categories",
    "interest": "interests",
    PRICE: "price",
    "geo": "geo",
    "device": "devices",
    KEYWORD: "keywords",
}


@dataclass(frozen=True)
class Situation:
    """What a request says.

    `price` is of the page's product, else what the person usually pays; `interests` are shares of
    categories, of which the positive ones are liked; `words` are folded.
    """

    categories: frozenset[str] = frozenset()
    price: Decimal | None = None
    interests: Mapping[str, float] = field(default_factory=dict)
    geo: str | None = None
    device: str | None = None
    words: frozenset[str] = frozenset()

    @cached_property
    def held(self) -> Mapping[str, frozenset[str]]:
        """Which values hold, by what they are about; of a keyword, its words."""
        liked = (category for category, share in self.interests.items() if share > 0)
        return {
            "category": frozenset(_with_all_above(self.categories, "/")),
            "interest": frozenset(_with_all_above(liked, "/")),
            "geo": frozenset(_with_all_above([self.geo] if self.geo else [], "-")),
            "device": frozenset([self.device] if self.device else []),
            KEYWORD: self.words,
        }


@dataclass(frozen=True, slots=True)
class Condition:
    """One list: any of `values` holds, or of `keywords`, or the price is in the band.

    A band is at least its first and less than its second bound, where it has them.
    """

    about: str
    values: frozenset[str] = frozenset()
    keywords: frozenset[frozenset[str]] = frozenset()
    band: tuple[Decimal | None, Decimal | None] = (None, None)

    def holds(self, situation: Situation) -> bool:
        """Tell whether it holds there."""
        if self.about == PRICE:
            price, (low, high) = situation.price, self.band
            return price is not None and (
                (low is None or price >= low) and (high is None or price < high)
            )
        if self.about == KEYWORD:
            return any(words <= situation.words for words in self.keywords)
        return not self.values.isdisjoint(situation.held[self.about])


@dataclass(frozen=True, slots=True)
class Rules:
    """The conditions of a campaign: all of `targeting` hold, none of `exclusions` does."""

    targeting: tuple[Condition, ...] = ()
    exclusions: tuple[Condition, ...] = ()


def compile_rules(targeting: Mapping[str, Any], exclusions: Mapping[str, Any]) -> Rules:
    """Read what a campaign keeps; what is not there, or null, asks for nothing."""
    return Rules(tuple(_conditions(targeting)), tuple(_conditions(exclusions)))


def refusal(rules: Rules, situation: Situation) -> str | None:
    """Say why a campaign may not take part: the first list that refuses; None if it may.

    As `targeting:geo` or `excluded:geo`, of what conditions are about.
    """
    for condition in rules.targeting:
        if not condition.holds(situation):
            return f"targeting:{condition.about}"
    for condition in rules.exclusions:
        if condition.holds(situation):
            return f"excluded:{condition.about}"
    return None


def fold_words(text: str) -> frozenset[str]:
    """Write the words of a text as the text index has them: no accents, the singular."""
    return frozenset(index_words(normalise(text)))


def _conditions(lists: Mapping[str, Any]) -> Iterator[Condition]:
    for about, name in _LISTS.items():
        asked = lists.get(name)
        if not asked:
            continue
        if about == PRICE:
            low, high = _price(asked.get("gte")), _price(asked.get("lt"))
            if low is not None or high is not None:
                yield Condition(about, band=(low, high))
        elif about == KEYWORD:
            yield Condition(about, keywords=frozenset(_keywords(asked)))
        else:
            yield Condition(about, values=frozenset(asked))


def _keywords(asked: Iterable[str]) -> Iterator[frozenset[str]]:
    for keyword in asked:
        # People write t-shirt, t shirt and tshirt.
        for spelled in {keyword.replace("-", " "), keyword.replace("-", "")}:
            words = fold_words(spelled)
            # All of no words would be in every text.
            if words:
                yield words


def _price(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _with_all_above(paths: Iterable[str], separator: str) -> Iterator[str]:
    """`a/b/c` → `a/b/c`, `a/b`, `a`."""
    for path in paths:
        above = path
        while above:
            yield above
            above = above.rpartition(separator)[0]
