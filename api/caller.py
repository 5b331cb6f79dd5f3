"""Who asks: the machine at the other end, or whoever a proxy speaks for.

A proxy says in X-Forwarded-For, -Proto and -Host who called it, how, and by which name. Anybody can say that, so it
counts only from the networks that STUDIO_TRUSTED_PROXY names; from others it is taken off before anybody reads it, and
said once in the log. Every proxy appends the address that it saw, so the caller is the rightmost hop that is not
itself trusted; what stands further left is what the caller made up. `Forwarded` (RFC 7239) and X-Real-IP are not read.
"""

import ipaddress
import logging
from collections.abc import MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

FORWARDED = (b"x-forwarded-", b"forwarded", b"x-real-ip")
RENAMED = (b"x-gradio-server",)  # Gradio takes it for the address of its own page
INSIDE = ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "::1/128", "fc00::/7")
MANY = 100  # peers whose headers were complained about

log = logging.getLogger("studio.gate")


class Proxies:
    """`networks`: addresses and CIDR networks whose word counts."""

    def __init__(self, networks: tuple[str, ...] = ()):
        self.networks = [ipaddress.ip_network(network, strict=False) for network in networks]
        self._said: set[str] = set()

    def __contains__(self, host: str) -> bool:
        address = parsed(host)
        return address is not None and any(address in network for network in self.networks)

    def read(self, scope: Scope) -> Scope:
        """The scope with `client`, `scheme` and host as the caller sent them, and no word of a proxy left."""
        peer = address_of(scope)
        kept = [pair for pair in scope["headers"] if not pair[0].lower().startswith((*FORWARDED, *RENAMED))]
        said = {**scope, "headers": kept}
        if peer not in self:
            if any(name.lower().startswith(FORWARDED) for name, _ in scope["headers"]):
                self._complain(peer)
            return said
        hops = _list(scope, b"x-forwarded-for")
        caller = self._caller(hops)
        if caller is not None:
            said["client"] = (str(parsed(hops[caller])), 0)
        proto = _of_hop(_list(scope, b"x-forwarded-proto"), hops, caller).lower()
        if proto in ("http", "https"):
            said["scheme"] = proto.replace("http", "ws") if scope["type"] == "websocket" else proto
        if host := _of_hop(_list(scope, b"x-forwarded-host"), hops, caller):
            others = [pair for pair in kept if pair[0].lower() != b"host"]
            said["headers"] = [*others, (b"host", host.encode("latin-1"))]
        return said

    def farthest(self, scope: Scope) -> str:
        """The caller's address as the trusted say, without a change to the scope."""
        hops = _list(scope, b"x-forwarded-for")
        caller = self._caller(hops) if address_of(scope) in self else None
        return address_of(scope) if caller is None else str(parsed(hops[caller]))

    def _caller(self, hops: list[str]) -> int | None:
        """Where in the hops the caller stands. None: the proxy itself is all that is known."""
        known = None
        for place in range(len(hops) - 1, -1, -1):
            if parsed(hops[place]) is None:  # "unknown", or made up
                break
            known = place
            if hops[place] not in self:
                break
        return known

    def _complain(self, peer: str) -> None:
        if peer not in self._said and len(self._said) < MANY:
            self._said.add(peer)
            log.warning(
                "Forwarded headers from %s are ignored; if this is your proxy, set STUDIO_TRUSTED_PROXY=%s", peer, peer
            )


def parsed(host: str) -> Address | None:
    """An address as proxies write it: with brackets or a port, too. None for anything else."""
    host = host.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def address_of(scope: Scope, side: str = "client") -> str:
    """The address of one end of the connection, "" where there is none."""
    return str((scope.get(side) or ("",))[0])


def counted_as(address: str) -> str:
    """What one caller is counted by: an IPv4 address, or the /64 of which an IPv6 caller has every address."""
    known = parsed(address)
    if isinstance(known, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((known, 64), strict=False))
    return address


def is_loopback(address: str) -> bool:
    known = parsed(address)
    return known is not None and known.is_loopback


def _list(scope: Scope, name: bytes) -> list[str]:
    """The entries of a header that is a list, over all lines of it."""
    lines = [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]
    return [entry.strip() for entry in ",".join(lines).split(",") if entry.strip()]


def _of_hop(values: list[str], hops: list[str], caller: int | None) -> str:
    """What belongs to the caller's hop where every proxy added its own, else what the nearest proxy said; or ""."""
    if not values:
        return ""
    return values[caller] if caller is not None and len(values) == len(hops) else values[-1]
