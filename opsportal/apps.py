from django.apps import AppConfig


class OpsPortalConfig(AppConfig):
    name = "opsportal"
    label = "opsportal"
    default_auto_field = "django.db.models.BigAutoField"
