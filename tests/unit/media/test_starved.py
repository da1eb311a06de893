"""Want of memory is not the picture's fault, and is worth a retry."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from tests.unit.media.pictures import encode

PROGRAM = """
import resource, sys
from pathlib import Path
from vitrine.errors import OutOfMemory
from vitrine.media import decode

data = Path(sys.argv[1]).read_bytes()
limits = decode.Limits(2**24, 50_000_000)
decode.decode(data, limits, short_side=16)  # load the codec
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 8 * 2**20, -1))
try:
    decode.decode(data, limits)
except OutOfMemory as error:
    print("starved", error.retryable)
resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
print(decode.decode(data, limits).size)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limit is Linux's")
@pytest.mark.parametrize("name", ["jpeg", "png", "bmp", "gif"])
def test_a_decoder_that_gets_no_memory(name: str, tmp_path: Path) -> None:
    path = tmp_path / "photo"
    path.write_bytes(encode(Image.new("RGB", (2400, 2000), "red"), name))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.splitlines() == ["starved True", "(2400, 2000)"], done.stderr
