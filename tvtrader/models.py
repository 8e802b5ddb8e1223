"""The sign of life of each of our processes."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Pulse(models.Model):
    """One running process that works in the background, and whether all its threads live."""

    name = models.CharField(max_length=128, unique=True)
    kind = models.CharField(max_length=16)
    parts = models.JSONField(default=dict, help_text="Thread name to whether it lives.")
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["kind", "name"]

    def __str__(self) -> str:
        return self.name
