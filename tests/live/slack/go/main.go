// A usual program with slack-go: mentions, direct messages, buttons, a command, a modal, the Home tab.
package main

import (
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"
)

func check(err error) {
	if err != nil {
		log.Print("FAILED: ", err)
	}
}

func text(text string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, text, false, false)
}

func main() {
	api := slack.New(
		os.Getenv("SLACK_BOT_TOKEN"),
		slack.OptionAppLevelToken(os.Getenv("SLACK_APP_TOKEN")),
		slack.OptionAPIURL(os.Getenv("SLACK_API_URL")+"/"),
	)
	_, err := api.AuthTest()
	check(err)
	client := socketmode.New(api)
	handler := socketmode.NewSocketmodeHandler(client)
	handler.Handle(socketmode.EventTypeEventsAPI, event)
	handler.Handle(socketmode.EventTypeInteractive, interaction)
	handler.Handle(socketmode.EventTypeSlashCommand, command)
	log.Fatal(handler.RunEventLoop())
}

func event(evt *socketmode.Event, client *socketmode.Client) {
	received := evt.Data.(slackevents.EventsAPIEvent)
	client.Ack(*evt.Request)
	switch inner := received.InnerEvent.Data.(type) {
	case *slackevents.AppMentionEvent:
		if strings.Contains(inner.Text, "tour") {
			tour(&client.Client, inner)
		} else {
			hello(&client.Client, inner)
		}
	case *slackevents.MessageEvent:
		if inner.ChannelType == "im" && inner.BotID == "" && inner.SubType == "" {
			_, _, err := client.PostMessage(inner.Channel, slack.MsgOptionText("You said "+inner.Text, false))
			check(err)
		}
	case *slackevents.AppHomeOpenedEvent:
		home := slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: []slack.Block{
			slack.NewSectionBlock(text("Home of "+inner.User), nil, nil),
		}}}
		_, err := client.PublishView(inner.User, home, "")
		check(err)
	}
}

func hello(api *slack.Client, event *slackevents.AppMentionEvent) {
	check(api.AddReaction("eyes", slack.NewRefToMessage(event.Channel, event.TimeStamp)))
	user, err := api.GetUserInfo(event.User)
	check(err)
	said := "Hello " + user.Name
	_, _, err = api.PostMessage(
		event.Channel,
		slack.MsgOptionText(said, false),
		slack.MsgOptionTS(event.TimeStamp),
		slack.MsgOptionBlocks(
			slack.NewSectionBlock(text(said), nil, nil),
			slack.NewActionBlock("",
				slack.NewButtonBlockElement("change", "change", text("Change")),
				slack.NewButtonBlockElement("remove", "remove", text("Remove"))),
		),
	)
	check(err)
}

func tour(api *slack.Client, event *slackevents.AppMentionEvent) {
	channel, ts := event.Channel, event.TimeStamp
	_, err := api.GetTeamInfo()
	check(err)
	_, err = api.GetConversationInfo(&slack.GetConversationInfoInput{ChannelID: channel})
	check(err)
	_, err = api.GetUserByEmail("alice@example.com")
	check(err)
	_, err = api.GetConversationHistory(&slack.GetConversationHistoryParameters{ChannelID: channel, Limit: 5})
	check(err)
	_, _, _, err = api.GetConversationReplies(&slack.GetConversationRepliesParameters{ChannelID: channel, Timestamp: ts})
	check(err)
	later := strconv.FormatInt(time.Now().Unix()+3600, 10)
	_, _, err = api.ScheduleMessage(channel, later, slack.MsgOptionText("later", false))
	check(err)
	direct, _, _, err := api.OpenConversation(&slack.OpenConversationParameters{Users: []string{event.User}})
	check(err)
	_, posted, err := api.PostMessage(direct.ID, slack.MsgOptionText("one", false))
	check(err)
	_, _, _, err = api.UpdateMessage(direct.ID, posted, slack.MsgOptionText("two", false))
	check(err)
	_, err = api.GetPermalink(&slack.PermalinkParameters{Channel: direct.ID, Ts: posted})
	check(err)
	_, _, err = api.DeleteMessage(direct.ID, posted)
	check(err)
	members, _, err := api.GetUsersInConversation(&slack.GetUsersInConversationParameters{ChannelID: channel})
	check(err)
	users, err := api.GetUsers(slack.GetUsersOptionLimit(2))
	check(err)
	channels, _, err := api.GetConversations(&slack.GetConversationsParameters{Types: []string{"public_channel", "im"}})
	check(err)
	said := fmt.Sprintf("%d users, %d members, %d channels", len(users), len(members), len(channels))
	_, _, err = api.PostMessage(channel, slack.MsgOptionText(said, false), slack.MsgOptionTS(ts))
	check(err)
}

func interaction(evt *socketmode.Event, client *socketmode.Client) {
	callback := evt.Data.(slack.InteractionCallback)
	client.Ack(*evt.Request)
	if callback.Type == slack.InteractionTypeViewSubmission {
		number := callback.View.State.Values["pets"]["number"].Value
		_, err := client.PostEphemeral(
			callback.View.PrivateMetadata, callback.User.ID, slack.MsgOptionText("Added "+number, false))
		check(err)
		return
	}
	message := slack.WebhookMessage{Text: "Changed", ReplaceOriginal: true}
	if callback.ActionCallback.BlockActions[0].ActionID == "remove" {
		message = slack.WebhookMessage{DeleteOriginal: true}
	}
	check(slack.PostWebhook(callback.ResponseURL, &message))
}

func command(evt *socketmode.Event, client *socketmode.Client) {
	typed := evt.Data.(slack.SlashCommand)
	if typed.Text != "form" {
		client.Ack(*evt.Request, map[string]any{"text": "Echo " + typed.Text, "response_type": "ephemeral"})
		return
	}
	client.Ack(*evt.Request)
	input := slack.NewPlainTextInputBlockElement(nil, "number")
	_, err := client.OpenView(typed.TriggerID, slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: "pets", Title: text("Add pets"), Submit: text("Add"),
		PrivateMetadata: typed.ChannelID,
		Blocks:          slack.Blocks{BlockSet: []slack.Block{slack.NewInputBlock("pets", text("Number"), nil, input)}},
	})
	check(err)
}
