"""Django's PostgreSQL, with connections from our pool: an ENGINE of settings.DATABASES."""
