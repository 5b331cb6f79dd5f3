"""The queue is shared: clients take turns, none may fill it, and each can empty its own part."""

import time

import httpx
import pytest
from gradio_client import Client

from library import Library
from settings import Settings
from song.errors import QueueFull
from song.request import Generate

RETRY = QueueFull.retry_after


@pytest.fixture
def library(tmp_path):
    return Library(Settings(home=tmp_path, max_queue=12, max_queue_client=4))


def enqueue(library, client, prompt="lofi"):
    return library.enqueue(Generate(prompt=prompt), client).id


def test_clients_take_turns_and_each_one_s_jobs_stay_in_order(library):
    a, b, c = ([enqueue(library, name) for _ in range(count)] for name, count in (("a", 4), ("b", 2), ("c", 1)))
    order = [library.claim().id for _ in range(7)]
    assert order == [a[0], b[0], c[0], a[1], b[1], a[2], a[3]]


def test_who_was_served_last_waits_for_the_others(library):
    first = enqueue(library, "a")
    assert library.claim().id == first
    mine, theirs = enqueue(library, "a"), enqueue(library, "b")
    assert library.claim().id == theirs and library.claim().id == mine


def test_the_place_in_the_queue_is_that_of_its_turn(library):
    a = [enqueue(library, "a") for _ in range(4)]
    b = enqueue(library, "b")
    told = [library.job(id).stage for id in (a[0], a[1], a[3], b)]
    assert told == ["waiting"] + [f"waiting: {place} before yours" for place in ("2 songs", "4 songs", "1 song")]
    library.claim()
    assert library.job(b).stage == "waiting: 1 song before yours"


def test_a_job_put_back_keeps_its_turn(library):
    first, _ = enqueue(library, "a"), enqueue(library, "b")
    assert library.claim().id == first
    library.unclaim(first)
    assert library.claim().id == first


def test_a_client_may_fill_a_part_of_the_queue_and_all_together_the_whole(library):
    for _ in range(4):
        enqueue(library, "a")
    with pytest.raises(QueueFull, match=r"4 songs of yours wait already.*try again"):
        enqueue(library, "a")
    for client in ("b", "c"):
        for _ in range(4):
            enqueue(library, client)
    with pytest.raises(QueueFull, match="12 songs wait already"):
        enqueue(library, "d")
    library.claim()
    assert enqueue(library, "a")


def test_the_terminal_has_no_part_of_its_own(library):
    for _ in range(12):
        enqueue(library, "")
    with pytest.raises(QueueFull):
        enqueue(library, "")


def test_cancel_all_ends_what_one_client_asked_for(library):
    mine, theirs = [enqueue(library, "a") for _ in range(3)], enqueue(library, "b")
    assert library.claim().id == mine[0] and library.queue("a") == (4, 3)
    assert library.cancel_all("a") == mine
    assert [library.job(id).state for id in mine] == ["running", "cancelled", "cancelled"]
    assert library.cancelling(mine[0]) and library.job(theirs).state == "queued"
    assert library.cancel_all("c") == [] and library.queue("b") == (2, 1)


def test_scripts_are_told_to_come_back_and_can_cancel_all(serve, tmp_path):
    with serve(tmp_path / "home", max_queue_client=3) as url:
        asked = {"prompt": "slow ambient", "duration": 600, "variations": 8}
        answers = []
        while len(answers) < 20 and not (answers and answers[-1].status_code == 429):
            answers.append(httpx.post(f"{url}/gradio_api/call/v2/submit", json=asked))
            time.sleep(0.2)
        refused = answers[-1]
        assert refused.status_code == 429 and refused.headers["retry-after"] == str(RETRY)
        assert refused.json()["code"] == "queue_full" and "3 songs of yours wait" in refused.json()["detail"]
        client = Client(url, verbose=False)
        with pytest.raises(Exception, match="3 songs of yours wait already"):
            client.predict(prompt="house", api_name="/submit")
        ids = client.predict(api_name="/cancel_all")
        assert 3 <= len(ids) <= 4
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            states = {client.predict(job_id=id, api_name="/job")["state"] for id in ids}
            if states == {"cancelled"}:
                break
        assert states == {"cancelled"}
        assert client.predict(prompt="house", duration=5, api_name="/submit")["state"] == "queued"
