from django.db import models


class Incidents(models.Model):
    """No table; this model only carries the permissions."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [
            ("view_incidents", "Can see incidents"),
            ("work", "Can open, write in and close incidents"),
        ]
