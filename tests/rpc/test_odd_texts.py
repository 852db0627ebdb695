"""Every text of every RPC with a NUL character, which PostgreSQL refuses."""

from collections.abc import AsyncIterator, Iterator

import pytest
from django.contrib.auth.models import User
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message_factory import GetMessageClass
from grpc import StatusCode

from proto.ops import ops_pb2
from tests.conftest import SiteFile
from tests.fakes.alertmanager import FakeAlertmanager
from tests.fakes.instance import fake_instance
from tests.fakes.jaeger import ANY_JAEGER, FakeJaeger
from tests.fakes.prometheus import FakePrometheus, alert
from tests.rpc.conftest import Client

pytestmark = pytest.mark.django_db(transaction=True)
METHODS = ops_pb2.DESCRIPTOR.services_by_name["Ops"].methods_by_name
ODD = "a\0b"
# What it takes to come as far as the field that is tried.
GOOD: dict[str, object] = {"name": "Slow", "matchers": ['alertname="Slow"'], "service": "petstore"}
UNEXPECTED = (StatusCode.INTERNAL, StatusCode.UNKNOWN)
SITES = """
[sites.production]
default_service = "petstore"
jaeger = {{ address = "{jaeger}" }}
prometheus = {{ name = "main", url = "{prometheus}" }}
alertmanager = {{ name = "main", url = "{alertmanager}" }}
services.petstore = {{ instances = ["{instance}"] }}
"""


@pytest.fixture
async def site(site_file: SiteFile, jaeger: FakeJaeger) -> AsyncIterator[None]:
    """A site with everything, on which an alert is firing."""
    async with (
        FakePrometheus() as prometheus,
        FakeAlertmanager() as alertmanager,
        fake_instance() as instance,
    ):
        prometheus.rule("Slow", alert("Slow"))
        site_file(
            SITES.format(
                jaeger=jaeger.address,
                prometheus=prometheus.url,
                alertmanager=alertmanager.url,
                instance=instance.address,
            )
        )
        yield


def fields() -> Iterator[tuple[str, str]]:
    for name, method in METHODS.items():
        for field in method.input_type.fields:
            if field.type == FieldDescriptor.TYPE_STRING:
                yield name, field.name


@ANY_JAEGER
@pytest.mark.parametrize(("name", "field"), [*fields()])
async def test_it_answers_a_text_that_no_database_has(
    site: None, ops: Client, guest: User, name: str, field: str
) -> None:
    asked = METHODS[name].input_type
    given = {key: value for key, value in GOOD.items() if key in asked.fields_by_name}
    given[field] = [ODD] if asked.fields_by_name[field].is_repeated else ODD
    call = getattr(ops, name)(GetMessageClass(asked)(**given))
    assert await call.code() not in UNEXPECTED, await call.details()
