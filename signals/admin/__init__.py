"""Console pages of endpoints and signals."""

from signals.admin.endpoints import EndpointAdmin
from signals.admin.signals import SignalAdmin

__all__ = ["EndpointAdmin", "SignalAdmin"]
