"""How much memory this process has used at most."""

from __future__ import annotations

import re
import resource
from pathlib import Path


def peak_memory_bytes() -> int:
    """Largest resident size so far, in bytes.

    From /proc, because `getrusage` of a process that was started by a larger one begins with that one's size; from
    `getrusage` (in KiB, as on Linux) where there is no /proc.
    """
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    except OSError:
        found = None
    return 1024 * (int(found[1]) if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
