"""The family of errors. Every message is one plain sentence that says what is wrong and what to do.

StudioError
├── BadRequest        the words or numbers cannot be used; names the field      exit 2
├── CannotMake        the request is fine, this machine cannot do it now        exit 3
│   ├── EngineMissing     the engine is not available here
│   ├── DiskFull          not enough room to keep a song
│   ├── QueueFull         too many songs wait already
│   ├── DiskFailing       the disk does not read or write what it is asked to
│   ├── NotEnoughMemory   a model does not fit beside what runs here
│   ├── BadCheckpoint     a model's files are missing, cut off or not what they say
│   ├── CannotFetch       a model cannot be downloaded here and now
│   ├── TookTooLong       it did not end in the time that its length allows
│   └── EngineFailed      the engine broke; the job says how
├── CannotOpen        the library cannot be used as it is on disk               exit 3
│   └── LibraryLocked     another program holds it; later it can be used
└── NotFound          no such take, job or file                                 exit 2

Cancelled             somebody pressed Cancel; not a fault                      exit 130
"""


class StudioError(Exception):
    """Anything the studio says no with. `code` is stable for scripts, `exit_code` for the command line."""

    code = "error"
    exit_code = 3


class BadRequest(StudioError):
    """A request that cannot be used. `field` names the knob, so that a page can point at it."""

    code = "bad_request"
    exit_code = 2

    def __init__(self, field: str, message: str):
        super().__init__(f"{field}: {message}")
        self.field = field


class CannotMake(StudioError):
    """The request is fine, but it cannot be made here and now."""

    code = "cannot_make"


class EngineMissing(CannotMake):
    """The engine asked for is not available on this machine."""

    code = "engine_missing"


class DiskFull(CannotMake):
    """There is not enough free space to keep a song."""

    code = "disk_full"


class QueueFull(CannotMake):
    """Too many songs wait already. `retry_after`: seconds until it is worth to ask again."""

    code = "queue_full"
    retry_after = 10


class DiskFailing(CannotMake):
    """The disk answers with an error, or not at all."""

    code = "disk_failing"


class NotEnoughMemory(CannotMake):
    """A model needs more memory than is free."""

    code = "not_enough_memory"


class BadCheckpoint(CannotMake):
    """A model's files on disk cannot be used; the sentence names the file."""

    code = "bad_checkpoint"


class CannotFetch(CannotMake):
    """A model cannot be downloaded: offline, refused, busy, or not what was announced."""

    code = "cannot_fetch"


class EngineFailed(CannotMake):
    """The engine broke while it made the song."""

    code = "engine_failed"


class TookTooLong(CannotMake):
    """The song did not end in the time that its length allows; see limits.py."""

    code = "took_too_long"


class CannotOpen(StudioError):
    """The library on disk cannot be opened: locked, newer than this studio, damaged or not writable."""

    code = "cannot_open"


class LibraryLocked(CannotOpen):
    """Another program holds the library, and did not let go in time."""

    code = "library_locked"


class NotFound(StudioError):
    """No take or job has this id, or the take has no such file."""

    code = "not_found"
    exit_code = 2


class Cancelled(Exception):
    """The job was cancelled. Raised by `Progress`, passed through by every engine."""

    code = "cancelled"
    exit_code = 130
