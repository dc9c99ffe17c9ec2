"""How much memory is in use, and how does what was freed get back to the system?"""

import ctypes
import os
from pathlib import Path

_M_MMAP_THRESHOLD = -3  # malloc.h
_LARGE = 1 << 20


def return_freed_memory() -> None:
    """Have glibc map large arrays one by one, so that freeing one gives it back at once.

    By itself glibc learns from the first large array that is freed to keep the next ones on its
    heap, up to 32 MB each; an exporter that looks back once then holds that peak for ever. Other
    C libraries have no such habit and are left alone.

    References
    ----------
    mallopt(3), M_MMAP_THRESHOLD
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_M_MMAP_THRESHOLD, _LARGE)


def memory_in_use() -> int | None:
    """Return the bytes of memory that the process has now; None where Linux does not say."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    except OSError:
        return None
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
