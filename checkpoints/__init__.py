"""Models that others publish: which there are, where they lie, whether they are whole, and how to get one."""

from checkpoints.hashes import verify
from checkpoints.hub import Watch, fetch, quiet
from checkpoints.shelf import Found, broken, by_id, find, forget, manifest, need, places, size, there
from checkpoints.table import Checkpoint, File, Licence, Use, known, uses
from checkpoints.whole import (
    MODEL_TYPES,
    bagged,
    check,
    fingerprint,
    header,
    kind,
    layout,
    models,
    native,
    parameters,
)

__all__ = [
    "MODEL_TYPES",
    "Checkpoint",
    "File",
    "Found",
    "Licence",
    "Use",
    "Watch",
    "bagged",
    "broken",
    "by_id",
    "check",
    "fetch",
    "find",
    "fingerprint",
    "forget",
    "header",
    "kind",
    "known",
    "layout",
    "manifest",
    "models",
    "native",
    "need",
    "parameters",
    "places",
    "quiet",
    "size",
    "there",
    "uses",
    "verify",
]
