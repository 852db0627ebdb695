"""Samplers for the OpenTelemetry SDK whose rate a server sets while the service runs."""

import logging

from opentelemetry.sdk.trace.sampling import ParentBased

from opsportal_sampler import remote
from opsportal_sampler.instance import Instance
from opsportal_sampler.options import Options, read_options
from opsportal_sampler.polling import Poller
from opsportal_sampler.remote import JaegerRemote
from opsportal_sampler.sampler import RemoteSampler
from opsportal_sampler.version import VERSION

__all__ = ["RemoteSampler", "jaeger_remote", "parentbased_jaeger_remote"]
__version__ = VERSION

log = logging.getLogger("opsportal_sampler")


def jaeger_remote(argument: object = None) -> RemoteSampler:
    """Return a sampler that follows a server; the argument is as OTEL_TRACES_SAMPLER_ARG."""
    options = read_options(argument)
    sampler = RemoteSampler(options.initial_rate)
    try:
        poller = _poller(sampler, options)
    except Exception as error:  # noqa: BLE001 - the user's service starts, whatever happens
        log.warning("sampling stays at the initial rate: %s: %s", type(error).__name__, error)
    else:
        if poller:
            sampler.follow(poller)
    return sampler


def parentbased_jaeger_remote(argument: object = None) -> ParentBased:
    """Return the same for the traces that start here; others follow their caller's decision."""
    return ParentBased(jaeger_remote(argument))


def _poller(sampler: RemoteSampler, options: Options) -> Poller | None:
    instance = Instance(options.service, options.instance)
    if options.opamp:
        try:
            from opsportal_sampler import opamp  # noqa: PLC0415 - an extra
        except ImportError:
            log.warning(
                "sampling stays at the initial rate: opamp= needs "
                "pip install 'opsportal-sampler[opamp]'"
            )
            return None
        agent = opamp.OpAmp(sampler, options.opamp, instance, options.header, options.config_key)
        return Poller(agent, options.interval or opamp.INTERVAL)
    if options.endpoint:
        source = JaegerRemote(sampler, options.endpoint, instance, options.header)
        return Poller(source, options.interval or remote.INTERVAL)
    return None
