"""Dependencies of the methods: torch and kornia, and an extra for each format of pretrained networks."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import methods

FILES = sorted(Path(methods.__file__).parent.glob("*.py"))
ALLOWED = {"torch", "kornia", "methods", "plugins"} | set(sys.stdlib_module_names)
OPTIONAL = {
    "hf_model.py": {"transformers"},
    "onnx_model.py": {"onnx", "onnxruntime"},
    "timm_model.py": {"timm"},
}  # extras


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_imports_only_torch_and_kornia(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported = [node.module or ""]
        else:
            continue
        assert {name.partition(".")[0] for name in imported} <= ALLOWED | OPTIONAL.get(path.name, set())


def test_building_a_method_imports_nothing_else() -> None:
    code = """
import sys
from methods.encoder import EncoderSpec
from methods.registry import describe, get
get("fabnet")(EncoderSpec())
describe()
heavy = {"hydra", "omegaconf", "submitit", "pandas", "sklearn", "pyarrow", "av", "matplotlib", "rich",
         "benchmark", "probes", "slurm", "transformers", "onnxruntime", "timm"}
imported = heavy & {name.partition(".")[0] for name in sys.modules}
assert not imported, imported
"""
    subprocess.run([sys.executable, "-c", code], check=True)
