// Slack's own Node client: answers each mention as the Python clients in test_clients.py do.
const [api, appToken, botToken] = process.argv.slice(2);
const { SocketModeClient } = require("@slack/socket-mode");

const client = new SocketModeClient({ appToken, clientOptions: { slackApiUrl: `${api}/` } });
client.on("app_mention", async ({ ack, event }) => {
  await ack();
  await fetch(`${api}/chat.postMessage`, {
    method: "POST",
    headers: { Authorization: `Bearer ${botToken}`, "Content-Type": "application/json" },
    body: JSON.stringify({ channel: event.channel, thread_ts: event.ts, text: `heard ${event.ts}` }),
  });
});
client.start();
process.stdin.resume().on("end", () => process.exit(0));
