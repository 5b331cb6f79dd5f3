"""What this room says no with. Wrong shapes, types and ranges are ValueErrors."""


class KernelsUnfit(Exception):
    """The kernels cannot be used on this machine or for this shape; the message is one sentence that says why."""
