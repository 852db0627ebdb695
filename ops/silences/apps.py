from django.apps import AppConfig


class SilencesConfig(AppConfig):
    name = "ops.silences"
    label = "silences"
    default_auto_field = "django.db.models.BigAutoField"
