"""Bundles that the parent finds nothing wrong with, and what their proof says of them."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from edge.bundle import proof
from edge.bundle.bundle import Bundle, pack, unpack
from edge.errors import BundleError


def refusal(content: bytes, deadline_s: float = 60.0) -> str:
    """The sentence with which the proof is refused."""
    unpack(content, "some.canary")  # nothing is wrong with it that the parent could see
    with pytest.raises(BundleError) as caught:
        proof.check(content, "some.canary", deadline_s)
    sentence = str(caught.value)
    assert sentence.startswith("some.canary: ")
    assert sentence.isprintable()
    return sentence


def with_model(bundle: Bundle, build: Callable[[int, int], bytes]) -> bytes:
    return pack(replace(bundle, model=build(bundle.windowing.width, bundle.windowing.outputs)))
