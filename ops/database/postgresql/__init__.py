"""Django's PostgreSQL backend with connections from our pool, for ENGINE in DATABASES."""
