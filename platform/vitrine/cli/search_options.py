"""What `vitrine search` reads from its options."""

import json
from typing import Any

import click
from pydantic import ValidationError

from vitrine.wire import Box


class FilterType(click.ParamType[dict[str, Any]]):
    """A JSON object."""

    name = "json"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dict[str, Any]:
        try:
            found = json.loads(value)
        except ValueError as error:
            self.fail(f"it is not JSON ({error}). Example: '{{\"in_stock\": true}}'", param, ctx)
        if not isinstance(found, dict):
            self.fail("it must be a JSON object, such as '{\"in_stock\": true}'", param, ctx)
        return found


class CropType(click.ParamType[Box]):
    """A part of the photo, as four fractions."""

    name = "x,y,w,h"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Box:
        if isinstance(value, Box):
            return value
        try:
            x, y, width, height = map(float, value.split(","))
            return Box(x=x, y=y, width=width, height=height)
        except (ValueError, ValidationError):
            self.fail(
                "it must be four fractions of the photo, from 0 to 1: left, top, width and height, "
                "such as 0.1,0.2,0.5,0.6",
                param,
                ctx,
            )


class NamesType(click.ParamType[list[str]]):
    """Names with commas between them."""

    name = "names"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> list[str]:
        if isinstance(value, list):
            return value
        return [name.strip() for name in value.split(",") if name.strip()]
