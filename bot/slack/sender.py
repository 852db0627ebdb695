"""Post the bot's messages in order, as fast as Slack allows, and never twice.

Each channel is one queue, so that an answer's messages stay together and a channel limited by
Slack does not delay the others; in a channel, askers take turns. What a failed call means decides
what follows:

    Fate             example                   post again?    replace again?   the claim
    BLOCKS_REFUSED   invalid_blocks            simpler        simpler          taken back
    LATER            429, no connection        yes            yes              taken back
    LOST             500, connection reset     never          yes              stays
    REFUSED          channel_not_found         no             no               taken back

If Slack's answer to a post is lost, the message may be posted or not, and it is not posted again,
because nobody wants to read a change confirmed twice. Replacing the bot's own message can be
repeated, because it shows the same however often it is done.
"""

import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any
from weakref import WeakValueDictionary

from slack_sdk.web.async_client import AsyncWebClient

from bot.models import LOST_PLACE, State
from bot.slack.api_errors import FAILED_CALL, reason, retry_after
from bot.slack.blocks import SlackMessage
from bot.slack.fates import Fate, fate_of
from bot.slack.post_claim import PostClaim
from bot.slack.rate_limit import Limit, RateLimiter
from bot.slack.response_url import respond
from bot.slack.timing import Timing
from bot.slack.turns import Turns
from ops.vocabulary.texts import shortened

TRIES = 4
_LONGEST_WAIT = 8.0  # seconds between two tries, if Slack does not say
_BEST_FIRST = (State.ANSWERED, State.FAILED, State.UNKNOWN)
# Names in traces and alerts are other people's words: they must not mention, link or unfurl.
_INERT: dict[str, Any] = {
    "parse": "none",
    "link_names": False,
    "unfurl_links": False,
    "unfurl_media": False,
}
_INERT_ALONE: dict[str, Any] = {"parse": "none", "link_names": False}
_EVERYWHERE = "workspace"
_REPLACING = "chat.update"
_NEWS_EDITS = "edits of news"
_PUBLISHING = "views.publish"
_LONGEST_SECTION = 3_000
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sent:
    """The outcome of a message: ANSWERED, FAILED or UNKNOWN; its ts and channel, "" for none.

    `later` means that it failed because Slack accepts no more right now; `wait` is for how many
    seconds, if Slack says so. `why` is Slack's error code or another reason.
    """

    state: State
    ts: str = ""
    channel: str = ""
    later: bool = False
    wait: float | None = None
    why: str = ""


class Sender:
    """Post and replace messages in one workspace."""

    def __init__(self, web: AsyncWebClient, timing: Timing) -> None:
        self.web = web
        self.limits = timing.limits
        self.clock = timing.clock
        self.rate_limiter = RateLimiter(timing.clock, timing.deadlines)
        # Weak, so that a channel's lock is dropped once nobody waits for it.
        self._queues: WeakValueDictionary[str, Turns] = WeakValueDictionary()
        self._answers: Counter[str] = Counter()

    async def say(
        self,
        thread: tuple[str, str],
        messages: Sequence[SlackMessage],
        claim: PostClaim,
        placeholder: str = "",
    ) -> State:
        """Post an answer to a thread; its first message replaces the placeholder with that ts.

        A thread is a channel and the ts of its first message, "" for no thread. Returns
        ANSWERED, or the worst state among the messages; raises TakenOverError.
        """
        async with self._answering(thread[0], claim.asker):
            states = [State.ANSWERED]
            for message in messages:
                states.append(
                    (await self._replace_or_post(thread, message, claim, placeholder)).state
                )
                placeholder = ""
        return max(states, key=_BEST_FIRST.index)

    async def hold_place(
        self, thread: tuple[str, str], message: SlackMessage, is_wanted: Callable[[], bool]
    ) -> str:
        """Post a message for an answer to replace, unless an answer waits for the channel.

        Returns its ts, "" if it was not posted or is no longer wanted, LOST_PLACE if unknown.
        """
        async with self._queue(thread[0]).turn(""):
            if self._answers[thread[0]] or not is_wanted():
                return ""
            sent = await self._post(thread, message)
        return LOST_PLACE if sent.state is State.UNKNOWN else sent.ts

    async def post(
        self,
        thread: tuple[str, str],
        message: SlackMessage,
        claim: PostClaim,
        placeholder: str = "",
    ) -> Sent:
        """Post one message as `say` does; returns its outcome and place."""
        async with self._answering(thread[0], claim.asker):
            return await self._replace_or_post(thread, message, claim, placeholder)

    async def replace(
        self,
        channel: str,
        ts: str,
        message: SlackMessage,
        claim: PostClaim | None = None,
        patience: float = 0.0,
    ) -> Sent:
        """Replace one of our messages; FAILED if Slack refuses, as for a deleted message.

        It is also FAILED if Slack accepts nothing for `patience` seconds.
        """
        update = partial(self._replaced, channel, ts)
        paces = ((_REPLACING, self.limits.replacing),)
        return await self._persist(
            update, message, paces, claim, repeatable=True, patience=patience
        )

    async def wait_for_place(self, channel: str) -> None:
        """Wait for a place for news in a channel, "" for a place to edit some anywhere."""
        if channel:
            paces = ((_EVERYWHERE, self.limits.workspace), (channel, self.limits.news))
        else:
            paces = ((_REPLACING, self.limits.replacing), (_NEWS_EDITS, self.limits.news_edits))
        for key, limit in paces:
            await self.clock.sleep(await self.rate_limiter.reserve(key, limit))

    async def back_off(self, channel: str, seconds: float) -> None:
        """Post nothing to a channel for these seconds, or edit nothing for ""."""
        limit = self.limits.channel if channel else self.limits.replacing
        await self.rate_limiter.back_off(channel or _REPLACING, limit, seconds)

    async def post_once(
        self, thread: tuple[str, str], message: SlackMessage, claim: PostClaim
    ) -> Sent:
        """Post news without retrying; `wait_for_place` comes first."""
        return await self._persist(partial(self._posted, thread), message, (), claim, tries=1)

    async def replace_once(self, channel: str, ts: str, message: SlackMessage) -> Sent:
        """Edit news without retrying; `wait_for_place` comes first."""
        update = partial(self._replaced, channel, ts)
        return await self._persist(update, message, (), None, tries=1)

    async def respond(
        self, url: str, messages: Sequence[SlackMessage], claim: PostClaim | None = None
    ) -> State:
        """Answer a command or click so that only its user sees it.

        Slack accepts five messages at such an address, within half an hour.
        """
        paces, patience = ((_EVERYWHERE, self.limits.workspace),), self.limits.patience

        async def post(content: dict[str, Any]) -> Any:
            return await respond(self.web, url, {**_INERT, **content})

        sent = [
            await self._persist(post, each, paces, claim, patience=patience) for each in messages
        ]
        return max((each.state for each in sent), key=_BEST_FIRST.index)

    async def whisper(
        self, thread: tuple[str, str], user: str, message: SlackMessage, claim: PostClaim
    ) -> State:
        """Post a message that only one user of a channel sees."""
        channel, thread_ts = thread

        def post(content: dict[str, Any]) -> Awaitable[Any]:
            return self.web.chat_postEphemeral(
                channel=channel, user=user, thread_ts=thread_ts or None, **_INERT_ALONE, **content
            )

        paces = ((_EVERYWHERE, self.limits.workspace),)
        return (await self._persist(post, message, paces, claim)).state

    async def publish(self, user: str, message: SlackMessage, claim: PostClaim) -> State:
        """Show a user their Home tab."""

        def publish(content: dict[str, Any]) -> Awaitable[Any]:
            shown = shortened(message.text, _LONGEST_SECTION)
            text = {"type": "plain_text", "text": shown, "emoji": False}
            blocks = content["blocks"] or [{"type": "section", "text": text}]
            return self.web.views_publish(user_id=user, view={"type": "home", "blocks": blocks})

        paces = ((_PUBLISHING, self.limits.replacing),)
        return (await self._persist(publish, message, paces, claim, repeatable=True)).state

    @asynccontextmanager
    async def _answering(self, channel: str, asker: str) -> AsyncIterator[None]:
        """Hold a channel for an answer; while it waits, no placeholder goes first."""
        self._answers[channel] += 1
        try:
            async with self._queue(channel).turn(asker):
                yield
        finally:
            self._answers[channel] -= 1
            self._answers += Counter()  # drops the channels whose count is zero

    def _queue(self, channel: str) -> Turns:
        return self._queues.setdefault(channel, Turns())

    async def _replace_or_post(
        self, thread: tuple[str, str], message: SlackMessage, claim: PostClaim, placeholder: str
    ) -> Sent:
        """Replace the placeholder, or post a new message if there is none to replace."""
        if placeholder not in ("", LOST_PLACE):
            patience = self.limits.patience
            sent = await self.replace(thread[0], placeholder, message, claim, patience)
            if sent.state is not State.FAILED:
                return sent
        return await self._post(thread, message, claim)

    async def _post(
        self, thread: tuple[str, str], message: SlackMessage, claim: PostClaim | None = None
    ) -> Sent:
        post = partial(self._posted, thread)
        paces = ((_EVERYWHERE, self.limits.workspace), (thread[0], self.limits.channel))
        patience = self.limits.patience
        return await self._persist(post, message, paces, claim, patience=patience)

    async def _posted(self, thread: tuple[str, str], content: dict[str, Any]) -> Any:
        channel, thread_ts = thread
        return await self.web.chat_postMessage(
            channel=channel, thread_ts=thread_ts or None, mrkdwn=False, **_INERT, **content
        )

    async def _replaced(self, channel: str, ts: str, content: dict[str, Any]) -> Any:
        return await self.web.chat_update(channel=channel, ts=ts, **_INERT, **content)

    async def _persist(
        self,
        call: Callable[[dict[str, Any]], Awaitable[Any]],
        message: SlackMessage,
        paces: Sequence[tuple[str, Limit]],
        claim: PostClaim | None,
        *,
        repeatable: bool = False,
        patience: float = 0.0,
        tries: int = TRIES,
    ) -> Sent:
        """Call until it succeeds; repeat a call that may have succeeded only if `repeatable`.

        If Slack definitely did nothing, retry until `patience` seconds after the claim was made,
        and at least `tries` times. What is not an answer, such as a placeholder, has no claim.
        """
        blocks, simpler = message.blocks, iter((message.fallback, ()))
        given_up = claim.made + patience if claim else 0.0
        for tried in count(1):
            # The channel's place last: a wait after taking it would bring this message too
            # close to the next one.
            for key, limit in paces:
                await self.clock.sleep(await self.rate_limiter.reserve(key, limit))
            if claim:
                await claim.begin()
            try:
                answer = await call({"text": message.text, "blocks": list(blocks) or None})
                ts, channel = (str(answer.get(key) or "") for key in ("ts", "channel"))
                return Sent(State.ANSWERED, ts, channel)
            except FAILED_CALL as error:
                fate, why = fate_of(error), reason(error)
                log.warning("a message may not be in Slack (%s): %s", fate.name.lower(), why)
                asked = retry_after(error)
            if claim and fate is not Fate.LOST:
                # Also before giving up: the caller records the end, and if we are killed before
                # it does, another process may try.
                await claim.take_back(why if fate is Fate.REFUSED else "")
            if fate is Fate.BLOCKS_REFUSED and blocks:
                blocks = next(simpler)
            elif fate is Fate.LATER and (tried < tries or self.clock.monotonic() < given_up):
                if asked is None:  # it may be only our network, so other bots need not wait
                    await self.clock.sleep(min(2.0 ** (tried - 1), _LONGEST_WAIT))
                else:
                    await self.rate_limiter.back_off(*paces[-1], asked)
            elif not (fate is Fate.LOST and repeatable and tried < tries):
                break
        state = State.UNKNOWN if fate is Fate.LOST else State.FAILED
        return Sent(state, later=fate is Fate.LATER, wait=asked, why=why)
