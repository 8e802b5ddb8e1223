from __future__ import annotations

from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from rest_framework.authtoken.models import Token

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("create_token", *arguments, stdout=out)
    return out.getvalue().strip()


def test_the_printed_token_is_the_users() -> None:
    user = User.objects.create_user("trader")

    assert Token.objects.get(key=run("trader")).user == user


def test_a_second_token_ends_the_first_and_must_be_asked_for() -> None:
    User.objects.create_user("trader")
    first = run("trader")

    with pytest.raises(CommandError, match="has a token already"):
        run("trader")
    second = run("trader", "--replace")

    assert [token.key for token in Token.objects.all()] == [second] != [first]


def test_nobody_and_the_inactive_get_none() -> None:
    User.objects.create_user("gone", is_active=False)

    with pytest.raises(CommandError, match="there is no user nobody"):
        run("nobody")
    with pytest.raises(CommandError, match="inactive"):
        run("gone")
    assert not Token.objects.exists()
