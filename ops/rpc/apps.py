from django.apps import AppConfig


class RpcConfig(AppConfig):
    name = "ops.rpc"
    label = "rpc"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from ops.overview.signins import register  # noqa: PLC0415 - it needs the models
        from ops.rpc.signins import periods  # noqa: PLC0415

        register(periods)
