#!/usr/bin/env python3
"""Run a management command: `python manage.py help` lists them."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from ops.database.errors import DatabaseAway, DatabaseBusy
from opsportal.demo import environment, orders

if __name__ == "__main__":
    # The demo brings its own settings; OPSPORTAL_DEMO=1 lets other commands use them too, and a
    # petstore that was given none needs some.
    command = sys.argv[1:2]
    unset = "OPSPORTAL_SECRET_KEY" not in os.environ
    if (
        command == ["demo"]
        or os.environ.get("OPSPORTAL_DEMO") == "1"
        or (command == ["petstore"] and unset)
    ):
        environment.prepare(joins=command != ["demo"] or orders.is_running(environment.FOLDER))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "opsportal.settings")
    try:
        execute_from_command_line(sys.argv)
    except (ImproperlyConfigured, DatabaseAway, DatabaseBusy) as error:
        sys.exit(str(error))
