"""Net: the road-user detector that knows what its street looks like empty.

It sees the brightness of the picture now and of the empty street, and their difference. Each cell
of 4 x 4 pixels says how sure it is that a road user's middle is there, how far away that one's
sides are, and what kind it is. A feature pyramid (Lin et al. 2017) with one output scale;
anchor-free, as CenterNet and FCOS (Zhou et al. 2019, Tian et al. 2019).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDE = 4
KINDS = ("pedestrian", "bicycle", "motorcycle", "car", "van", "bus", "truck")
CHANNELS = (16, 16, 48, 96, 128)  # whole blocks of 16, as vector units take them
HEAD = 32
SIDE_PX = 8.0  # a side is exp(output) times so far from the cell's middle


def _conv(inside: int, outside: int, stride: int = 1, size: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(outside),
        nn.ReLU(),
    )


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _conv(channels, channels)
        self.second = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.second(self.first(x)))


class StreetNet(nn.Module):
    """`seen` (N, 3, H, W) as `three` makes it; H and W multiples of 32.

    Returns (N, 12, H / 4, W / 4): a logit that a road user's middle is here; logarithms of the
    distances to its left, top, right and bottom side, in units of `SIDE_PX`; a logit a kind.
    """

    def __init__(self, channels: tuple[int, ...] = CHANNELS, head: int = HEAD) -> None:
        super().__init__()
        c2, c4, c8, c16, c32 = channels
        self.stem = _conv(3, c2, 2)
        self.at4 = nn.Sequential(_conv(c2, c4, 2), _conv(c4, c4))
        self.at8 = nn.Sequential(_conv(c4, c8, 2), _conv(c8, c8))
        self.at16 = nn.Sequential(_conv(c8, c16, 2), _Residual(c16))
        self.at32 = nn.Sequential(_conv(c16, c32, 2), _Residual(c32))
        self.down32 = _conv(c32, c16, 1, 1)
        self.down16 = _conv(c16, c8, 1, 1)
        self.down8 = _conv(c8, c4, 1, 1)
        self.head = _conv(c4, head)
        self.out = nn.Conv2d(head, 5 + len(KINDS), 1)
        nn.init.constant_(self.out.bias[:1], -4.0)  # most cells are street

    def forward(self, seen: Tensor) -> Tensor:
        at4 = self.at4(self.stem(seen))
        at8 = self.at8(at4)
        at16 = self.at16(at8)
        at32 = self.at32(at16)
        at16 = at16 + _twice(self.down32(at32))
        at8 = at8 + _twice(self.down16(at16))
        at4 = at4 + _twice(self.down8(at8))
        out: Tensor = self.out(self.head(at4))
        return out


def three(planes: Tensor) -> Tensor:
    """What the net sees of `planes` (N, 2, H, W), 0..255: picture now and empty street, -1..1 each,
    and how much they differ, 0..2. `perceive/street_net.py` does the same for the product."""
    now, street = planes[:, :1] / 255 - 0.5, planes[:, 1:] / 255 - 0.5
    return torch.cat([2 * now, 2 * street, torch.clamp(4 * torch.abs(now - street), max=2.0)], 1)


def _twice(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")
