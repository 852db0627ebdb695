from django.apps import AppConfig


class WatchConfig(AppConfig):
    name = "ops.watch"
    label = "watch"
    default_auto_field = "django.db.models.BigAutoField"
