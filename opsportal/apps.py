from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class OpsPortalConfig(AppConfig):
    name = "opsportal"
    label = "opsportal"
    default_auto_field = "django.db.models.BigAutoField"


class OpsPortalAdminConfig(AdminConfig):
    default_site = "opsportal.admin_site.AdminSite"
