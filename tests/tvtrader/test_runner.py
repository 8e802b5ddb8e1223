"""The parts of ./run that make what is missing and keep what is there."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth import authenticate, get_user_model
from django.test import RequestFactory

from tvtrader.runner import demo, page
from tvtrader.runner.doors import CannotStart, listen, take_home
from tvtrader.runner.env_file import ensure_env_file


def read(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line and line[0] != "#")


def test_the_first_start_makes_keys_that_only_the_owner_can_read(tmp_path: Path) -> None:
    path = tmp_path / "home" / ".env"

    made = ensure_env_file(path, environ={})

    found = read(path)
    assert made == ["SECRET_KEY", "FIELD_ENCRYPTION_KEYS", "DEMO_WEBHOOK_SECRET"] == list(found)
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(found["SECRET_KEY"]) >= 50
    Fernet(found["FIELD_ENCRYPTION_KEYS"])


def test_a_second_start_keeps_the_keys(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    ensure_env_file(path, environ={})
    first = path.read_text()

    assert ensure_env_file(path, environ={}) == []
    assert path.read_text() == first


def test_keys_that_a_person_set_stay_and_empty_lines_are_filled(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("# mine\nPORT=8100\nSECRET_KEY=\nexport FIELD_ENCRYPTION_KEYS='mine'\n")

    made = ensure_env_file(path, environ={"DEMO_WEBHOOK_SECRET_FILE": "/run/secrets/demo"})

    assert made == ["SECRET_KEY"]
    text = path.read_text()
    assert text.startswith("# mine\nPORT=8100\nexport FIELD_ENCRYPTION_KEYS='mine'\n")
    assert text.count("SECRET_KEY=") == 1
    assert len(read(path)["SECRET_KEY"]) >= 50


def test_an_open_file_is_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    ensure_env_file(path, environ={})
    path.chmod(0o644)

    ensure_env_file(path, environ={})

    assert path.stat().st_mode & 0o777 == 0o600


def test_a_taken_port_is_told_with_the_remedy() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        with pytest.raises(CannotStart, match=rf"PORT={port + 1} ./run"):
            listen("127.0.0.1", port)


def test_one_home_has_one_process(tmp_path: Path) -> None:
    lock = take_home(tmp_path)
    with pytest.raises(CannotStart, match="in use by another"):
        take_home(tmp_path)
    lock.close()

    take_home(tmp_path).close()


@pytest.mark.django_db
def test_the_admin_is_made_once_and_can_enter() -> None:
    password = demo.ensure_admin()

    assert password is not None
    assert demo.ensure_admin() is None
    assert get_user_model().objects.count() == 1
    request = RequestFactory().post("/admin/login/")
    assert authenticate(request, username="admin", password=password) is not None


def test_demo_secrets_are_derived_from_the_house_key_and_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_WEBHOOK_SECRET", "one")
    first = demo.secret_of("demo-native")
    assert first == demo.secret_of("demo-native")
    assert first != demo.secret_of("demo-spot")
    monkeypatch.setenv("DEMO_WEBHOOK_SECRET", "two")
    assert first != demo.secret_of("demo-native")
    assert demo.variable_of("demo-native") == "DEMO_SECRET_DEMO_NATIVE"


def test_the_page_shows_every_door_and_one_alert_to_paste(tmp_path: Path) -> None:
    doors = [
        demo.Door(name="demo", dialect="native", secret="abc"),
        demo.Door(name="mine", dialect="bracket", secret=None),
    ]

    text = page.render(base="http://127.0.0.1:8000", home=tmp_path, password="pw", doors=doors, version="1")

    assert "  webhook  native   demo  http://127.0.0.1:8000/webhook/abc\n" in text
    assert "  webhook  bracket  mine  http://127.0.0.1:8000/webhook/e/mine\n" in text
    assert "curl -sS -X POST http://127.0.0.1:8000/webhook/abc " in text
    assert "password pw " in text
