"""Names of models, as people write them, and what they ask for.

vitrine-r18, my-shop-2                     a model of ours: it ships, or was trained here
timm:resnet50.a1_in1k                      a timm model with its pretrained weights
timm:resnet18?pretrained=false&seed=1      the same architecture with random weights
timm:densenet121?size=128                  with another input size (side in pixels)
"""

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from vitrine.errors import Invalid, NotFound

_TIMM = "timm:"
_OWN = r"[a-z0-9][a-z0-9._-]{0,63}"
# So begin the folders of timm models, which no other model may be taken for.
_RESERVED = "timm-"
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True)
class Recipe:
    """How to make a model; `name` is the one spelling of it.

    An `own` model has no recipe but its files: it ships with the package or was trained here.
    """

    name: str
    timm_name: str
    pretrained: bool
    seed: int = 0
    size: int | None = None
    own: bool = False


def parse(name: str) -> Recipe:
    """Read a model name. Raises NotFound for an unknown one, Invalid for a wrong option."""
    if is_own(name):
        return Recipe(name, "", pretrained=False, own=True)
    if not name.startswith(_TIMM):
        raise NotFound(
            f"{name!r} can be no name of a model: ours have names of small letters, digits "
            "and . _ - (use 'timm:NAME' for a timm model, e.g. timm:resnet50)."
        )
    timm_name, _, query = name.removeprefix(_TIMM).partition("?")
    if not re.fullmatch(r"[A-Za-z0-9_.]+", timm_name):
        raise NotFound(f"{timm_name!r} is no name of a timm model; write e.g. timm:resnet50.")
    return _recipe(timm_name, dict(parse_qsl(query, keep_blank_values=True)), name)


def is_own(name: str) -> bool:
    """Say whether a model that was trained here may have this name."""
    return bool(re.fullmatch(_OWN, name)) and not name.startswith(_RESERVED)


def _recipe(timm_name: str, options: dict[str, str], name: str) -> Recipe:
    unknown = options.keys() - {"pretrained", "seed", "size"}
    pretrained = _BOOLEANS.get(options.get("pretrained", "true").lower())
    seed, size = options.get("seed", "0"), options.get("size", "")
    if unknown or pretrained is None or not seed.isdecimal() or not (size.isdecimal() or not size):
        raise Invalid(
            f"The model name {name!r} has an option that is not understood: pretrained=true|false, "
            "seed=NUMBER and size=PIXELS are."
        )
    side = int(size) if size else None
    if side is not None and not 32 <= side <= 1024:
        raise Invalid(f"The input size of {name!r} is out of range: 32 to 1024 pixels work.")
    # A seed means nothing for weights that are fetched: it is left out of the one spelling.
    wanted = [] if pretrained else ["pretrained=false", f"seed={int(seed)}"]
    wanted += [f"size={side}"] if side else []
    return Recipe(
        name=_TIMM + timm_name + ("?" + "&".join(wanted) if wanted else ""),
        timm_name=timm_name,
        pretrained=pretrained,
        seed=0 if pretrained else int(seed),
        size=side,
    )


def slug(name: str) -> str:
    """Spell a name so that it can be a folder; two names never share one."""
    plain = re.sub(r"[^A-Za-z0-9._]+", "-", name)
    if plain == name:
        return plain
    return f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
