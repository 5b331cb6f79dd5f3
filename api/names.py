"""Which names the studio answers to, and which web sites are its own.

A name that we do not carry may be a stranger's that points here (DNS rebinding); an address cannot be rebound, and a
port tells nothing, as tunnels and containers map it. So the Host is looked at without its port, and the Origin, which
is what tells another program on the same machine from us, with it.
"""

import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from api.caller import is_loopback, parsed

PORTS = {"http": 80, "https": 443}
SHOWN = 100  # characters of a refused name that are repeated


class Names:
    """`names`: those besides loopback's; one that begins with a dot is a domain and all below it. `literals`: whether
    any address will do, as behind a container's mapped port, where nobody knows the one that was called."""

    def __init__(self, names: Iterable[str] = (), literals: bool = False):
        known = [name.lower().strip("[]") for name in names]
        self.exact = {"localhost", *(name.lstrip(".") for name in known)}
        self.domains = tuple(name for name in known if name.startswith("."))
        self.literals = literals

    def __contains__(self, host: str) -> bool:
        """True for a Host header, with or without port, that names this studio."""
        name, _ = split(host)
        if name in self.exact or (self.domains and name.endswith(self.domains)):
            return True
        return parsed(name) is not None and (self.literals or is_loopback(name))


def split(host: str) -> tuple[str, int | None]:
    """Name in lower case and port of a Host header: "Studio.lan:80" is ("studio.lan", 80). An IPv6 address loses its
    brackets. The name is "" where it cannot be one."""
    try:
        parts = urlsplit(f"//{host}")
        name, port = parts.hostname or "", parts.port
    except ValueError:
        return "", None
    plain = parts.netloc == host and "@" not in host
    return (name.removesuffix("."), port) if plain else ("", None)


def own_names(host: str) -> tuple[str, ...]:
    """The names under which other machines may know a studio that listens on `host`; none where it is loopback."""
    if is_loopback(host) or host == "localhost":
        return ()
    name = socket.gethostname()
    return tuple({host, name, f"{name.partition('.')[0]}.local", socket.getfqdn()} - {"0.0.0.0", "::", ""})


def same_site(origin: str, host: str, scheme: str) -> bool:
    """True where a page of `origin` was served under this Host. `scheme` "https" is what a connection or a trusted
    proxy says for sure; "http" may as well be TLS that ended at a proxy which said nothing."""
    try:
        parts = urlsplit(origin)
        theirs = parts.hostname, parts.port or PORTS[parts.scheme]
    except (ValueError, KeyError):
        return False
    name, port = split(host)
    return theirs == (name, port or PORTS[parts.scheme]) and (scheme != "https" or parts.scheme == "https")


def shown(text: str) -> str:
    """What a stranger sent, short and printable, to be repeated in a sentence."""
    return "".join(sign if sign.isprintable() else "?" for sign in text[:SHOWN])
