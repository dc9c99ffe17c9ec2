"""Which of many small p values are more than chance?"""

import numpy as np

from exporter.core.series import Floats


def adjusted(p_value: Floats) -> Floats:
    """Return p values [S] adjusted for their number; NaN stays NaN and does not count.

    Those below a share are, in the mean, wrong in at most that share of the cases: Benjamini and
    Hochberg (1995), doi:10.1111/j.2517-6161.1995.tb02031.x.
    """
    found = np.full(len(p_value), np.nan)
    told = np.flatnonzero(~np.isnan(p_value))
    order = told[np.argsort(p_value[told], kind="stable")]
    share = p_value[order] * len(order) / np.arange(1, len(order) + 1)
    found[order] = np.minimum(np.minimum.accumulate(share[::-1])[::-1], 1.0)
    return found
