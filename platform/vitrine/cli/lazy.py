"""Groups whose commands are imported when they are run, with the places where these live."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click


class Place(NamedTuple):
    """Where a command lives, and the line that the group's help shows for it."""

    target: str
    summary: str


class LazyGroup(click.Group):
    """A group that imports a command's module only when that command is asked for.

    `called` is what is typed for it; `sections` are its commands under their headings, in the order
    of its help.
    """

    def __init__(
        self, *args: Any, called: str, sections: Mapping[str, Mapping[str, Place]], **more: Any
    ) -> None:
        super().__init__(*args, **more)
        self.called = called
        self.sections = sections

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for section in self.sections.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for section in self.sections.values():
            if cmd_name in section:
                module, _, attribute = section[cmd_name].target.partition(":")
                command = getattr(import_module(f"vitrine.cli.{module}"), attribute)
                assert isinstance(command, click.Command)
                return command
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in self.list_commands(ctx):
            ctx.fail(f"There is no command {args[0]!r}; `{self.called} --help` lists them.")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, section in self.sections.items():
            with formatter.section(title):
                formatter.write_dl([(name, place.summary) for name, place in section.items()])
