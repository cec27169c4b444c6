"""The peak is the process's own, not that of the one that started it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from lexmill.memory import peak_memory_bytes


def test_a_child_of_a_large_process_is_small():
    held = np.ones(64 << 20, np.uint8)
    assert peak_memory_bytes() > held.nbytes
    code = "from lexmill.memory import peak_memory_bytes; print(peak_memory_bytes())"
    small = int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    assert 1 << 20 < small < held.nbytes
