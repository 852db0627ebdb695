from django.db import models


class Traces(models.Model):
    """No table; this model only carries the permission."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [("view_traces", "Can see traces")]
