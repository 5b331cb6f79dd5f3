"""Library: every take that was kept, newest first. Deleting can be taken back."""

from typing import Any

import gradio as gr

from song.errors import StudioError
from song.request import Findings, fields
from tabs import client, studio, widgets
from tabs.desk import QUIET, Desk, everything, filled, toast

PAGE = 20
LOOK_AGAIN = 4  # seconds between two looks at the library while its tab is open; songs also come from other browsers
NOTHING_YET = "No songs yet. Make one under Generate; it is kept here."
SELL = [("For sale or not", ""), ("May be sold", "yes"), ("May not be sold", "no"), ("Not known", "unknown")]
NOTHING_FOUND = "No song matches. Try other words or show all."


def listing(search: str, favourites: bool, sell: str, shown: int, deleted: dict[str, str] | None) -> dict[str, Any]:
    """The library as the shelf shows it; one take more than wanted tells whether there are more."""
    found = studio().library.takes(search=search or "", favourites=favourites, sell=sell, limit=shown + 1)
    return {
        "takes": [widgets.row(kept) for kept in found[:shown]],
        "more": len(found) > shown,
        "deleted": deleted,
        "empty": NOTHING_FOUND if search or favourites or sell else NOTHING_YET,
    }


def open_jobs(caller: gr.Request) -> gr.Button:
    """The button that cancels all that this caller asked for; there while there is something."""
    _, mine = studio().library.queue(client(caller))
    return gr.Button(
        "Cancel my song in the making" if mine == 1 else f"Cancel my {mine} songs in the making", visible=mine > 0
    )


def cancel_all(caller: gr.Request) -> gr.Button:
    try:
        studio().cancel_all(client(caller))
    except StudioError as error:
        raise toast(error) from None
    return gr.Button(visible=False)


def build(library: gr.Tab, tabs: gr.Tabs, desks: dict[str, Desk]) -> None:
    """Draw the tab and wire it."""
    with gr.Row(elem_id="finder"):
        search = gr.Textbox(
            placeholder="Search titles and words", label="Search", show_label=False, scale=4, elem_id="search"
        )
        favourites = gr.Checkbox(label="Favourites only", scale=1, min_width=200, elem_id="favourites")
        sell = gr.Dropdown(SELL, value="", show_label=False, label="May I sell this?", min_width=220, elem_id="sell")
    stop = gr.Button(size="sm", visible=False, elem_id="cancel-all", elem_classes="reset")
    shelf = widgets.shelf()
    shown = gr.State(PAGE)
    deleted = gr.State(None)
    clock = gr.Timer(LOOK_AGAIN, active=False)
    look = [search, favourites, sell, shown, deleted]

    def act(
        search: str, favourites: bool, sell: str, shown: int, deleted: Any, event: gr.EventData
    ) -> tuple[Any, int, Any]:
        what = event._data
        try:
            if what["what"] == "favourite":
                studio().library.favourite(what["id"], what["on"])
            elif what["what"] == "forget":
                deleted = {"id": what["id"], "title": studio().library.take(what["id"]).recipe.title}
                studio().library.forget(what["id"])
            elif what["what"] == "restore":
                studio().library.restore(what["id"])
                deleted = None
            elif what["what"] == "more":
                shown += PAGE
        except StudioError as error:
            raise toast(error) from None
        return listing(search, favourites, sell, shown, deleted), shown, deleted

    def reuse(event: gr.EventData) -> dict[Any, Any]:
        try:
            recipe = studio().library.take(event._data["id"]).recipe
            return filled(recipe.planned() if event._data.get("plan") else recipe.asked(), tabs, desks)
        except StudioError as error:
            raise toast(error) from None

    def start_from(event: gr.EventData) -> dict[Any, Any]:
        desk = desks[event._data["mode"]]
        findings = {desk.knobs[name]: "" for name in fields(Findings)}
        return {tabs: gr.Tabs(selected=desk.name), desk.knobs["source"]: event._data["id"]} | findings

    for event in (library.select, search.change, favourites.change, sell.change, clock.tick):
        event(listing, look, shelf, trigger_mode="always_last", **QUIET)
    for event in (library.select, clock.tick):
        event(open_jobs, None, stop, **QUIET)
    stop.click(cancel_all, None, stop, queue=False, **QUIET)
    for desk in desks.values():
        for finished in desk.finished:
            finished.then(listing, look, shelf, **QUIET)
    shelf.act(act, look, [shelf, shown, deleted], **QUIET)
    for take in (shelf, *(desk.screen.card for desk in desks.values())):
        take.reuse(reuse, None, everything(tabs, desks), **QUIET)
        take.open(start_from, None, everything(tabs, desks), **QUIET)
    tabs.select(watched, None, clock, queue=False, **QUIET)


def watched(event: gr.SelectData) -> gr.Timer:
    """The clock ticks only while somebody looks."""
    return gr.Timer(active=event.value == "Library")
