"""Of those who wait for a channel, nobody goes twice before the others."""

import asyncio

from bot.slack.turns import Turns


class Order(list[str]):
    """Who had a turn, in order; each turn lasts until the next step of the loop."""

    def __init__(self) -> None:
        super().__init__()
        self.turns = Turns()

    async def goes(self, name: str, *, fails: bool = False) -> None:
        async with self.turns.turn(name.rstrip("0123456789")):
            self.append(name)
            await asyncio.sleep(0)
            if fails:
                raise RuntimeError(name)


async def test_names_take_turns_and_each_keeps_its_own_order() -> None:
    order = Order()
    names = ["a1", "a2", "a3", "a4", "b1", "c1", "b2"]
    await asyncio.gather(*map(order.goes, names))
    assert order == ["a1", "b1", "a2", "c1", "b2", "a3", "a4"]


async def test_a_turn_passes_on_from_whoever_fails_or_is_cancelled() -> None:
    order = Order()
    going = [
        asyncio.ensure_future(order.goes("a1", fails=True)),
        *(asyncio.ensure_future(order.goes(name)) for name in ("b1", "c1", "d1")),
    ]
    await asyncio.sleep(0)
    going[1].cancel()  # it waits
    await asyncio.sleep(0)
    going[2].cancel()  # its turn has come, and it does not know yet
    await asyncio.wait(going)
    assert order == ["a1", "d1"]
    await order.goes("e1")
    assert order[-1] == "e1"
