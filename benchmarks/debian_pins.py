"""Bring the pins of Debian packages in a pipelines file up to what apt offers now; everything else stays as it is.

    python benchmarks/debian_pins.py corpora/debian.yaml

Each pin stands on one line: `{registry: deb, name: NAME, version: VERSION, sha256: HEX}`.  Run `apt-get update` first.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

PIN = re.compile(
    r"\{registry: deb, name: (?P<name>[^ ,}]+), version: (?P<quote>['\"]?)(?P<version>[^ ,'\"}]+)(?P=quote), "
    r"sha256: (?P<sha256>[0-9a-f]{64})\}"
)


class Offer(NamedTuple):
    """What apt would download: the newest version, its sha256 and its size in bytes."""

    version: str
    sha256: str
    size: int


def parse_offers(listing: str) -> dict[str, Offer]:
    """name -> offer, from what `apt-cache show --no-all-versions NAME ...` prints."""
    offers = {}
    for paragraph in re.split(r"\n{2,}", listing):
        fields = dict(re.findall(r"^(Package|Version|SHA256|Size): (.*)$", paragraph, re.MULTILINE))
        if {"Package", "Version", "SHA256", "Size"} <= fields.keys():
            offers[fields["Package"]] = Offer(fields["Version"], fields["SHA256"], int(fields["Size"]))
    return offers


def refreshed(text: str, offers: Mapping[str, Offer]) -> tuple[str, list[str]]:
    """(the file's text with the versions and digests of `offers`, what changed, a line each).

    Raises SystemExit for packages that apt does not offer.
    """
    missing = [match["name"] for match in PIN.finditer(text) if match["name"] not in offers]
    if missing:
        raise SystemExit(f"apt offers no {', '.join(missing)}; run `apt-get update`, or take them out")
    changes = []

    def pin(match: re.Match[str]) -> str:
        offer = offers[match["name"]]
        if (match["version"], match["sha256"]) != (offer.version, offer.sha256):
            changes.append(f"{match['name']}: {match['version']} -> {offer.version}")
        # quoted where YAML would read a number
        quote = "'" if re.fullmatch(r"[0-9.:_]+", offer.version) else match["quote"]
        version = f"{quote}{offer.version}{quote}"
        return f"{{registry: deb, name: {match['name']}, version: {version}, sha256: {offer.sha256}}}"

    return PIN.sub(pin, text), changes


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    file = parser.parse_args().file
    text = file.read_text()
    names = sorted({match["name"] for match in PIN.finditer(text)})
    if not names:
        raise SystemExit(f"{file} pins no Debian package")
    done = subprocess.run(
        ["apt-cache", "show", "--no-all-versions", *names], capture_output=True, text=True, check=False
    )
    offers = parse_offers(done.stdout)
    text, changes = refreshed(text, offers)
    file.write_text(text)
    size = sum(offers[name].size for name in names)
    print("\n".join(changes) or "nothing changed")
    print(f"{len(names)} Debian packages, {size / 1e6:.0f} MB of download")


if __name__ == "__main__":
    sys.exit(main())
