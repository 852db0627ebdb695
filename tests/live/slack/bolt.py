"""A usual Bolt program: mentions, direct messages, buttons, a command, a modal and the Home tab."""

import os
import time
from typing import Any

from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient

web = WebClient(os.environ["SLACK_BOT_TOKEN"], base_url=f"{os.environ['SLACK_API_URL']}/")
app = App(client=web)


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def button(label: str, action: str) -> dict[str, Any]:
    return {"type": "button", "text": plain(label), "action_id": action, "value": action}


@app.event("app_mention")
def mentioned(event: Any, client: Any, say: Any) -> None:
    channel, ts, user = event["channel"], event["ts"], event["user"]
    if "tour" not in event["text"]:
        client.reactions_add(channel=channel, timestamp=ts, name="eyes")
        text = f"Hello {client.users_info(user=user)['user']['name']}"
        elements = [button("Change", "change"), button("Remove", "remove")]
        blocks = [
            {"type": "section", "text": plain(text)},
            {"type": "actions", "elements": elements},
        ]
        say(text=text, blocks=blocks, thread_ts=ts)
        return
    client.team_info()
    client.conversations_info(channel=channel)
    client.users_lookupByEmail(email="alice@example.com")
    client.conversations_history(channel=channel, limit=5)
    client.conversations_replies(channel=channel, ts=ts)
    client.chat_scheduleMessage(channel=channel, text="later", post_at=int(time.time()) + 3600)
    direct = client.conversations_open(users=user)["channel"]["id"]
    posted = client.chat_postMessage(channel=direct, text="one")
    client.chat_update(channel=direct, ts=posted["ts"], text="two")
    client.chat_getPermalink(channel=direct, message_ts=posted["ts"])
    client.chat_delete(channel=direct, ts=posted["ts"])
    members = len(client.conversations_members(channel=channel)["members"])
    users = sum(len(page["members"]) for page in client.users_list(limit=2))
    channels = len(client.conversations_list(types="public_channel,im")["channels"])
    say(text=f"{users} users, {members} members, {channels} channels", thread_ts=ts)


@app.event("message")
def written(message: Any, say: Any) -> None:
    if message.get("channel_type") == "im" and not message.get("subtype"):
        say(f"You said {message['text']}")


@app.action("change")
def changed(ack: Any, respond: Any) -> None:
    ack()
    respond(text="Changed", replace_original=True)


@app.action("remove")
def removed(ack: Any, respond: Any) -> None:
    ack()
    respond(delete_original=True)


@app.command("/ops")
def typed(ack: Any, command: Any, client: Any) -> None:
    if command["text"] != "form":
        ack(text=f"Echo {command['text']}", response_type="ephemeral")
        return
    ack()
    element = {"type": "plain_text_input", "action_id": "number"}
    view = {
        "type": "modal",
        "callback_id": "pets",
        "title": plain("Add pets"),
        "submit": plain("Add"),
        "private_metadata": command["channel_id"],
        "blocks": [
            {"type": "input", "block_id": "pets", "label": plain("Number"), "element": element}
        ],
    }
    client.views_open(trigger_id=command["trigger_id"], view=view)


@app.view("pets")
def submitted(ack: Any, body: Any, view: Any, client: Any) -> None:
    ack()
    text = f"Added {view['state']['values']['pets']['number']['value']}"
    channel, user = view["private_metadata"], body["user"]["id"]
    client.chat_postEphemeral(channel=channel, user=user, text=text)


@app.event("app_home_opened")
def opened(event: Any, client: Any) -> None:
    blocks = [{"type": "section", "text": plain(f"Home of {event['user']}")}]
    client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})


SocketModeHandler(app, os.environ["SLACK_APP_TOKEN"]).start()  # type: ignore[no-untyped-call]
