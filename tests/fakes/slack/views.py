"""Home tabs and modals."""

import itertools
import secrets
from collections import defaultdict

from .blocks import Json, refused_blocks
from .people import People
from .posts import Post, parsed
from .shared import Refusal

MOST_VIEW_BLOCKS = 100
MOST_TITLE = 24
TRIGGER_SECONDS = 3.0
_NOT_IN_VIEWS = ("table", "markdown")


class Views(People):
    """What the app shows outside of channels."""

    def __init__(self) -> None:
        super().__init__()
        self.homes: dict[str, list[Post]] = defaultdict(list)
        """Each user's Home tab, every time it was published."""
        self.modals: dict[str, Json] = {}
        """The modals that were opened, by ID, as they are now."""
        self._views = itertools.count(1)

    def _publish(self, arguments: Json) -> Json:
        user, view = str(arguments.get("user_id", "")), self._view(arguments, "home")
        if user not in self.users:
            raise Refusal("user_not_found")
        self.homes[user].append(Post("", "", self._ts(), "", view["blocks"]))
        return {"ok": True, "view": {"id": "V0HOME", **view}}

    def _open_view(self, arguments: Json) -> Json:
        """Open a modal for the user of a trigger, which works once and for three seconds."""
        view = self._view(arguments, "modal")
        made = self._triggers.pop(str(arguments.get("trigger_id")), None)
        if made is None:
            raise Refusal("invalid_trigger_id")
        if self.clock() - made > TRIGGER_SECONDS:
            raise Refusal("expired_trigger_id")
        return self._keep(f"V0MODAL{next(self._views):03}", view)

    def _update_view(self, arguments: Json) -> Json:
        key, external = str(arguments.get("view_id")), arguments.get("external_id")
        for each, known in self.modals.items():
            if external and known.get("external_id") == external:
                key = each
        if key not in self.modals:
            raise Refusal("not_found")
        if arguments.get("hash") not in (None, "", self.modals[key]["hash"]):
            raise Refusal("hash_conflict")
        return self._keep(key, self._view(arguments, "modal"))

    def _keep(self, key: str, view: Json) -> Json:
        whole = {
            "callback_id": "", "private_metadata": "", "external_id": "",
            "state": {"values": {}}, "root_view_id": key, **view,
            "id": key, "hash": f"{self._ts()}.{secrets.token_hex(4)}",
        }  # fmt: skip
        self.modals[key] = whole
        return {"ok": True, "view": whole}

    def _view(self, arguments: Json, kind: str) -> Json:
        view = parsed(arguments, "view", "invalid_arguments")
        if not isinstance(view, dict):
            raise Refusal("invalid_arguments")
        if problem := refused_view(view, kind):
            raise Refusal(problem)
        return view


def refused_view(view: Json, kind: str = "home") -> str:
    """Return Slack's error for a view that it does not accept, "" for a good one."""
    blocks = view.get("blocks")
    if view.get("type") != kind or not isinstance(blocks, list):
        return "invalid_arguments"
    if kind == "modal" and not all(_is_title(view, name) for name in ("title", "submit", "close")):
        return "invalid_arguments"
    if any(not isinstance(each, dict) or each.get("type") in _NOT_IN_VIEWS for each in blocks):
        return "invalid_blocks"
    if len(blocks) > MOST_VIEW_BLOCKS:
        return "invalid_blocks"
    # A view may be longer in total than a message.
    wrong = [refused_blocks([block]) for block in blocks]
    return next(filter(None, wrong), "")


def _is_title(view: Json, name: str) -> bool:
    """Return whether a modal's title or a button's label is good; only the title must be there."""
    text = view.get(name)
    if text is None:
        return name != "title"
    return isinstance(text, dict) and 0 < len(str(text.get("text") or "")) <= MOST_TITLE
