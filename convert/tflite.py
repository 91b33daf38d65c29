"""Keras to TFLite bytes; one function a format."""

from trainer.export import float32

FORMATS = {"float32": float32}
