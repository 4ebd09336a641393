"""Methods by name: built-in, of installed packages, and from files."""

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
import torch

from methods import registry
from methods.base import Method
from methods.encoder import EncoderSpec
from methods.errors import MethodError

OWN = '''
from dataclasses import dataclass
from methods.base import Method, MethodOutput
from methods.registry import register

@register("{name}", version=3)
class Own(Method):
    """A user's own method."""
    summary = "says {name}"

    @dataclass(frozen=True)
    class Options:
        margin: float = 0.5
        steps: int = 2
        soft: bool = False

    def __init__(self, encoder, options=None):
        super().__init__(encoder, options)
        self.encoder = encoder.build()

    def forward(self, frames):
        return MethodOutput(self.encoder(frames[:, 0]).square().mean(1) * self.options.margin)
'''

REGISTER = """
from methods.registry import register
@register("own", version=1)
"""


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Removes what a test registers."""
    registry.describe()  # built-in modules are imported once in a process, and must stay registered
    before = set(sys.modules)
    registry.METHODS.refresh()
    yield
    registry.METHODS.refresh()
    for name in set(sys.modules) - before:
        if name.startswith(("fabbench_file_", "fabbench_plugin")):
            del sys.modules[name]  # which also removes what it registered


def write(folder: Path, name: str, file: str = "own.py", body: str = OWN) -> Path:
    path = folder / file
    path.write_text(body.replace("{name}", name))
    return path


def add_entry_points(monkeypatch: pytest.MonkeyPatch, *entries: tuple[str, str]) -> None:
    group = registry.METHODS.group
    points = [EntryPoint(name, module, group) for name, module in entries]
    monkeypatch.setattr("plugins.registry.entry_points", lambda group: points if group == points[0].group else [])
    registry.METHODS.refresh()


def test_built_in_methods_are_listed() -> None:
    built_in = {"autoencoder", "fabnet", "mean", "pixels", "random", "rotation", "split_brain", "supervised"}
    assert built_in <= set(registry.names())
    for info in registry.describe():
        assert info.name == registry.get(info.name).name
    assert registry.info(registry.get("random")).origin == "built in (methods/random_encoder.py)"


def test_listing_imports_no_torch() -> None:
    code = "import sys; from methods import registry; registry.names(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(MethodError, match=r"unknown method 'fabnett'; did you mean 'fabnet'\? known: auto"):
        registry.get("fabnett")


def test_file_of_a_user_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, "own")
    monkeypatch.chdir(tmp_path)
    method = registry.get("./own.py")
    assert (method.name, method.version) == ("own", 3)
    assert registry.info(method).origin == str(path)
    assert registry.get(str(path)) is method, "a file is loaded once, however its path is written"
    assert registry.get("own") is method
    assert "own" in registry.names()
    method(EncoderSpec(16, 2, 4))(torch.rand(2, 1, 3, 16, 16)).losses.sum().backward()


def test_files_with_the_same_name_are_different_modules(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = registry.get(str(write(tmp_path / "a", "first")))
    second = registry.get(str(write(tmp_path / "b", "second")))
    assert (first.name, second.name) == ("first", "second")


def test_built_in_name_cannot_be_taken_by_a_file(tmp_path: Path) -> None:
    path = write(tmp_path, "fabnet")
    with pytest.raises(MethodError) as error:
        registry.get(str(path))
    assert "'fabnet' is registered twice" in str(error.value)
    assert "methods/fabnet.py" in str(error.value)
    assert str(path) in str(error.value)
    assert registry.get("fabnet").__module__ == "methods.fabnet"


def test_two_files_cannot_register_the_same_name(tmp_path: Path) -> None:
    first, second = write(tmp_path, "own", "a.py"), write(tmp_path, "own", "b.py")
    registry.get(str(first))
    with pytest.raises(MethodError) as error:
        registry.get(str(second))
    assert str(first) in str(error.value)
    assert str(second) in str(error.value)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "it registers none"),
        ("import no_such_module_at_all", "ModuleNotFoundError: No module named 'no_such_module_at_all'"),
        ("def f(:", r"SyntaxError.*line 1"),
        (OWN + OWN.replace("{name}", "other"), "it registers own, other"),
        (OWN.replace("{name}", "No Spaces"), "use up to 64 lower case letters"),
        ("raise ValueError('a\\nb')", "line 1, cannot be loaded: ValueError: a$"),
        ("raise SystemExit(0)", "line 1, cannot be loaded: SystemExit: 0$"),
        ("raise BaseException('x')", "line 1, cannot be loaded: BaseException: x$"),
        (REGISTER + "class Own: pass", r"own\.py: Own is registered as a method; make it a subclass of methods.base"),
        (REGISTER + "def own(): pass", r"own\.py: own is registered as a method; make it a subclass"),
        (OWN.replace("version=3", "version='x'"), r"own\.py: Own: version='x' must be an int"),
        (OWN.replace("summary =", "kind ="), r"own\.py: Own: kind='says own' must be one of method, floor"),
        (OWN.replace("summary =", "Options = 3; summary =").replace("class Options", "class Other"), "be a dataclass"),
        (OWN.replace("margin: float = 0.5", "margin: float"), r"own\.py: Own: every field of Options needs a default"),
        (OWN.replace("def forward", "def forwrd"), r"own\.py: Own has no `forward`, so it cannot be trained"),
    ],
)
def test_error_in_a_file_is_one_line(tmp_path: Path, body: str, message: str) -> None:
    path = write(tmp_path, "own", body=body)
    with pytest.raises(MethodError, match=message) as error:
        registry.get(str(path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("summary =", "frames =", r"own\.py: Own: frames='says own' must be an int of 1 or more"),
        ("summary =", "frames = 0; summary =", r"own\.py: Own: frames=0 must be an int of 1 or more"),
        ("summary =", "frames = 1.5; summary =", r"own\.py: Own: frames=1\.5 must be an int of 1 or more"),
        ("self.encoder = encoder.build()", "pass", r"own\.py: Own has no `encoder`; set self\.encoder in __init__"),
        ("self.encoder = ", "raise SystemExit(0); ", "own cannot be built: SystemExit: 0$"),
        ("self.encoder = ", "raise ValueError('a\\nb'); ", "own cannot be built: ValueError: a$"),
    ],
)
def test_method_that_its_constructor_leaves_invalid_is_refused(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    method = registry.get(str(write(tmp_path, "own", body=OWN.replace(old, new))))
    with pytest.raises(MethodError, match=message):
        registry.outline(method, EncoderSpec(16, 2, 4), {})


def test_corrected_file_loads(tmp_path: Path) -> None:
    path = write(tmp_path, "own", body=OWN + "\n1 / 0\n")
    with pytest.raises(MethodError, match=r"own.py, line \d+, cannot be loaded: ZeroDivisionError"):
        registry.get(str(path))
    assert "own" not in registry.names()
    write(tmp_path, "own")
    assert registry.get(str(path)).name == "own"


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MethodError, match="no such file: /"):
        registry.get(str(tmp_path / "absent.py"))


def test_method_of_an_installed_package_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "plugged", "fabbench_plugin.py")
    monkeypatch.syspath_prepend(tmp_path)
    add_entry_points(monkeypatch, ("plugged", "fabbench_plugin"))
    assert "plugged" in registry.names()
    assert "fabbench_plugin" not in sys.modules, "listing should import nothing"
    method = registry.get("plugged")
    assert registry.info(method).origin == "package fabbench_plugin (fabbench_plugin)"


def test_built_in_name_cannot_be_taken_by_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    add_entry_points(monkeypatch, ("fabnet", "fabbench_plugin"))
    with pytest.raises(MethodError, match=r"by built in \(methods/fabnet.py\) and by package fabbench_plugin"):
        registry.names()


def test_broken_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    add_entry_points(monkeypatch, ("plugged", "fabbench_plugin_absent"))
    with pytest.raises(MethodError, match=r"package fabbench_plugin_absent .* cannot be imported"):
        registry.get("plugged")
    write(tmp_path, "other", "fabbench_plugin_other.py")
    add_entry_points(monkeypatch, ("plugged", "fabbench_plugin_other"))
    with pytest.raises(MethodError, match="does not register the method 'plugged' that it announces"):
        registry.get("plugged")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"margni": 1}, "own has no option 'margni'; did you mean 'margin'[?] known: margin, soft, steps"),
        ({"margin": "0.1"}, "option 'margin' must be float, not '0.1'"),
        ({"steps": 2.5}, "option 'steps' must be int, not 2.5"),
        ({"steps": True}, "option 'steps' must be int, not True"),
        ({"soft": 1}, "option 'soft' must be bool, not 1"),
    ],
)
def test_options_are_checked(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    method = registry.get(str(write(tmp_path, "own")))
    with pytest.raises(MethodError, match=message):
        method(EncoderSpec(16, 2, 4), options)


def test_options_are_given_to_the_method(tmp_path: Path) -> None:
    method: Method = registry.get(str(write(tmp_path, "own")))(EncoderSpec(16, 2, 4), {"margin": 2})
    assert (method.options.margin, method.options.steps) == (2, 2)
