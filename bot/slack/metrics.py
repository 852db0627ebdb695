"""The bot's metrics in this process."""

from prometheus_client import Counter, Gauge

events = Counter("opsportal_bot_events", "Messages to the bot, by how they ended.", ["outcome"])
waiting = Gauge("opsportal_bot_waiting", "Messages waiting for an answer.")
working = Gauge("opsportal_bot_working", "Messages being answered.")
at_risk = Counter("opsportal_bot_at_risk", "Messages acknowledged before they were stored.")
unrecorded = Gauge("opsportal_bot_unrecorded", "Messages that are only in this process's memory.")
sockets = Gauge("opsportal_bot_sockets", "Connections on which Slack reaches this process.")
strays = Gauge(
    "opsportal_bot_stray_connections", "Connections of other programs using the same Slack app."
)
app_limited = Counter(
    "opsportal_bot_app_rate_limited", "Times that Slack said that it drops messages to the app."
)
