"""djangorestframework-api-key as its guide sets it up: a project as Django makes it, `HasAPIKey` everywhere.

Served by gunicorn, as Django's guide to deployment names first, with threads, so that connections are kept.
"""

import os
import secrets
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.urls import path

FOLDER = Path(os.environ["PEER_FOLDER"])
KEYS = 10

settings.configure(
    SECRET_KEY=secrets.token_hex(32),
    DEBUG=False,
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "rest_framework",
        "rest_framework_api_key",
    ],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": FOLDER / "db.sqlite3",
            "CONN_MAX_AGE": None,
        }
    },
    REST_FRAMEWORK={"DEFAULT_PERMISSION_CLASSES": ["rest_framework_api_key.permissions.HasAPIKey"]},
)
django.setup()

from rest_framework.response import Response  # noqa: E402 - Django has to be set up first
from rest_framework.views import APIView  # noqa: E402
from rest_framework_api_key.models import APIKey  # noqa: E402


class Protected(APIView):
    """Behind the permission class."""

    def get(self, _request):
        """Answer whoever has a key."""
        return Response({"ok": True})


urlpatterns = [path("protected", Protected.as_view())]

if not (FOLDER / "token").exists():
    call_command("migrate", verbosity=0)
    for number in range(KEYS):
        _, key = APIKey.objects.create_key(name=f"key {number}")
    (FOLDER / "token").write_text(key)
    django.db.connections.close_all()

application = get_wsgi_application()
