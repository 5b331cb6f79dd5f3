"""GET /readyz: whether songs can be made now. 200, or 503 with a word that says what is in the way: worker, disk,
library or slow, where no answer came, as while it starts.

Open without a token, since whoever watches over machines has none: it tells no more than that word, and whoever asks
more often than once a second hears what the last one was told. /healthz, which the gate answers, says only that
the server is there.
"""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from song.errors import StudioError

PATIENCE = 4.0  # seconds; what does not answer by then is not ready either
FRESH = 1.0  # seconds that an answer is given again

_prober = ThreadPoolExecutor(1, "ready")  # of its own: a disk that hangs must not take others' threads


def trouble() -> str:
    import backend  # late: the page is up before the backend is loaded

    return backend.studio().trouble()


class Probe:
    """Asks once for all who want to know."""

    def __init__(self) -> None:
        self._asked = 0.0
        self._asking: asyncio.Future[str] | None = None

    async def why(self) -> str:
        now = time.monotonic()
        if self._asking is None or (self._asking.done() and now - self._asked > FRESH):
            self._asking, self._asked = asyncio.get_running_loop().run_in_executor(_prober, trouble), now
        try:
            return await asyncio.wait_for(asyncio.shield(self._asking), PATIENCE)
        except TimeoutError:
            return "slow"
        except OSError:
            return "disk"
        except StudioError:  # it cannot be opened, and says why where it was started
            return "library"


probe = Probe()


async def ready(request: Request) -> Response:
    why = await probe.why()
    told = {"ready": not why} | ({"why": why} if why else {})
    return JSONResponse(told, 503 if why else 200, {"cache-control": "no-store"})


ROUTES = [Route("/readyz", ready, methods=["GET"])]
