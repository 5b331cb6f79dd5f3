"""The page, one file per tab."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backend import Studio


def studio() -> "Studio":
    """The one Studio. Imported when first asked for: the page is drawn while the backend still loads."""
    import backend

    return backend.studio()
