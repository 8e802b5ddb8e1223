"""What an example says: given this, that alert leads to these orders and no others, or to that refusal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from signals.interpret import Route
from signals.models import Signal
from tests.flows.examples.bench import Bench, World

Story = Callable[[Bench], None]


@dataclass(frozen=True, kw_only=True)
class Step:
    """The market moves to a price: orders that reach the venue because of it, and what rests afterwards."""

    price: str
    orders: tuple[str, ...] = ()
    rests: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Example:
    """One example, or a variant of it. orders: all that reach the venue because of the alert, in their order.

    The name begins with that of the alert. http and status: the answer and the signal's end, "" if none is stored.
    field: what a 400 points at. says: parts of the sentence. rests: all that is open afterwards. symbol: what the
    steps move. worth: what the fills of the alert's orders come to, in quote. predicted: the dry run's orders if not
    those that are left when the story is over; dry_code: its code if not that of the signal.
    """

    name: str
    world: World
    before: Story | None = None
    http: int = 202
    status: str = "DONE"
    code: str = ""
    field: str = ""
    says: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    rests: tuple[str, ...] = ()
    symbol: str = "BTCUSDT"
    then: tuple[Step, ...] = ()
    worth: str | None = None
    predicted: tuple[str, ...] | None = None
    dry_code: str | None = None
    after: Callable[[Bench, Signal], None] | None = None
    address: str | None = None

    @property
    def alert(self) -> str:
        return self.name[:3]

    @property
    def route(self) -> Route:
        address = self.address or self.world.address
        endings = {"-order": Route.ORDER, "-study": Route.STUDY, "advanced-trading-webhook": Route.BALANCE}
        return next((route for ending, route in endings.items() if address.endswith(ending)), Route.WEBHOOK)


def invalid(name: str, world: World, code: str, field: str, *says: str) -> Example:
    """An alert of a known sender that can't be understood: 400 with the field, a row that says why, no order."""
    return Example(name=name, world=world, http=400, status="INVALID", code=code, field=field, says=says)


def nameless(name: str, world: World, code: str, field: str, *says: str) -> Example:
    """A body that can't be read and whose sender is not known: the answer alone says why."""
    return Example(name=name, world=world, http=400, status="", code=code, field=field, says=says)


def refused(
    name: str,
    world: World,
    code: str,
    *says: str,
    before: Story | None = None,
    rests: tuple[str, ...] = (),
) -> Example:
    """An alert that is understood and then refused by the planner, with the numbers: no order, what rests stays."""
    return Example(name=name, world=world, status="REFUSED", code=code, says=says, before=before, rests=rests)


def stranger(name: str, world: World, *predicted: str, dry_code: str, before: Story | None = None) -> Example:
    """An alert without a right secret: 401, nothing stored. predicted: what it would be with one."""
    return Example(name=name, world=world, http=401, status="", predicted=predicted, dry_code=dry_code, before=before)
