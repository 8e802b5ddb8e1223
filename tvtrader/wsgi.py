"""The WSGI application that waitress and gunicorn serve."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tvtrader.settings")

application = get_wsgi_application()

from tvtrader.checks import enforce  # noqa: E402  # needs the loaded apps

# gunicorn runs no system checks of its own; a dangerous house must not open its door.
enforce()
