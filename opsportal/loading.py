"""Import at startup what Django would otherwise import when it first needs it.

Until it restarts, a process must not load newer versions from its checkout or `.venv`, which
an upgrade changes while it runs.
"""

from importlib import import_module

from django.conf import settings
from django.contrib.auth import get_backends
from django.contrib.auth.hashers import get_hashers
from django.contrib.auth.password_validation import get_default_password_validators
from django.db import connection
from django.template import engines
from django.urls import get_resolver
from django.utils.module_loading import import_string

_NAMED = ("CSRF_FAILURE_VIEW", "EMAIL_BACKEND", "MESSAGE_STORAGE", "SESSION_SERIALIZER")
_DJANGOS = ("django.conf.locale.en.formats", "django.core.mail.backends.base")
_ANSWERS = (400, 403, 404, 500)


def load_everything() -> None:
    """Import pages, templates, and everything that the settings only name."""
    import_module(settings.ROOT_URLCONF)
    engine = engines["django"].engine  # type: ignore[attr-defined]
    engine.template_loaders  # noqa: B018 - reads them
    engine.template_context_processors  # noqa: B018 - imports them
    for name in (
        *(getattr(settings, key) for key in _NAMED),
        settings.CACHES["default"]["BACKEND"],
    ):
        import_string(name)
    for name in _DJANGOS:
        import_module(name)
    for status in _ANSWERS:
        get_resolver().resolve_error_handler(status)
    get_backends()
    get_hashers()
    get_default_password_validators()
    connection.ops.compiler("SQLCompiler")
