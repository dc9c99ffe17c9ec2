"""Which smoothing models are there, and which parameters does the search for good ones start at?"""

from itertools import product
from typing import Final, Literal, TypeAlias

import numpy as np

from exporter.core.series import Floats
from exporter.forecasters.smoothing import LANES, PARAMETERS

Model: TypeAlias = Literal["auto", "simple", "holt", "damped", "holt_winters", "double_seasonal"]

_Parts: TypeAlias = tuple[int, int, int, int, int]
_Table: TypeAlias = list[tuple[_Parts, tuple[float, ...]]]

_SIMPLE: Final = (0, 0, 0, 0, 0)
_HOLT: Final = (1, 0, 0, 0, 0)
_DAMPED: Final = (1, 1, 0, 0, 0)
_HOLT_WINTERS: Final = (1, 1, 1, 0, 0)
_DOUBLE: Final = (0, 0, 1, 1, 1)
_TREND_AND_ERROR: Final = (1, 1, 0, 0, 1)
_ERROR: Final = (0, 0, 0, 0, 1)
_DAY: Final = (0, 0, 1, 0, 1)
_DAY_AND_TREND: Final = (1, 1, 1, 0, 1)
_DOUBLE_AND_TREND: Final = (1, 1, 1, 1, 1)


def _z(
    alpha: float,
    beta: float = 0.03,
    phi: float = 0.97,
    gamma: float = 0.1,
    omega: float = 0.1,
    rho: float = 0.5,
) -> tuple[float, ...]:
    return alpha, beta, phi, gamma, omega, rho


_SIMPLE_TABLE: Final[_Table] = [
    (_SIMPLE, _z(alpha))
    for alpha in (
        *(0.003, 0.01, 0.03, 0.06, 0.1, 0.2, 0.3, 0.4),
        *(0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999),
    )
]
_HOLT_TABLE: Final[_Table] = [
    (_HOLT, _z(*each)) for each in product((0.02, 0.1, 0.4, 0.9), (0.01, 0.05, 0.15, 0.5))
]
_DAMPED_TABLE: Final[_Table] = [
    (_DAMPED, _z(*each)) for each in product((0.02, 0.1, 0.4, 0.9), (0.05, 0.3), (0.9, 0.97))
]
_TABLES: Final[dict[Model, tuple[_Table, _Table]]] = {
    "simple": (_SIMPLE_TABLE, _SIMPLE_TABLE),
    "holt": (_HOLT_TABLE, _HOLT_TABLE),
    "damped": (_DAMPED_TABLE, _DAMPED_TABLE),
    "holt_winters": (
        _DAMPED_TABLE,
        [
            (_HOLT_WINTERS, _z(alpha, gamma=gamma))
            for alpha, gamma in product((0.05, 0.3, 0.6, 0.95), (0.01, 0.1, 0.3, 0.6))
        ],
    ),
    "double_seasonal": (
        [
            (_ERROR, _z(*each))
            for each in product(
                (0.003, 0.01, 0.03, 0.1), (0.03,), (0.97,), (0.1,), (0.1,), (0.3, 0.7, 0.9, 0.97)
            )
        ],
        [
            (_DOUBLE, _z(*each))
            for each in product(
                (0.01, 0.1), (0.03,), (0.97,), (0.05, 0.3), (0.05, 0.3), (0.7, 0.95)
            )
        ],
    ),
    "auto": (
        [
            *((_SIMPLE, _z(alpha)) for alpha in (0.02, 0.1, 0.3, 0.6, 0.99)),
            *(
                (_ERROR, _z(*each))
                for each in ((0.01, 0.03, 0.97, 0.1, 0.1, 0.9), (0.05, 0.03, 0.97, 0.1, 0.1, 0.7))
            ),
            *((_HOLT, _z(*each)) for each in ((0.02, 0.05), (0.2, 0.02), (0.6, 0.1))),
            *(
                (_DAMPED, _z(*each))
                for each in (
                    (0.05, 0.1, 0.97),
                    (0.3, 0.05, 0.97),
                    (0.9, 0.05, 0.9),
                    (0.9, 0.3, 0.8),
                )
            ),
            *(
                (_TREND_AND_ERROR, _z(*each))
                for each in ((0.02, 0.05, 0.97, 0.1, 0.1, 0.9), (0.1, 0.03, 0.97, 0.1, 0.1, 0.7))
            ),
        ],
        [
            (_DOUBLE, _z(0.01, gamma=0.05, omega=0.05, rho=0.7)),
            (_DOUBLE, _z(0.01, gamma=0.05, omega=0.3, rho=0.95)),
            (_DOUBLE, _z(0.1, gamma=0.05, omega=0.3, rho=0.7)),
            (_DOUBLE, _z(0.1, gamma=0.3, omega=0.05, rho=0.95)),
            (_DOUBLE_AND_TREND, _z(0.01, gamma=0.05, omega=0.3, rho=0.7)),
            (_DOUBLE_AND_TREND, _z(0.01, gamma=0.3, omega=0.3, rho=0.95)),
            (_DOUBLE_AND_TREND, _z(0.1, gamma=0.05, omega=0.05, rho=0.95)),
            (_DAY, _z(0.01, gamma=0.05, rho=0.3)),
            (_DAY, _z(0.01, gamma=0.05, rho=0.97)),
            (_DAY, _z(0.01, gamma=0.3, rho=0.9)),
            (_DAY_AND_TREND, _z(0.01, gamma=0.05, rho=0.7)),
            (_DAY_AND_TREND, _z(0.01, gamma=0.3, rho=0.3)),
            (_DAY_AND_TREND, _z(0.1, gamma=0.3, rho=0.97)),
            (_ERROR, _z(0.7, rho=0.01)),
            (_ERROR, _z(0.03, rho=0.8)),
            (_HOLT, _z(0.05, 0.05)),
        ],
    ),
}

_SIGNS: Final = (
    *((1, -1, 1, -1, 1, -1), (-1, 1, 1, -1, -1, 1)),
    *((1, 1, -1, 1, -1, 1), (-1, -1, -1, 1, 1, -1)),
)
MOVES: Final[Floats] = np.concatenate(
    [np.eye(PARAMETERS), -np.eye(PARAMETERS), 0.7 * np.array(_SIGNS)]
)
"""float64 [LANES, PARAMETERS]: where to look around the best, one parameter at a time and all."""


def starts(model: Model) -> tuple[Floats, Floats]:
    """Return parameters float64 [2, LANES, PARAMETERS] and parts [2, LANES, PARTS] to try first.

    The first of two is for series without a season, the second for those with one.
    """
    tables = _TABLES[model]
    z = np.array([[row for _, row in table] for table in tables], dtype=np.float64)
    parts = np.array([[row for row, _ in table] for table in tables], dtype=np.float64)
    assert z.shape[1] == LANES
    return z, parts
