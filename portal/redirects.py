"""The answer that leads a browser on after a form was sent."""

from django.http import HttpResponseRedirect


def see_other(address: str) -> HttpResponseRedirect:
    """Send the browser on with a GET after a POST (status 303)."""
    response = HttpResponseRedirect(address)
    response.status_code = 303
    return response
