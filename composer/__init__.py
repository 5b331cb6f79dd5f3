"""The embedded composer: prompt -> plan -> score -> stems -> mix. In Python, numpy and numba."""
