"""Meet greetings, thanks and farewells as a colleague would: in a few words."""

from bot.answers.overview import BEGIN
from bot.replies import FollowUp, Reply
from ops.language.lines import some

_HELP = FollowUp("Help", "help")
_SAID: dict[str, tuple[str, tuple[FollowUp, ...]]] = {
    "hi hello hey hiya howdy yo hallo hola moin sup greetings morning evening afternoon "
    "goodmorning gm :wave: :hi: :hello: :raised_hand:": (
        "Hello! I answer questions about alerts, traces, versions and sampling",
        (*BEGIN[:4], _HELP),
    ),
    "thanks thank thx ty cheers tnx thanx merci danke tack gracias great nice cool awesome perfect "
    "excellent lovely brilliant amazing good well done job work :pray: :thumbsup: :+1: :heart: "
    ":tada: :clap: :raised_hands: :ok_hand: :thankyou:": ("You're welcome", ()),
    "bye goodbye cya later ciao night goodnight": ("Bye! I am here when you need me", ()),
    "sorry oops nevermind mind never nvm ignore forget": ("No problem", ()),
    "ok okay yes no yep nope sure fine lol haha test testing ping are alive awake": (
        "I am here. Ask me about alerts, traces, versions or sampling",
        (*BEGIN[:4], _HELP),
    ),
}
ANSWERS = {word: answer for words, answer in _SAID.items() for word in words.split()}
_BESIDES = some(
    """
    mate man dude buddy folks guys again you so much a lot very bot there all team everyone
    opsportal day it that
    """
)


def small_talk(words: list[str]) -> Reply | None:
    """Return the answer to a text that holds nothing else, given its words in small letters."""
    said = [word for word in words if word not in _BESIDES]
    if not said or not all(word in ANSWERS for word in said):
        return None
    sentence, follow_ups = ANSWERS[said[-1]]
    return Reply(sentence, follow_ups=follow_ups)
