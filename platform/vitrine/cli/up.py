"""`vitrine up`: the whole platform in the foreground."""

import errno
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from vitrine import __version__, logs
from vitrine.cli import phrases
from vitrine.embedded.datadir import DataDir
from vitrine.embedded.lock import DataDirLock
from vitrine.embedded.stack import Opened, Stack
from vitrine.errors import Misconfigured
from vitrine.settings import KEYS_FILE, RUNNING_FILE, Settings, load_settings, unknown_variables

DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@click.command()
def up() -> None:
    """Run the whole platform on this machine until Ctrl-C.

    Starts PostgreSQL, Redis and Milvus Lite on loopback, brings the database to the newest schema,
    makes keys and a model if there are none, then runs api, worker and beat. Data stays in the data
    directory. VITRINE_PORT and VITRINE_DATA_DIR move it.
    """
    for number in STOP_SIGNALS:
        signal.signal(number, _interrupt)
    for name, sentence in unknown_variables().items():
        click.secho(f"{name} {sentence}", fg="yellow", err=True)
    try:
        home = DataDir.prepare(load_settings().data_dir)
        with DataDirLock(home.path) as lock:
            # We hold the lock, so whoever wrote this is gone: its ports and host are not ours.
            (home.path / RUNNING_FILE).unlink(missing_ok=True)
            load_settings.cache_clear()
            settings = load_settings()
            lock.note(settings.api_url)
            with home.rotate_log("up").open("a") as log:
                logs.configure(settings, process="up", stream=log)
                _run(settings, home)
    except KeyboardInterrupt:
        click.echo("Stopped.")
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        raise Misconfigured(
            f"{error.strerror}: {error.filename}. Look at the free space and at the owner of the "
            "data directory, or set VITRINE_DATA_DIR to another one."
        ) from error


def _run(settings: Settings, home: DataDir) -> None:
    click.echo(f"Vitrine {__version__}, data in {home.path}")
    stack = Stack(settings, home, step=step, tell=tell)
    began = time.monotonic()
    try:
        opened = stack.start()
        show(opened, settings, time.monotonic() - began)
        stack.watch()
    finally:
        for number in STOP_SIGNALS:
            signal.signal(number, _be_patient)
        click.echo()
        click.echo("Stopping: api, worker and beat, then the servers …")
        stack.stop()


@contextmanager
def step(title: str) -> Iterator[None]:
    """Show what is being done, and how long it took."""
    began = time.monotonic()
    if sys.stdout.isatty():
        click.echo(f"  … {title}", nl=False)
    try:
        yield
    except BaseException:
        _finish_line(click.style("✗", fg="red"), title, began)
        raise
    _finish_line(click.style("✓", fg="green"), title, began)


def _finish_line(mark: str, title: str, began: float) -> None:
    start = "\r" if sys.stdout.isatty() else ""
    click.echo(f"{start}  {mark} {title:<40} {time.monotonic() - began:6.1f} s")


def tell(line: str) -> None:
    """Show what happens meanwhile."""
    click.echo(("\r" if sys.stdout.isatty() else "") + f"    {line}")


def show(opened: Opened, settings: Settings, seconds: float) -> None:
    """Print what a newcomer needs."""
    command = second_shell_command(settings)
    click.echo()
    click.secho(f"Vitrine is ready at {opened.url} ", fg="green", bold=True, nl=False)
    click.echo(f"({seconds:.1f} s)")
    rows = {
        "Docs": f"{opened.url}/docs",
        "Data": f"{settings.data_dir} (logs in logs/)",
        "Keys": str(settings.data_dir / KEYS_FILE),
        "  storefront": opened.keys["storefront"],
        "  seller demo": opened.keys["seller"]["demo"],
        "  ads": opened.keys["ads"],
        "  admin": opened.keys["admin"],
        "Model": opened.model.name if opened.model else "none",
    }
    for title, value in rows.items():
        click.echo(f"  {title:<14}{value}")
    if opened.model is None:
        click.secho(f"  {phrases.MODEL_GONE}", fg="red")
    elif not opened.model.spec.trained:
        click.secho(
            "  This model is UNTRAINED: its weights are random, so what it finds alike is a\n"
            "  matter of colour and texture. A trained one ships with Vitrine:\n"
            f"    {command} models use {phrases.SHIPPED_MODEL}",
            fg="yellow",
        )
    click.echo("\nIn a second shell:")
    click.secho(f"    {command} demo --products 200", bold=True)
    click.secho(f"    {command} search PHOTO", bold=True)
    click.echo("\nCtrl-C stops all of it.")


def second_shell_command(settings: Settings) -> str:
    """How to call this `vitrine` from another shell in this directory."""
    script = Path(sys.prefix) / "bin" / "vitrine"
    if script.is_relative_to(Path.cwd()):
        called = str(script.relative_to(Path.cwd()))
    elif shutil.which("vitrine") == str(script):
        called = "vitrine"
    else:
        called = str(script)
    if settings.data_dir == Path.cwd() / ".vitrine":
        return called
    return f"VITRINE_DATA_DIR={settings.data_dir} {called}"


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _be_patient(number: int, frame: FrameType | None) -> None:
    click.echo("Still stopping; every step has its bound, at most a minute in all.")
