"""The rows as configuration items, and changes written to them; the only module here that touches the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from cryptography.fernet import InvalidToken
from django.db.models import QuerySet

from exchange import crypto
from exchange.models import Account, TickerAlias
from ledger.models import Strategy
from signals.models import Endpoint, EndpointRoute, EndpointSecret
from signals.secrets_store import add_secret, new_secret, set_secrets
from tvtrader.configuration import rows
from tvtrader.configuration.difference import RANDOM
from tvtrader.configuration.fields import ACCOUNT, STRATEGY
from tvtrader.configuration.model import Change, Item, Items, NewSecret, Section
from tvtrader.configuration.readers import Bad

UNREADABLE = object()


def read_present(*, with_keys: bool) -> Items:
    """Return what is configured now. with_keys: decrypt the API keys too, for comparison; a dump never does."""
    found = [
        *(_account(row, with_keys) for row in accounts_without_keys()),
        *(_strategy(row) for row in strategies_without_keys()),
        *(_endpoint(row) for row in _endpoints()),
        *(
            Item(
                section="ticker_aliases",
                name=f"{row.venue}:{row.ticker}",
                values={"venue": row.venue, "ticker": row.ticker, "symbol": row.symbol},
            )
            for row in TickerAlias.objects.all()
        ),
    ]
    return {(item.section, item.name): item for item in found}


def accounts_without_keys() -> QuerySet[Account]:
    """Return accounts whose keys are decrypted only when asked for, if they still can be."""
    return Account.objects.defer("api_key", "api_secret")


def strategies_without_keys() -> QuerySet[Strategy]:
    """Return strategies with their accounts, whose keys are not decrypted."""
    return Strategy.objects.select_related("account").defer("account__api_key", "account__api_secret")


def _endpoints() -> Iterable[Endpoint]:
    return Endpoint.objects.select_related("strategy").prefetch_related("secrets", "routes__strategy")


def _account(row: Account, with_keys: bool) -> Item:
    values = {key.column: getattr(row, key.column) for key in ACCOUNT if not key.secret and key.column != "name"}
    values["paper_balances"] = _normal(rows.balances, values["paper_balances"])
    for column in ("api_key", "api_secret"):
        values[column] = _decrypted(row, column) if with_keys else ""
    return Item(section="accounts", name=row.name, values=values)


def _decrypted(row: Account, column: str) -> Any:
    try:
        return getattr(row, column)
    except InvalidToken:
        return UNREADABLE  # its encryption key is gone: differs from whatever the file says


def _strategy(row: Strategy) -> Item:
    values = {key.column: getattr(row, key.column) for key in STRATEGY if key.column != "name"}
    values["account"] = row.account.name
    values["dca"] = _normal(rows.dca, row.dca)
    values["take_profits"] = _normal(rows.take_profits, row.take_profits)
    return Item(section="strategies", name=row.name, values=values)


def _endpoint(row: Endpoint) -> Item:
    plain = ("dialect", "enabled", "strict", "duplicate_window_s")
    values: dict[str, Any] = {column: getattr(row, column) for column in plain}
    values["strategy"] = row.strategy.name
    values["subaccounts"] = {route.label: route.strategy.name for route in row.routes.all()}
    values["secrets"] = frozenset(secret.digest for secret in row.secrets.all())
    return Item(section="endpoints", name=row.name, values=values)


def _normal(read: Callable[[Any], Any], value: Any) -> Any:
    """Return JSON of a row in the form in which the file's is kept; what a form let in may not have it."""
    try:
        return read(_texts(value))
    except Bad:
        return value


def _texts(value: Any) -> Any:
    if isinstance(value, list):
        return [_texts(item) for item in value]
    if isinstance(value, dict):
        return {key: _texts(item) for key, item in value.items()}
    return value if value is None or isinstance(value, bool) else str(value)


def resolve_secrets(wanted: Iterable[Item]) -> tuple[tuple[Item, ...], dict[str, str]]:
    """Return the items with digests in place of webhook secrets, and the secret of each digest.

    A secret that is stored under an older encryption key keeps that digest, so that rotating keys changes nothing.
    """
    items, texts = [], {}
    for item in wanted:
        if "secrets" in item.values:
            found = {_stored_digest(secret): secret for secret in item.values["secrets"]}
            texts.update(found)
            values = {**item.values, "secrets": frozenset(found)}
            item = Item(section=item.section, name=item.name, values=values, path=item.path)
        items.append(item)
    return tuple(items), texts


def _stored_digest(secret: str) -> str:
    possible = crypto.digests(secret.encode())
    row = EndpointSecret.objects.filter(digest__in=possible).first()
    return row.digest if row else possible[0]


def write(changes: Iterable[Change], texts: Mapping[str, str]) -> list[NewSecret]:
    """Write the changes; belongs into the caller's transaction. Returns the secrets that were made at random.

    texts: the webhook secret of each digest.
    """
    made: list[NewSecret] = []
    for change in changes:
        if change.action == "disable":
            MODELS[change.section].objects.filter(name=change.name).update(enabled=False)
        elif change.section == "ticker_aliases":
            _write_alias(change)
        elif change.section == "endpoints":
            made += _write_endpoint(change, texts)
        else:
            _write_row(change, MODELS[change.section], {})
    return made


MODELS: Mapping[Section, Any] = {"accounts": Account, "strategies": Strategy, "endpoints": Endpoint}


def _write_row(change: Change, model: Any, special: Mapping[str, Any]) -> Any:
    present: Any = accounts_without_keys() if model is Account else model.objects.all()
    row = model(name=change.name) if change.action == "create" else present.get(name=change.name)
    for field in change.fields:
        if field.column == "account":
            row.account = accounts_without_keys().get(name=field.value)
        elif field.column == "strategy":
            row.strategy = Strategy.objects.get(name=field.value)
        elif field.column not in special:
            setattr(row, field.column, field.value)
    row.save()
    return row


def _write_endpoint(change: Change, texts: Mapping[str, str]) -> list[NewSecret]:
    special = {field.column: field.value for field in change.fields if field.column in ("secrets", "subaccounts")}
    row = _write_row(change, Endpoint, special)
    if "subaccounts" in special:
        row.routes.all().delete()
        for label, strategy in special["subaccounts"].items():
            EndpointRoute.objects.create(endpoint=row, label=label, strategy=Strategy.objects.get(name=strategy))
    if "secrets" not in special:
        return []
    if special["secrets"] == RANDOM:
        value = new_secret()
        add_secret(row, value)
        return [NewSecret(endpoint=row.name, value=value)]
    set_secrets(row, [texts[digest] for digest in sorted(special["secrets"])])
    return []


def _write_alias(change: Change) -> None:
    venue, ticker = change.name.split(":", 1)
    if change.action == "delete":
        TickerAlias.objects.filter(venue=venue, ticker=ticker).delete()
    else:
        TickerAlias.objects.update_or_create(venue=venue, ticker=ticker, defaults={"symbol": change.fields[0].value})
