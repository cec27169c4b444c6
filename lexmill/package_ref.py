"""What names one archive of a package registry, and the two ways in which fetching it fails."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

_NPM_VERSION = r"[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]+)?"
_DEB_VERSION = r"([0-9]+:)?[0-9][A-Za-z0-9.+~-]*"


class PackageError(ValueError):
    """A pinned package does not exist or is not what its pin says."""


class DownloadError(OSError):
    """The registry or server could not be reached or broke off: trying again may help."""


class PackageRef(BaseModel):
    """One archive of a package registry, pinned by version and by the sha256 of its file (64 hex digits).

    The file is any wheel or source distribution on PyPI, the .tgz on npm, whose names may have a scope
    (`@scope/name`), and the binary package (.deb) of Debian and its kin.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    registry: Literal["pypi", "npm", "deb"] = "pypi"
    name: str = Field(
        max_length=214, pattern=r"^(@[a-z0-9][a-z0-9._~-]*/)?[A-Za-z0-9]([A-Za-z0-9._~+-]*[A-Za-z0-9+])?$"
    )
    version: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.!+_:~-]*$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")

    @model_validator(mode="after")
    def _as_the_registry_writes_it(self) -> PackageRef:
        if self.registry == "pypi" and not re.fullmatch(r"[A-Za-z0-9._-]+", self.name):
            raise ValueError(
                f"name {self.name!r} is not a PyPI name; packages with a scope need registry: npm"
            )
        if self.registry == "npm" and "+" in self.name:
            raise ValueError(f"name {self.name!r} is not an npm name")
        if self.registry == "deb" and not re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", self.name):
            raise ValueError(
                f"name {self.name!r} is not a Debian package name (small letters, digits, + . -)"
            )
        if self.registry == "npm" and not re.fullmatch(_NPM_VERSION, self.version):
            raise ValueError(
                f"version {self.version!r} is not an exact npm version such as 1.2.3: tags and ranges move"
            )
        if self.registry == "pypi" and not re.fullmatch(r"[A-Za-z0-9.!+_-]+", self.version):
            raise ValueError(f"version {self.version!r} is not a PyPI version such as 1.2.3")
        if self.registry == "deb" and not re.fullmatch(_DEB_VERSION, self.version):
            raise ValueError(f"version {self.version!r} is not a Debian version such as 1:2.3-4")
        return self

    def __str__(self) -> str:
        """What a person reads, e.g. `pypi:django==5.2` or `npm:@scope/name==1.0.0`."""
        return f"{self.registry}:{self.name}=={self.version}"
