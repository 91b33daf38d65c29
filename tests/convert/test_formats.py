"""Each export format: the same bytes each time, the model that was trained, or a refusal with numbers."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("tensorflow", reason="needs picanary[train]")

from convert import verify
from convert.__main__ import main
from convert.conversion import export
from convert.flatbuffer import answer_step, operators
from convert.tflite import FORMATS
from convert.verify import Flags, agree, compare, compare_rounded, tolerance
from edge.bundle.bundle import load
from edge.bundle.keys import generate, read_public, write_pair
from edge.bundle.proof import prove
from edge.detection.network import Network
from edge.detection.window import Inputs
from edge.errors import BundleError
from trainer.architectures import ARCHITECTURES
from trainer.fit import KerasNetwork
from trainer.run import Run

Exported = Callable[[str], bytes]
Bundled = Callable[[str], Path]
QUANTISED = [form for form in FORMATS if form != "float32"]


@pytest.mark.parametrize("form", FORMATS)
def test_exporting_twice_gives_the_same_bytes(form: str, exported: Exported, bundled: Bundled) -> None:
    assert load(bundled(form)).model == exported(form)


@pytest.mark.parametrize("form", FORMATS)
def test_a_format_answers_nearly_as_the_trained_model_does(
    form: str, exported: Exported, day_run: Run, windows: Inputs
) -> None:
    some = windows[::20]
    windowing = day_run.habits.windowing
    ours = Network(exported(form), windowing.width, windowing.outputs).answer(some)
    theirs = KerasNetwork(day_run.model).answer(some)
    assert ours.dtype == np.float32
    # against how much the answers vary by themselves
    assert np.all(np.mean(abs(ours - theirs), axis=0) < 0.25 * theirs.std(axis=0))


@pytest.mark.parametrize("form", QUANTISED)
def test_a_quantised_file_is_smaller(form: str, exported: Exported) -> None:
    assert len(exported(form)) < 0.85 * len(exported("float32"))


def test_only_int8_answers_in_steps(exported: Exported) -> None:
    steps = {form: answer_step(exported(form)) for form in FORMATS}
    assert [form for form, step in steps.items() if step is not None] == ["int8"]
    assert tolerance("int8", exported("int8")) == verify.STEPS * (steps["int8"] or np.nan)


def test_the_step_that_is_read_is_the_step_of_the_answers(
    exported: Exported, day_run: Run, windows: Inputs
) -> None:
    windowing = day_run.habits.windowing
    answers = Network(exported("int8"), windowing.width, windowing.outputs).answer(windows[::100])
    step = answer_step(exported("int8"))
    assert step is not None
    np.testing.assert_allclose(answers / step, np.round(answers / step), atol=1e-3)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("architecture", [name for name in ARCHITECTURES if name != "masked"])
def test_every_architecture_exports_to_every_format(
    architecture: str, form: str, day_run: Run, windows: Inputs
) -> None:
    windowing = day_run.habits.windowing.with_shapes(() if architecture == "dense" else ("strange",))
    model = FORMATS[form](ARCHITECTURES[architecture](windowing), windows[::100])
    assert np.all(np.isfinite(Network(model, windowing.width, windowing.outputs).answer(windows[:10])))


@pytest.mark.parametrize("form", FORMATS)
def test_a_bundle_of_each_format_is_proven_by_the_edge(form: str, bundled: Bundled) -> None:
    bundle = load(bundled(form))
    assert bundle.about["format"] == form
    assert bundle.golden["tolerance"] == tolerance(form, bundle.model)
    assert prove(bundled(form).read_bytes(), form).difference < 1e-6  # in the very runtime that made it


@pytest.mark.parametrize("form", FORMATS)
def test_the_tolerance_covers_other_kernels_and_the_last_bits(
    form: str, exported: Exported, windows: Inputs
) -> None:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    def answers(inputs: Inputs, kernels: OpResolverType) -> Inputs:
        interpreter = Interpreter(
            model_content=exported(form), experimental_op_resolver_type=kernels, num_threads=1
        )
        entry = interpreter.get_input_details()[0]["index"]
        interpreter.resize_tensor_input(entry, [1, inputs.shape[1]])
        interpreter.allocate_tensors()
        rows = []
        for row in inputs:
            interpreter.set_tensor(entry, row[None])
            interpreter.invoke()
            rows.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0])
        return np.array(rows)

    some = windows[::30]
    plain = answers(some, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
    nudge = np.random.default_rng(0).choice(np.float32([1 - 1e-6, 1 + 1e-6]), some.shape)
    others = [
        answers(some, OpResolverType.BUILTIN_REF),
        answers(some * nudge, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES),
    ]
    assert max(float(np.max(abs(other - plain))) for other in others) <= tolerance(form, exported(form))


def test_the_user_is_told_how_a_quantised_export_differs(
    day: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(day), "--format", "float16", "--out", str(tmp_path / "b.canary")]) == 0
    said = capsys.readouterr().out
    difference = re.search(r"largest difference (\S+)", said)
    share = re.search(
        r"flags +(\S+)% of 4320 readings have the trained model's, (\d+) alarms against (\d+)", said
    )
    assert difference is not None
    assert share is not None
    assert verify.TOLERANCE < float(difference[1]) < 0.05
    assert float(share[1]) > 99.9
    assert share[2] == share[3] != "0"


def test_a_quantised_export_that_judges_otherwise_is_refused_with_numbers(
    day: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(verify, "MOST_AWAY", 100.0)  # so that the flags alone refuse it

    def excited(model: Any, inputs: Inputs) -> bytes:
        recogniser = model.get_layer("recogniser")
        *rest, odds = recogniser.get_weights()
        recogniser.set_weights([*rest, odds + 6.0])
        return FORMATS["float32"](model, inputs)

    monkeypatch.setitem(FORMATS, "int8", excited)
    # the model that it is compared with stays as it was trained
    monkeypatch.setattr("convert.conversion.export", _of_a_copy(export))
    assert main([str(day), "--format", "int8", "--out", str(tmp_path / "b.canary")]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "the int8 export judges otherwise than the trained model: " in said
    assert "of 4320 readings are flagged by one of the two alone, 1% is allowed" in said
    assert not (tmp_path / "b.canary").exists()


def _of_a_copy(export: Callable[..., Any]) -> Callable[..., Any]:
    from dataclasses import replace

    import keras

    def of_a_copy(run: Run, form: str, inputs: Inputs) -> Any:
        copy = keras.models.clone_model(run.model)
        copy.set_weights(run.model.get_weights())
        return export(replace(run, model=copy), form, inputs)

    return of_a_copy


class Fixed:
    """A network that gives these answers (n, outputs) whatever it is asked."""

    def __init__(self, answers: Inputs) -> None:
        self._answers = answers

    def answer(self, inputs: Inputs) -> Inputs:
        assert len(inputs) == len(self._answers)
        return self._answers


def test_answers_that_are_no_numbers_are_refused_in_every_format() -> None:
    broken, inputs = Fixed(np.full((3, 2), np.nan, np.float32)), np.zeros((3, 4), np.float32)
    with pytest.raises(BundleError, match="difference nan at window 0 of 3"):
        compare(broken, broken, inputs)
    with pytest.raises(BundleError, match=r"the int8 export answers otherwise .* off by nan"):
        compare_rounded("int8", broken, Fixed(np.ones((3, 2), np.float32)), inputs)


def test_a_quantised_model_that_tells_nothing_is_refused_with_numbers() -> None:
    wave = np.sin(np.arange(100, dtype=np.float32))
    trained, inputs = Fixed(np.stack([wave, 3 * wave], axis=1)), np.zeros((100, 4), np.float32)
    rounded = Fixed(np.round(trained.answer(inputs) * 8) / 8)
    assert 0.05 < compare_rounded("int8", rounded, trained, inputs) <= 1 / 16
    silent = Fixed(trained.answer(inputs) * np.float32([1, 0]))
    with pytest.raises(
        BundleError, match=r"answer 1 of 2 is off by 1\.9 on average and varies by 2\.2 itself"
    ):
        compare_rounded("int8", silent, trained, inputs)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=400))
def test_agreement_counts_what_one_of_the_two_flags_alone(pairs: list[tuple[bool, bool]]) -> None:
    ours, theirs = (np.array(column) for column in zip(*pairs, strict=True))
    agreement = agree(Flags(ours, 1), Flags(theirs, 2))
    assert agreement.otherwise == len([pair for pair in pairs if pair in ((True, False), (False, True))])
    assert agreement.holds == (agreement.share >= 0.99)
    assert (agreement.alarms, agreement.trained_alarms) == (1, 2)


def test_a_bundle_is_signed_with_the_key_that_is_named(
    day: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    private, public = write_pair(tmp_path / "mine", generate())
    out = tmp_path / "b.canary"
    assert main([str(day), "--out", str(out), "--key", str(private)]) == 0
    assert "signed" in capsys.readouterr().out
    load(out, [read_public(public)])
    with pytest.raises(BundleError, match="signed by nobody"):
        load(out, [generate().public_key()])


def test_a_key_that_is_not_there_is_one_sentence(
    day: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(day), "--out", str(tmp_path / "b"), "--key", str(tmp_path / "no.key")]) == 2
    assert "no.key" in capsys.readouterr().err


def test_an_unknown_format_is_refused_with_those_that_there_are(
    day: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([str(day), "--format", "int4"])
    said = capsys.readouterr().err
    assert all(form in said for form in FORMATS)


def test_the_operators_of_a_file_are_read_with_their_versions(exported: Exported) -> None:
    assert operators(exported("float32"))["FULLY_CONNECTED"] == 1
    assert operators(exported("dynamic-range"))["FULLY_CONNECTED"] == 9
    assert "DEQUANTIZE" in operators(exported("float16"))
