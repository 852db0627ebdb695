from django.apps import AppConfig


class WatchConfig(AppConfig):
    name = "ops.watch"
    label = "watch"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Both need the models, which are loaded only now.
        from ops.guard import announce_with  # noqa: PLC0415
        from ops.watch import notices  # noqa: PLC0415

        announce_with(notices.announce)
