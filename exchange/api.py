"""What all read routes share, and the route of the instruments.

Numbers are strings with the stored digits, times are UTC with a Z, fields are listed one by one, unknown questions
are refused, and nothing that was answered to somebody is kept by a cache.
"""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import django_filters
from django.db import models
from rest_framework import serializers, viewsets
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response

from exchange.fields import ExactDecimalField
from exchange.models import Instrument

if TYPE_CHECKING:
    ModelSerializer = serializers.ModelSerializer[Any]
    ReadOnlyModelViewSet = viewsets.ReadOnlyModelViewSet[Any]
    DecimalBase = serializers.Field[Decimal, str, str, Any]
else:
    ModelSerializer = serializers.ModelSerializer
    ReadOnlyModelViewSet = viewsets.ReadOnlyModelViewSet
    DecimalBase = serializers.CharField

COMMON_PARAMETERS = frozenset({"page", "page_size", "ordering", "format"})


class PlainDecimal(DecimalBase):
    """A number as a string with the stored digits, never with an exponent."""

    def __init__(self, **kwargs: Any) -> None:
        # ModelSerializer offers what suits the model's field; this one is only ever read.
        super().__init__(read_only=True, source=kwargs.get("source"))

    def to_representation(self, value: Decimal) -> str:
        return format(value, "f")


class UtcTime(serializers.DateTimeField):
    """A time in UTC, whatever zone is active."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "default_timezone": UTC})


class RowSerializer(ModelSerializer):
    """A row with explicitly listed fields; it is never written through."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        ExactDecimalField: PlainDecimal,
        models.DateTimeField: UtcTime,
    }


class Pages(PageNumberPagination):
    """Pages of 50, of up to 200 on request."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200


class NoStore:
    """Marks every answer as not to be kept by browsers and proxies."""

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]
        response["Cache-Control"] = "no-store"
        return response


class ReadViewSet(NoStore, ReadOnlyModelViewSet):
    """List and retrieve, newest first, with the filters of the view and no others."""

    pagination_class = Pages
    ordering: tuple[str, ...] = ("-id",)
    ordering_fields: tuple[str, ...] = ("id",)
    lookup_value_regex = "[0-9]{1,18}"

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        self.refuse_unknown_parameters(request)
        return super().list(request, *args, **kwargs)

    def refuse_unknown_parameters(self, request: Request) -> None:
        """Raise ValidationError: a filter that is silently ignored answers another question than was asked."""
        filterset: Any = getattr(self, "filterset_class", None)
        known = COMMON_PARAMETERS | set(filterset.base_filters if filterset else ())
        unknown = sorted(set(request.query_params) - known)
        if unknown:
            raise ValidationError(
                {name: f"No such filter. There are: {', '.join(sorted(known - {'format'}))}." for name in unknown}
            )

    def filter_queryset(self, queryset: Any) -> Any:
        # The key comes last, so that equal values keep their places from page to page.
        rows = super().filter_queryset(queryset)
        order = list(rows.query.order_by) or list(self.ordering)
        return rows.order_by(*order, *(() if {"id", "-id"} & set(order) else ("-id",)))


class InstrumentSerializer(RowSerializer):
    """The rules of one symbol at one venue."""

    class Meta:
        model = Instrument
        fields = (
            "id", "venue", "symbol", "base_asset", "quote_asset", "margin_asset", "tick_size", "step_size",
            "min_quantity", "max_quantity", "market_step_size", "market_min_quantity", "market_max_quantity",
            "min_notional", "max_notional", "min_price", "max_price", "price_up", "price_down", "max_leverage",
            "maintenance_rate", "trading", "refreshed_at",
        )  # fmt: skip
        read_only_fields = fields


class InstrumentFilter(django_filters.FilterSet):
    class Meta:
        model = Instrument
        fields = ("venue", "symbol", "base_asset", "quote_asset", "trading")


class InstrumentViewSet(ReadViewSet):
    """Instruments and their rules, as last fetched."""

    queryset = Instrument.objects.all()
    serializer_class = InstrumentSerializer
    filterset_class = InstrumentFilter
    ordering = ("venue", "symbol")
    ordering_fields = ("id", "venue", "symbol")
