"""The WSGI application. It refuses to start with settings that ``manage.py check`` calls errors."""

import io
import os
import sys

import django
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.core.wsgi import get_wsgi_application

from portal.database import FAILURES, explain

# gunicorn ends with this exit code of a process instead of starting another one.
_CANNOT_BOOT = 3


def _checked_application() -> WSGIHandler:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    try:
        django.setup()
        call_command("check", stdout=io.StringIO())
        return get_wsgi_application()
    except SystemCheckError as error:
        text = str(error)
    except FAILURES as error:
        if not (text := explain(error)):
            raise
    sys.stderr.write(f"{text}\n")
    sys.exit(_CANNOT_BOOT)


application = _checked_application()
