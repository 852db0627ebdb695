"""Everything that is specific to Slack.

The way of a message through these modules:

    Slack
      | WebSocket          connection, socket_mode: several connections, refreshed in turn
      v
    EventHandler.receive   addressed: is it for us? interactions: clicks, /ops, Home tab
      |
      v
    Inbox                  inbox, event_store: record it once for all processes, acknowledge it
      |
      v
    ThreadOrder            thread_order: wait for earlier messages of the thread
      |
      v
    WorkerPool             worker_pool, fair_queue: a few at once, people in turns; else floods
      |
      v
    EventHandler           profiles, trust, identity: who asks? conversations: about what?
      |
      v
    bot.commands           the same commands as in the console
      |
      v
    Delivery               delivery: to the thread, privately or to the Home tab; blocks, buttons
      |
      v
    Sender                 sender, turns, rate_limit: in order, in limits; fates; post_claim: once
      |
      v
    Slack

`process` builds and runs all of it. `unfurls` shows verdicts below links that people share.
`heartbeat` reports how it is, and `status` shows that in the dashboard.
"""
