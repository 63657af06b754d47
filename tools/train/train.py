"""Train: makes the detector that placewatch ships, from prepared data, reproducibly from a seed.

    python -m tools.train.train --data DIR --out street-float.onnx --steps 30000

DIR is what cut.py and render.py wrote. Takes minutes on a graphics processor, which is taken where
there is one, and hours on one core. Each step composes half a batch anew. Writes a checkpoint
beside the ONNX file every 1,000 steps, and goes on from it when started again. `--from` begins with
the weights of a net that was trained before. With `--channels` several times, nets of several sizes
learn from the same batches.
"""

import argparse
import copy
import json
import math
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from tools.train.net import CHANNELS, HEAD, KINDS, SIDE_PX, STRIDE, StreetNet, three
from tools.train.pool import Batch, Pool, cells
from tools.train.samples import HEIGHT, UNKNOWN, UNSPECIFIED, WIDTH, Stock
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """`heat` (N, h, w): 1 at a middle, falling off around it; -1 where nothing is known. `owned`
    (N, h, w): whether a cell lies in the inner part of a box; `boxes` (N, h, w, 4) and `kinds` are
    of that box, `weight` is 1 over how many cells it has: each road user counts once."""

    heat: Tensor
    owned: Tensor
    boxes: Tensor
    kinds: Tensor
    weight: Tensor


def targets_of(batch: Batch) -> Targets:
    """What the net should say of a batch."""
    boxes, kinds, device = batch.boxes, batch.kinds, batch.boxes.device
    x, y = cells(device)
    there = (kinds >= 0)[..., None, None]
    left, top, right, bottom = (boxes[..., k, None, None] for k in range(4))
    wide, high = right - left, bottom - top
    across, down = x - (left + right) / 2, y - (top + bottom) / 2
    at_row = ((top + bottom) / 2 / STRIDE).floor().clamp(0, HEIGHT // STRIDE - 1)
    at_column = ((left + right) / 2 / STRIDE).floor().clamp(0, WIDTH // STRIDE - 1)
    middle = ((x / STRIDE).floor() == at_column) & ((y / STRIDE).floor() == at_row)
    sigma_x, sigma_y = (0.12 * wide).clamp(min=2.0), (0.12 * high).clamp(min=2.0)
    blob = torch.exp(-(across**2) / (2 * sigma_x**2) - down**2 / (2 * sigma_y**2))
    heat = (torch.where(middle, 1.0, blob) * there).amax(1)
    inner = (across.abs() <= (0.16 * wide).clamp(min=2.1)) & (
        down.abs() <= (0.16 * high).clamp(min=2.1)
    )
    inner = (inner | middle) & there
    # Smaller ones over larger ones.
    area, owner = torch.where(inner, wide * high, math.inf).min(1)
    owned = area < math.inf
    flat = torch.where(owned, owner, 0).flatten(1)
    number = torch.zeros(kinds.shape, device=device)
    number.scatter_add_(1, flat, owned.flatten(1).float())
    weight = owned / number.gather(1, flat).view_as(area).clamp(min=1)
    heat = torch.where((batch.unknown > 0.4) & (heat < 0.3), -1.0, heat)
    mine = boxes.gather(1, flat[..., None].expand(-1, -1, 4)).view(*area.shape, 4)
    return Targets(heat, owned, mine, kinds.gather(1, flat).view_as(area), weight)


def loss_of(out: Tensor, targets: Targets) -> tuple[Tensor, Tensor]:
    """Focal loss of the heat (Zhou et al. 2019, eq. 1), GIoU of the boxes (Rezatofighi et al.
    2019), cross entropy of the kinds where they are known: the sum, and each (3,)."""
    heat, weight = targets.heat, targets.weight
    known = heat >= 0
    peak = heat >= 0.999
    score = torch.sigmoid(out[:, 0]).clamp(1e-5, 1 - 1e-5)
    positive = -((1 - score) ** 2) * torch.log(score) * peak
    negative = -((1 - heat.clamp(min=0)) ** 4) * score**2 * torch.log(1 - score)
    negative = negative * (known & ~peak)
    heat_loss = (positive.sum() + negative.sum()) / peak.sum().clamp(min=1)

    x, y = cells(out.device)
    reach = torch.exp(out[:, 1:5].clamp(-4, 5)) * SIDE_PX
    found = torch.stack([x - reach[:, 0], y - reach[:, 1], x + reach[:, 2], y + reach[:, 3]], 3)
    total = weight.sum().clamp(min=1)
    box_loss = ((1 - _giou(found, targets.boxes)) * weight).sum() / total

    shares = functional.log_softmax(out[:, 5:], 1)
    kind = targets.kinds
    exact = functional.nll_loss(shares, kind.clamp(0, UNSPECIFIED - 1), reduction="none")
    motor = -torch.logsumexp(shares[:, 2:], 1)
    of_kind = torch.where(kind < UNSPECIFIED, exact, torch.where(kind == UNKNOWN, 0.0, motor))
    kind_loss = (of_kind * weight).sum() / total
    parts = torch.stack([heat_loss, box_loss, kind_loss])
    return heat_loss + 1.5 * box_loss + kind_loss, parts.detach()


def _giou(a: Tensor, b: Tensor) -> Tensor:
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    both = (high - low).clamp(min=0).prod(-1)
    either = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1) - both
    hull_low = torch.minimum(a[..., :2], b[..., :2])
    hull = (torch.maximum(a[..., 2:], b[..., 2:]) - hull_low).clamp(min=0).prod(-1)
    return both / (either + 1e-6) - (hull - either) / (hull + 1e-6)


class Average:
    """Exponential average of the weights: steadier than the last step's."""

    def __init__(self, net: StreetNet) -> None:
        self.net = copy.deepcopy(net)
        self.net.eval()

    @torch.no_grad()
    def learn(self, net: StreetNet, step: int) -> None:
        keep = min(0.998, (1 + step) / (20 + step))
        mine, new = (
            [one for one in state.state_dict().values() if one.dtype.is_floating_point]
            for state in (self.net, net)
        )
        torch._foreach_lerp_(mine, new, 1 - keep)


@torch.no_grad()
def adopt(net: StreetNet, path: Path, seen: Tensor) -> None:
    """Gives `net` the weights of an ONNX file that `export` wrote.

    There each normalisation is part of its convolution. It is parted from it again by what the
    convolution makes of `seen` (N, 3, H, W): so the net says the same with the mean and the
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
    net(seen)
    for hook in hooks:
        hook.remove()
    for norm, mean, var in spreads:
        norm.bias.add_(norm.weight * mean)
        norm.weight.mul_((var + norm.eps).sqrt())
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(var)


@dataclass(slots=True, eq=False)
class _Pupil:
    """A net in training."""

    net: StreetNet
    optimiser: torch.optim.Optimizer
    average: Average
    out: Path
    losses: Tensor

    def learn(self, seen: Tensor, targets: Targets, step: int, rate: float) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        with torch.autocast(seen.device.type, torch.bfloat16, enabled=_halves(seen.device)):
            raw = self.net(seen)
        loss, parts = loss_of(raw.float(), targets)
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimiser.step()
        self.average.learn(self.net, step)
        self.losses.lerp_(parts, 1 / min(step + 1, 100))

    def save(self, step: int, seed: int) -> None:
        state = {
            "net": self.net.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average.net.state_dict(),
            "step": step,
        }
        torch.save(state, self.out.with_suffix(".pt"))
        export(self.average.net, self.out, {"steps": step, "seed": seed})

    def restore(self, device: torch.device) -> None:
        state = torch.load(self.out.with_suffix(".pt"), map_location=device)
        self.net.load_state_dict(state["net"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.average.net.load_state_dict(state["average"])


def _halves(device: torch.device) -> bool:
    """Whether bfloat16 is faster there."""
    return device.type == "cuda" or bool(torch.cpu._is_avx512_bf16_supported())


def train(options: argparse.Namespace) -> None:
    sizes = options.channels or [(*CHANNELS, HEAD)]
    outs = [options.out]
    if len(sizes) > 1:
        outs = [options.out.with_stem(f"{options.out.stem}-{k}") for k in range(len(sizes))]
    former = [out.with_suffix(".pt") for out in outs]
    first = 0
    if all(path.exists() for path in former):
        first = int(torch.load(former[0], map_location="cpu")["step"])
    seed = options.seed + first  # who goes on must not see the same samples again
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    stock = Stock.read(options.data)
    print(
        f"{sum(map(len, stock.scenes.values()))} frames of {len(stock.scenes)} cameras, "
        f"{sum(map(len, stock.streets.values()))} streets, cut-outs: "
        + ", ".join(
            f"{name} {sum(map(len, stock.sprites.get(kind, {}).values()))}"
            for kind, name in enumerate(KINDS)
        ),
        flush=True,
    )
    # Asking torch for a graphics processor would start CUDA, which does not live through a fork.
    has_cuda = shutil.which("nvidia-smi") is not None
    device = torch.device(options.device or ("cuda" if has_cuda else "cpu"))
    pool = Pool(stock, seed, size=options.pool, workers=options.workers, device=device)
    try:
        _train(options, pool, device, dict(zip(outs, sizes, strict=True)), first)
    finally:
        pool.close()


def _train(
    options: argparse.Namespace,
    pool: Pool,
    device: torch.device,
    nets: dict[Path, tuple[int, ...]],
    first: int,
) -> None:
    filled = min(options.pool, 64 * options.batch)
    pool.fill(filled)
    pupils = []
    for out, (*channels, head) in nets.items():
        net = StreetNet(tuple(channels), head).to(device)
        if options.former is not None:
            adopt(net, options.former, three(pool.batch(96).planes))
        net = net.to(memory_format=torch.channels_last)
        net.train()
        optimiser = torch.optim.AdamW(
            net.parameters(), lr=options.rate, weight_decay=1e-2, fused=True
        )
        pupils.append(_Pupil(net, optimiser, Average(net), out, torch.zeros(3, device=device)))
        if first:
            pupils[-1].restore(device)
    step = first
    begun = time.perf_counter()
    while True:
        took_s = time.perf_counter() - begun
        done = step / options.steps
        if options.seconds is not None:
            done = max(done, took_s / options.seconds)
        if done >= 1:
            break
        warm = min(1.0, (step + 1) / 300)
        rate = options.rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))
        pool.fill(filled + (step - first) * options.batch // 2)
        batch = pool.batch(options.batch)
        targets = targets_of(batch)
        seen = three(batch.planes).contiguous(memory_format=torch.channels_last)
        for pupil in pupils:
            pupil.learn(seen, targets, step, rate)
        if step % 100 == 0:
            told = "; ".join(
                " ".join(f"{v:.3f}" for v in pupil.losses.tolist()) for pupil in pupils
            )
            print(
                f"{step} heat box kind {told}, {pool.composed} composed, {took_s:.0f} s",
                flush=True,
            )
        step += 1
        if (step - first) % 1000 == 0:
            for pupil in pupils:
                pupil.save(step, options.seed)
    for pupil in pupils:
        pupil.save(step, options.seed)


def export(net: StreetNet, out: Path, facts: dict[str, int]) -> None:
    """Writes a net as ONNX: `seen` (N, 3, H, W), see `net.three`, to `raw` (N, 12, H/4, W/4), see
    `net.StreetNet`: reading them is cheaper in the product than in the file."""
    torch.onnx.export(
        copy.deepcopy(net).cpu().to(memory_format=torch.contiguous_format).eval(),
        (torch.rand(1, 3, 160, 256),),
        str(out),
        dynamo=False,
        input_names=["seen"],
        output_names=["raw"],
        dynamic_axes={
            "seen": {0: "pictures", 2: "height", 3: "width"},
            "raw": {0: "pictures", 2: "rows", 3: "columns"},
        },
        opset_version=17,
    )
    model = onnx.load(str(out))
    model.doc_string = "placewatch street net: picture now and empty street to road users"
    for key, value in {"kinds": list(KINDS), "stride": STRIDE, **facts}.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, json.dumps(value)
    onnx.save(model, str(out))


def _channels(text: str) -> tuple[int, ...]:
    sizes = tuple(int(part) for part in text.split(","))
    if len(sizes) != len(CHANNELS) + 1:
        raise ValueError
    return sizes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=30000)
    parser.add_argument("--seconds", type=float, help="end then, if the steps are not done")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--pool", type=int, default=16384, help="samples in store, 85 KB each")
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 1) - 1))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument(
        "--channels", type=_channels, action="append", help="of the stages, and head"
    )
    parser.add_argument("--device", help="cuda or cpu")
    parser.add_argument("--from", dest="former", type=Path)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
