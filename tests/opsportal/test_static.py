"""Static files: names by content, what refers to them, how they are answered."""

import gzip
import re
from typing import cast

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.test import AsyncClient

from opsportal.static import Files, Storage


def test_a_name_follows_the_content_and_that_of_everything_below_it() -> None:
    modules = {
        "a.js": b'import { b } from "./deep/b.js";',
        "deep/b.js": b'export const c = import("../c.js");',
        "c.js": b"export const one = 1;",
        "apart.js": b"export const two = 2;",
    }
    before = Files(modules)
    after = Files(modules | {"c.js": b"export const one = 11;"})

    names = {name: (before.named(name).name, after.named(name).name) for name in modules}
    assert [name for name, (one, other) in names.items() if one != other] == [
        "a.js",
        "deep/b.js",
        "c.js",
    ]
    for name, (one, _) in names.items():
        assert re.fullmatch(name.replace(".js", r"\.[0-9a-f]{12}\.js"), one)
    assert before.named("a.js").body == f'import {{ b }} from "./{names["deep/b.js"][0]}";'.encode()
    (inner,) = re.findall(r'"([^"]*)"', before.named("deep/b.js").body.decode())
    assert inner == f"../{names['c.js'][0]}"
    assert before.behind("a.js") == ["deep/b.js", "c.js"]


@pytest.mark.parametrize(
    "module",
    [
        'import"./x.js";',
        "import * as x from './x.js'",
        'export { one } from "./x.js";',
        'const { one } = await import( "./x.js" );',
        'import {\n  one,\n  two,\n} from "./x.js";',
    ],
)
def test_every_way_to_name_a_module_is_followed(module: str) -> None:
    files = Files({"a.js": module.encode(), "x.js": b""})

    assert files.behind("a.js") == ["x.js"]
    assert f"/{files.named('x.js').name}" in files.named("a.js").body.decode()


def test_a_stylesheet_names_pictures_and_holds_the_parts_that_it_imports() -> None:
    files = Files(
        {
            "css/a.css": b'@import "part.css";\na { background: url(../i/x.svg#y) }\n'
            b'b { background: url("data:image/png;base64,xyz"), url(#here) }',
            "css/part.css": b"i { background: url('../i/x.svg') }\n",
            "i/x.svg": b"<svg/>",
        }
    )

    text = files.named("css/a.css").body.decode()
    picture = files.named("i/x.svg").name
    assert text.startswith(f"i {{ background: url('../{picture}') }}\na {{")
    assert f"url(../{picture}#y)" in text
    assert 'url("data:image/png;base64,xyz"), url(#here)' in text
    assert "@import" not in text


def test_what_names_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"no static file b\.js, which a\.js refers to"):
        Files({"a.js": b'import "./b.js";'})


def test_modules_that_name_each_other_are_named() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"a\.js > b\.js > a\.js refer to each other"):
        Files({"a.js": b'import "./b.js";', "b.js": b'import "./a.js";'})


def test_every_name_in_our_own_files_is_followed() -> None:
    found = cast("Storage", staticfiles_storage).files
    for name in filter(lambda name: name.startswith("dashboard/"), found.names):
        text = found.named(name).body.decode()
        assert not re.findall(r"""["'(]\.{1,2}/[\w/-]+\.(?:js|css|svg)["')]""", text), name


async def test_a_file_is_answered_compressed_and_kept_for_good() -> None:
    address = static("dashboard/base.css")

    plain = await AsyncClient().get(address, headers={"Accept-Encoding": "identity"})
    packed = await AsyncClient().get(address, headers={"Accept-Encoding": "br, gzip"})

    assert packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert not plain.has_header("Content-Encoding")
    for answer in (plain, packed):
        assert answer["Content-Type"] == "text/css; charset=utf-8"
        assert answer["Cache-Control"] == "max-age=31536000, public, immutable"
        assert answer["Vary"] == "Accept-Encoding"
        assert int(answer["Content-Length"]) == len(answer.content)
        assert answer["X-Content-Type-Options"] == "nosniff"


async def test_a_file_of_another_release_is_answered_with_ours_for_now() -> None:
    ours = static("dashboard/waterfall.js")
    theirs = re.sub("[0-9a-f]{12}", "0" * 12, ours)

    answer = await AsyncClient().get(theirs)
    again = await AsyncClient().get(theirs, headers={"If-None-Match": answer["ETag"]})

    assert answer.content == (await AsyncClient().get(ours)).content
    assert answer["Cache-Control"] == "no-cache, public"
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "name", ["dashboard/none.css", "../settings.py", "dashboard/", "", "dashboard/../settings.py"]
)
async def test_there_is_nothing_else_below_static(name: str) -> None:
    assert (await AsyncClient().get(f"/static/{name}")).status_code == 404


async def test_a_file_is_only_read() -> None:
    address = static("dashboard/base.css")

    assert (await AsyncClient().head(address)).status_code == 200
    assert (await AsyncClient().post(address)).status_code == 404
