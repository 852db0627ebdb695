from django.conf import settings
from django.db import models


class RecentSearch(models.Model):
    """A filter line that a user searched traces with, on a site; `at` is when."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    site = models.CharField(max_length=63)
    line = models.CharField(max_length=2_000)
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["user", "site", "-at"])]

    def __str__(self) -> str:
        return self.line
