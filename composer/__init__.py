"""The embedded composer: prompt -> plan -> score -> stems -> mix. Python, numpy and numba; knows no torch and no page."""
