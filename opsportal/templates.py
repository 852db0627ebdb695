"""Templates as of the start of the process.

Django's own loaders read a template when it is first used, so a process whose checkout was
updated would mix the templates of two releases.
"""

from pathlib import Path

from django.template import Engine, Origin, TemplateDoesNotExist
from django.template.loaders import filesystem
from django.template.utils import get_app_template_dirs


class Loader(filesystem.Loader):
    """Reads every template of the project and its apps when it is created."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._texts = {
            str(path): path.read_text(encoding="utf-8")
            for directory in self.get_dirs()
            for path in Path(directory).rglob("*")
            if path.is_file()
        }

    def get_dirs(self) -> list[str | Path]:
        return [*self.engine.dirs, *get_app_template_dirs("templates")]

    def get_contents(self, origin: Origin) -> str:
        try:
            return self._texts[origin.name]
        except KeyError:
            raise TemplateDoesNotExist(origin.name) from None
