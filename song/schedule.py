"""When a diffusion is guided: from how little noise (0) to how much (1)."""

import numpy as np

Interval = tuple[float, float]
NEVER = (0.0, 0.0)  # no step begins where there is no noise left


def turned(interval: Interval) -> Interval:
    """An interval that was counted from noise (0) to music (1), as it is counted now: 1 is noise.

    Steps lie on single-precision times, and the old interval was held against them in double precision. The new ends
    are the outermost single-precision times inside of it, so that the very same steps are guided.
    """
    start, end = interval
    low, high = np.float32(1 - end), np.float32(1 - start)
    low = np.nextafter(low, np.float32(1)) if float(low) < 1 - end else low
    high = np.nextafter(high, np.float32(0)) if float(high) > 1 - start else high
    return (float(low), float(high)) if low <= high else NEVER


def ratios(interval: Interval) -> Interval:
    """An interval as diffusers' pipeline wants it: counted from noise (0) to music (1), held in single precision as
    the times of its steps are, so that a step on an end is guided."""
    start, end = (float(np.float32(place)) for place in interval)
    return 1 - end, 1 - start
