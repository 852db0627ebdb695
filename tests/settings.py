"""The product's own settings, with an environment that suits the tests."""

import os
import tempfile

os.environ.setdefault("OPSPORTAL_SECRET_KEY", "tests only " * 5)
os.environ.setdefault("OPSPORTAL_HTTPS", "0")
os.environ.setdefault("OPSPORTAL_HOSTS", "localhost,127.0.0.1,testserver")
_directory = tempfile.mkdtemp(prefix="opsportal-tests-")
os.environ.setdefault("DATABASE_URL", f"sqlite:///{_directory}/never-used.sqlite3")

from opsportal.settings import *  # noqa: E402, F403
from opsportal.settings import DATABASES  # noqa: E402

# Several threads and connections use the database at once, as in production: a file, not memory.
if "sqlite" in DATABASES["default"]["ENGINE"]:
    DATABASES["default"]["TEST"] = {"NAME": f"{_directory}/test.sqlite3"}
    # No test outlives a power cut, and waiting for the disk took a third of the time.
    DATABASES["default"]["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;"
# Pages are whole at once; one test lets them fill in.
FIRST_SCREEN_SECONDS = 30.0
# What is missing after a short wait is there after a longer one, however busy the machine is.
PATIENCE = 20.0
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
