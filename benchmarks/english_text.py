"""English books and letters from Debian packages, as one more FILE for reproduce_mixture.py.

    python benchmarks/english_text.py ENGLISH.jsonl

Downloads three packages with apt-get (Debian 12; nothing is installed) and writes what they hold as JSON Lines with
the fields id, text, language (en), domain, source and group: Jane Austen's six novels (public domain), An Anarchist
FAQ (essays written on the web, GPL/GFDL), and fortunes (quotations and jokes from newsgroups).
"""

from __future__ import annotations

import html
import io
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from lexmill.archives import file_sha256

PACKAGES = {
    "r-cran-janeaustenr": ("books", "df6bddf211906d1ff404f8ff662c21b34e6660e7f54a311084e749050c019c95"),
    "anarchism": ("essays", "cf21c10948b00e923c62eb31c39a3390413fa26c5ee0e3b925feb0ec7fe42948"),
    "fortunes": ("quotations", "41d0551dc0ff52f875a2ecef7c39da2f672ab468c37e170119f7e0245a9d63c5"),
}
PARAGRAPHS = 40  # of a novel that make one document
MAX_CHUNK = 64 << 20


def r_strings(data: bytes) -> list[str]:
    """Strings of an R `.rdb` file, in order: zlib chunks of R's XDR serialisation, strings of UTF-8 or ASCII."""
    found = []
    place = 0
    while place + 4 <= len(data):
        size = int.from_bytes(data[place : place + 4], "big")  # of the plain bytes; a stream follows
        if size > MAX_CHUNK:
            raise ValueError(f"a chunk of {size:,} bytes at {place}: not an .rdb file as expected")
        unpacker = zlib.decompressobj()
        plain = unpacker.decompress(data[place + 4 :], size + 1)
        place = len(data) - len(unpacker.unused_data)
        for match in re.finditer(rb"\x00[\x00\x04][\x00\x80]\x09(....)", plain, re.DOTALL):
            length = int.from_bytes(match[1], "big")
            if 0 < length < 10_000 and match.end() + length <= len(plain):
                found.append(plain[match.end() : match.end() + length].decode("utf-8", "replace"))
    return found


def novels(members: dict[str, bytes]) -> Iterator[str]:
    """Blocks of lines of the novels."""
    [data] = [content for name, content in members.items() if name.endswith("/data/Rdata.rdb")]
    lines = r_strings(data)
    for begin in range(0, len(lines), 10 * PARAGRAPHS):
        yield "\n".join(lines[begin : begin + 10 * PARAGRAPHS])


def pages(members: dict[str, bytes]) -> Iterator[str]:
    """Text of HTML pages."""
    for name, content in sorted(members.items()):
        if name.endswith(".html"):
            text = re.sub(
                r"(?is)<(script|style|head).*?</\1>|<[^>]*>", " ", content.decode("utf-8", "replace")
            )
            yield "\n".join(line.strip() for line in html.unescape(text).splitlines() if line.strip())


def quotations(members: dict[str, bytes]) -> Iterator[str]:
    """Files of quotations, without the lines of % between them."""
    for name, content in sorted(members.items()):
        if "/games/fortunes/" in name and not name.endswith((".dat", ".u8")):
            yield re.sub(r"(?m)^%\n", "\n", content.decode("utf-8", "replace"))


READERS = {"r-cran-janeaustenr": novels, "anarchism": pages, "fortunes": quotations}


def members_of(package: str, sha256: str, folder: Path) -> dict[str, bytes]:
    """Regular files of a Debian package, downloaded and checked."""
    subprocess.run(["apt-get", "download", "--quiet", package], cwd=folder, check=True, capture_output=True)
    [path] = folder.glob(f"{package}_*.deb")
    if (found := file_sha256(path)) != sha256:
        sys.exit(
            f"{path.name} has sha256 {found}, not {sha256}: another release; check it and correct PACKAGES"
        )
    packed = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(path)], check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        return {m.name: handle.read() for m in archive if m.isreg() and (handle := archive.extractfile(m))}


def main(target: Path) -> None:
    """Write the file and say how much there is of each."""
    with tempfile.TemporaryDirectory() as folder, target.open("w", encoding="utf-8") as out:
        Path(folder).chmod(0o755)
        for package, (domain, sha256) in PACKAGES.items():
            size = 0
            for number, text in enumerate(READERS[package](members_of(package, sha256, Path(folder)))):
                name = f"{package}/{number}"
                row = {
                    "id": name,
                    "text": text,
                    "language": "en",
                    "domain": domain,
                    "source": package,
                    "group": name,
                }
                out.write(json.dumps(row, ensure_ascii=False) + "\n")
                size += len(text.encode())
            print(f"{domain} ({package}): {size / 1e6:.1f} MB")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("python benchmarks/english_text.py ENGLISH.jsonl")
    main(Path(sys.argv[1]))
