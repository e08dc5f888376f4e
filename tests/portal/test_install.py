"""`make run` and `make test` on a new machine: which Python they take and what they install."""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OLD = "import sys; sys.version_info = (3, 9, 18, 'final', 0)"
BARE = "import sys; sys.modules['ensurepip'] = None"
VERSION = "{}.{}.{}".format(*sys.version_info)


def write_program(file, line):
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{line}\n")
    file.chmod(0o755)
    return str(file)


def write_python(file, difference):
    """A Python that differs from the one of the tests."""
    line = f"""exec "{sys.executable}" -c "{difference}; exec(sys.argv[2])" "$@\""""
    return write_program(file, line)


# `make` hands its own settings on to the tests that it runs.
FROM_MAKE = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHON", "VENV"}


def run(*command, cwd=ROOT, **environment):
    return subprocess.run(
        command,
        cwd=cwd,
        env={key: os.environ[key] for key in os.environ.keys() - FROM_MAKE} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def path(tmp_path):
    """A PATH with the tools that the Makefile needs and no Python."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("sh", "make", "dirname"):
        (tools / tool).symlink_to(shutil.which(tool))
    return str(tools)


class TestChoiceOfPython:
    @pytest.mark.parametrize("target", ["run", "test"])
    def test_an_older_one_is_refused_in_one_sentence(self, tmp_path, target):
        old = write_python(tmp_path / "python3.9", OLD)
        done = run("make", target, f"VENV={tmp_path}/venv", f"PYTHON={old}")
        assert done.returncode
        assert done.stdout == ""
        sentence, _from_make = done.stderr.splitlines()
        assert sentence.startswith("Switchboard needs Python 3.11 or newer, found only 3.9.18 (/")
        assert not (tmp_path / "venv").exists()

    def test_each_older_one_on_the_path_is_named(self, tmp_path, path):
        write_python(tmp_path / "bin/python3", OLD)
        write_python(tmp_path / "bin/python", OLD.replace("9, 18", "8, 2"))
        done = run("make", "run", f"VENV={tmp_path}/venv", PATH=f"{tmp_path}/bin:{path}")
        assert "3.9.18 (" in done.stderr
        assert "3.8.2 (" in done.stderr

    def test_one_that_makes_no_environments_names_the_package(self, tmp_path, path):
        write_python(tmp_path / "bin/python3", BARE)
        done = run("make", "run", f"VENV={tmp_path}/venv", PATH=f"{tmp_path}/bin:{path}")
        minor = sys.version_info.minor
        assert f"Python {VERSION} (" in done.stderr
        assert f"apt install python3.{minor}-venv" in done.stderr
        assert not (tmp_path / "venv").exists()

    def test_none_at_all_is_said(self, tmp_path, path):
        done = run("make", "run", f"VENV={tmp_path}/venv", PATH=path)
        assert "no Python was found on the PATH" in done.stderr

    def test_a_name_that_leads_nowhere_is_said(self, tmp_path):
        done = run("make", "run", f"VENV={tmp_path}/venv", "PYTHON=python0")
        assert "PYTHON=python0 does not run" in done.stderr

    @pytest.mark.parametrize("asked", [(), ("PYTHON=python3.11",)], ids=["found", "asked"])
    def test_a_shim_that_leads_nowhere_says_why_itself(self, tmp_path, path, asked):
        line = "echo 'pyenv: python3.11: command not found' >&2; exit 127"
        write_program(tmp_path / "bin/python3.11", line)
        search = f"{tmp_path}/bin:{path}"
        done = run("make", "run", f"VENV={tmp_path}/venv", *asked, PATH=search)
        assert "PYTHON=python3.11 does not run" in done.stderr or not asked
        assert "\npython3.11 says: pyenv: python3.11: command not found\n" in done.stderr

    def test_another_folder_is_not_touched(self, tmp_path):
        (tmp_path / "mine").write_text("kept")
        done = run("make", "run", f"VENV={tmp_path}")
        assert f"{tmp_path} is no virtual environment" in done.stderr
        assert [file.name for file in tmp_path.iterdir()] == ["mine"]


class TestInstallation:
    """The scripts beside requirements of their own, with wheels from a folder."""

    @pytest.fixture
    def install(self, tmp_path, path):
        requirements = tmp_path / "requirements"
        requirements.mkdir()
        for script in ("install.sh", "install.py"):
            shutil.copy(ROOT / "requirements" / script, requirements)
        # What comes first on the PATH does not run, as a pyenv shim of another version.
        write_program(tmp_path / "bin/python3.13", "exit 127")
        write_program(tmp_path / "bin/python3", f'exec "{sys.executable}" "$@"')

        def install(*pins):
            if pins:
                (requirements / "run.txt").write_text("\n".join(pins))
            return run(
                "sh", "requirements/install.sh", "venv", "run",
                cwd=tmp_path,
                PATH=f"{tmp_path}/bin:{path}",
                PIP_NO_INDEX="1",
                PIP_FIND_LINKS=str(tmp_path / "wheels"),
                PIP_CONFIG_FILE=os.devnull,
            )  # fmt: skip

        return install

    @pytest.fixture
    def wheel(self, tmp_path):
        """Write a wheel; return its pin."""
        (tmp_path / "wheels").mkdir()

        def wheel(name):
            file = tmp_path / f"wheels/{name}-1-py3-none-any.whl"
            metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n"
            with zipfile.ZipFile(file, "w") as archive:
                archive.writestr(f"{name}.py", "")
                archive.writestr(f"{name}-1.dist-info/METADATA", metadata)
                archive.writestr(
                    f"{name}-1.dist-info/WHEEL",
                    "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
                )
                archive.writestr(f"{name}-1.dist-info/RECORD", "")
            return f"{name}==1 --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"

        return wheel

    def test_makes_the_environment_once_and_again_when_it_must(self, install, wheel, tmp_path):
        # Making one takes seconds: what it refuses to install is tried in between.
        first = install(wheel("one"))
        assert first.returncode == 0, first.stderr
        assert f"Making venv with Python {VERSION}" in first.stdout
        assert "Installing run.txt: 1 packages" in first.stdout
        assert run(f"{tmp_path}/venv/bin/python", "-c", "import one").returncode == 0

        assert install().stdout == ""
        changed = install(wheel("two"))
        assert "Making" not in changed.stdout
        assert "Installed run.txt" in changed.stdout
        self.check_refusals(install, wheel("three"), tmp_path)

        (tmp_path / "venv/bin/python").unlink()
        (tmp_path / "venv/bin/python").symlink_to("/nowhere/python")
        again = install(wheel("two"))
        assert "venv has lost its Python: it is made again." in again.stdout
        assert run(f"{tmp_path}/venv/bin/python", "-c", "import two").returncode == 0
        assert run(f"{tmp_path}/venv/bin/python", "-c", "import one").returncode

    def check_refusals(self, install, pin, tmp_path):
        """What differs from its hash, would be built, or does not fit together is refused."""
        done = install(f"{pin[:-4]}0000")
        assert done.returncode == 1
        assert "pip could not install run.txt" in done.stderr
        assert "DO NOT MATCH THE HASHES" in done.stderr

        (tmp_path / "wheels/four-1.tar.gz").write_bytes(b"source")
        done = install(f"four==1 --hash=sha256:{hashlib.sha256(b'source').hexdigest()}")
        assert "No matching distribution found for four==1" in done.stderr

        packages = run(
            f"{tmp_path}/venv/bin/python",
            "-c",
            "import sysconfig; print(sysconfig.get_path('purelib'))",
        ).stdout.strip()
        by_hand = Path(packages) / "by_hand-1.dist-info/METADATA"
        by_hand.parent.mkdir()
        by_hand.write_text(
            "Metadata-Version: 2.1\nName: by_hand\nVersion: 1\nRequires-Dist: absent\n"
        )
        done = install(pin)
        assert done.returncode == 1
        assert "run.txt does not fit together" in done.stderr
        assert "by-hand 1 requires absent" in done.stderr
        shutil.rmtree(by_hand.parent)
