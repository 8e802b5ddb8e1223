"""The CSV button of the trade, order and fill lists."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, StreamingHttpResponse
from unfold.decorators import action

from exchange.clock import now
from ledger.services import exports


class CsvButtons:
    """Adds a button that downloads the whole list; the rows are written by `ledger.services.exports`."""

    export = ""
    actions_list = ("download_csv",)

    @action(  # type: ignore[untyped-decorator]  # unfold ships no types
        description="Download CSV", url_path="csv", icon="download"
    )
    def download_csv(self, request: HttpRequest) -> StreamingHttpResponse:
        """Answer with the file."""
        if not self.has_view_permission(request):  # type: ignore[attr-defined]  # of the ModelAdmin beside it
            raise PermissionDenied
        stamp = now().strftime("%Y%m%dT%H%M%SZ")
        response = StreamingHttpResponse(exports.lines(self.export), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{self.export}-{stamp}.csv"'
        response["Cache-Control"] = "no-store"
        response["X-Content-Type-Options"] = "nosniff"
        return response
