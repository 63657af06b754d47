"""Config: a setting that is wrong is named with its path; what is saved keeps all the rest."""

import os
from pathlib import Path

import pytest

from placewatch.core.errors import Misconfigured
from placewatch.core.ids import CameraId
from placewatch.node import config

CAMERA = """
site = "Kista"  # the town
[[camera]]
id = "kista-03"
url = "street:main"  # drawn
"""

FOUR = "corners_px = [[1, 2], [2, 2], [2, 1], [1, 1]]"
GROUND = CAMERA + "[[camera.ground]]\nx_px = 1\ny_px = 2\nx_m = 3\ny_m = 4\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('site = "x"\n[[camera]]\nid = "a"\nurl = "b"\ndetecter = "m"', 'camera "a", detecter: '),
        ('site = "x"\n[[camera]]\nid = "a"\nurl = "b"\ndetecter = "m"', 'did you mean "detector"'),
        ("site = 3", "site"),
        ('site = "x"\n[[camera]]\nurl = "b"\n[[camera]]\nid = "c"', "\n  camera 1, id: is missing"),
        ("", "site: is missing"),
        ("site = ", "is no TOML"),
        ('site = "x"\n[[camera]]\nid = "Kista 3"\nurl = "b"', "no slug"),
        (CAMERA + '[[camera]]\nid = "kista-03"\nurl = "c"', "two cameras"),
        (CAMERA + "[[camera.line]]\nname = 'A'\nfrom_px = [1, 2]\nto_px = [1]", "line 1, to_px"),
        (CAMERA + "[[camera.line]]\nname = 'A'\nfrom_px = [1, 2]\nto_px = [1, 2]", "no length"),
        (CAMERA + "[[camera.area]]\nname = 'A'\ncorners_px = [[1, 2], [2, 2]]", "3 corners"),
        (CAMERA + "[[camera.ground]]\nx_px = 1\ny_px = 2\nx_m = 3", "half a point"),
        (
            CAMERA + "[[camera.ground]]\nx_px = 1\ny_px = 2\nx_m = 3\ny_m = 4\n"
            "latitude_deg = 59.4\nlongitude_deg = 17.9",
            "both metres and degrees",
        ),
        (
            CAMERA + "[[camera.ground]]\nx_px = 1\ny_px = 2\nlatitude_deg = 3\nlongitude_deg = 4",
            "origin",
        ),
        (CAMERA + f"[[camera.approach]]\nname = 'A'\n{FOUR}", "no ground points"),
        (CAMERA + f"[[camera.carriageway]]\nname = 'A'\n{FOUR}", "no ground points"),
        (GROUND + "[[camera.approach]]\nname = 'A'", "approach 1: A has no corners"),
        (GROUND + "[[camera.approach]]\nname = 'A'\ncorners_px = [[1, 2], [3, 4]]", "2 corners"),
        (GROUND + f"[[camera.approach]]\nname = ' '\n{FOUR}", "approach 1, name: is empty"),
        (GROUND + f"[[camera.approach]]\nname = 'A'\n{FOUR}\nwidth_m = 3", "leave width_m out"),
        (GROUND + f"[[camera.approach]]\nname = 'A'\n{FOUR}\nlanes = 0", "approach 1, lanes"),
        (
            GROUND + f"[[camera.approach]]\nname = 'A'\n{FOUR}\nmiddle_px = [[1, 2], [3, 4]]",
            "both a middle and corners",
        ),
        (
            GROUND + "[[camera.approach]]\nname = 'A'\nmiddle_px = [[1, 2], [3, 4]]",
            "2 points of its middle and no width_m",
        ),
        (GROUND + f"[[camera.approach]]\nname = 'A'\n{FOUR}\n" * 2, "is there twice"),
        (GROUND + f"[[camera.carriageway]]\nname = 'A'\n{FOUR}\n" * 2, "is there twice"),
        (
            GROUND + "[[camera.carriageway]]\nname = 'A'\ncorners_px = [[1, 2], [3, 4], [1, 2]]",
            "carriageway 1: A has 2 corners",
        ),
        (
            GROUND
            + f"[[camera.carriageway]]\nname = 'A'\n{FOUR}\n"
            + f"[[camera.carriageway.crossing]]\nname = 'Z'\n{FOUR}\n" * 2,
            "carriageway 1, crossing 2",
        ),
        (CAMERA + "[camera.notice]\nplace = 'x'\nuntil = 2027-02-30", "TOML"),
        (CAMERA + 'transport = "tpc"', 'camera "kista-03", transport'),
    ],
)
def test_what_is_wrong_is_named(text: str, said: str) -> None:
    with pytest.raises(Misconfigured) as raised:
        config.parse(text)
    assert said in str(raised.value)


NOTICE = (
    CAMERA
    + "[camera.notice]\nplace = 'x'\npurpose = 'x'\nlegal_basis = 'x'\n"
    + ("owner = 'x'\ncontact = 'x'\nuntil = ")
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("site = 3", 'site: is no text (write it between quotes, as in "text")'),
        (NOTICE + '"soon"', "until: is no day (write it without quotes, as in 2027-06-30)"),
        (NOTICE + "2027-06-30T12:00:00", "until: is a moment, not a day"),
        (
            CAMERA + "[[link]]\nname = 'a'\nfrom_direction = 'west'",
            '"west" is none of what can be here (it can be left_to_right or right_to_left)',
        ),
        (CAMERA + 'transport = "tpc"', "(it can be tcp or udp)"),
        (CAMERA + "analysed_fps = 1", "1 is out of range (it can be 5 or more)"),
        (CAMERA + "[[link]]\nname = 'a'\nlength_m = 1e9", "it can be 20000 or less"),
        (GROUND + f"[[camera.approach]]\nname = 'A'\n{FOUR}\nlanes = 1.5", "no whole number"),
        (GROUND + f"[[camera.approach]]\nname = 'A'\n{FOUR}\nlanes = 0", "it can be 1 or more"),
        (GROUND + f"[[camera.approach]]\nname = 'A'\n{FOUR}\nsignal = 'maybe'", "true nor false"),
        ('site = "x"\n[camera]\nid = "a"', "write [[…camera]] in double brackets"),
        ('site = "x"\norigin = 3', "origin: is no table"),
        (CAMERA + "[[camera.line]]\nname = 'A'\nfrom_px = 3\nto_px = [1, 2]", "is no list (write"),
        (CAMERA + "[[camera.line]]\nname = 'A'\nfrom_px = [1]\nto_px = [1, 2]", "two numbers, as"),
        (CAMERA + "[[camera.line]]\nname = 'A'\nfrom_px = [1, 2, 3]\nto_px = [1, 2]", "holds 3"),
    ],
)
def test_what_is_wrong_is_said_in_plain_words_with_what_to_try(text: str, said: str) -> None:
    with pytest.raises(Misconfigured) as raised:
        config.parse(text)
    assert said in str(raised.value)
    for word in ("Input", "instance of", "validation", "Field", "Tuple", "parse"):
        assert word not in str(raised.value)


LINES = (
    CAMERA
    + "[[camera.line]]\nname = 'A'\nfrom_px = [1, 2]\nto_px = [90, 2]\n"
    + "[[camera.line]]\nname = 'B'\nfrom_px = [1, 9]\nto_px = [90, 9]\n"
    + "[[screenline]]\n"
)
BOTH = "lines = ['kista-03/A', 'kista-03/B']\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = ''\n" + BOTH, "screenline 1, name: is empty"),
        ("name = 'River'\n" + BOTH + "[[screenline]]\nname = 'River'\n" + BOTH, "two screenlines"),
        ("name = 'River'\nlines = ['kista-03/A']", "fewer than two lines"),
        ("name = 'River'\nlines = ['kista-03/A', 'kista-03/A']", "or one twice"),
        ("name = 'River'\nlines = ['kista-03/A', 'kista-09/B']", 'there is no camera "kista-09"'),
        ("name = 'River'\nlines = ['kista-03/A', 'kista-03/C']", 'kista-03 has no line "C"'),
        ("name = 'River'\n" + BOTH + "reversed = ['kista-03/C']", "is none of its lines"),
    ],
)
def test_a_screenline_that_cannot_be_added_up_is_refused(text: str, said: str) -> None:
    assert len(config.parse(LINES + "name = 'River'\n" + BOTH).screenline) == 1
    with pytest.raises(Misconfigured) as raised:
        config.parse(LINES + text)
    assert said in str(raised.value)


def test_all_that_is_wrong_is_told_at_once_each_on_its_line() -> None:
    text = (
        GROUND
        + "[[camera.line]]\nname = 'A'\nfrom_px = [1, 2]\nto_px = [1, 2]\n"
        + "[[camera.line]]\nname = 'A'\nfrom_px = [1, 2]\nto_px = [1, 3]\narm = ' '\n"
        + "[[camera.area]]\nname = 'B'\ncorners_px = [[1, 2], [2, 2]]\n"
        + "[[link]]\nname = 'Road'\nfrom_line = 'x/A'\nfrom_direction = 'left_to_right'\n"
        + "to_line = 'kista-03/A'\nto_direction = 'left_to_right'\nlength_m = 300\n"
        + "[[screenline]]\nname = 'River'\nlines = ['kista-03/A']\n"
    )
    with pytest.raises(Misconfigured) as raised:
        config.parse(text)
    first, *told = raised.value.message.split("\n  ")
    assert first == "placewatch.toml: 6 things are wrong:"
    assert [one.partition(" (")[0] for one in told] == [
        'camera "kista-03", line 2, name: "A" is there twice',
        'camera "kista-03", line 1: A has no length',
        'camera "kista-03", line 2, arm: is empty',
        'camera "kista-03", area 1: B has fewer than 3 corners',
        'link 1, from_line: there is no camera "x"',
        "screenline 1, lines: names fewer than two lines, or one twice",
    ]
    assert told[1].endswith("(move one of its ends)"), "each with what to try"


def test_a_login_in_a_value_of_the_wrong_sort_is_not_repeated() -> None:
    with pytest.raises(Misconfigured) as raised:
        config.parse('site = "x"\n[[camera]]\nid = "a"\nurl = ["rtsp://me:secret@host/"]')
    assert "secret" not in str(raised.value)


def test_a_file_that_is_not_there_says_what_to_try(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="does not exist"):
        config.load(tmp_path / "placewatch.toml")


def test_the_example_is_valid() -> None:
    example = Path(__file__).parents[2] / "placewatch.example.toml"
    site = config.load(example)
    assert len(config.ground_pairs(site.camera[0], site.origin)) == 4


def test_a_saved_setup_keeps_comments_and_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "placewatch.toml"
    path.write_text(CAMERA + "[[camera]]\nid = 'other'\nurl = 'x.mp4'\n")
    line = {"name": "East arm", "from_px": [1.0, 2.0], "to_px": [30.0, 4.5]}
    config.save_setup(path, CameraId("kista-03"), {"line": [line], "area": [], "ground": []})
    text = path.read_text()
    assert "# the town" in text
    assert "# drawn" in text
    first, second = config.load(path).camera
    assert first.line == (config.LineSettings("East arm", (1.0, 2.0), (30.0, 4.5)),)
    assert second.id == "other"
    config.save_setup(path, CameraId("kista-03"), {"line": [], "area": [], "ground": []})
    assert config.load(path).camera[0].line == ()


def test_a_setup_that_cannot_be_written_leaves_the_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "placewatch.toml"
    path.write_text(CAMERA)
    with pytest.raises(Misconfigured):
        config.save_setup(path, CameraId("nobody"), {"line": [], "area": [], "ground": []})
    assert path.read_text() == CAMERA
    if os.getuid() == 0:
        return  # root may write anywhere
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(Misconfigured, match="cannot write"):
            config.save_setup(path, CameraId("kista-03"), {"line": [], "area": [], "ground": []})
    finally:
        tmp_path.chmod(0o700)
    assert path.read_text() == CAMERA


def test_a_login_comes_from_its_file_and_is_never_shown(tmp_path: Path) -> None:
    (tmp_path / "cam.login").write_text("admin:se:cret\n")
    camera = config.CameraSettings(id="a", url="rtsp://192.0.2.1/x", login_file="cam.login")
    assert config.login_of(camera, tmp_path) == ("admin", "se:cret")
    (tmp_path / "cam.login").write_text("secret")
    with pytest.raises(Misconfigured) as raised:
        config.login_of(camera, tmp_path)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        "latitude_deg = 90\nlongitude_deg = 0",
        "latitude_deg = nan\nlongitude_deg = 0",
        "latitude_deg = 0\nlongitude_deg = 1e9",
        "latitude_deg = 0\nlongitude_deg = inf",
    ],
)
def test_a_place_that_is_nowhere_on_earth_is_refused(text: str) -> None:
    with pytest.raises(Misconfigured, match="origin"):
        config.parse('site = "x"\n[origin]\n' + text)


def test_numbers_that_are_none_or_beyond_reason_are_refused() -> None:
    camera = 'site = "x"\n[[camera]]\nid = "a"\nurl = "b"\n'
    config.parse(camera)
    for more in (
        "detector_every_s = -1",
        "backdrop_quarantine_s = inf",
        '[[camera.line]]\nname = "A"\nfrom_px = [nan, 1]\nto_px = [2, 2]',
        "[[camera.ground]]\nx_px = 1\ny_px = 1\nx_m = 1e300\ny_m = 0",
    ):
        with pytest.raises(Misconfigured, match=r'camera "a"'):
            config.parse(camera + more)


def test_a_file_with_a_byte_order_mark_is_read_and_saved(tmp_path: Path) -> None:
    path = tmp_path / "placewatch.toml"
    path.write_bytes(b'\xef\xbb\xbfsite = "x"\n[[camera]]\nid = "a"\nurl = "b"\n')
    assert config.load(path).site == "x"
    line = {"name": "A", "from_px": [0.0, 0.0], "to_px": [1.0, 1.0]}
    config.save_setup(path, CameraId("a"), {"line": [line], "area": [], "ground": []})
    assert config.load(path).camera[0].line[0].name == "A"


def test_what_is_no_text_or_nested_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "placewatch.toml"
    for content, said in ((b'site = "\xe9"', "UTF-8"), (b"x = " + b"[" * 5000, "no TOML")):
        path.write_bytes(content)
        with pytest.raises(Misconfigured, match=said):
            config.load(path)
    with pytest.raises(Misconfigured, match="cannot be read"):
        config.load(tmp_path)
