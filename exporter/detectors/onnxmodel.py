"""Where does a trained model come from? A folder with `model.onnx` and `model.json`.

A detector has to know its model's window before it can say what its state looks like, so the
folder is read while the configuration is, and what is wrong with it is wrong with the
configuration. The session of onnxruntime is made at first use.
"""

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import numpy as np
from annotated_types import Ge, Gt, Len
from pydantic import (
    AwareDatetime,
    PlainSerializer,
    PlainValidator,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from exporter.core.windows import Floats32
from exporter.detectors.errortail import ErrorTail
from promkit.strictyaml import StrictModel

GRAPH_FILE: Final = "model.onnx"
METADATA_FILE: Final = "model.json"
POOLED: Final = Path(__file__).parents[1] / "models" / "pooled"

BLOCK: Final = 1024
"""Windows of one run: what is made of them stays in the cache."""

ROUND_TO: Final = 16
"""Batches are filled up to a multiple of this. Libraries of linear algebra take other ways for
single rows than for blocks, with other rounding; a window's result must not depend on how many
others are judged with it."""


class Metadata(StrictModel):
    """What `model.json` says of the model beside it."""

    format: Literal[1] = 1
    """Of this file."""
    kind: Literal["lstm_autoencoder"] = "lstm_autoencoder"
    """The detector that it is for."""
    sha256: Annotated[str, Len(64, 64)]
    """Of `model.onnx`; another one is refused."""
    exporter_version: str
    """That trained it."""
    torch_version: str
    """Likewise."""
    trained_at: AwareDatetime
    """When."""
    source: str
    """Where the history came from: a query, a file."""
    data_start: AwareDatetime
    """First sample."""
    data_end: AwareDatetime
    """Last sample."""
    series: Annotated[int, Ge(1)]
    """How many there were."""
    samples: Annotated[int, Ge(1)]
    """Of all series together; missing ones do not count."""
    window: Annotated[int, Ge(8)]
    """Samples that the model reconstructs, the newest included, which it does not see."""
    hidden: Annotated[int, Ge(1)]
    """Size of the LSTM's state."""
    epochs: Annotated[int, Ge(1)]
    """Passes over the training windows."""
    training_windows: Annotated[int, Ge(1)]
    """Windows learned from in each epoch."""
    held_back_windows: Annotated[int, Ge(1)]
    """Later windows that the errors below were measured on."""
    seed: int
    """Of all that is random in the training."""
    loss: float
    """Of the last epoch."""
    error_probabilities: Annotated[tuple[Annotated[float, Gt(0)], ...], Len(2)]
    """Descending."""
    error_quantiles: Annotated[tuple[Annotated[float, Gt(0)], ...], Len(2)]
    """Errors that are exceeded with these probabilities, in root mean squares of their series'."""
    threshold: Annotated[float, Gt(0)]
    """The error at which the score is 0.6, likewise; follows from the quantiles."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        ErrorTail(self.error_probabilities, self.error_quantiles)
        return self

    def error_tail(self) -> ErrorTail:
        """Return how rare an error of the model is."""
        return ErrorTail(self.error_probabilities, self.error_quantiles)


@dataclass(frozen=True)
class TrainedModel:
    """A model in memory; equal to any other of the same content.

    Parameters
    ----------
    digest : SHA-256 of graph and metadata
    metadata : content of model.json
    graph : content of model.onnx
    """

    digest: str
    metadata: Metadata = field(compare=False, repr=False)
    graph: bytes = field(compare=False, repr=False)

    @classmethod
    def of(cls, metadata: Metadata, graph: bytes) -> Self:
        """Return a model with its digest."""
        text = metadata.model_dump_json().encode()
        return cls(hashlib.sha256(graph + text).hexdigest(), metadata, graph)

    @property
    def past(self) -> int:
        """Samples of a window that the model sees."""
        return self.metadata.window - 1


def predict(graph: bytes, past: Floats32) -> Floats32:
    """Return the newest samples as a model expects them, float32 [N].

    Parameters
    ----------
    graph : as `anomaly-exporter train` writes it
    past : float32 [N, W - 1], windows without their newest sample, normalised

    Raises
    ------
    ValueError
        The graph is of another kind.
    """
    found = np.empty(len(past), dtype=np.float32)
    for start in range(0, len(past), BLOCK):
        block = past[start : start + BLOCK]
        padded = np.zeros((-(-len(block) // ROUND_TO) * ROUND_TO, past.shape[1]), dtype=np.float32)
        padded[: len(block)] = block
        try:
            (newest,) = _session(graph).run(None, {"past": padded})
        except Exception as error:  # the classes that onnxruntime raises have no other base
            raise ValueError(f"onnxruntime refuses the model: {error}") from error
        found[start : start + BLOCK] = newest[: len(block)]
    return found


@lru_cache(maxsize=16)
def _session(graph: bytes) -> Any:
    """Return the session of a graph; one thread, because the exporter's own threads run them."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what is wrong is raised; its log would go to standard error
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def read_model(folder: Path) -> TrainedModel:
    """Read the model in a folder.

    Raises
    ------
    ValueError
        A file is missing or damaged, or the two do not belong together; the message says which.
    """
    advice = "train it again with `anomaly-exporter train`, or leave the key out"
    try:
        graph = (folder / GRAPH_FILE).read_bytes()
        text = (folder / METADATA_FILE).read_bytes()
        metadata = Metadata.model_validate_json(text, strict=True)
    except OSError as error:
        raise ValueError(f"{error.filename} cannot be read: {error.strerror}; {advice}") from error
    except ValidationError as error:
        what = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:3])
        raise ValueError(f"{folder / METADATA_FILE} is damaged: {what}; {advice}") from error
    found = hashlib.sha256(graph).hexdigest()
    if found != metadata.sha256:
        raise ValueError(
            f"{folder / GRAPH_FILE} has the SHA-256 {found[:12]}…, but {METADATA_FILE} beside it "
            f"was written for {metadata.sha256[:12]}…; {advice}"
        )
    return TrainedModel.of(metadata, graph)


@lru_cache(maxsize=1)
def pooled_model() -> TrainedModel:
    """Return the model that ships with the exporter."""
    return read_model(POOLED)


def _from_config(value: Any, info: ValidationInfo) -> TrainedModel:
    if isinstance(value, TrainedModel):
        return value
    if not isinstance(value, str):
        raise ValueError(f"found {value!r}; allowed: the path of a folder")
    model = read_model((info.context or {}).get("folder", Path()) / value)
    predict(model.graph, np.zeros((1, model.past), dtype=np.float32))  # another kind is refused
    return model


ModelFolder = Annotated[
    TrainedModel,
    PlainValidator(_from_config, json_schema_input_type=str),
    # What a query has learned depends on the model's content, wherever it lies.
    PlainSerializer(lambda model: model.digest, return_type=str),
]
"""In a configuration the path of a model's folder, relative to the file's own."""
