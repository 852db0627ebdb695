"""Who this process is: its service's name, and an ID that its spans carry as well."""

import os
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

from opentelemetry.sdk.resources import OTELResourceDetector, Resource, ResourceDetector

_NAME, _ID = "service.name", "service.instance.id"


class InstanceDetector(ResourceDetector):
    """Puts our ID into the spans of SDKs that have none of their own.

    Newer SDKs do it themselves; older ones need OTEL_EXPERIMENTAL_RESOURCE_DETECTORS=opsportal.
    """

    def detect(self) -> Resource:
        """Return the ID of this process."""
        return Resource({_ID: _process_id()})

    def is_process_dependent(self) -> bool:
        """Return true: a child process is another instance."""
        return True


class Instance:
    """The instance that servers see."""

    def __init__(self, service: str = "", instance: str = "") -> None:
        environment = OTELResourceDetector().detect().attributes
        program = Path(sys.executable or "python").name
        self.service = service or str(environment.get(_NAME) or f"unknown_service:{program}")
        self.id = instance or str(environment.get(_ID) or _process_id())

    def forked(self) -> None:
        """Take the child's own ID: several processes cannot be one instance.

        The SDK does the same, and gives up a configured ID as well.
        """
        self.id = _process_id()


def _of_the_sdk() -> str:
    return str(ServiceInstanceIdResourceDetector().detect().attributes[_ID])


class _Generated:
    """An ID for each process, as newer SDKs generate it."""

    def __init__(self) -> None:
        self._process, self._id = 0, ""

    def __call__(self) -> str:
        if self._process != os.getpid():
            self._process, self._id = os.getpid(), str(uuid.uuid4())
        return self._id


_process_id: Callable[[], str]
try:
    from opentelemetry.sdk.resources import ServiceInstanceIdResourceDetector

    _process_id = _of_the_sdk
except ImportError:
    _process_id = _Generated()
