"""OTEL_TRACES_SAMPLER_ARG, however it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opsportal_sampler.options import Options, read_options

SECRET = "s3cret"


def test_it_reads_every_option() -> None:
    argument = (
        "opamp=https://[::1]:4320/v1/opamp, pollingIntervalMs=2000,initialSamplingRate=0.5,"
        "header=X-Api-Key: abc=,service=shop,instance=shop-1,configKey=vendor"
    )
    options = read_options(argument, {})
    assert str(options.opamp) == "https://[::1]:4320/v1/opamp"
    assert (options.interval, options.initial_rate) == (2.0, 0.5)
    assert options.header == ("X-Api-Key", "abc=")
    assert (options.service, options.instance, options.config_key) == ("shop", "shop-1", "vendor")
    assert options.endpoint is None


@pytest.mark.parametrize("argument", [None, "", ",,"])
def test_it_asks_on_this_machine_by_default(
    argument: object, caplog: pytest.LogCaptureFixture
) -> None:
    assert str(read_options(argument, {}).endpoint) == "http://localhost:5778"
    assert not caplog.records


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("pollingIntervalMs=", "pollingIntervalMs must be a number from 100 to 86400000"),
        ("pollingIntervalMs=99", "pollingIntervalMs must be a number"),
        ("initialSamplingRate=nan", "initialSamplingRate must be a number from 0 to 1"),
        ("initialSamplingRate=1.5", "initialSamplingRate must be a number"),
        ("rate=1", "rate is not an option"),
        ("often", "part 1 is not an option"),
        ("service=", "service must not be empty"),
        ("header=abc", "header must be a header such as X-Api-Key: abc"),
        ("header=X-Key: \N{EURO SIGN}", "header must be a header"),
        ("opamp=h:4320", "opamp must be an address such as"),
        ("opamp=http://h:99999", "opamp must be an address such as"),
        ("opamp=http://user@h", "without a user; set OPSPORTAL_SAMPLER_KEY or header="),
        ("opamp=http://h:4320/", "endpoint does not apply beside opamp"),
    ],
)
def test_it_names_what_is_wrong_and_goes_on_with_the_rest(
    caplog: pytest.LogCaptureFixture, wrong: str, says: str
) -> None:
    options = read_options(f"{wrong},endpoint=http://h:5778,instance=shop-1", {})
    assert str(options.endpoint) == "http://h:5778"
    assert options.instance == "shop-1"
    [record] = caplog.records
    assert says in record.getMessage()


def test_a_wrong_address_is_not_replaced_by_another(caplog: pytest.LogCaptureFixture) -> None:
    assert read_options("endpoint=ftp://h", {}).endpoint is None
    assert "endpoint must be an address" in caplog.text


@pytest.mark.parametrize(
    ("argument", "key"),
    [
        ("endpoint=http://h", SECRET),
        ("often", SECRET),
        ("endpoint=http://h", SECRET + "\n"),
        (f"header=X-Key\n: {SECRET}", ""),
        (f"header=Authorization: Bearer {SECRET}", ""),
        (f"endpoint=http://user:{SECRET}@h", ""),
        (f"header=X-Key: a,{SECRET}", ""),
    ],
)
def test_a_key_is_never_shown(argument: str, key: str, caplog: pytest.LogCaptureFixture) -> None:
    options = read_options(argument, {"OPSPORTAL_SAMPLER_KEY": key})
    assert SECRET not in caplog.text
    assert SECRET not in repr(options)


def test_a_key_is_a_bearer_unless_a_header_is_given() -> None:
    environment = {"OPSPORTAL_SAMPLER_KEY": SECRET}
    assert read_options("", environment).header == ("Authorization", f"Bearer {SECRET}")
    assert read_options("header=X-Key: a", environment).header == ("X-Key", "a")


PARTS = st.tuples(
    st.sampled_from(["endpoint", "header", "service", "pollingIntervalMs"]), st.text()
)


@given(st.text() | st.lists(PARTS.map("=".join)).map(",".join))
def test_nothing_raises(argument: str) -> None:
    assert isinstance(read_options(argument, {}), Options)
