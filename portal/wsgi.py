"""The WSGI application. It refuses to start with settings that ``manage.py check`` calls errors."""

import io
import os
import sys

import django
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.core.wsgi import get_wsgi_application

# gunicorn ends with this exit code of a process instead of starting another one.
_CANNOT_BOOT = 3


def _checked_application() -> WSGIHandler:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    django.setup()
    try:
        call_command("check", stdout=io.StringIO())
    except SystemCheckError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(_CANNOT_BOOT)
    return get_wsgi_application()


application = _checked_application()
