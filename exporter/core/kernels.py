"""How does a loop over series and samples become machine code?

Some recursions cannot be written as whole-array arithmetic without storing every step of them.
Those are plain Python loops that numba compiles once and keeps on disk.
"""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numba
from numba.core.dispatcher import Dispatcher

F = TypeVar("F", bound=Callable[..., Any])


READY_MADE: Final = "ANOMALY_EXPORTER_KERNELS"
"""Environment variable: a folder as `XDG_CACHE_HOME` was when an image was built. Machine code is
taken from there, since numba does not use a folder that it may not write to."""


def _folder() -> Path | None:
    """Return where machine code is kept, None if nowhere: it is then made anew at every start.

    numba keeps it by the file of the kernel alone, and would go on using it when another file that
    the kernel calls has changed; so every version of the package has a folder of its own. Only
    below the user's own cache: whoever can write there can run code here.
    """
    digest = hashlib.blake2b(digest_size=8)
    for source in sorted(Path(__file__).parents[1].glob("*/*.py")):
        digest.update(source.read_bytes())
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        folder = Path(home).expanduser() / "anomaly-exporter" / digest.hexdigest()
        ready = Path(os.environ.get(READY_MADE) or home, *folder.parts[-2:])
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if ready.is_dir() and not folder.exists():
            shutil.copytree(ready, folder)
            folder.chmod(0o700)  # as open as the image's otherwise
        folder.mkdir(mode=0o700, exist_ok=True)
        is_ours = all(_is_ours(each) for each in (folder.parent, folder))
    except (OSError, RuntimeError):  # no home, or nothing may be written there
        return None
    return folder if is_ours and os.access(folder, os.W_OK) else None


def _is_ours(folder: Path) -> bool:
    """Return whether not everybody can write to a folder, as they may below a shared cache."""
    about = folder.stat()  # a volume's group may
    return about.st_uid == os.getuid() and not about.st_mode & 0o002


_config: Any = numba.config  # made at run time, so its types are not known
if not _config.CACHE_DIR:  # NUMBA_CACHE_DIR is the user's say
    _config.CACHE_DIR = str(_folder() or "")

_IS_KEPT: Final = bool(_config.CACHE_DIR)


def compiled(function: F) -> F:
    """Return `function` compiled at its first call; arrays and numbers in, arrays out.

    Kernels release the interpreter's lock and must not raise: bounds are the caller's to check.
    """
    return cast("F", numba.njit(cache=_IS_KEPT, nogil=True, error_model="numpy")(function))


def uncompiled(function: F) -> F:
    """Return the Python function that `compiled` was given, as its slow twin for tests."""
    return cast("Dispatcher[F]", function).py_func
