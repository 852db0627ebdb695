from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "ops.accounts"
    label = "people"  # as in the database of earlier releases
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Accounts"
