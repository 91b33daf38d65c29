"""What a TFLite file asks of a runtime and how fine it answers, read from the file itself."""

from functools import cache
from typing import Any


def operators(model: bytes) -> dict[str, int]:
    """The operators of a TFLite file by name, each with the highest version that it uses."""
    found: dict[str, int] = {}
    for code in _model(model).operatorCodes:
        # the byte that the first formats had ends at 127; later operators stand in the wider field
        name = _names()[max(code.builtinCode, code.deprecatedBuiltinCode)]
        found[name] = max(found.get(name, 0), code.version)
    return found


def answer_step(model: bytes) -> float | None:
    """The step in which the answers come, where they are whole numbers on a scale; None in floats."""
    table = _model(model)
    graph = table.subgraphs[0]
    for operator in graph.operators:
        name = _names()[table.operatorCodes[operator.opcodeIndex].builtinCode]
        if name == "DEQUANTIZE" and operator.outputs[0] == graph.outputs[0]:
            return float(graph.tensors[operator.inputs[0]].quantization.scale[0])
    return None


def _model(model: bytes) -> Any:
    from tensorflow.lite.python import schema_py_generated as schema  # seconds to import

    return schema.ModelT.InitFromPackedBuf(model, 0)


@cache
def _names() -> dict[int, str]:
    from tensorflow.lite.python import schema_py_generated as schema

    return {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
