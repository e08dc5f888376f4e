"""The product's own settings, with one more address: the bare page others are compared with."""

from portal.settings import *  # noqa: F403

ROOT_URLCONF = "tests.bench.urls"
