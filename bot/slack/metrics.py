"""What /metrics tells of the bot in this process."""

from prometheus_client import Counter, Gauge

events = Counter("opsportal_bot_events", "Messages to the bot, by how they ended.", ["outcome"])
waiting = Gauge("opsportal_bot_waiting", "Messages that wait for an answer.")
working = Gauge("opsportal_bot_working", "Messages that are being answered.")
at_risk = Counter("opsportal_bot_at_risk", "Messages acknowledged before the database had them.")
unrecorded = Gauge("opsportal_bot_unrecorded", "Messages that only this process's memory has.")
sockets = Gauge("opsportal_bot_sockets", "Connections on which Slack reaches this process.")
strays = Gauge(
    "opsportal_bot_stray_connections", "Connections of other programs that use the same Slack app."
)
