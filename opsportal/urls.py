"""Every address of the site."""

from django.contrib import admin
from django.urls import include, path

from opsportal import health

handler400 = "opsportal.dashboard.errors.bad_request"
handler500 = "opsportal.dashboard.errors.server_error"

urlpatterns = [
    *health.urlpatterns,
    path("admin/", admin.site.urls),
    path("", include("opsportal.dashboard.urls")),
]
