import shutil
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
import slack_workspace
strangers = {"tests", "bot", "ops", "opsportal", "django", "slack_sdk"} & set(sys.modules)
sys.exit(f"it takes {strangers}" if strangers else 0)
"""


def test_its_folder_can_be_copied_into_another_project(tmp_path: Path) -> None:
    names = shutil.ignore_patterns("test_*", "__pycache__")
    shutil.copytree(Path(__file__).parent, tmp_path / "slack_workspace", ignore=names)
    subprocess.run([sys.executable, "-c", PROGRAM], cwd=tmp_path, check=True)
