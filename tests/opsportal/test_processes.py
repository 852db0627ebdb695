"""The commands that run for long, as processes of their own."""

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.fakes.slack import ALICE, APP_TOKEN, BOT_TOKEN, FakeSlack
from tests.opsportal.commands import PATIENCE, ROOT, Environment, manage, wait_until_it_answers


@pytest.fixture
def taken() -> Iterator[str]:
    """An address that another process listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        yield f"127.0.0.1:{found.getsockname()[1]}"


@pytest.mark.parametrize("command", ["bot_console", "migrate"])
def test_says_one_sentence_where_no_database_is(environment: Environment, command: str) -> None:
    with socket.socket() as held:  # bound, but nothing listens
        held.bind(("127.0.0.1", 0))
        away = f"postgres://opsportal@127.0.0.1:{held.getsockname()[1]}/opsportal"
        ended = manage(command, env=environment | {"DATABASE_URL": away})

    assert ended.returncode == 1
    said = ended.stderr.splitlines()[-1]
    assert said == "the database does not answer; try again in a few seconds"
    assert "Traceback" not in ended.stderr  # stderr also has the log, above the sentence


@pytest.mark.parametrize(
    ("command", "setting"),
    [
        ("serve", "OPSPORTAL_WEB_ADDRESS"),
        ("serve", "OPSPORTAL_GRPC_ADDRESS"),
        ("rungrpc", "OPSPORTAL_GRPC_ADDRESS"),
        ("rungrpc", "OPSPORTAL_HEALTH_ADDRESS"),
    ],
)
def test_it_says_in_one_line_which_address_is_taken(
    command: str, setting: str, environment: Environment, taken: str
) -> None:
    ended = manage(command, env=environment | {setting: taken})
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert taken in line and setting in line


def test_it_names_everything_wrong_in_the_site_file_before_it_starts(
    environment: Environment, tmp_path: Path
) -> None:
    (tmp_path / "sites.toml").write_text('[sites.a.jaeger]\nadress = "x:1"\n')
    ended = manage("serve", env=environment)
    assert ended.returncode == 1
    assert "[sites.a.jaeger] address: is missing" in ended.stderr
    assert 'adress: is not a key of this table; did you mean "address"?' in ended.stderr


@pytest.mark.parametrize(
    ("name", "value", "form"),
    [
        ("OPSPORTAL_SECRET_KEY", "short", "a random text of 50 characters or more"),
        ("OPSPORTAL_WEB_ADDRESS", "8000", "host:port, such as 127.0.0.1:8000"),
        ("OPSPORTAL_HTTPS", "maybe", "1 or 0"),
        ("OPSPORTAL_SLACK_BOT_TOKEN", "xapp-1", "a Slack token that starts with xoxb-"),
        ("OPSPORTAL_TRUSTED_PROXIES", "proxy", "addresses or networks, such as 10.0.0.0/8"),
        ("OPSPORTAL_LOG_FORMAT", "xml", "text or json"),
        ("DATABASE_URL", "mysql://x", "a URL: sqlite:///path/to/file or postgres://"),
        ("REDIS_URL", "http://x", "a URL that starts with redis:// or rediss://"),
        ("REDIS_URL", "redis://:secret@x:port/0", "a URL that starts with redis:// or rediss://"),
        ("OPSPORTAL_SMTP_URL", "smtp://u:secret@x:port", "a URL that starts with smtp://"),
        ("OPSPORTAL_GRPC_ADDRESS", "x:²", "host:port, such as 127.0.0.1:9090"),
        ("OPSPORTAL_HOSTS", "https://x", "host names without scheme, port"),
        ("OPSPORTAL_HOSTS", "x:8000", "host names without scheme, port"),
        ("OPSPORTAL_HOSTS", "*", "host names without scheme, port"),
        ("OPSPORTAL_HOSTS", "ops.example.com,*.example.com", "port or wildcards"),
        ("OPSPORTAL_CONTACT", "Olga\nor Bob", "one line of at most 200 characters"),
    ],
)
def test_it_stops_with_the_name_and_form_of_a_wrong_setting(
    name: str, value: str, form: str, environment: Environment
) -> None:
    ended = manage("check", env=environment | {name: value})
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"{name} is invalid: it must be ")
    assert form in line
    assert value not in line or name == "OPSPORTAL_WEB_ADDRESS"


def test_it_sends_no_mail_without_knowing_its_own_address(environment: Environment) -> None:
    ended = manage("check", env=environment | {"OPSPORTAL_SMTP_URL": "smtp://mail:25"})
    assert ended.returncode == 1
    assert "OPSPORTAL_PUBLIC_URL is missing: it must be set together with" in ended.stderr


def test_it_is_ready_to_be_deployed(environment: Environment) -> None:
    ended = manage("check", "--deploy", "--fail-level", "WARNING", env=environment)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("DATABASE_URL", "sqlite:////nowhere/at/all.db", "there is no folder /nowhere/at; create"),
        (
            "DATABASE_URL",
            "sqlite:////tmp/never-made.db",
            "there is no database at /tmp/never-made.db",
        ),
        (
            "DATABASE_URL",
            "postgres://ops:secret@127.0.0.1:1/ops",
            "PostgreSQL at 127.0.0.1:1, database",
        ),
        ("OPSPORTAL_GRPC_ANONYMOUS_USER", "ghost", 'is "ghost", but there is no such user; create'),
        ("OPSPORTAL_SLACK_APP_TOKEN", "xapp-1", "OPSPORTAL_SLACK_BOT_TOKEN is not; the bot needs"),
        ("OPSPORTAL_SLACK_BOT_TOKEN", "xoxb-1", "OPSPORTAL_SLACK_APP_TOKEN is not; the bot needs"),
    ],
)
def test_it_does_not_start_with_what_cannot_work(
    name: str, value: str, sentence: str, environment: Environment
) -> None:
    ended = manage("serve", env=environment | {name: value})
    assert ended.returncode == 1
    *_, line = ended.stderr.splitlines()
    assert line.startswith("CommandError: cannot start: ")
    assert sentence in line
    assert "Traceback" not in ended.stderr and "secret" not in ended.stderr


@pytest.mark.parametrize("command", ["serve", "rungrpc", "runbot"])
def test_it_does_not_start_on_a_database_without_tables(
    command: str, environment: Environment, tmp_path: Path
) -> None:
    (tmp_path / "db.sqlite3").write_bytes(b"")
    ended = manage(command, env=environment)
    assert ended.returncode == 1
    assert "cannot start: the database lacks " in ended.stderr
    assert "run: manage.py migrate" in ended.stderr.splitlines()[-1]


def test_it_starts_without_redis_and_says_that_it_is_not_ready(
    environment: Environment,
) -> None:
    environment |= {"REDIS_URL": "redis://:secret@127.0.0.1:1/0", "OPSPORTAL_HTTPS": "0"}
    command = [sys.executable, "manage.py", "serve"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE) as serving:
        address = environment["OPSPORTAL_WEB_ADDRESS"]
        wait_until_it_answers(address, serving)
        ready = httpx.get(f"http://{address}/readyz", timeout=PATIENCE)
        serving.send_signal(signal.SIGTERM)
        _, errors = serving.communicate(timeout=PATIENCE)
    assert ready.status_code == 503
    sentence = "Redis did not answer; start it, or correct REDIS_URL"
    assert ready.text == f"database: ok\nchannel layer: {sentence}\n"
    assert sentence.encode() in errors and b"secret" not in errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly_when_told(environment: Environment, number: signal.Signals) -> None:
    command = [sys.executable, "manage.py", "serve"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE) as serving:
        wait_until_it_answers(environment["OPSPORTAL_WEB_ADDRESS"], serving)
        serving.send_signal(number)
        _, errors = serving.communicate(timeout=PATIENCE)
    said = [line for line in errors.decode().splitlines() if " INFO " not in line]
    assert (serving.returncode, said) == (0, [])


async def test_runbot_ends_with_a_status_and_the_remedy_when_its_token_is_revoked(
    environment: Environment,
) -> None:
    async with FakeSlack() as slack:
        environment |= {
            "OPSPORTAL_SLACK_APP_TOKEN": APP_TOKEN,
            "OPSPORTAL_SLACK_BOT_TOKEN": BOT_TOKEN,
            "OPSPORTAL_SLACK_API_URL": slack.api_url,
        }
        running = asyncio.to_thread(manage, "runbot", env=environment)
        bot = asyncio.ensure_future(running)
        await slack.greeted(2)
        slack.refuses[BOT_TOKEN] = "token_revoked"
        await slack.mention(ALICE, "help")
        ended = await bot
    assert ended.returncode == 1
    remedy = "Slack refused OPSPORTAL_SLACK_BOT_TOKEN (token_revoked): reinstall the app"
    assert remedy in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr


LOADED = """
import asyncio, sys
import django
django.setup()
from opsportal import processes
assert "opsportal.asgi" not in sys.modules
processes.doors()
print("opsportal.asgi" in sys.modules)
"""


def test_the_dashboard_is_loaded_before_the_event_loop_runs(environment: Environment) -> None:
    environment |= {"DJANGO_SETTINGS_MODULE": "opsportal.settings"}
    ended = subprocess.run(
        [sys.executable, "-c", LOADED],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ended.stdout == "True\n"
