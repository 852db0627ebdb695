from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "stub"
DEBUG = True
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = [
    "opsportal", "ops.traces", "ops.alerts", "ops.versions", "ops.sampling", "ops.audit", "ops.overview", "ops.rpc", "bot",
    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.messages", "django.contrib.staticfiles",
]
ROOT_URLCONF = "opsportal.urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
USE_TZ = True
TIME_ZONE = "UTC"
SITES_FILE = "sites.toml"
STATIC_URL = "static/"
