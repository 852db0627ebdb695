"""The dashboard's addresses. Each page has two: for the default site, and with a site's name."""

from django.urls import include, path
from django.views.generic import RedirectView

from opsportal.dashboard.views import (
    account,
    alert,
    alerts,
    audit,
    comparing,
    downloads,
    ending,
    filtering,
    logs,
    overview,
    requests,
    sampling,
    search,
    service,
    silences,
    slack,
    snapshot,
    trace,
    versions,
)

pages = [
    path("", overview.show, name="overview"),
    path("status/", overview.status, name="overview-status"),
    path("services/<str:service>/", service.show, name="overview-service"),
    path("traces/", search.search, name="traces"),
    path("traces/names/", filtering.names, name="traces-names"),
    path("traces/step/", filtering.step, name="traces-step"),
    path("traces/forget/", filtering.forget, name="traces-forget"),
    path("traces/compare/", comparing.compare, name="traces-compare"),
    path("traces/<str:trace_id>/", trace.show, name="traces-one"),
    path("traces/<str:trace_id>/rows/", trace.rows, name="traces-rows"),
    path("traces/<str:trace_id>/news/", trace.news, name="traces-news"),
    path("traces/<str:trace_id>/spans/<int:row>/", trace.span, name="traces-span"),
    path("traces/<str:trace_id>/find/", trace.find, name="traces-find"),
    path("traces/<str:trace_id>/logs/", logs.show, name="traces-logs"),
    path("traces/<str:trace_id>/logs.jsonl", downloads.logs, name="traces-jsonl"),
    path("traces/<str:trace_id>/otlp.json", downloads.otlp, name="traces-otlp"),
    path("traces/<str:trace_id>/now/", snapshot.now, name="traces-now"),
    path("traces/<str:trace_id>/then/", snapshot.show, name="traces-then"),
    path("traces/<str:trace_id>/usual/", comparing.usual, name="traces-usual"),
    path("traces/<str:trace_id>/usual/duration/", comparing.usually, name="traces-usually"),
    path("alerts/", alerts.show, name="alerts"),
    path("alerts/badge/", alerts.badge, name="alerts-badge"),
    path("alerts/names/", alerts.names, name="alerts-names"),
    path("alerts/silences/", silences.show, name="alerts-silences"),
    path("alerts/silences/new/", silences.new, name="alerts-silence"),
    path("alerts/silences/change/", silences.change, name="alerts-silence-change"),
    path("alerts/<str:fingerprint>/", alert.show, name="alerts-one"),
    path("alerts/<str:fingerprint>/around/", alert.around, name="alerts-around"),
    path("versions/", versions.show, name="versions"),
    path("sampling/", sampling.show, name="sampling"),
    path("sampling/effect/", sampling.preview, name="sampling-effect"),
    path("sampling/longer/", ending.longer, name="sampling-longer"),
    path("sampling/revert/", ending.revert, name="sampling-revert"),
    path("sampling/change/", sampling.change, name="sampling-change"),
    path("sampling/requests/<str:key>/", requests.show, name="sampling-request"),
]

# Addresses of earlier releases, which bookmarks and old messages have.
moved = [path("doors/", RedirectView.as_view(url="../status/"))]

urlpatterns = [
    *pages,
    *moved,
    path("sites/<str:site>/", include([*pages, *moved])),
    path("audit/", audit.show, name="audit"),
    path("audit/rows.csv", audit.csv_rows, name="audit-csv"),
    path("audit/rows.jsonl", audit.json_rows, name="audit-jsonl"),
    path("account/", account.show, name="account"),
    path("account/slack/", slack.show, name="account-slack"),
    path("account/slack/link/", slack.link, name="account-slack-link"),
    path("account/slack/unlink/", slack.unlink, name="account-slack-unlink"),
    path("account/password_change/", account.ChangePassword.as_view(), name="password_change"),
    path("account/password_reset/", account.AskReset.as_view(), name="password_reset"),
    path(
        "account/reset/<uidb64>/<token>/",
        account.ResetPassword.as_view(),
        name="password_reset_confirm",
    ),
    path("account/", include("django.contrib.auth.urls")),
]
