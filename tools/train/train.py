"""Train: makes the detector that placewatch ships, from prepared data, reproducibly from a seed.

    python -m tools.train.train --data DIR --out street.onnx --steps 30000

DIR is what cut.py and render.py wrote. Takes hours on one core; twice as fast where the processor
has bfloat16 matrix units. Writes a checkpoint beside the ONNX file every 1,000 steps, and goes on
from it when started again. `--from` begins with the weights of a net that was trained before.
"""

import argparse
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from tools.train.net import KINDS, SIDE_PX, STRIDE, Decoded, StreetNet
from tools.train.samples import (
    BOXES_MAX,
    HEIGHT,
    UNKNOWN,
    UNSPECIFIED,
    WIDTH,
    Composer,
    Sample,
    Stock,
)
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

Targets = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


class Stream(IterableDataset[Targets]):
    """Endless batches: planes, heat, who each cell belongs to, boxes, kinds (-1: nobody)."""

    def __init__(self, stock: Stock, seed: int, batch: int) -> None:
        self._stock, self._seed, self._batch = stock, seed, batch

    def __iter__(self) -> Iterator[Targets]:
        torch.set_num_threads(1)
        worker = get_worker_info()
        composer = Composer(self._stock, self._seed * 1009 + (worker.id if worker else 0))
        while True:
            yield collate([composer.sample() for _ in range(self._batch)])


def collate(samples: list[Sample]) -> Targets:
    """`heat` (N, h, w): 1 at a middle, falling off around it; -1 where nothing is known. `owner`
    (N, h, w): the box whose inner part a cell lies in, -1 none."""
    targets = [_target(sample) for sample in samples]
    boxes = np.zeros((len(samples), BOXES_MAX, 4), np.float32)
    kinds = np.full((len(samples), BOXES_MAX), -1, np.int64)
    for k, sample in enumerate(samples):
        boxes[k, : len(sample.boxes)] = sample.boxes
        kinds[k, : len(sample.kinds)] = sample.kinds
    return (
        torch.from_numpy(np.stack([sample.planes for sample in samples])),
        torch.from_numpy(np.stack([heat for heat, _ in targets])),
        torch.from_numpy(np.stack([owner for _, owner in targets])),
        torch.from_numpy(boxes),
        torch.from_numpy(kinds),
    )


def _target(sample: Sample) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    rows, columns = HEIGHT // STRIDE, WIDTH // STRIDE
    heat = np.zeros((rows, columns), np.float32)
    owner = np.full((rows, columns), -1, np.int64)
    y = (np.arange(rows, dtype=np.float32)[:, None] + 0.5) * STRIDE
    x = (np.arange(columns, dtype=np.float32)[None, :] + 0.5) * STRIDE
    boxes = sample.boxes
    order = np.argsort(-(boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), kind="stable")
    for k in order.tolist():  # smaller ones over larger ones
        left, top, right, bottom = boxes[k].tolist()
        wide, high = right - left, bottom - top
        middle_x, middle_y = (left + right) / 2, (top + bottom) / 2
        sigma_x, sigma_y = max(2.0, 0.12 * wide), max(2.0, 0.12 * high)
        blob = np.exp(
            -((x - middle_x) ** 2) / (2 * sigma_x**2) - (y - middle_y) ** 2 / (2 * sigma_y**2)
        )
        row = min(rows - 1, max(0, int(middle_y / STRIDE)))
        column = min(columns - 1, max(0, int(middle_x / STRIDE)))
        blob[row, column] = 1.0
        heat = np.maximum(heat, blob)
        inner = (np.abs(x - middle_x) <= max(2.1, 0.16 * wide)) & (
            np.abs(y - middle_y) <= max(2.1, 0.16 * high)
        )
        inner[row, column] = True
        owner[inner] = k
    unknown = sample.ignore.reshape(rows, STRIDE, columns, STRIDE).mean((1, 3)) > 0.4
    heat[unknown & (heat < 0.3)] = -1.0
    return heat, owner


def loss_of(out: Tensor, targets: Targets) -> tuple[Tensor, dict[str, float]]:
    """Focal loss of the heat (Zhou et al. 2019, eq. 1), GIoU of the boxes (Rezatofighi et al.
    2019), cross entropy of the kinds where they are known."""
    _, heat, owner, boxes, kinds = targets
    logit = out[:, 0]
    known = heat >= 0
    peak = heat >= 0.999
    score = torch.sigmoid(logit).clamp(1e-5, 1 - 1e-5)
    positive = -((1 - score) ** 2) * torch.log(score) * peak
    negative = -((1 - heat.clamp(min=0)) ** 4) * score**2 * torch.log(1 - score)
    negative = negative * (known & ~peak)
    count = peak.sum().clamp(min=1)
    heat_loss = (positive.sum() + negative.sum()) / count

    where = (owner >= 0).nonzero(as_tuple=True)
    mine = owner[where]
    truth, kind = boxes[where[0], mine], kinds[where[0], mine]
    cells_x = (where[2].float() + 0.5) * STRIDE
    cells_y = (where[1].float() + 0.5) * STRIDE
    reach = torch.exp(out[:, 1:5].permute(0, 2, 3, 1)[where].clamp(-4, 5)) * SIDE_PX
    found = torch.stack(
        [
            cells_x - reach[:, 0],
            cells_y - reach[:, 1],
            cells_x + reach[:, 2],
            cells_y + reach[:, 3],
        ],
        1,
    )
    # Each road user counts once, however many cells lie in it.
    number = torch.zeros(kinds.numel()).index_add_(
        0, where[0] * BOXES_MAX + mine, torch.ones(len(mine))
    )
    weight = 1 / number[where[0] * BOXES_MAX + mine]
    box_loss = ((1 - _giou(found, truth)) * weight).sum() / weight.sum().clamp(min=1)

    shares = functional.log_softmax(out[:, 5:].permute(0, 2, 3, 1)[where], 1)
    told = kind < UNSPECIFIED
    exact = functional.nll_loss(shares, kind.clamp(max=UNSPECIFIED - 1), reduction="none")
    motor = -torch.logsumexp(shares[:, 2:], 1)
    kind_loss = torch.where(told, exact, torch.where(kind == UNKNOWN, 0.0, motor))
    kind_loss = (kind_loss * weight).sum() / weight.sum().clamp(min=1)
    total = heat_loss + 1.5 * box_loss + kind_loss
    return total, {
        "heat": heat_loss.item(),
        "box": box_loss.item(),
        "kind": kind_loss.item(),
    }


def _giou(a: Tensor, b: Tensor) -> Tensor:
    low, high = torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:])
    both = (high - low).clamp(min=0).prod(1)
    either = (a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - both
    hull = (
        (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).clamp(min=0).prod(1)
    )
    return both / (either + 1e-6) - (hull - either) / (hull + 1e-6)


class Average:
    """Exponential average of the weights: steadier than the last step's."""

    def __init__(self, net: StreetNet) -> None:
        self.net = StreetNet()
        self.net.load_state_dict(net.state_dict())
        self.net.eval()

    @torch.no_grad()
    def learn(self, net: StreetNet, step: int) -> None:
        keep = min(0.998, (1 + step) / (20 + step))
        for mine, new in zip(
            self.net.state_dict().values(), net.state_dict().values(), strict=True
        ):
            if mine.dtype.is_floating_point:
                mine.mul_(keep).add_(new, alpha=1 - keep)
            else:
                mine.copy_(new)


@torch.no_grad()
def adopt(net: StreetNet, path: Path, planes: Tensor) -> None:
    """Gives `net` the weights of an ONNX file that `export` wrote.

    There each normalisation is part of its convolution. It is parted from it again by what the
    convolution makes of `planes` (N, 2, H, W): so the net says the same with the mean and the
    variance of a batch as with those it has learnt.
    """
    values = [onnx.numpy_helper.to_array(one) for one in onnx.load(str(path)).graph.initializer]
    weights = [torch.from_numpy(value.copy()) for value in values]
    net.out.weight.copy_(weights[0])
    net.out.bias.copy_(weights[1])
    layers = [one for one in net.modules() if isinstance(one, nn.Conv2d | nn.BatchNorm2d)][:-1]
    assert len(layers) == len(weights) - 2, "another net than this one"
    for n in range(0, len(layers), 2):
        conv, norm = layers[n : n + 2]
        assert isinstance(conv, nn.Conv2d)
        assert isinstance(norm, nn.BatchNorm2d)
        weight, bias = weights[2 + n], weights[3 + n]
        size = weight.flatten(1).norm(dim=1).clamp(min=1e-3)  # as large as when training begins
        conv.weight.copy_(weight / size[:, None, None, None])
        norm.weight.copy_(size)
        norm.bias.copy_(bias)
        norm.running_mean.zero_()
        norm.running_var.fill_(1.0 - norm.eps)
    net.eval()
    spreads: list[tuple[nn.BatchNorm2d, Tensor, Tensor]] = []

    def watch(norm: nn.Module, given: tuple[Tensor, ...]) -> None:
        assert isinstance(norm, nn.BatchNorm2d)
        spreads.append((norm, given[0].mean((0, 2, 3)), given[0].var((0, 2, 3))))

    hooks = [one.register_forward_pre_hook(watch) for one in layers[1::2]]
    net(planes)
    for hook in hooks:
        hook.remove()
    for norm, mean, var in spreads:
        norm.bias.add_(norm.weight * mean)
        norm.weight.mul_((var + norm.eps).sqrt())
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(var)


def train(
    data: Path, out: Path, steps: int, batch: int, seed: int, rate: float, former: Path | None
) -> None:
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    stock = Stock.read(data)
    print(
        f"{sum(map(len, stock.scenes.values()))} frames of {len(stock.scenes)} cameras, "
        f"{sum(map(len, stock.streets.values()))} streets, cut-outs: "
        + ", ".join(
            f"{name} {sum(map(len, stock.sprites.get(kind, {}).values()))}"
            for kind, name in enumerate(KINDS)
        ),
        flush=True,
    )
    net = StreetNet()
    if former is not None:
        composer = Composer(stock, seed + 1)
        adopt(net, former, collate([composer.sample() for _ in range(96)])[0])
    net = net.to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=1e-2)
    average = Average(net)
    checkpoint = out.with_suffix(".pt")
    first = 0
    if checkpoint.exists():
        state = torch.load(checkpoint)
        net.load_state_dict(state["net"])
        optimiser.load_state_dict(state["optimiser"])
        average.net.load_state_dict(state["average"])
        first = state["step"]
    loader = DataLoader(
        Stream(stock, seed + first, batch), batch_size=None, num_workers=1, prefetch_factor=8
    )
    halves = torch.cpu._is_avx512_bf16_supported()  # else it is many times slower
    mean: dict[str, float] = {}
    begun = time.perf_counter()
    net.train()
    for step, targets in enumerate(loader, start=first):
        if step >= steps:
            break
        warm = min(1.0, (step + 1) / 300)
        share = warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / steps)))
        for group in optimiser.param_groups:
            group["lr"] = rate * share
        planes = targets[0].to(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=halves):
            raw = net(planes)
        loss, parts = loss_of(raw.float(), targets)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        average.learn(net, step)
        for name, value in parts.items():
            mean[name] = value if name not in mean else 0.98 * mean[name] + 0.02 * value
        if step % 100 == 0:
            told = " ".join(f"{name} {value:.3f}" for name, value in mean.items())
            print(f"{step} {told} {time.perf_counter() - begun:.0f} s", flush=True)
        if (step + 1) % 1000 == 0 or step + 1 == steps:
            torch.save(
                {
                    "net": net.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "average": average.net.state_dict(),
                    "step": step + 1,
                },
                checkpoint,
            )
            export(average.net, out, {"steps": step + 1, "seed": seed})


def export(net: StreetNet, out: Path, facts: dict[str, int]) -> None:
    """Writes the averaged net as ONNX: `planes` (N, 2, H, W) to `found` (N, 12, H/4, W/4)."""
    whole = Decoded(net).eval()
    torch.onnx.export(
        whole,
        (torch.rand(1, 2, 160, 256) * 255,),
        str(out),
        dynamo=False,
        input_names=["planes"],
        output_names=["found"],
        dynamic_axes={
            "planes": {0: "pictures", 2: "height", 3: "width"},
            "found": {0: "pictures", 2: "rows", 3: "columns"},
        },
        opset_version=17,
    )
    model = onnx.load(str(out))
    model.doc_string = "placewatch street net: picture now and empty street to road users"
    for key, value in {"kinds": list(KINDS), "stride": STRIDE, **facts}.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, json.dumps(value)
    onnx.save(model, str(out))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=30000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--from", dest="former", type=Path)
    options = parser.parse_args()
    train(
        options.data, options.out, options.steps, options.batch, options.seed, options.rate,
        options.former,
    )  # fmt: skip


if __name__ == "__main__":
    main()
