"""Text of Milvus filter expressions. Every value goes through `quote`.

Milvus has filter templates; Milvus Lite has not, so values are rendered into the text. The
literals used here are those on which both grammars agree (Plan.g4 of Milvus and the tokenizer of
Milvus Lite): double-quoted strings with the escapes \\\\, \\", \\n, \\r and \\t, everything else
as it is; decimal integers; decimal floats with a point or an exponent; true and false.
"""

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

Value = str | bool | int | float | Decimal
Operator = Literal["==", "!=", "<", "<=", ">", ">="]

INT64_MAX = 2**63 - 1
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})

NOTHING = "id < 0"
"""Matches no row: ids are identities of PostgreSQL and start at 1."""


def quote(value: Value) -> str:
    """Render one value as a literal that ends where the value ends.

    Raises ValueError for what no literal can carry: a lone surrogate, NaN, an infinity, an integer
    beyond 64 bits.
    """
    if isinstance(value, bool):  # before int, of which bool is a subclass
        return "true" if value else "false"
    if isinstance(value, str):
        value.encode()  # UnicodeEncodeError, a ValueError, for lone surrogates
        return f'"{value.translate(_ESCAPES)}"'
    if isinstance(value, int):
        if abs(value) > INT64_MAX:
            raise ValueError(f"{value} does not fit into 64 bits.")
        return str(value)
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value} is not a finite number.")
    return repr(number)  # the shortest text that reads back as the same double


def compare(field: str, operator: Operator, value: Value) -> str:
    return f"{field} {operator} {quote(value)}"


def one_of(field: str, values: Sequence[Value]) -> str:
    """`field` equals one of the values; an empty list matches nothing."""
    if not values:
        return NOTHING
    if len(values) == 1:
        return compare(field, "==", values[0])
    return f"{field} in [{', '.join(map(quote, values))}]"


def all_of(parts: Sequence[str]) -> str:
    """Conjunction; the empty one is the empty expression, which matches everything."""
    return parts[0] if len(parts) == 1 else " and ".join(f"({part})" for part in parts)


def any_of(parts: Sequence[str]) -> str:
    """Disjunction; the empty one matches nothing."""
    if not parts:
        return NOTHING
    return parts[0] if len(parts) == 1 else " or ".join(f"({part})" for part in parts)


def negation(part: str) -> str:
    return f"not ({part})"
