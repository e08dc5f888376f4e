"""The component tags, builtin in every template."""

from django import template

register = template.Library()
