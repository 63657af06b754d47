"""Report of people: they walk, wait and cross, and nobody of them is in what is written."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from placewatch.capture import open_source
from placewatch.capture.source import SourceSpec
from placewatch.core.ids import CameraId
from placewatch.core.time import SystemClock
from placewatch.node.offline import WatchRequest, watch_source
from placewatch.simulate.drawing import exclusive

STREET = "street:main?seed=3&duration_s=60&width=640&height=360"
"""People there wear hues that nothing else in it has."""

PERSON_PX_MIN = 12  # of such a hue in one picture: a few may come from JPEG's ringing
RUN = 12  # bytes of a figure's brightness in a row: by chance they occur nowhere


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("watched")
    watch_source(
        WatchRequest(
            source=STREET,
            lines=("A=60,200,580,200",),
            out=folder,
            json=str(folder / "watch.json"),
        )
    )
    return folder


def test_the_empty_street_of_a_report_shows_nobody(written: Path) -> None:
    html = (written / "report.html").read_text("utf-8")
    pictures = re.findall(r"data:image/jpeg;base64,([A-Za-z0-9+/=]+)", html)
    assert len(pictures) == 1
    street = np.asarray(Image.open(io.BytesIO(base64.b64decode(pictures[0]))).convert("RGB"))
    assert int(exclusive(street).sum()) <= PERSON_PX_MIN
    assert street.std() > 5, "all of it is grey"


def test_no_row_of_a_person_is_in_any_file_that_was_written(written: Path) -> None:
    files = {path.name: path.read_bytes() for path in written.iterdir()}
    tables = {"facts.csv", "facts.parquet", "flows.csv", "flows.parquet"}
    assert set(files) == {"report.html", "watch.json"} | tables
    everything = b"".join(files.values())
    everything += b"".join(
        base64.b64decode(text) for text in re.findall(rb"base64,([A-Za-z0-9+/=]+)", everything)
    )
    source = open_source(SourceSpec(CameraId("street"), STREET), SystemClock())
    people = 0
    for frame in source.frames():
        if frame.number % 50 == 0:
            worn = exclusive(frame.to_rgb(frame.width_px))
            for row in range(0, worn.shape[0], 2):
                columns = np.flatnonzero(worn[row])
                if len(columns) >= RUN:
                    run = frame.luma[row, columns[0] : columns[0] + RUN].tobytes()
                    people += 1
                    assert len(set(run)) <= 3 or run not in everything
    assert people > 20, "nobody was in that street"
