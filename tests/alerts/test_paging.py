from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ops.alerts.arranging import arrange
from ops.alerts.paging import index_of, parse_place, place_after
from ops.errors import InvalidInput
from ops.vocabulary.alerts import Alert
from tests.alerts.making import NOON, alert

# Few values a field, so that many alerts share rank, start and name.
ALERTS = st.lists(
    st.builds(
        lambda name, state, severity, since, pod, source: alert(
            name,
            {"severity": severity, "pod": pod},
            state=state,
            active_at=since,
            sources=(source,),
        ),
        st.sampled_from(["Slow", "Full"]),
        st.sampled_from(["firing", "pending"]),
        st.sampled_from(["page", "odd", "info"]),
        st.sampled_from([0, NOON, NOON + 1]),
        st.sampled_from(["a", "b"]),
        st.sampled_from(["here", "there"]),
    ),
    max_size=40,
)


@given(ALERTS, st.integers(1, 7))
def test_it_goes_through_a_list_in_pages_without_loss_or_repetition(
    alerts: list[Alert], size: int
) -> None:
    whole = arrange(alerts)
    found: list[Alert] = []
    while len(found) < len(whole):
        start = (
            index_of(whole, parse_place(str(place_after(whole, len(found) - 1)))) if found else 0
        )
        assert start == len(found)
        found += whole[start : start + size]
    assert tuple(found) == whole


@given(ALERTS, st.sets(st.integers(0, 39)), st.integers(0, 39))
def test_it_loses_none_that_stays_when_others_resolve_and_begin(
    alerts: list[Alert], resolved: set[int], cut: int
) -> None:
    whole = arrange([replace(one, sources=("here",), fingerprint="") for one in alerts])
    assume(whole)
    cut = min(cut, len(whole) - 1)
    place = parse_place(str(place_after(whole, cut)))
    begun = [alert("New", {"severity": severity}) for severity in ("page", "info")]
    left = [one for number, one in enumerate(whole) if number not in resolved]
    later = arrange([replace(one, value="2") for one in left] + begun)
    sent = [replace(one, value="2") for one in whole[: cut + 1]]
    rest = later[index_of(later, place) :]
    for one in later:
        if one not in begun:
            assert one in sent or one in rest


@pytest.mark.parametrize(
    "text", ["", "x", "0.1.0.5.abc.1", "2.1.0.5." + "a" * 16 + ".1", "0.1.0.5." + "a" * 16 + ".٣"]
)
def test_it_refuses_a_token_that_is_not_its_own(text: str) -> None:
    with pytest.raises(InvalidInput, match="Send the next_page_token of the previous response"):
        parse_place(text)
