"""Who is calling: the peer, or what proxies that we trust say of it, and whether such a caller is let in.

X-Forwarded-For is read from the right: each trusted proxy appended the address that it saw, and what stands further to
the left was sent by the caller and proves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import structlog

log = structlog.get_logger(__name__)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
# As published in TradingView's article on webhooks, read 2026-11-21.
TRADINGVIEW = ("52.89.214.238", "34.212.75.30", "54.218.53.128", "52.32.178.7")


def caller(*, peer: str, forwarded_for: str, trusted: Sequence[str]) -> Address | None:
    """Return the caller's address, None if it can't be told.

    trusted: addresses and networks of our proxies, or one whole number: how many proxies stand before us.
    """
    address = _peer(peer)
    chain = [part.strip() for part in forwarded_for.split(",")] if forwarded_for else []
    if len(trusted) == 1 and trusted[0].isascii() and trusted[0].isdigit() and len(trusted[0]) < 3:
        hops = int(trusted[0])
        if hops == 0:
            return address
        return _exact(chain[-hops]) if len(chain) >= hops else None
    proxies = _networks(tuple(trusted))
    while address is not None and chain and any(address in network for network in proxies):
        address = _exact(chain.pop())
    return address


def is_allowed(address: Address | None, allowed: str) -> bool:
    """Tell whether an address is let in; allowed: comma-separated networks, `tradingview`, or "" for everybody."""
    names = tuple(part.strip() for part in allowed.split(",") if part.strip())
    if not names:
        return True
    return address is not None and any(address in network for network in _networks(names))


def _peer(text: str) -> Address | None:
    address = _exact(text, mapped=True)
    # A dual-stack socket shows IPv4 callers as ::ffff:a.b.c.d; the kernel says so, not the caller.
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _exact(text: str, *, mapped: bool = False) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and not mapped and (address.ipv4_mapped or address.scope_id):
        return None
    return address


@lru_cache(maxsize=16)
def _networks(names: tuple[str, ...]) -> tuple[Network, ...]:
    found: list[Network] = []
    for name in names:
        try:
            found += [ip_network(item) for item in (TRADINGVIEW if name.lower() == "tradingview" else (name,))]
        except ValueError:
            # Fails closed: a list that can't be read lets nobody in who isn't in the rest of it.
            log.error("address_list_unreadable", entry=name)  # noqa: TRY400  # the entry says it all
    return tuple(found)
