"""Bearer tokens of the gRPC door."""

import hashlib
import secrets
from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models

PREFIX = "ops_"
SHOWN = 8


class Token(models.Model):
    """A bearer token with which a program acts as `user`; only its hash is stored.

    `digest` is the SHA-256 of the whole token, in hex: enough for 256 random bits.
    `beginning` is the part that users may see, so that they can tell their tokens apart.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100, blank=True)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    beginning = models.CharField(max_length=16, editable=False)
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField()
    last_used = models.DateTimeField(null=True, blank=True, editable=False)
    revoked = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("-created",)

    def __str__(self) -> str:
        return f"{self.beginning}… of {self.user}"


class TokenUse(models.Model):
    """A time in which a token was used again and again; see `ops.rpc.signins`."""

    token = models.ForeignKey(Token, models.CASCADE, related_name="uses", db_index=False)
    start = models.DateTimeField()
    end = models.DateTimeField()

    class Meta:
        default_permissions = ()
        # To extend a token's newest; to read what lasted into a time, and to delete the oldest.
        indexes = (
            models.Index(fields=["token", "end"], name="use_of_token"),
            models.Index(fields=["end", "start"], name="use_by_end"),
        )


def digest_of(token: str) -> str:
    """Return the stored form of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def make_token(user: User, name: str, expires: datetime) -> str:
    """Store a new token and return it; it cannot be read again later."""
    token = PREFIX + secrets.token_urlsafe(32)
    Token.objects.create(
        user=user, name=name, digest=digest_of(token), beginning=token[:SHOWN], expires=expires
    )
    return token
