from django.apps import AppConfig


class IncidentsConfig(AppConfig):
    name = "ops.incidents"
    label = "incidents"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from ops.incidents.actions import READ  # noqa: PLC0415 - it needs the models
        from ops.incidents.past import past_incidents  # noqa: PLC0415
        from ops.overview.incidents import register  # noqa: PLC0415

        register(READ, past_incidents)
