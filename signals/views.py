"""The webhook: reads the request, calls one service, answers in the words of the contract."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from exchange import clock
from signals import addresses, throttle
from signals.interpret import Route
from signals.problems import Problem
from signals.services.patience import StoreUnavailable
from signals.services.receive import Arrival, Receipt, Verdict, receive_alert

RETRY_AFTER_S = 5
ACCEPTED = {
    "RECEIVED": "accepted: it will be planned and carried out",
    "AWAITING_APPROVAL": "accepted: it waits for a person's approval",
    "DONE": "announced: no order was asked for",
}


@method_decorator(csrf_exempt, name="dispatch")
class AlertWebhook(View):
    """Takes alerts on one of the routes; no session, no cookie, no parser but ours."""

    http_method_names = ["post"]
    route: Route = Route.WEBHOOK

    def post(self, request: HttpRequest, secret: str | None = None, name: str | None = None) -> HttpResponse:
        received_at = clock.now()
        source = addresses.caller(
            peer=request.META.get("REMOTE_ADDR", ""),
            forwarded_for=request.META.get("HTTP_X_FORWARDED_FOR", ""),
            trusted=settings.TRUSTED_PROXIES,
        )
        if not addresses.is_allowed(source, settings.WEBHOOK_ALLOWED_IPS):
            return _answer(403, {"success": False})
        try:
            body = _read(request, settings.INTAKE_MAX_BODY_BYTES)
        except UnreadablePostError:
            return _answer(400, {"success": False})
        if body is None:
            return _answer(413, {"success": False})
        arrival = Arrival(body=body, received_at=received_at, route=self.route, path_secret=secret, endpoint=name)
        try:
            receipt = receive_alert(arrival)
        except StoreUnavailable:
            return _answer(503, {"success": False}, retry_after_s=RETRY_AFTER_S)
        if receipt.signal is None and not throttle.failures.allows(str(source)):
            return _answer(429, {"success": False}, retry_after_s=RETRY_AFTER_S)
        return _translate(receipt)

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = _answer(405, {"success": False})
        response.headers["Allow"] = "POST"
        return response


def _read(request: HttpRequest, limit: int) -> bytes | None:
    """Return the body, None if it is larger than the limit; never reads more than one byte beyond it."""
    try:
        announced = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        announced = 0
    if announced > limit:
        return None
    body = bytes(request.read(limit + 1))
    return body if len(body) <= limit else None


def _translate(receipt: Receipt) -> HttpResponse:
    if receipt.verdict is Verdict.STRANGER:
        return _answer(401, {"success": False})
    if receipt.verdict is Verdict.DUPLICATE:
        return _answer(200, {"success": True, "duplicate": True, "signal": receipt.signal})
    if receipt.verdict is Verdict.INVALID:
        problem = receipt.problem or Problem("INVALID")
        known = {} if receipt.signal is None else {"signal": receipt.signal}
        return _answer(400, {"success": False, "error": problem.as_dict(), **known})
    accepted = receipt.status in ACCEPTED
    return _answer(
        202,
        {
            "success": accepted,
            "message": ACCEPTED.get(receipt.status) or receipt.reason,
            "signal": receipt.signal,
            "status": receipt.status,
            **({} if accepted else {"reason_code": receipt.reason_code}),
            "url": f"/api/v1/signals/{receipt.signal}/",
        },
    )


def _answer(status: int, content: dict[str, Any], *, retry_after_s: int | None = None) -> HttpResponse:
    response = JsonResponse(content, status=status)
    response.headers["Cache-Control"] = "no-store"
    if retry_after_s is not None:
        response.headers["Retry-After"] = str(retry_after_s)
    # Django would log the path of every 4xx, and the path may be the secret.
    response._has_been_logged = True  # type: ignore[attr-defined]  # Django's own mark
    return response
