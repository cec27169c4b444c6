"""Binary streams: a part of a file, and zstd frames."""

from __future__ import annotations

import io
import os
from typing import IO, TYPE_CHECKING, Any

import zstandard

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_ZSTD_INPUT_BYTES = 1 << 10  # may unpack to 32 MiB at once: a block of 128 KiB takes no less than 4 bytes


def file_slice(descriptor: int, start: int, size: int) -> io.RawIOBase:
    """`size` bytes from offset `start` of an open file, as a seekable stream.

    Slices of one file do not disturb each other (pread), and closing one leaves the file open.  A slice that the file
    ends before raises EOFError.
    """
    return _FileSlice(descriptor, start, size)


def zstd_stream(packed: IO[bytes]) -> io.RawIOBase:
    """The plain bytes of the frames of a zstd file, one after another.

    Unlike zstandard's own reader it notices a missing end (EOFError); damage raises zstandard.ZstdError.
    """
    return _ZstdStream(packed)


class _FileSlice(io.RawIOBase):
    def __init__(self, descriptor: int, start: int, size: int) -> None:
        self._descriptor, self._start, self._size, self._position = descriptor, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if origin + offset < 0:
            raise ValueError(f"seek to {origin + offset}, before the start")
        self._position = origin + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        target = memoryview(buffer).cast("B")
        wanted = min(len(target), max(self._size - self._position, 0))
        content = os.pread(self._descriptor, wanted, self._start + self._position)
        if wanted and not content:
            raise EOFError(f"the file ends {self._size - self._position:,} bytes early")
        target[: len(content)] = content
        self._position += len(content)
        return len(content)


class _ZstdStream(io.RawIOBase):
    def __init__(self, packed: IO[bytes]) -> None:
        self._packed = packed
        self._frame: Any = None
        self._input = b""
        self._plain = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        target = memoryview(buffer)
        while not self._plain:
            self._input = self._input or self._packed.read(_ZSTD_INPUT_BYTES)
            if not self._input:
                if self._frame is not None:
                    raise EOFError("the compressed file ended before its end-of-stream marker was reached")
                return 0
            self._unpack()
        count = min(len(target), len(self._plain))
        target[:count], self._plain = self._plain[:count], self._plain[count:]
        return count

    def _unpack(self) -> None:
        if self._frame is None:
            self._frame = zstandard.ZstdDecompressor(max_window_size=2**27).decompressobj()
        self._plain = memoryview(self._frame.decompress(self._input))
        self._input = self._frame.unused_data if self._frame.eof else b""
        if self._frame.eof:
            self._frame = None
