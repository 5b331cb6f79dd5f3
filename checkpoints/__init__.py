"""Models that others publish: which there are, where they lie, whether they are whole, and how to get one."""

from checkpoints.hub import Watch, fetch, quiet
from checkpoints.shelf import Found, find, forget, manifest, need, places, size, there
from checkpoints.table import Checkpoint, File, Licence, known
from checkpoints.whole import MODEL_TYPES, check, header, kind, layout

__all__ = [
    "MODEL_TYPES",
    "Checkpoint",
    "File",
    "Found",
    "Licence",
    "Watch",
    "check",
    "fetch",
    "find",
    "forget",
    "header",
    "kind",
    "known",
    "layout",
    "manifest",
    "need",
    "places",
    "quiet",
    "size",
    "there",
]
