"""docker-compose.yml and the Dockerfile, read and compared with the code; nothing is started."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from vitrine.embedded.redis import CONFIG
from vitrine.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()

# A moving tag: none at all, `latest`, or a major version alone.
MOVING = re.compile(r"^[^:]+$|:latest|:v?\d+$")
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|_URL$")


def test_the_whole_stack_is_there() -> None:
    wanted = {"postgres", "redis", "etcd", "minio", "milvus", "migrate", "api", "worker", "beat"}
    assert set(SERVICES) == wanted


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_has_a_health_check_and_bounded_logs(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"]["test"]
    assert set(service["healthcheck"]) >= {"interval", "timeout", "retries"}
    assert service["logging"]["options"]["max-size"]


@pytest.mark.parametrize("name", SERVICES)
def test_each_image_is_pinned(name: str) -> None:
    assert not MOVING.search(SERVICES[name]["image"])


@pytest.mark.parametrize("name", SERVICES)
def test_each_variable_of_ours_is_a_setting(name: str) -> None:
    for variable in SERVICES[name].get("environment", {}):
        if variable.startswith("VITRINE_"):
            assert variable.removeprefix("VITRINE_").lower() in Settings.model_fields


@pytest.mark.parametrize("name", SERVICES)
def test_secrets_come_from_outside_and_are_asked_for(name: str) -> None:
    for variable, value in SERVICES[name].get("environment", {}).items():
        if SECRET.search(variable) and re.search(
            r"://\S+@|PASSWORD|SECRET|TOKEN", variable + value
        ):
            assert re.search(r"\$\{\w+:\?[^}]+\}", value), f"{variable} of {name} has a fixed value"


def test_what_a_service_waits_for_is_there_and_healthy() -> None:
    for name, service in SERVICES.items():
        for other, condition in service.get("depends_on", {}).items():
            expected = "service_completed_successfully" if other == "migrate" else "service_healthy"
            assert condition["condition"] == expected, f"{name} waits for {other}"
            assert other in SERVICES


def test_only_the_api_has_a_port_and_it_is_on_loopback() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert list(published) == ["api"]
    assert all(port.startswith("127.0.0.1:") for port in published["api"])


def test_each_volume_is_declared() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            assert volume.split(":")[0] in COMPOSE["volumes"]


def test_the_targets_that_compose_builds_exist() -> None:
    targets = set(re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.MULTILINE))
    for service in SERVICES.values():
        if "build" in service:
            assert service["build"]["target"] in targets


def test_base_images_are_pinned_and_the_processes_are_not_root() -> None:
    bases = re.findall(r"^FROM (\S+) AS", DOCKERFILE, re.MULTILINE)
    stages = set(re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.MULTILINE))
    for base in bases:
        assert base in stages or re.fullmatch(r"python:3\.12\.\d+-slim-bookworm", base)
    final = DOCKERFILE[DOCKERFILE.index(" AS base") :]
    assert re.search(r"^USER vitrine$", final, re.MULTILINE)


def test_the_api_image_has_no_torch() -> None:
    stage = DOCKERFILE[DOCKERFILE.index("FROM build AS build-api") :].split("\nFROM", 1)[0]
    assert "torch" not in stage
    before = DOCKERFILE[: DOCKERFILE.index("FROM build AS build-api")].splitlines()
    assert not [line for line in before if "torch" in line and not line.startswith("#")]


def test_variables_of_the_dockerfile_are_settings() -> None:
    found = re.findall(r"\bVITRINE_(\w+)=", DOCKERFILE)
    assert found
    for name in found:
        assert name.lower() in Settings.model_fields


def test_redis_is_bounded_as_the_embedded_one_is() -> None:
    command = " ".join(SERVICES["redis"]["command"])
    for line in CONFIG.splitlines():
        if line.startswith("maxmemory"):
            assert f"--{line} " in command
