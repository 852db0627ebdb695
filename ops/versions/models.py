from django.db import models


class Versions(models.Model):
    """No table; this model only carries the permission."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [("view_versions", "Can see versions")]
