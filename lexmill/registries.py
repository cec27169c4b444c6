"""Download one pinned package archive from PyPI (through pip) or npm (through `npm pack`); nothing of it is run.

From PyPI only wheels are taken: a source distribution would run its build backend.  `npm pack` of a name and a
version fetches the published tarball as it is; lifecycle scripts are switched off all the same.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

DOWNLOAD_SECONDS = 900
_UNREACHABLE = r"Retrying|timed out|Connection|Temporary failure|SSLError|ProxyError"


class PackageError(ValueError):
    """A pinned package does not exist or is not what its pin says."""


class DownloadError(OSError):
    """The registry could not be reached or broke off: trying again may help."""


class PackageRef(BaseModel):
    """One archive of a package registry, pinned by version and by the sha256 of its file (64 hex digits).

    The file is the wheel on PyPI and the .tgz on npm, whose names may have a scope (`@scope/name`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    registry: Literal["pypi", "npm"] = "pypi"
    name: str = Field(
        max_length=214, pattern=r"^(@[a-z0-9][a-z0-9._~-]*/)?[A-Za-z0-9]([A-Za-z0-9._~-]*[A-Za-z0-9])?$"
    )
    version: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.!+_-]*$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")

    @model_validator(mode="after")
    def _as_the_registry_writes_it(self) -> PackageRef:
        if self.registry == "pypi" and not re.fullmatch(r"[A-Za-z0-9._-]+", self.name):
            raise ValueError(
                f"name {self.name!r} is not a PyPI name; packages with a scope need registry: npm"
            )
        if self.registry == "npm" and not re.fullmatch(
            r"[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]+)?", self.version
        ):
            raise ValueError(
                f"version {self.version!r} is not an exact npm version such as 1.2.3: tags and ranges move"
            )
        return self

    def __str__(self) -> str:
        """What a person reads, e.g. `pypi:django==5.2` or `npm:@scope/name==1.0.0`."""
        return f"{self.registry}:{self.name}=={self.version}"


def download(ref: PackageRef, folder: Path) -> Path:
    """Download the archive into an empty folder; its sha256 is not checked here.

    Raises PackageError when the registry does not have it (as a wheel) or its client is not installed, and
    DownloadError when the registry cannot be reached within DOWNLOAD_SECONDS.
    """
    command = _npm_command(ref, folder) if ref.registry == "npm" else _pip_command(ref, folder)
    try:
        # in the empty folder, so that no configuration file of the working directory is picked up
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise DownloadError(f"{ref}: no download within {DOWNLOAD_SECONDS} s; check the network") from error
    if done.returncode != 0:
        raise (_npm_failure if ref.registry == "npm" else _pip_failure)(ref, done.stderr)
    files = sorted(folder.iterdir())
    if len(files) != 1:
        raise PackageError(f"{ref}: {len(files)} files were downloaded where one archive was expected")
    return files[0]


def _pip_command(ref: PackageRef, folder: Path) -> list[str]:
    """Metadata of wheels is read, no code of the package runs."""
    return [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"),
        *("--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--progress-bar", "off"),
        *("--dest", str(folder), f"{ref.name}=={ref.version}"),
    ]


def _npm_command(ref: PackageRef, folder: Path) -> list[str]:
    npm = shutil.which("npm")
    if npm is None:
        raise PackageError(
            f"{ref}: npm is not installed; install Node.js, which brings it, or use a PyPI package"
        )
    return [
        *(npm, "pack", "--ignore-scripts", "--no-update-notifier", "--no-audit", "--no-fund"),
        *("--loglevel=error", "--pack-destination", str(folder), f"{ref.name}@{ref.version}"),
    ]


def _pip_failure(ref: PackageRef, stderr: str) -> Exception:
    """Tell a wrong pin from an unreachable registry by what pip printed."""
    errors = [line.strip() for line in stderr.splitlines() if line.startswith("ERROR")]
    reason = errors[0] if errors else (stderr.strip().splitlines() or ["no message"])[-1]
    if "No module named pip" in stderr:
        return PackageError(
            f"{ref}: {sys.executable} has no pip; run `make install` or `python -m ensurepip`"
        )
    if "No matching distribution" in stderr and not re.search(_UNREACHABLE, stderr):
        return PackageError(
            f"{ref}: the registry has no wheel of this name and version; correct the pin ({reason})"
        )
    return DownloadError(f"{ref}: download failed; check the network and the package index ({reason})")


def _npm_failure(ref: PackageRef, stderr: str) -> Exception:
    """Tell a wrong pin from an unreachable registry by npm's error code (`npm error code E404`)."""
    found = re.search(r"^npm (?:error|ERR!) code (\S+)", stderr, re.MULTILINE)
    code = found[1] if found else "none"
    if code in ("E404", "ETARGET"):
        return PackageError(f"{ref}: the npm registry has no such name and version ({code}); correct the pin")
    return DownloadError(f"{ref}: download failed; check the network and npm's registry (npm code {code})")
