"""Rules of the house that no linter knows."""

import ast
import platform
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from vitrine.cli import SECTIONS, main
from vitrine.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(path for root in ("platform", "workers") for path in (ROOT / root).rglob("*.py"))
COMMANDS = [name for section in SECTIONS.values() for name in section]

# Where packages, weights and images come from is the operator's business, not the code's.
REGISTRIES = re.compile(
    r"pypi\.org|pythonhosted\.org|huggingface\.co|hf\.co\b|download\.pytorch\.org|docker\.io"
    r"|quay\.io|ghcr\.io|gcr\.io|conda\.anaconda\.org|registry\.npmjs\.org|\bcdn\.",
)


def test_platform_is_a_source_root_and_never_a_package() -> None:
    assert not list((ROOT / "platform").glob("*.py"))
    assert not (Path(str(platform.__file__))).is_relative_to(ROOT)
    assert platform.system()


def test_platform_is_the_standard_library_in_the_root_of_the_checkout() -> None:
    said = subprocess.run(
        [sys.executable, "-c", "import platform; print(platform.__file__)"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert not Path(said.stdout.strip()).is_relative_to(ROOT)


def test_no_source_names_a_registry() -> None:
    found = {path: REGISTRIES.findall(path.read_text()) for path in SOURCES}
    assert len(found) > 50
    assert {path: names for path, names in found.items() if names} == {}


def test_only_the_settings_read_our_variables() -> None:
    readers = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in {
                "os.environ",
                "os.getenv",
            }:
                readers.append(path.relative_to(ROOT / path.relative_to(ROOT).parts[0]))
    # What starts a process hands on the environment; it does not look into it.
    allowed = {
        Path("vitrine/settings.py"),
        Path("vitrine/embedded/child.py"),
        Path("vitrine/embedded/postgres.py"),
    }
    assert set(readers) <= allowed


def test_every_setting_is_documented() -> None:
    documented = set(re.findall(r"`VITRINE_([A-Z_]+)`", (ROOT / "docs/settings.md").read_text()))
    assert documented == {name.upper() for name in Settings.model_fields}


def test_every_command_is_documented() -> None:
    documents = "".join(path.read_text() for path in [ROOT / "README.md", *ROOT.glob("docs/*.md")])
    missing = [name for name in COMMANDS if f"vitrine {name}" not in documents]
    assert not missing


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_and_its_options(name: str) -> None:
    command = main.get_command(click.Context(main), name)  # type: ignore[attr-defined]
    for path, one in _all_commands(name, command):
        said = CliRunner().invoke(main, [*path.split(), "--help"])
        assert said.exit_code == 0, said.output
        assert one.help, f"`vitrine {path}` has no help"
        for parameter in one.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"`vitrine {path}` {parameter.opts} has no help"


def test_help_imports_no_command() -> None:
    code = (
        "import sys; from vitrine.cli import main; main(['--help'], standalone_mode=False);"
        "print(sorted(n for n in sys.modules if n.split('.')[0] in"
        " {'sqlalchemy', 'celery', 'pymilvus', 'openvino', 'torch', 'flask', 'alembic'}))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines()[-1] == "[]"


def test_an_unknown_command_names_the_way_out() -> None:
    said = CliRunner().invoke(main, ["sarch"])
    assert said.exit_code == 2
    assert "vitrine --help" in said.output


def test_an_error_of_ours_is_one_line_and_no_traceback() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "vitrine.cli", "migrate"],
        capture_output=True, text=True, check=False,
        env={"VITRINE_DATABASE_URL": "postgresql+psycopg2://x:y@127.0.0.1:1/z"},
    )  # fmt: skip
    assert said.returncode == 1
    assert said.stderr.startswith("error: ")
    assert "Traceback" not in said.stderr
    assert "VITRINE_DATABASE_URL" in said.stderr


def test_a_wrong_variable_is_named() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "vitrine.cli", "migrate"],
        capture_output=True, text=True, check=False, env={"VITRINE_PORT": "eighty"},
    )  # fmt: skip
    assert said.returncode == 1
    assert "VITRINE_PORT" in said.stderr
    assert "Traceback" not in said.stderr


def _all_commands(path: str, command: click.Command | None) -> list[tuple[str, click.Command]]:
    assert command is not None
    found = [(path, command)]
    if isinstance(command, click.Group):
        within = click.Context(command)
        for name in command.list_commands(within):
            found += _all_commands(f"{path} {name}", command.get_command(within, name))
    return found
