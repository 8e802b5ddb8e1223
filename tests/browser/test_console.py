"""The console in a real browser: signing in, reading a hostile alert, and acting with a question before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import ConsoleMessage, Dialog, Page, sync_playwright

from ledger.models import Trade
from tests.story import tell

CHROMIUM = Path("/usr/bin/chromium")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no system Chromium"),
]


@pytest.fixture
def complaints() -> list[str]:
    return []


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, complaints: list[str]) -> Iterator[Page]:
    # Playwright's loop runs in this thread, and Django takes any loop for a mistake.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

    def hear(said: ConsoleMessage) -> None:
        if said.type == "error":
            complaints.append(said.text)

    def refuse(dialog: Dialog) -> None:
        complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path, executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        tab = context.new_page()
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("console", hear)
        tab.on("dialog", refuse)
        yield tab
        context.close()


@pytest.fixture
def signed_in(page: Page, live_server: Any) -> Page:
    User.objects.create_superuser("boss", password="correct horse battery")
    page.goto(live_server.url + "/admin/")
    page.fill("input[name=username]", "boss")
    page.fill("input[name=password]", "correct horse battery")
    page.click("button[type=submit]")
    page.wait_for_url(live_server.url + "/admin/")
    return page


def test_every_page_works_without_a_complaint_of_the_browser(
    signed_in: Page, live_server: Any, complaints: list[str]
) -> None:
    story = tell()
    paths = [
        reverse("admin:index"),
        reverse("admin:signals_signal_change", args=[story.signal.pk]),
        reverse("admin:ledger_trade_change", args=[story.trade.pk]),
        reverse("admin:ledger_strategy_change", args=[story.trade.strategy_id]),
        reverse("admin:ledger_trade_changelist"),
        "/api/v1/docs/",
    ]

    for path in paths:
        response = signed_in.goto(live_server.url + path, wait_until="load")
        assert response is not None
        assert response.ok
    # Styles of our own are loaded, not only asked for.
    signed_in.goto(live_server.url + paths[1])
    assert signed_in.locator(".tv-card").first.evaluate("card => getComputedStyle(card).borderTopWidth") == "1px"
    assert complaints == []


def test_a_hostile_alert_is_text(signed_in: Page, live_server: Any, complaints: list[str]) -> None:
    hostile = '{"note": "</pre><script>alert(1)</script><img src=x onerror=alert(2)>"}'
    story = tell(symbol="<svg onload=alert(3)>", body=hostile)

    for name, pk in (("signals_signal", story.signal.pk), ("ledger_trade", story.trade.pk)):
        signed_in.goto(live_server.url + reverse(f"admin:{name}_change", args=[pk]), wait_until="load")
        assert signed_in.locator("#content img, #content svg, #content script").count() == 0
    signed_in.goto(live_server.url + reverse("admin:signals_signal_changelist"), wait_until="load")
    assert "<svg onload=alert(3)>" in signed_in.inner_text("body")
    assert complaints == []


def test_a_trade_is_closed_after_a_question(signed_in: Page, live_server: Any) -> None:
    story = tell()
    signed_in.goto(live_server.url + reverse("admin:ledger_trade_change", args=[story.trade.pk]))

    signed_in.click("a.tv-button:has-text('Close')")
    assert "Close: 1 trade" in signed_in.inner_text("body")
    assert Trade.objects.get().close_requested_at is None

    signed_in.click("button:has-text('Close 1 trade')")
    signed_in.wait_for_selector("text=is being closed at market")
    assert Trade.objects.get().close_requested_at is not None


def test_keys_are_typed_into_inputs_that_hide_and_forget_them(signed_in: Page, live_server: Any) -> None:
    story = tell()
    signed_in.goto(live_server.url + reverse("admin:exchange_account_change", args=[story.trade.account_id]))

    for name in ("new_api_key", "new_api_secret"):
        entry = signed_in.locator(f"input[name={name}]")
        assert entry.get_attribute("type") == "password"
        assert entry.input_value() == ""
    assert "canary" not in signed_in.content()
