"""What does a process know about itself and its machine?"""

import os
import platform
from pathlib import Path

import numba
import numpy as np


def peak_memory() -> int:
    """Return the bytes that were resident at most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    told = next(line for line in lines if line.startswith("VmHWM:"))
    return int(told.split()[1]) * 1024


def machine() -> str:
    """Return what figures depend on: processor, load, versions."""
    names = [
        line.split(":")[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return (
        f"{len(names)} x {names[0] if names else platform.machine()}, "
        f"load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}, "
        f"numpy {np.__version__}, numba {numba.__version__}"
    )
