"""The api process must not carry what only training and export need."""

import subprocess
import sys

FORBIDDEN = ("torch", "torchvision", "timm", "openvino", "gunicorn")


def test_the_api_imports_neither_torch_nor_a_runtime() -> None:
    script = (
        f"import sys, vitrine.api.app; print(sorted(set(sys.modules) & set({FORBIDDEN!r})), end='')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout == "[]"


def test_the_client_imports_no_server() -> None:
    script = (
        "import sys, vitrine.client, vitrine.cli.search; "
        "print(sorted(set(sys.modules) & {'flask', 'sqlalchemy', 'celery', 'pymilvus', 'numpy'}), "
        "end='')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "[]"
