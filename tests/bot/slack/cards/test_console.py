"""A card in a terminal: what to expect, and what could not begin."""

from dataclasses import replace

import pytest

from bot import console
from ops.actor import Actor, Door
from ops.requests.models import State as RequestState
from ops.sampling import actions as sampling
from ops.sampling.terms import Term
from ops.vocabulary.policies import NEVER, rate
from ops.vocabulary.timerange import MINUTE
from tests.bot.conftest import SITES, Backends
from tests.bot.slack.cards.asking import NOTHING, request, told
from tests.conftest import SiteFile

pytestmark = pytest.mark.django_db(transaction=True)

TRACES = "traces that start in petstore"


async def test_it_says_what_to_expect(operator: Actor, backends: Backends) -> None:
    expected = [
        ("10%", f"Keeps 10% of the {TRACES}; the current setting is unknown."),
        ("10%", f"Keeps 10% of the {TRACES}; the same rate as the last setting."),
        ("50%", f"Keeps 50% of the {TRACES}; 5 times as many as the last setting, 10%."),
        ("always", f"Keeps all {TRACES}; twice as many as the last setting, 50%."),
        ("always", f"Keeps all {TRACES}; the same rate as the last setting."),
        ("never", f"Keeps none of the {TRACES}; the last setting keeps all."),
        ("1%", f"Keeps 1% of the {TRACES}; the last setting keeps none."),
    ]
    for policy, sentence in expected:
        reply = await console.answer(operator, f"change sampling {policy}")
        assert reply.notes[0] == sentence
        asked = console.asks(reply)
        assert asked is not None
        assert (await console.answer(operator, asked[0])).notes[0].startswith("Applied by olga")


async def test_it_goes_back_to_the_policy_before(operator: Actor, backends: Backends) -> None:
    await console.answer(operator, "change sampling 10% now")
    reply = await console.answer(operator, "undo sampling")
    assert "there is nothing to undo" in reply.summary
    await console.answer(operator, "change sampling always now")
    reply = await console.answer(operator, "undo sampling petstore")
    assert reply.summary.startswith("Sampling of petstore: always -> 10%, confirmed by 3 of 3")
    assert console.asks(reply) is None


async def test_it_asks_all_the_same_where_the_site_does(
    operator: Actor, backends: Backends, site_file: SiteFile
) -> None:
    site_file(SITES.replace("change_now = true\n", "").format(**vars(backends)))
    typing = replace(operator, door=Door.CONSOLE)
    reply = await console.answer(typing, "change sampling always now")
    assert reply.notes[0] == 'This site always asks first, even with "now".'
    assert told(backends) == NOTHING
    await sampling.change_policy(operator, policy=rate(0.1), term=Term(MINUTE), then=NEVER)
    for line in ("revert sampling petstore", "undo sampling"):
        reply = await console.answer(typing, line)
        assert reply.summary == "Change sampling of petstore: 10% -> never on 3 instances?"


async def test_it_says_why_a_change_could_not_begin(
    operator: Actor, backends: Backends, site_file: SiteFile
) -> None:
    reply = await console.answer(operator, "change sampling always")
    site_file(
        SITES.replace("sites.demo.services.petstore", "sites.demo.services.shop")
        .replace('default_service = "petstore"', "")
        .format(**vars(backends))
    )
    done = await console.answer(operator, f"apply {reply.card}")
    assert done.summary.startswith('Not found: site "demo" has no service "petstore"')
    assert done.notes[0].startswith("Attempted by olga at ")
    assert (await request()).state == RequestState.FAILED


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("apply 3f9a1c7e2b", 'Not found: there is no request "3f9a1c7e2b"'),
        ("cancel", "Not understood: which card?"),
        ("change sampling store 5%", 'there is nothing to change: service "store" of site "demo"'),
    ],
)
async def test_it_says_what_there_is_not(
    operator: Actor, backends: Backends, line: str, sentence: str
) -> None:
    assert sentence in (await console.answer(operator, line)).summary
