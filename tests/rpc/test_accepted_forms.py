"""What can only be one of a few words: a refusal names every one that is accepted."""

import pytest

from ops.errors import InvalidInput
from ops.rpc import messages
from proto.ops import ops_pb2

STATES = ("firing", "pending", "inactive")
# Every enum of a request, and what reads it; the value 0 says that none is given.
ENUMS = {("ChangeSamplingReq", "type"): messages.policy}


def test_it_knows_every_enum_of_a_request() -> None:
    requests = [method.input_type for method in ops_pb2.DESCRIPTOR.services_by_name["Ops"].methods]
    enums = {
        (request.name, field.name)
        for request in requests
        for field in request.fields
        if field.enum_type
    }
    assert enums == ENUMS.keys()


@pytest.mark.parametrize("number", [0, 9])
@pytest.mark.parametrize(("message", "field"), ENUMS)
def test_it_names_every_value_of_an_enum(message: str, field: str, number: int) -> None:
    described = ops_pb2.DESCRIPTOR.message_types_by_name[message].fields_by_name[field]
    request = getattr(ops_pb2, message)(**{field: number})
    with pytest.raises(InvalidInput) as refusal:
        ENUMS[message, field](request)
    assert described.enum_type
    names = [value.name for value in described.enum_type.values if value.number]
    assert [name for name in names if name not in str(refusal.value)] == []


@pytest.mark.parametrize("given", ["burning", "", "firing,pending"])
def test_it_names_every_state_of_an_alert(given: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        messages.alert_filter(ops_pb2.AlertsReq(states=[given]))
    assert [state for state in STATES if state not in str(refusal.value).partition(":")[2]] == []
    assert messages.alert_filter(ops_pb2.AlertsReq(states=STATES)).states == STATES


@pytest.mark.parametrize(
    "request_", [ops_pb2.AlertsReq(labels=["=x"]), ops_pb2.AlertsReq(matchers=["=x"])]
)
def test_it_names_every_form_of_a_matcher(request_: ops_pb2.AlertsReq) -> None:
    with pytest.raises(InvalidInput) as refusal:
        messages.alert_filter(request_)
    forms = ("=", "!=", "=~", "!~", 'label!=""')
    assert [form for form in forms if form not in str(refusal.value).partition(": ")[2]] == []


def test_it_names_every_form_of_a_tag_and_of_a_depth() -> None:
    with pytest.raises(InvalidInput, match="write key=value, or key for key=true"):
        messages.trace_query(ops_pb2.ListTracesReq(tags=["=x"]))
    with pytest.raises(InvalidInput, match="search_depth is -1; it must be 1 or more, or 0 for 20"):
        messages.trace_query(ops_pb2.ListTracesReq(search_depth=-1))
