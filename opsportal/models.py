"""What is kept of people beside their account."""

from django.conf import settings
from django.db import models


class RecentSearch(models.Model):
    """A filter line that somebody sent; a later one has the larger key."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    site = models.CharField(max_length=63)
    line = models.CharField(max_length=1000)

    class Meta:
        default_permissions = ()
        ordering = ("-pk",)
