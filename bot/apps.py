from django.apps import AppConfig


class BotConfig(AppConfig):
    name = "bot"
    label = "bot"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from bot.slack.status import report  # noqa: PLC0415 - it needs the models
        from ops.overview.status import register  # noqa: PLC0415

        register("Slack", report)
