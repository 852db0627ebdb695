"""What is said about a site's backends that cannot be right."""

import pytest

from ops.sites import SiteFileError, load
from tests.conftest import SiteFile
from tests.fakes import tls
from tests.sites.site_files import problems

JAEGER = "[sites.a.jaeger]\n"
PROMETHEUS = '[[sites.a.prometheus]]\nurl = "http://p"\n'
WRONG = [
    (JAEGER, "[sites.a.jaeger] address: is missing; it must be host:port"),
    (f"{JAEGER}address = 16685", "[sites.a.jaeger] address: is 16685; it must be host:port"),
    (f"{JAEGER}address = 'j'", '[sites.a.jaeger] address: is "j"; it must be host:port without'),
    (
        f"{JAEGER}address = 'j:0'",
        '[sites.a.jaeger] address: is "j:0"; it must be host:port without',
    ),
    (
        f"{JAEGER}address = 'j:65536'",
        'address: is "j:65536"; it must be host:port without a scheme',
    ),
    (f"{JAEGER}address = 'http://j:1'", 'address: is "http://j:1"; it must be host:port without'),
    (f"{JAEGER}address = '::1:1'", 'address: is "::1:1"; it must be host:port without a scheme'),
    (f"{JAEGER}address = 'j:1'\nui = 'j'", 'ui: is "j"; it must be an http:// or https:// URL'),
    (f"{JAEGER}address = 'j:1'\nui = 'http://[j'", 'ui: is "http://[j"; it must be an http://'),
    (f"{JAEGER}address = 'j:1'\nui = 'http://j:99999'", 'ui: is "http://j:99999"; it must be an'),
    (
        f"{JAEGER}address = 'j:1'\ntls = 1",
        "[sites.a.jaeger] tls: is 1; it must be true, or a table with ca, certificate, key",
    ),
    (
        f"{JAEGER}address = 'j:1'\ntls = {{ ca = '/nowhere' }}",
        '[sites.a.jaeger.tls] ca: file "/nowhere" does not exist; it must be the path of a PEM',
    ),
    (
        f"{JAEGER}address = 'j:1'\ntls = {{ ca = '{tls.KEY}' }}",
        f'[sites.a.jaeger.tls] ca: "{tls.KEY}" has no certificate',
    ),
    (
        f"{JAEGER}address = 'j:1'\ntls = {{ key = '{tls.KEY}' }}",
        "[sites.a.jaeger.tls] certificate: and key belong together; set both or neither",
    ),
    (
        f"{JAEGER}address = 'j:1'\ntls = {{ certificate = '{tls.CA}', key = '{tls.KEY}' }}",
        "[sites.a.jaeger.tls] certificate: and key are not a PEM certificate and its unencrypted",
    ),
    (
        f"{JAEGER}address = 'j:1'\ntls = {{ cacert = 'x' }}",
        "[sites.a.jaeger.tls] cacert: is not a key of this table",
    ),
    (
        f"{JAEGER}address = 'j:1'\ntimeout = 10",
        '[sites.a.jaeger] timeout: is 10; it must be a duration in quotes, such as "10s"',
    ),
    (f"{JAEGER}address = 'j:1'\ntimeout = '10'", 'timeout: "10" is not a duration: write'),
    (
        f"{JAEGER}address = 'j:1'\nlargest_message_mib = 3",
        "[sites.a.jaeger] largest_message_mib: is 3; it must be between 4 and 2047",
    ),
    (
        f"{JAEGER}address = 'j:1'\nlargest_message_mib = true",
        "largest_message_mib: is True; it must be a number of MiB from 4 to 2047",
    ),
    (
        f"{JAEGER}address = 'j:1'\ntag_values = 'lucene'",
        '[sites.a.jaeger] tag_values: is "lucene"; it must be exact or regex',
    ),
    (
        f"{JAEGER}address = 'j:1'\nheaders = {{ x = 5 }}",
        '[sites.a.jaeger] headers.x: must be a string or { env = "NAME" }',
    ),
    (
        f"{JAEGER}address = 'j:1'\nheaders = {{ x = {{ file = 'a' }} }}",
        '[sites.a.jaeger] headers.x: must be { env = "NAME" }',
    ),
    (
        f"{JAEGER}address = 'j:1'\nheaders = {{ x = {{ env = 'NOBODY_SETS_IT' }} }}",
        "[sites.a.jaeger] headers.x: the environment variable NOBODY_SETS_IT is not set",
    ),
    (
        f"{JAEGER}address = 'j:1'\nheaders = {{ x = {{ env = 'EMPTY' }} }}",
        "[sites.a.jaeger] headers.x: the environment variable EMPTY is empty",
    ),
    (
        f"{JAEGER}address = 'j:1'\nheaders = {{ x = {{ env = 'LINES' }} }}",
        "[sites.a.jaeger] headers.x: contains a line break, a space at an end or a",
    ),
    (
        f"{JAEGER}address = 'j:1'\nheaders = {{ 'x y' = 'a' }}",
        "[sites.a.jaeger] headers.x y: its name must use letters, digits, . _ - and not end",
    ),
    (
        f"{JAEGER}address = 'j:1'\nheaders = {{ x-bin = 'a' }}",
        "[sites.a.jaeger] headers.x-bin: its name must use letters, digits, . _ - and not end",
    ),
    (
        f"{PROMETHEUS}name = 'x'\n{PROMETHEUS}name = 'y'\nheaders = 5",
        '[sites.a.prometheus] (the one named "y") headers: must be a table',
    ),
    (
        f"{PROMETHEUS}name = 'x'\n{PROMETHEUS}colour = 5",
        "[sites.a.prometheus] (number 2) colour: is not a key of this table",
    ),
    ("[sites.a]\nprometheus = 5", "[sites.a] prometheus: is 5; it must be one table or several"),
    (
        "[sites.a]\nprometheus = ['http://p']",
        "[sites.a] prometheus: must be one table or several, [[sites.a.prometheus]]",
    ),
    ("[[sites.a.prometheus]]", "[sites.a.prometheus] url: is missing; it must be an http:// or"),
    (
        "[sites.a.prometheus]\nurl = 'http://ops:secret@p'",
        "[sites.a.prometheus] url: contains a password; use username and password = { env",
    ),
    (
        "[sites.a.prometheus]\nurl = 'http://ops:sesame@p:port'",
        "[sites.a.prometheus] url: it must be an http:// or https:// URL",
    ),
    (
        f"{PROMETHEUS}headers = 'authorization: sesame'",
        "[sites.a.prometheus] headers: must be a table",
    ),
    (PROMETHEUS * 2, "[sites.a] prometheus: several sources have the same name; give each its own"),
    (
        f"{PROMETHEUS}bearer_token = 'abc'",
        '[sites.a.prometheus] bearer_token: must be { env = "NAME" }, never the secret',
    ),
    (
        f"{PROMETHEUS}bearer_token = {{ env = 'SECRET' }}\nusername = 'ops'",
        "[sites.a.prometheus] bearer_token: and username cannot be combined; set one",
    ),
    (
        f"{PROMETHEUS}bearer_token = {{ env = 'LINES' }}",
        "[sites.a.prometheus] bearer_token: contains a line break, a space at an end or a",
    ),
    (
        f"{PROMETHEUS}password = {{ env = 'SECRET' }}",
        "[sites.a.prometheus] password: requires a username",
    ),
    (f"{PROMETHEUS}ca = '/nowhere'", '[sites.a.prometheus] ca: file "/nowhere" does not exist'),
]


@pytest.mark.parametrize(("text", "problem"), WRONG)
def test_it_names_table_key_and_form(site_file: SiteFile, text: str, problem: str) -> None:
    (found,) = problems(site_file, text)
    assert problem in found
    assert "sesame" not in found


@pytest.mark.parametrize(("megabytes", "fits"), [("1", True), ("1024", True), ("0", False)])
def test_an_answer_has_a_largest_size(site_file: SiteFile, megabytes: str, fits: bool) -> None:
    path = site_file(
        f'[sites.p]\nprometheus = {{ url = "http://p:9090", largest_answer_mib = {megabytes} }}'
    )
    if fits:
        (source,) = load(path).site("p").prometheus
        assert source.largest_answer == int(megabytes) * 1024**2
    else:
        with pytest.raises(
            SiteFileError, match="largest_answer_mib: is 0; it must be between 1 and 1024"
        ):
            load(path)
