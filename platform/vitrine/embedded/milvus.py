"""The embedded Milvus Lite. It has no authentication: it listens on loopback and nowhere else."""

import signal
import sys
from importlib.util import find_spec

from vitrine.embedded.child import Command
from vitrine.embedded.ports import LOOPBACK, answers
from vitrine.embedded.service import Service
from vitrine.embedded.wheels import missing


class Milvus(Service):
    name = "milvus"
    title = "Milvus Lite"

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def command(self) -> Command:
        if find_spec("milvus_lite") is None:
            raise missing("milvus-lite")
        return Command(
            name=self.name,
            argv=[
                *(sys.executable, "-P", "-m", "milvus_lite", "server"),
                *("--host", LOOPBACK),  # its own default is every interface
                *("--port", str(self.port)),
                *("--data-dir", str(self.home.path / "milvus")),
            ],
            # It multiplies matrices of a few megabytes: threads wait for each other in vain, and
            # take twice the time of the processor.
            env={"PYTHONUNBUFFERED": "1", "OPENBLAS_NUM_THREADS": "1"},
            # Only an interrupt makes it write out what it holds and close its files.
            stop=((signal.SIGINT, 20.0), (signal.SIGTERM, 5.0)),
        )

    def answers(self) -> bool:
        return answers(self.port)
