"""Packages through the client of their registry, in an empty folder: `npm pack` and `apt-get download`.

`npm pack` of a name and a version fetches the published tarball as it is; lifecycle scripts are switched off all the
same.  `apt-get download` needs no root, checks what apt's package lists say, and installs nothing.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from lexmill.package_ref import DownloadError, PackageError, PackageRef

DOWNLOAD_SECONDS = 900
_UNKNOWN_DEB = r"Unable to locate package|No packages found|has no installation candidate"


def download_npm(ref: PackageRef, folder: Path) -> None:
    """Put the .tgz into `folder`.  Raises PackageError and DownloadError like `registries.download`."""
    npm = shutil.which("npm")
    if npm is None:
        raise PackageError(
            f"{ref}: npm is not installed; install Node.js, which brings it, or use a PyPI package"
        )
    done = _run(
        [
            *(npm, "pack", "--ignore-scripts", "--no-update-notifier", "--no-audit", "--no-fund"),
            *("--loglevel=error", "--pack-destination", str(folder), f"{ref.name}@{ref.version}"),
        ],
        ref,
        folder,
    )
    if done.returncode == 0:
        return
    found = re.search(r"^npm (?:error|ERR!) code (\S+)", done.stderr, re.MULTILINE)
    code = found[1] if found else "none"
    if code in ("E404", "ETARGET"):
        raise PackageError(f"{ref}: the npm registry has no such name and version ({code}); correct the pin")
    raise DownloadError(f"{ref}: download failed; check the network and npm's registry (npm code {code})")


def download_deb(ref: PackageRef, folder: Path) -> None:
    """Put the .deb into `folder`.  Raises PackageError and DownloadError like `registries.download`."""
    apt = shutil.which("apt-get")
    if apt is None:
        raise PackageError(f"{ref}: apt-get is not installed; deb packages need Debian or one of its kin")
    done = _run([apt, "download", "--quiet", f"{ref.name}={ref.version}"], ref, folder)
    if done.returncode != 0:
        raise _deb_failure(ref, done.stderr)


def _deb_failure(ref: PackageRef, stderr: str) -> Exception:
    """Tell a wrong pin from old package lists and from an unreachable mirror by what apt printed."""
    errors = [line.removeprefix("E: ").strip() for line in stderr.splitlines() if line.startswith("E: ")]
    reason = errors[0] if errors else (stderr.strip().splitlines() or ["no message"])[-1]
    if re.search(r"Version .* was not found", stderr):
        return PackageError(
            f"{ref}: apt does not know this version; a security update may have replaced it: "
            f"correct the pin (`apt-cache madison {ref.name}` lists the versions), or run `apt-get update`"
        )
    if re.search(_UNKNOWN_DEB, stderr):
        return PackageError(
            f"{ref}: apt knows no package of this name; correct the name, or run `apt-get update` when apt's package "
            "lists are empty"
        )
    if re.search(r"\b404\b", stderr):
        return PackageError(
            f"{ref}: the mirror no longer has this file; run `apt-get update` and correct the pin ({reason})"
        )
    return DownloadError(f"{ref}: download failed; check the network and apt's sources ({reason})")


def _run(command: list[str], ref: PackageRef, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a client in the empty folder, so that no configuration file of the working directory is picked up."""
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env=os.environ | {"LC_ALL": "C"},
            capture_output=True,
            text=True,
            timeout=DOWNLOAD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise DownloadError(f"{ref}: no download within {DOWNLOAD_SECONDS} s; check the network") from error
