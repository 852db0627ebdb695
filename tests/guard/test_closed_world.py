import ast
import importlib
import inspect
import pkgutil
from pathlib import Path
from types import ModuleType

import pytest

import ops
from ops.actor import Actor
from ops.audit.models import AuditEntry
from ops.database import in_database
from ops.errors import NotPermitted
from ops.guard import ACTIONS

ROOT = Path(__file__).parent.parent.parent
# What a door offers only as a part of another action: the overview, or a trace's "at that time".
WITHIN_OTHERS = {
    "acknowledgements.list_acknowledgements",
    "alerts.alerts_during",
    "alerts.list_by_name",
    "alerts.list_changes",
    "requests.ask_approval",
    "requests.list_for_approval",
    "requests.refuse",
    "requests.withdraw",
    "sampling.adopt_file",
    "sampling.correct",
    "sampling.policy_at",
    "sampling.timed_now",
    "silences.list_past",
    "versions.list_histories",
}


def action_modules() -> list[ModuleType]:
    names = [module.name for module in pkgutil.walk_packages(ops.__path__, "ops.")]
    return [importlib.import_module(name) for name in names if name.endswith(".actions")]


def public_functions(module: ModuleType) -> list[str]:
    return [
        name
        for name, value in vars(module).items()
        if inspect.isfunction(value)
        and value.__module__ == module.__name__
        and not name.startswith("_")
    ]


def test_it_knows_the_services() -> None:
    rooms = {module.__name__.split(".")[1] for module in action_modules()}
    assert rooms >= {"traces", "alerts", "versions", "sampling", "overview", "accounts"}


@pytest.mark.parametrize("module", action_modules(), ids=lambda module: module.__name__)
def test_it_registers_every_public_function_of_an_actions_module(module: ModuleType) -> None:
    registered = {action.run for action in ACTIONS.values()}
    for name in public_functions(module):
        function = getattr(module, name)
        assert function in registered, f"{module.__name__}.{name} has no @action or @write"
        room = module.__name__.split(".")[1]
        assert ACTIONS[f"{room}.{name}"].run is function


def used_at_doors() -> set[str]:
    """Every name that a door imports, or takes from a module that it imports."""
    found = set()
    for folder in ("bot", "ops/rpc", "opsportal"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom):
                    found |= {alias.name for alias in node.names}
                elif isinstance(node, ast.Attribute):
                    found.add(node.attr)
    return found


def test_every_action_is_offered_at_a_door() -> None:
    used = used_at_doors()
    offered = {name for name in ACTIONS if name.rpartition(".")[2] in used}
    assert {*ACTIONS} - offered == WITHIN_OTHERS


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", sorted(ACTIONS))
async def test_it_refuses_a_stranger_everything_and_records_it(name: str, stranger: Actor) -> None:
    run = ACTIONS[name].run
    with pytest.raises(NotPermitted):
        await (run(stranger) if inspect.iscoroutinefunction(run) else in_database(run, stranger))
    entry = await in_database(AuditEntry.objects.get)
    assert (entry.action, entry.outcome) == (name, "denied")
