"""Job: a request on its way through the studio. A row before any work starts."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from song.request import SongRequest

State = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
FINAL: frozenset[State] = frozenset(("done", "failed", "cancelled", "interrupted"))


class Job(BaseModel):
    """One snapshot of a job.

    request       None where its row cannot be read: it is damaged, or a newer studio wrote it
    takes         ids of the takes made so far, one per variation; they stay when a later variation fails
    seconds_left  a guess from the time spent, None before there is anything to guess from
    audible       the take in the making can be heard, unmastered, as far as it is: GET /jobs/<id>/audio
    error_code    see song/errors.py; `error` is the sentence for the user
    """

    model_config = ConfigDict(frozen=True)

    id: str
    request: SongRequest | None
    state: State = "queued"
    fraction: float = 0.0
    stage: str = "waiting"
    seconds_left: float | None = None
    audible: bool = False
    attempts: int = 0
    error_code: str | None = None
    error: str | None = None
    takes: tuple[str, ...] = ()

    @property
    def final(self) -> bool:
        return self.state in FINAL
