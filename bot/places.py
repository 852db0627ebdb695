"""Where an answer goes: into a thread, to whoever typed /ops alone, onto their Home tab."""

from bot.blocks import SlackMessage, slack_messages
from bot.interactions import HOME
from bot.letters import Letter
from bot.models import State
from bot.replies import Reply
from bot.sender import Sender


class Places:
    """Brings answers to where they were asked for."""

    def __init__(self, sender: Sender) -> None:
        self.sender = sender

    async def say(self, letter: Letter, reply: Reply) -> State:
        """Show a reply; returns ANSWERED, or the worst of how its messages ended."""
        messages = slack_messages(reply)
        if letter.row.kind == HOME:
            return await self.sender.publish(str(letter.event["user"]), _home(messages))
        if url := letter.event.get("response_url"):
            return await self.sender.respond(str(url), messages)
        return await self.sender.say(letter.thread, messages, letter.row.placeholder)

    async def hold(self, letter: Letter, reply: Reply) -> str:
        """Say that the answer takes a while; returns the ts of what it will replace, "" for none.

        What only one person sees cannot be replaced.
        """
        [message] = slack_messages(reply)
        if letter.row.kind == HOME:
            return ""
        if url := letter.event.get("response_url"):
            await self.sender.respond(str(url), [message])
            return ""
        return await self.sender.hold_place(letter.thread, message)


def _home(messages: list[SlackMessage]) -> SlackMessage:
    """All of it as one, without tables, which Slack has in messages only."""
    blocks = [block for each in messages for block in each.fallback or each.blocks]
    return SlackMessage(messages[0].text, tuple(blocks))
