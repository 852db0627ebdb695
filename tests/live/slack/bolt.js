// A usual Bolt program: mentions, direct messages, buttons, a command, a modal and the Home tab.
const { App, LogLevel } = require("@slack/bolt");

const app = new App({
  token: process.env.SLACK_BOT_TOKEN,
  appToken: process.env.SLACK_APP_TOKEN,
  socketMode: true,
  logLevel: LogLevel.INFO,
  clientOptions: { slackApiUrl: `${process.env.SLACK_API_URL}/` },
});

const plain = (text) => ({ type: "plain_text", text });
const button = (label, action_id) => ({ type: "button", text: plain(label), action_id, value: action_id });

app.event("app_mention", async ({ event, client, say }) => {
  const { channel, ts, user } = event;
  if (!event.text.includes("tour")) {
    await client.reactions.add({ channel, timestamp: ts, name: "eyes" });
    const found = await client.users.info({ user });
    const text = `Hello ${found.user.name}`;
    const elements = [button("Change", "change"), button("Remove", "remove")];
    const blocks = [{ type: "section", text: plain(text) }, { type: "actions", elements }];
    await say({ text, blocks, thread_ts: ts });
    return;
  }
  await client.team.info();
  await client.conversations.info({ channel });
  await client.users.lookupByEmail({ email: "alice@example.com" });
  await client.conversations.history({ channel, limit: 5 });
  await client.conversations.replies({ channel, ts });
  await client.chat.scheduleMessage({ channel, text: "later", post_at: Math.floor(Date.now() / 1000) + 3600 });
  const direct = await client.conversations.open({ users: user });
  const posted = await client.chat.postMessage({ channel: direct.channel.id, text: "one" });
  const place = { channel: posted.channel, ts: posted.ts };
  await client.chat.update({ ...place, text: "two" });
  await client.chat.getPermalink({ channel: place.channel, message_ts: place.ts });
  await client.chat.delete(place);
  const members = (await client.conversations.members({ channel })).members.length;
  let users = 0;
  for await (const page of client.paginate("users.list", { limit: 2 })) users += page.members.length;
  const channels = (await client.conversations.list({ types: "public_channel,im" })).channels.length;
  await say({ text: `${users} users, ${members} members, ${channels} channels`, thread_ts: ts });
});

app.message(async ({ message, say }) => {
  if (message.channel_type === "im" && !message.bot_id && !message.subtype) await say(`You said ${message.text}`);
});

app.action("change", async ({ ack, respond }) => {
  await ack();
  await respond({ text: "Changed", replace_original: true });
});

app.action("remove", async ({ ack, respond }) => {
  await ack();
  await respond({ delete_original: true });
});

app.command("/ops", async ({ command, ack, client }) => {
  if (command.text !== "form") {
    await ack({ text: `Echo ${command.text}`, response_type: "ephemeral" });
    return;
  }
  await ack();
  const element = { type: "plain_text_input", action_id: "number" };
  const view = {
    type: "modal", callback_id: "pets", title: plain("Add pets"), submit: plain("Add"),
    private_metadata: command.channel_id,
    blocks: [{ type: "input", block_id: "pets", label: plain("Number"), element }],
  };
  await client.views.open({ trigger_id: command.trigger_id, view });
});

app.view("pets", async ({ ack, body, view, client }) => {
  await ack();
  const text = `Added ${view.state.values.pets.number.value}`;
  await client.chat.postEphemeral({ channel: view.private_metadata, user: body.user.id, text });
});

app.event("app_home_opened", async ({ event, client }) => {
  const blocks = [{ type: "section", text: plain(`Home of ${event.user}`) }];
  await client.views.publish({ user_id: event.user, view: { type: "home", blocks } });
});

app.start();
