"""Models: the pinned table of nets that are known to work, and the folder they are kept in."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from placewatch.core.errors import Misconfigured, Refused, Unavailable


@dataclass(frozen=True, slots=True)
class Model:
    """One net: where it comes from, under what licence, and the only bytes that are accepted."""

    name: str
    what: str
    url: str
    licence: str
    sha256: str
    bytes: int
    input_px: tuple[int, int]  # width, height
    layout: str


CATALOGUE: dict[str, Model] = {
    model.name: model
    for model in (
        Model(
            name="yolox-nano",
            what="YOLOX-nano, COCO: people, two-wheelers, cars, buses, trucks",
            url="https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0/yolox_nano.onnx",
            licence="Apache-2.0",
            sha256="e8af074932d4ed7e232278e3055cefcdea3edf178874a3694ae292649fb464dd",
            bytes=3_678_356,
            input_px=(416, 416),
            layout="yolox",
        ),
        Model(
            name="fastestdet",
            what="FastestDet, COCO: faster than YOLOX-nano and much less exact",
            url="https://raw.githubusercontent.com/dog-qiuqiu/FastestDet/main/example/onnx-runtime/FastestDet.onnx",
            licence="BSD-3-Clause",
            sha256="31cb14c017fce347cb4c846ec62fdf00d76bb3beecdf4be21e7116ac67feb880",
            bytes=998_169,
            input_px=(352, 352),
            layout="fastestdet",
        ),
    )
}
"""Every net here was run by us; its hash is of that file. Only permissive licences."""

_BYTES_MAX = 200_000_000
_WAIT_S = 30.0


def models_folder() -> Path:
    """Where nets are kept unless told otherwise: `~/.local/share/placewatch/models`."""
    data = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(data) / "placewatch" / "models"


def model_path(name: str, folder: Path | None = None) -> Path:
    """The file of a net in the catalogue. Raises Misconfigured while it is not there."""
    path = (folder or models_folder()) / f"{_model(name).name}.onnx"
    if not path.is_file():
        raise Misconfigured(
            f'the net "{name}" is not here yet ({path})',
            hint=f"placewatch models add {name}",
        )
    return path


def list_models(folder: Path | None = None) -> list[tuple[Model, bool]]:
    """All nets of the catalogue, and whether each is in `folder`, whole and unaltered."""
    place = folder or models_folder()
    return [(model, _is_whole(place / f"{model.name}.onnx", model)) for model in CATALOGUE.values()]


def add_model(name: str, folder: Path | None = None, from_file: Path | None = None) -> Path:
    """Puts a net into `folder`, from `from_file` or from its pinned address, and says where it is.

    Raises Misconfigured (no such net or file), Unavailable (no network, no room), Refused (these
    are not the pinned bytes). Nothing is left half-written.
    """
    model = _model(name)
    content = _read(from_file) if from_file is not None else _fetch(model)
    told = hashlib.sha256(content).hexdigest()
    if told != model.sha256:
        source = str(from_file) if from_file is not None else model.url
        raise Refused(
            f"{source} is not the pinned {name}: its SHA-256 is {told}, not {model.sha256}",
            hint="only nets whose bytes are known are taken; a net of your own is used by path, "
            "--detector FILE.onnx",
        )
    place = folder or models_folder()
    path = place / f"{name}.onnx"
    try:
        place.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=place, prefix=f".{name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, path)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise Unavailable(
            f"cannot write {path}: {error.strerror}", hint="is there room, and may you write there?"
        ) from error
    return path


def _model(name: str) -> Model:
    if name not in CATALOGUE:
        raise Misconfigured(
            f'there is no net "{name}" in the catalogue', hint=f"known are {', '.join(CATALOGUE)}"
        )
    return CATALOGUE[name]


def _is_whole(path: Path, model: Model) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == model.sha256
    except OSError:
        return False


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Misconfigured(
            f"cannot read {path}: {error.strerror}", hint="give the path of the downloaded .onnx"
        ) from error


def _fetch(model: Model) -> bytes:
    # Only here: who watches needs no network client, and it takes long to load.
    import urllib.error
    import urllib.request

    try:
        with urllib.request.urlopen(model.url, timeout=_WAIT_S) as answer:
            content: bytes = answer.read(_BYTES_MAX)
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise Unavailable(
            f"cannot fetch {model.name} from {model.url}: {reason}",
            hint=f"fetch it elsewhere, then: placewatch models add {model.name} --from FILE",
        ) from error
    return content
