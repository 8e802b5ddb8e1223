"""Makes an API token for a user."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rest_framework.authtoken.models import Token


class Command(BaseCommand):
    """The token is printed once; who has it acts as the user."""

    help = "Make an API token for a user and print it; use it as `Authorization: Token <key>`."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="the user's name")
        parser.add_argument("--replace", action="store_true", help="make a new token; the old one stops working")

    def handle(self, *args: Any, **options: Any) -> None:
        users: Any = get_user_model()
        user = users.objects.filter(**{users.USERNAME_FIELD: options["user"]}).first()
        if user is None:
            raise CommandError(f"there is no user {options['user']}; make one in the console under Users")
        if not user.is_active:
            raise CommandError(f"the user {user} is inactive; a token would not work")
        if options["replace"]:
            Token.objects.filter(user=user).delete()
        token, made = Token.objects.get_or_create(user=user)
        if not made:
            raise CommandError(f"{user} has a token already; --replace makes a new one and ends the old one")
        self.stdout.write(token.key)
