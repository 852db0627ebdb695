from django.apps import AppConfig


class RpcConfig(AppConfig):
    name = "ops.rpc"
    label = "rpc"
    default_auto_field = "django.db.models.BigAutoField"
