"""Who asks the console and the API, and the story that they ask about."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.authtoken.models import Token

from tests.story import Story, tell


@pytest.fixture
def reader(db: None) -> Client:
    """A user who may only read, by token."""
    token = Token.objects.create(user=User.objects.create_user("reader"))
    return Client(headers={"Authorization": f"Token {token.key}"})


@pytest.fixture
def boss(db: None) -> Client:
    """An administrator, by token."""
    token = Token.objects.create(user=User.objects.create_user("boss", is_staff=True))
    return Client(headers={"Authorization": f"Token {token.key}"})


@pytest.fixture
def superuser(db: None) -> User:
    return User.objects.create_superuser("super", password="x")


@pytest.fixture
def console(superuser: User) -> Client:
    """A superuser who is signed in to the console."""
    client = Client()
    client.force_login(superuser)
    return client


@pytest.fixture
def story(db: None) -> Story:
    return tell()
