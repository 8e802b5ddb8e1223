"""Routes of the whole house."""

from django.contrib import admin
from django.urls import include, path

from tvtrader import health

urlpatterns = [
    path("", health.home, name="home"),
    path("health", health.health, name="health"),
    path("health-check", health.HealthCheck.as_view(), name="health-check"),
    path("admin/", admin.site.urls),
    path("", include("signals.urls")),
    path("", include("tvtrader.api_urls")),
]
