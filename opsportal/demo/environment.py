"""The demo's settings: all its files are in `.demo/`, and no others are touched."""

import os
import secrets
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent.parent / ".demo"
USER, APPROVER = "demo", "approver"


def prepare(*, joins: bool = False) -> None:
    """Set the environment that `opsportal.settings` reads; secrets are created at the first run.

    A command that joins a running demo links to that demo's pages, whatever their address.
    """
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    os.environ.update(
        OPSPORTAL_SECRET_KEY=secret("secret_key"),
        OPSPORTAL_SITES=str(FOLDER / "sites.toml"),
        OPSPORTAL_HTTPS="0",
        OPSPORTAL_GRPC_ANONYMOUS_USER=USER,
        OPSPORTAL_SMTP_URL="console://",
        OPSPORTAL_REMOTE_STATE=str(FOLDER / "remote"),
        DATABASE_URL=f"sqlite:///{FOLDER / 'db.sqlite3'}",
    )
    os.environ.pop("REDIS_URL", None)
    web = os.environ.get("OPSPORTAL_WEB_ADDRESS", "127.0.0.1:8000")
    os.environ.setdefault("OPSPORTAL_PUBLIC_URL", _public_url(f"http://{web}", joins=joins))


def secret(name: str) -> str:
    """Return a random text that is created once and kept in the demo's folder."""
    path = FOLDER / name
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(50))
    return path.read_text()


def _public_url(own: str, *, joins: bool) -> str:
    path = FOLDER / "public_url"
    if joins and path.exists():
        return path.read_text()
    path.write_text(own)
    return own
