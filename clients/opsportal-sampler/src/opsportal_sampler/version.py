"""The version that servers see; the same as in pyproject.toml."""

VERSION = "0.1.0"
USER_AGENT = f"opsportal-sampler/{VERSION}"
