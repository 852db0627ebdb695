from django.db import models


class Alerts(models.Model):
    """No table; this model only carries the permission."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [("view_alerts", "Can see alerts")]
