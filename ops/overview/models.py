from django.db import models


class Overview(models.Model):
    """No table; this model only carries the permission."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [("view_overview", "Can see the overview")]
