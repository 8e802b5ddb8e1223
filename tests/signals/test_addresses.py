from __future__ import annotations

from ipaddress import ip_address

import pytest

from signals import addresses

TV = "52.89.214.238"
PROXY = "10.0.0.1"


def caller(peer: str, forwarded: str = "", *trusted: str) -> str | None:
    address = addresses.caller(peer=peer, forwarded_for=forwarded, trusted=trusted)
    return None if address is None else str(address)


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "expected"),
    [
        ("6.6.6.6", "", (), "6.6.6.6"),
        ("6.6.6.6", TV, (), "6.6.6.6"),  # nobody is trusted: the header is the caller's own invention
        (PROXY, TV, (PROXY,), TV),
        (PROXY, f"{TV}, 6.6.6.6", (PROXY,), "6.6.6.6"),  # spoofed: the proxy saw the right-most
        (PROXY, f"{TV},6.6.6.6, 10.0.0.2", ("10.0.0.0/8",), "6.6.6.6"),
        (PROXY, f"{TV}, 10.0.0.2", ("10.0.0.0/8",), TV),
        ("6.6.6.6", f"{TV}, {PROXY}", (PROXY,), "6.6.6.6"),  # came around the proxy
        (PROXY, "", (PROXY,), PROXY),
        (PROXY, TV, ("1",), TV),
        (PROXY, f"{TV}, 6.6.6.6", ("1",), "6.6.6.6"),
        (PROXY, f"6.6.6.6, {TV}, 10.0.0.9", ("2",), TV),
        (PROXY, "", ("1",), None),
        (PROXY, TV, ("2",), None),
        (PROXY, TV, ("0",), PROXY),
        (PROXY, "::ffff:52.89.214.238", (PROXY,), None),
        (PROXY, f"{TV}:443", (PROXY,), None),
        (PROXY, "unknown", (PROXY,), None),
        (PROXY, " ", (PROXY,), None),
        (PROXY, "052.089.214.238", (PROXY,), None),
        (PROXY, "0x3459d6ee", (PROXY,), None),
        (PROXY, "876205806", (PROXY,), None),
        ("::ffff:52.89.214.238", "", (), TV),  # how a dual-stack socket shows an IPv4 peer
        ("fe80::1%eth0", "", (), "fe80::1%eth0"),
        ("", TV, (), None),
        ("", TV, ("10.0.0.0/8",), None),
        ("not an address", "", (), None),
        (PROXY, TV, ("not a network", PROXY), TV),
    ],
)
def test_the_caller_is_found(peer: str, forwarded: str, trusted: tuple[str, ...], expected: str | None) -> None:
    assert caller(peer, forwarded, *trusted) == expected


@pytest.mark.parametrize(
    ("address", "allowed", "passes"),
    [
        ("6.6.6.6", "", True),
        (TV, "tradingview", True),
        ("6.6.6.6", "tradingview", False),
        ("6.6.6.6", "TradingView, 6.6.6.0/24", True),
        ("2001:db8::1", "2001:db8::/32", True),
        ("2001:db8::1", "tradingview", False),
        ("6.6.6.6", "nonsense", False),
        ("6.6.6.6", "nonsense,6.6.6.6", True),
        ("6.6.6.6", "6.6.6.6/24", False),  # host bits set: unreadable, fails closed
    ],
)
def test_the_list_decides(address: str, allowed: str, passes: bool) -> None:
    assert addresses.is_allowed(ip_address(address), allowed) is passes


def test_who_cannot_be_told_is_let_in_only_where_everybody_is() -> None:
    assert addresses.is_allowed(None, "")
    assert not addresses.is_allowed(None, "0.0.0.0/0")
