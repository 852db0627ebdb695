"""The app's messages: posted, replaced, deleted, whispered, scheduled, unfurled; reactions."""

import time
from collections import defaultdict

from .app import APP, BOT_ID, BOT_USER, TEAM
from .blocks import Json, refused_blocks
from .paging import number, page
from .people import People
from .posts import Content, Post, content, parsed
from .shared import Refusal

MOST_TEXT, MOST_UPDATED = 40_000, 4_000
FARTHEST = 120 * 24 * 3_600  # seconds, for scheduled messages


class Messages(People):
    """What is said in channels."""

    def __init__(self) -> None:
        super().__init__()
        self.lacks: set[str] = set()
        self.posts: list[Post] = []
        self.whispers: list[Post] = []
        """Messages that only one user sees; `thread_ts` is that user's ID."""
        self.deleted: list[Post] = []
        self.scheduled: dict[str, Json] = {}
        """Scheduled messages by ID; they are never posted."""
        self.reactions: dict[tuple[str, str], list[str]] = defaultdict(list)
        """The app's reactions, by channel and ts."""
        self.unfurls: dict[tuple[str, str], Json] = {}
        """What is shown below a user's links, by channel and ts."""

    def _echo(self, event: Json) -> None:
        """Send the app the event of its own message."""

    def _content(self, arguments: Json) -> Content:
        """Return what a message is to show, if Slack accepts it."""
        found = content(arguments)
        if not found:
            raise Refusal("no_text")
        blocks = [found.blocks, *(each.get("blocks") or [] for each in found.attachments)]
        if problem := next(filter(None, (refused_blocks(each, self.lacks) for each in blocks)), ""):
            raise Refusal(problem)
        return found

    def _post(self, arguments: Json) -> Json:
        channel = str(arguments.get("channel", ""))
        if channel in self.users:
            arguments = {**arguments, "channel": self._direct(channel)}
        channel, found = self._writable(arguments), self._content(arguments)
        post = Post(
            channel, str(arguments.get("thread_ts") or ""), self._ts(), found.text[:MOST_TEXT],
            found.blocks, attachments=found.attachments,
        )  # fmt: skip
        self.posts.append(post)
        message = self._message(post)
        self._echo({**message, "channel": channel, "event_ts": post.ts})
        answer = {"ok": True, "channel": channel, "ts": post.ts, "message": message}
        if len(found.text) > MOST_TEXT:
            answer["warning"] = "message_truncated"
        return answer

    def _writable(self, arguments: Json) -> str:
        """Return the channel that the arguments name, in which the bot may write."""
        channel = self._channel(arguments)
        if channel in self.archived:
            raise Refusal("is_archived")
        if BOT_USER not in self._members_of(channel):
            raise Refusal("not_in_channel")
        return channel

    def _message(self, post: Post) -> Json:
        """Return a post in Slack's form."""
        message = {
            "type": "message", "user": BOT_USER, "bot_id": BOT_ID, "app_id": APP, "team": TEAM,
            "text": post.text, "ts": post.ts, "thread_ts": post.thread_ts, "blocks": post.blocks,
        }  # fmt: skip
        if not post.thread_ts:
            del message["thread_ts"]
        if post.attachments:
            message["attachments"] = post.attachments
        return message

    def _update(self, arguments: Json) -> Json:
        """Replace a message; an update without blocks removes the old ones."""
        post, found = self._own(arguments, "cant_update_message"), self._content(arguments)
        if len(found.text) > MOST_UPDATED:
            raise Refusal("msg_too_long")
        before = self._message(post)
        self._replace(post, found)
        self._echo_change(post, "message_changed", message=self._message(post), before=before)
        return {
            "ok": True, "channel": post.channel, "ts": post.ts, "text": found.text,
            "message": self._message(post),
        }  # fmt: skip

    def _replace(self, post: Post, found: Content) -> None:
        post.earlier.append(post.shown)
        post.text, post.blocks, post.attachments = found.text, found.blocks, found.attachments

    def _delete(self, arguments: Json) -> Json:
        post = self._own(arguments, "cant_delete_message")
        self.posts.remove(post)
        self.deleted.append(post)
        self._echo_change(post, "message_deleted", deleted_ts=post.ts, before=self._message(post))
        return {"ok": True, "channel": post.channel, "ts": post.ts}

    def _own(self, arguments: Json, others: str) -> Post:
        """Return the post that the arguments name; that of a user gives the error `others`."""
        key = str(arguments.get("channel", "")), str(arguments.get("ts", ""))
        for post in self.posts:
            if (post.channel, post.ts) == key:
                return post
        raise Refusal(others if key in self.said else "message_not_found")

    def _echo_change(self, post: Post, subtype: str, before: Json, **more: object) -> None:
        ts = self._ts()
        self._echo(
            {
                "type": "message", "subtype": subtype, "hidden": True, "channel": post.channel,
                "ts": ts, "event_ts": ts, "previous_message": before, **more,
            }
        )  # fmt: skip

    def _whisper(self, arguments: Json) -> Json:
        channel, user = self._writable(arguments), str(arguments.get("user", ""))
        if user not in self._members_of(channel):
            raise Refusal("user_not_in_channel")
        found = self._content(arguments)
        whisper = Post(channel, user, self._ts(), found.text, found.blocks)
        whisper.attachments = found.attachments
        self.whispers.append(whisper)
        return {"ok": True, "message_ts": whisper.ts}

    def _permalink(self, arguments: Json) -> Json:
        channel, ts = self._place(arguments, "message_ts")
        link = f"https://acme.slack.com/archives/{channel}/p{ts.replace('.', '')}"
        return {"ok": True, "channel": channel, "permalink": link}

    def _place(self, arguments: Json, name: str) -> tuple[str, str]:
        """Return the channel and ts of an existing message, of the app or of a user."""
        place = self._channel(arguments), str(arguments.get(name) or "")
        if place not in self.said and not any((p.channel, p.ts) == place for p in self.posts):
            raise Refusal("message_not_found")
        return place

    def _schedule(self, arguments: Json) -> Json:
        channel, found = self._writable(arguments), self._content(arguments)
        at, now = number(arguments.get("post_at")), time.time()
        if not now < at < now + FARTHEST:
            raise Refusal("time_in_past" if at <= now else "time_too_far")
        key = f"Q{len(self.scheduled) + 1:08}"
        self.scheduled[key] = {
            "id": key, "channel_id": channel, "post_at": at, "text": found.text,
            "date_created": int(now),
        }  # fmt: skip
        return {
            "ok": True, "channel": channel, "scheduled_message_id": key, "post_at": at,
            "message": {"text": found.text, "type": "delayed_message", "bot_id": BOT_ID},
        }  # fmt: skip

    def _scheduled_list(self, arguments: Json) -> Json:
        return page("scheduled_messages", list(self.scheduled.values()), arguments)

    def _unschedule(self, arguments: Json) -> Json:
        if self.scheduled.pop(str(arguments.get("scheduled_message_id")), None) is None:
            raise Refusal("invalid_scheduled_message_id")
        return {"ok": True}

    def _unfurl(self, arguments: Json) -> Json:
        """Show something below links of a user's message, which must contain them."""
        shown = parsed(arguments, "unfurls", "invalid_unfurls_format")
        if not isinstance(shown, dict) or not shown:
            raise Refusal("missing_unfurls")
        place = str(arguments.get("channel", "")), str(arguments.get("ts", ""))
        if place not in self.said:
            raise Refusal("cannot_find_message")
        if not all(url in self.said[place].get("text", "") for url in shown):
            raise Refusal("cannot_unfurl_url")
        for each in shown.values():
            if problem := refused_blocks(each.get("blocks") or [], self.lacks):
                raise Refusal(problem)
        self.unfurls.setdefault(place, {}).update(shown)
        return {"ok": True}

    def _react(self, arguments: Json) -> Json:
        place, name = self._place(arguments, "timestamp"), _emoji(arguments)
        if name in self.reactions[place]:
            raise Refusal("already_reacted")
        self.reactions[place].append(name)
        return {"ok": True}

    def _unreact(self, arguments: Json) -> Json:
        place, name = self._place(arguments, "timestamp"), _emoji(arguments)
        if name not in self.reactions[place]:
            raise Refusal("no_reaction")
        self.reactions[place].remove(name)
        return {"ok": True}

    def _reactions_of(self, arguments: Json) -> Json:
        place = self._place(arguments, "timestamp")
        reactions = [
            {"name": name, "count": 1, "users": [BOT_USER]} for name in self.reactions[place]
        ]
        message = next(each for each in self._messages_in(place[0]) if each["ts"] == place[1])
        message = {**message, "reactions": reactions}
        return {"ok": True, "type": "message", "channel": place[0], "message": message}

    def _history(self, arguments: Json) -> Json:
        """Return what was said outside of threads, newest first."""
        messages = self._messages_in(self._channel(arguments))
        top = [each for each in messages if each.get("thread_ts") in (None, "", each["ts"])]
        return page("messages", _between(top, arguments)[::-1], arguments)

    def _replies(self, arguments: Json) -> Json:
        """Return a thread, oldest first."""
        ts = str(arguments.get("ts") or "")
        messages = self._messages_in(self._channel(arguments))
        if not any(ts == each["ts"] for each in messages):
            raise Refusal("thread_not_found")
        thread = [each for each in messages if ts in (each["ts"], each.get("thread_ts"))]
        return page("messages", _between(thread, arguments), arguments)

    def _messages_in(self, channel: str) -> list[Json]:
        theirs = [
            {**message, "type": "message"}
            for (where, _), message in self.said.items() if where == channel
        ]  # fmt: skip
        ours = [self._message(post) for post in self.posts if post.channel == channel]
        return sorted([*theirs, *ours], key=lambda each: float(each["ts"]))


def _emoji(arguments: Json) -> str:
    name = str(arguments.get("name") or "").strip(":")
    if not name:
        raise Refusal("no_item_specified")
    return name


def _between(messages: list[Json], arguments: Json) -> list[Json]:
    """Return the messages in the time that the arguments name."""
    try:
        oldest = float(arguments.get("oldest") or 0)
        latest = float(arguments.get("latest") or "inf")
    except ValueError:
        raise Refusal("invalid_ts_oldest") from None
    within = str(arguments.get("inclusive", "")).lower() in ("1", "true")
    return [
        each for each in messages
        if oldest < float(each["ts"]) < latest
        or (within and float(each["ts"]) in (oldest, latest))
    ]  # fmt: skip
