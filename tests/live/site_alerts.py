"""A site's alerts as a person sees them on the page and over gRPC."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc

from proto.ops import ops_pb2
from proto.ops.ops_pb2_grpc import OpsStub
from tests.live import servers
from tests.live.conftest import Person

if TYPE_CHECKING:
    from proto.ops.ops_pb2_grpc import OpsStub as Stub

NOTHING = "Nothing is firing"
Reason = ops_pb2.Doubt.Reason


@dataclass(frozen=True)
class SiteAlerts:
    """The alerts of one site."""

    person: Person
    site: str

    @property
    def path(self) -> str:
        return f"/sites/{self.site}/alerts/"

    @property
    def page(self) -> str:
        return self.person.opens(self.path)

    @property
    def heading(self) -> str:
        return self.person.heading(self.path)

    @property
    def answer(self) -> ops_pb2.AlertsResp:
        """What gRPC returns."""
        with grpc.insecure_channel(self.person.portal.grpc) as channel:
            stub: Stub = OpsStub(channel)
            request = ops_pb2.AlertsReq(site=self.site)
            return stub.Alerts(request, metadata=self.person.metadata)

    @property
    def doubts(self) -> Sequence[tuple[str, str]]:
        """The reason and source of everything that is not known."""
        return [(Reason.Name(each.reason), each.source) for each in self.answer.not_known]

    def is_headed(self, heading: str) -> None:
        """Wait until this is the page's heading."""
        servers.until(lambda: self.heading == heading, f"{self.site}: {heading}")

    def is_doubted(self, reason: str, source: str) -> str:
        """Wait until this is not known, and return the heading."""
        what = f"{self.site}: {reason} of {source}"
        servers.until(lambda: (reason, source) in self.doubts, what)
        return self.heading

    def shows(self, name: str, state: str, *sources: str) -> ops_pb2.Alert:
        """Wait until exactly this alert is listed, alike in its sources, and return it."""

        def found() -> ops_pb2.Alert | None:
            listed = self.answer.alerts
            if [(each.name, each.state, each.disagree) for each in listed] != [(name, state, "")]:
                return None
            return listed[0] if sorted(listed[0].sources) == [*sources] else None

        alert = servers.until(found, f"{self.site}: {name} {state} in {sources}")
        assert alert
        return alert
