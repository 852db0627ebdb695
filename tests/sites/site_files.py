"""A site file with everything, and what is said about a wrong one."""

import pytest

from ops.sites import SiteFileError, load
from tests.conftest import SiteFile
from tests.fakes import tls

WHOLE = f"""
default_site = "production"
[sites.production]
change_now = true
default_service = "petstore"
[sites.production.jaeger]
address = "jaeger:16685"
ui = "https://jaeger.example.com/"
tls = {{ ca = "{tls.CA}", certificate = "{tls.CERTIFICATE}", key = "{tls.KEY}" }}
headers = {{ X-Tenant = "shop", "bearer.token" = {{ env = "SECRET" }} }}
timeout = "2s500ms"
largest_message_mib = 64
tag_values = "regex"
[[sites.production.prometheus]]
name = "shop"
url = "https://prometheus.example.com/prefix/"
bearer_token = {{ env = "SECRET" }}
ca = "{tls.CA}"
timeout = "5s"
[[sites.production.prometheus]]
name = "platform"
url = "http://mimir:9009"
username = "ops"
password = {{ env = "SECRET" }}
headers = {{ X-Scope-OrgID = "platform" }}
[[sites.production.alertmanager]]
url = "http://alertmanager:9093/"
ui = "https://alertmanager.example.com"
bearer_token = {{ env = "SECRET" }}
[sites.production.services.petstore]
jaeger_name = "petstore-api"
instances = ["10.0.0.1:50051", "[::1]:50051", "pets.example.com:50051"]
tls = true
prometheus = "platform"
version = "build_info"
version_label = "release"
instance_label = "pod"
expected = "d"
targets = "e"
rollout_within = "20m"
requests = "a"
failing = "b"
p95 = "c"
alerts = {{ team = "pets" }}
sampling = "10%"
sampling_ceiling = 50
sampling_ways = ["remote", "push"]
[sites.production.services.payments]
dns = "payments.example.com:50051"
[sites.production.remote]
http = "10.0.0.9:5778"
grpc = "[::1]:5779"
keys = [{{ env = "SECRET" }}]
default_sampling = "5/s"
opamp_key = "vendor"
[sites.staging]
"""


def problems(site_file: SiteFile, text: str) -> list[str]:
    with pytest.raises(SiteFileError) as caught:
        load(site_file(text))
    return caught.value.problems
