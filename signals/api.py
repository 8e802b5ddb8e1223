"""The API of endpoints and signals, the dry run, and what a person can do to a signal."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from exchange.api import NoStore, ReadViewSet, RowSerializer
from exchange.api_acts import Conflict, actor, write_down
from exchange.clock import now
from signals import approvals
from signals.dry_run import dry_run
from signals.exact_json import ExactJSONParser, dumps
from signals.models import Endpoint, Signal
from signals.timeline import timeline


class EndpointSerializer(RowSerializer):
    """An endpoint without its secrets."""

    strategy = serializers.CharField(source="strategy.name", read_only=True)

    class Meta:
        model = Endpoint
        fields = ("id", "name", "strategy", "dialect", "enabled", "strict", "duplicate_window_s", "created_at")
        read_only_fields = fields


class StepSerializer(serializers.Serializer[Any]):
    """A stage of a signal's life, with microseconds."""

    stage = serializers.CharField()
    at = serializers.CharField()


class SignalSerializer(RowSerializer):
    """A signal with its decision and its timeline."""

    endpoint = serializers.CharField(source="endpoint.name", read_only=True)
    strategy = serializers.CharField(source="strategy.name", read_only=True)
    account = serializers.CharField(source="strategy.account.name", read_only=True)
    trade = serializers.IntegerField(source="trade_id", read_only=True, allow_null=True)
    duplicate_of = serializers.IntegerField(source="duplicate_of_id", read_only=True, allow_null=True)
    timeline = serializers.SerializerMethodField()

    class Meta:
        model = Signal
        fields = (
            "id", "endpoint", "strategy", "account", "dialect", "symbol", "status", "reason_code", "reason", "remedy",
            "received_at", "alert_at", "own_id", "body", "intent", "ignored_fields", "plan", "trade", "duplicate_of",
            "attempts", "timeline",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(StepSerializer(many=True))
    def get_timeline(self, signal: Signal) -> list[dict[str, str]]:
        return [
            # Always with microseconds: a whole second is no reason for another format.
            {"stage": step.stage, "at": step.at.isoformat(timespec="microseconds").replace("+00:00", "Z")}
            for step in timeline(signal)
        ]


class EndpointFilter(django_filters.FilterSet):
    strategy = django_filters.CharFilter(field_name="strategy__name")

    class Meta:
        model = Endpoint
        fields = ("name", "strategy", "dialect", "enabled")


class EndpointViewSet(ReadViewSet):
    """Where alerts arrive; secrets are never told."""

    queryset = Endpoint.objects.select_related("strategy")
    serializer_class = EndpointSerializer
    filterset_class = EndpointFilter
    ordering = ("name",)
    ordering_fields = ("id", "name")


class SignalFilter(django_filters.FilterSet):
    endpoint = django_filters.CharFilter(field_name="endpoint__name")
    strategy = django_filters.CharFilter(field_name="strategy__name")
    account = django_filters.CharFilter(field_name="strategy__account__name")
    since = django_filters.IsoDateTimeFilter(field_name="received_at", lookup_expr="gte")
    until = django_filters.IsoDateTimeFilter(field_name="received_at", lookup_expr="lt")

    class Meta:
        model = Signal
        fields = ("endpoint", "strategy", "account", "dialect", "symbol", "status", "reason_code", "trade", "own_id")


class SignalViewSet(ReadViewSet):
    """Alerts and what became of them."""

    queryset = (
        Signal.objects.select_related("endpoint", "strategy__account", "trade")
        .defer("strategy__account__api_key", "strategy__account__api_secret")
        .prefetch_related("trade__orders__fills")
    )
    serializer_class = SignalSerializer
    filterset_class = SignalFilter
    ordering_fields = ("id", "received_at")

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: str | None = None) -> Response:
        """Let a signal that waits for a person trade now."""
        return self._act(request, "approve")

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, pk: str | None = None) -> Response:
        """End a signal that waits for a person, without a trade."""
        return self._act(request, "reject")

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def replay(self, request: Request, pk: str | None = None) -> Response:
        """Run an ended signal's intent once more; answers with the new signal."""
        return self._act(request, "replay")

    def _act(self, request: Request, act: str) -> Response:
        signal = self.get_object()
        try:
            copy = getattr(approvals, act)(signal, by=actor(request))
        except approvals.NotPossible as exc:
            raise Conflict(str(exc)) from exc
        write_down(request, signal, act)
        rows: QuerySet[Signal] = self.get_queryset()
        shown = rows.get(pk=copy.pk if copy else signal.pk)
        return Response(self.get_serializer(shown).data, status=201 if copy else 200)


class PlanRequest(serializers.Serializer[Any]):
    """A dry run: an alert as it would be posted to an endpoint."""

    endpoint = serializers.SlugRelatedField(
        slug_field="name", queryset=Endpoint.objects.select_related("strategy__account"), help_text="Its name."
    )
    alert = serializers.JSONField(help_text="The alert: an object, or the text of one, digits kept as written.")


class PlanView(NoStore, APIView):
    """The orders that an alert would place now, or its refusal; nothing is stored and nothing is sent."""

    parser_classes = (ExactJSONParser,)

    @extend_schema(request=PlanRequest, responses={200: dict[str, Any]})
    def post(self, request: Request) -> Response:
        asked = PlanRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        alert = asked.validated_data["alert"]
        body = alert if isinstance(alert, str) else dumps(alert)
        answer = dry_run(endpoint=asked.validated_data["endpoint"], body=body.encode(errors="surrogatepass"), now=now())
        return Response(answer)
