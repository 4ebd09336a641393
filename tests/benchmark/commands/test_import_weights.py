"""`fabbench import`: the row that a file of released weights becomes."""

from pathlib import Path

from tests.benchmark import released
from tests.benchmark.tiny import call, refused


def test_the_row_is_named_with_its_method_and_size(tmp_path: Path) -> None:
    model, probe = released.fabnet()
    released.save_fabnet(tmp_path / "300w.pt", model, probe)
    imported = f"imported={tmp_path / 'imported'}"
    printed = call("import", str(tmp_path / "300w.pt"), imported)
    assert printed.code == 0, printed.err
    first, second = printed.out.splitlines()
    assert first.startswith(f"{tmp_path / 'imported' / 'fabnet-released'}: fabnet, ")
    assert first.endswith("and a probe of 136 outputs")
    assert second == "a row of any benchmark: fabbench run methods=...,fabnet-released"
    assert "methods=...,mine" in call("import", str(tmp_path / "300w.pt"), imported, "--as", "mine").out
    assert "  mine " in call("methods", imported).out
    line = refused(2, "import", str(tmp_path / "300w.pt"), imported, "--option", "sorces=3")
    assert "fabnet has no option 'sorces'" in line
