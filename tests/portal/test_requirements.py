"""The pinned requirements are whole and hashed, and they are what is installed.

What no file pins is installed in its newest release, or refused for want of a hash: that shows
only on a machine which has not got it yet.
"""

import functools
import tomllib
from collections.abc import Iterator
from importlib.metadata import distribution, distributions
from pathlib import Path

import django
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
GROUPS = PROJECT["dependency-groups"]
RUN = PROJECT["project"]["dependencies"]
ASKED = {
    "run": RUN,
    "scale": RUN + PROJECT["project"]["optional-dependencies"]["scale"],
    "dev": RUN + GROUPS["dev"],
}
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS = {
    "linux": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    "macos": {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
    "windows": {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
}

Pins = dict[str, Requirement]


def pins_of(name: str) -> Pins:
    """The distributions that ``requirements/<name>.txt`` pins, by canonical name."""
    text = (ROOT / f"requirements/{name}.txt").read_text().replace("\\\n", " ")
    written = [line.partition("#")[0].split("--hash=")[0] for line in text.splitlines()]
    pins = [Requirement(one) for one in written if one.strip()]
    return {canonicalize_name(pin.name): pin for pin in pins}


def version_of(pin: Requirement) -> str:
    [only] = pin.specifier
    return only.version


@functools.cache
def required_by(name: str) -> list[Requirement]:
    """What an installed distribution says that it requires, for every platform and extra."""
    return [Requirement(one) for one in distribution(name).requires or []]


def applies(requirement: Requirement, environment: dict[str, str], extras: set[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(
        marker.evaluate({**environment, "extra": extra}) for extra in extras | {""}
    )


def unmet(
    requirement: Requirement, pins: Pins, environment: dict[str, str], by: str
) -> Iterator[str]:
    """What the pins lack of one requirement, with everything that ``by`` asks for."""
    pin = pins.get(canonicalize_name(requirement.name))
    if pin is None or not applies(pin, environment, set()):
        yield f"{by} requires {requirement}, which is not pinned"
    elif not requirement.specifier.contains(version_of(pin), prereleases=True):
        yield f"{by} requires {requirement}, pinned is {pin}"
    elif not requirement.extras <= pin.extras:
        yield f"{by} requires {requirement}, pinned without the extra: {pin}"


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("name", ASKED)
def test_everything_that_is_required_is_pinned(name, python, platform):
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        **PLATFORMS[platform],
    }
    pins = pins_of(name)
    installed = {canonicalize_name(one.name) for one in distributions()}
    found = [
        lack
        for asked in map(Requirement, ASKED[name])
        for lack in unmet(asked, pins, environment, "pyproject.toml")
    ]
    for pinned, pin in pins.items():
        # What only another platform needs cannot be read here.
        if applies(pin, environment, set()) and pinned in installed:
            for required in required_by(pinned):
                if applies(required, environment, pin.extras):
                    found += unmet(required, pins, environment, pinned)
    assert found == []


@pytest.mark.parametrize("name", ASKED)
def test_every_pin_is_one_version_with_hashes(name):
    text = (ROOT / f"requirements/{name}.txt").read_text()
    without_comments = "\n".join(line for line in text.splitlines() if "#" not in line)
    for entry in without_comments.replace("\\\n", " ").splitlines():
        written, *hashes = entry.split("--hash=sha256:")
        [only] = Requirement(written).specifier
        assert only.operator == "=="
        assert hashes
        assert {len(one.strip()) for one in hashes} == {64}


@pytest.mark.parametrize("name", ASKED)
def test_the_pinned_versions_are_the_installed_ones(name):
    if django.VERSION >= (6, 0):
        name = "next/dev"  # `make test-next` installs this set alone
    pins = {key: pin for key, pin in pins_of(name).items() if applies(pin, {}, set())}
    assert {key: distribution(key).version for key in pins} == {
        key: version_of(pin) for key, pin in pins.items()
    }


@pytest.mark.parametrize(("smaller", "larger"), [("run", "scale"), ("scale", "dev")])
def test_a_larger_set_pins_all_of_a_smaller_one(smaller, larger):
    assert pins_of(smaller).items() <= pins_of(larger).items()


def test_the_tool_that_compiles_the_pins_is_pinned_itself():
    [compiler] = map(Requirement, GROUPS["pins"])
    assert [one.operator for one in compiler.specifier] == ["=="]
