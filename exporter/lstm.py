"""How is the LSTM autoencoder trained, and what does it look like as an ONNX graph?

The only module that imports PyTorch and onnx, both from the extra `train`; it is imported by
`exporter.training` when there is something to train.

The encoder reads all samples of a window but the newest. The decoder starts from the encoder's
last state and reconstructs the window backwards, so its first output is the sample that was
withheld, and serving needs only that one step. Every output is a distance from the last sample
that was seen. The graph is written operator by operator: `torch.onnx.export` needs the package
onnx as well, its new form onnxscript too and 11 s, and its old form is deprecated.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from exporter.core.windows import FARTHEST, Floats32

BATCH: Final = 256
LEARNING_RATE: Final = 1.5e-2  # 8e-3 and 2e-2 learn no better within a cycle of 12 epochs
NEWEST_SHARE: Final = 0.7  # of the loss; the rest is for the other samples of the window
OPSET: Final = 17
IR_VERSION: Final = 8  # of ONNX 1.12, which every onnxruntime since 1.12 reads


class Progress(NamedTuple):
    """Where a training is.

    Parameters
    ----------
    epoch, epochs : the epoch that has ended, and how many there will be
    loss : its mean
    """

    epoch: int
    epochs: int
    loss: float


class Network:
    """Encoder, decoder and output layer."""

    def __init__(self, hidden: int) -> None:
        self.encoder = nn.LSTM(1, hidden)
        self.decoder = nn.LSTM(hidden, hidden)
        self.output = nn.Linear(hidden, 1)
        self.parts = nn.ModuleList([self.encoder, self.decoder, self.output])

    def reconstruct(self, past: Any, samples: int) -> Any:
        """Return the last `samples` of each window [N, samples], the newest first.

        past : tensor [N, W - 1]
        """
        _, (state, cell) = self.encoder(past.t().unsqueeze(-1))
        steps, _ = self.decoder(state.expand(samples, -1, -1), (state, cell))
        return past[:, -1:] + self.output(steps)[:, :, 0].t()


def fit(
    windows: Floats32,
    *,
    hidden: int,
    epochs: int,
    seed: int,
    progress: Callable[[Progress], None],
) -> tuple[bytes, float]:
    """Train on windows and return the ONNX graph and the last epoch's loss.

    Parameters
    ----------
    windows : float32 [N, W], normalised; the last column is the sample to be predicted
    hidden : size of the LSTM's state
    epochs : passes over all windows
    seed : of first weights and order; one thread, so that the same seed gives the same model
    progress : is told after each epoch
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = Network(hidden)
            loss = _optimise(network, windows, epochs, progress)
    finally:
        torch.set_num_threads(threads)
    return graph_of(network, windows.shape[1] - 1), loss


def _optimise(
    network: Network, windows: Floats32, epochs: int, progress: Callable[[Progress], None]
) -> float:
    # The targets are cut as the inputs are: what no window can tell must not steer the training.
    data = torch.from_numpy(np.clip(windows, -FARTHEST, FARTHEST))
    batches = -(-len(data) // BATCH)
    optimiser = torch.optim.Adam(network.parts.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=LEARNING_RATE, total_steps=epochs * batches
    )
    mean = 0.0
    for epoch in range(1, epochs + 1):
        total = 0.0
        for chosen in torch.randperm(len(data)).split(BATCH):
            window = data[chosen]
            optimiser.zero_grad(set_to_none=True)
            backwards = network.reconstruct(window[:, :-1], window.shape[1])
            # Absolute, since squares would only count the series that nobody can predict.
            gap = (backwards - window.flip(1)).abs()
            loss = NEWEST_SHARE * gap[:, 0].mean() + (1 - NEWEST_SHARE) * gap[:, 1:].mean()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parts.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            total += float(loss.detach()) * len(chosen)
        mean = total / len(data)
        progress(Progress(epoch, epochs, mean))
    return mean


def graph_of(network: Network, past: int) -> bytes:
    """Return a serialised graph: `past` float32 [N, W - 1] to `newest` float32 [N], for any N."""
    hidden = network.decoder.hidden_size
    constants = {
        "features": np.array([2], dtype=np.int64),
        "first": np.array([0], dtype=np.int64),
        "last": np.array(past - 1, dtype=np.int64),
        "output_w": _array(network.output.weight),
        "output_b": _array(network.output.bias),
        **_lstm_weights("encoder", network.encoder),
        **_lstm_weights("decoder", network.decoder),
    }

    def lstm(name: str, inputs: list[str]) -> Any:
        weights = [f"{name}_w", f"{name}_r", f"{name}_b"]
        outputs = ["", f"{name}_state", f"{name}_cell"]
        given = [inputs[0], *weights, "", *inputs[1:]]
        return helper.make_node("LSTM", given, outputs, hidden_size=hidden)

    nodes = [
        helper.make_node("Transpose", ["past"], ["steps"], perm=[1, 0]),
        helper.make_node("Unsqueeze", ["steps", "features"], ["series"]),
        lstm("encoder", ["series"]),
        # One step of the decoder: the newest sample is the first that it reconstructs.
        lstm("decoder", ["encoder_state", "encoder_state", "encoder_cell"]),
        helper.make_node("Squeeze", ["decoder_state", "first"], ["state"]),
        helper.make_node("Gemm", ["state", "output_w", "output_b"], ["distances"], transB=1),
        helper.make_node("Flatten", ["distances"], ["column"], axis=0),
        helper.make_node("Squeeze", ["column", "first"], ["distance"]),
        helper.make_node("Gather", ["past", "last"], ["seen_last"], axis=1),
        helper.make_node("Add", ["seen_last", "distance"], ["newest"]),
    ]
    graph = helper.make_graph(
        nodes,
        "lstm_autoencoder",
        [helper.make_tensor_value_info("past", TensorProto.FLOAT, ["N", past])],
        [helper.make_tensor_value_info("newest", TensorProto.FLOAT, ["N"])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    opset = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def _lstm_weights(name: str, lstm: Any) -> dict[str, npt.NDArray[np.float32]]:
    """Return the weights as ONNX has them: one direction, and the gates in its order."""
    inner = _in_onnx_order(lstm.weight_ih_l0)
    recurrent = _in_onnx_order(lstm.weight_hh_l0)
    biases = [_in_onnx_order(lstm.bias_ih_l0), _in_onnx_order(lstm.bias_hh_l0)]
    return {
        f"{name}_w": inner[None],
        f"{name}_r": recurrent[None],
        f"{name}_b": np.concatenate(biases)[None],
    }


def _in_onnx_order(gates: Any) -> npt.NDArray[np.float32]:
    # PyTorch: input, forget, cell, output. ONNX: input, output, forget, cell.
    to_input, forget, cell, output = np.split(_array(gates), 4)
    return np.concatenate([to_input, output, forget, cell])


def _array(tensor: Any) -> npt.NDArray[np.float32]:
    return np.asarray(tensor.detach().numpy(), dtype=np.float32)
