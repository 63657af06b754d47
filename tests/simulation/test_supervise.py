"""Fifty days of a camera that comes and goes, in a fraction of a second."""

import itertools
import random
from dataclasses import dataclass

import pytest

from placewatch.core.errors import Misconfigured, Unavailable
from placewatch.core.time import SimulatedClock
from placewatch.node.supervise import REFUSED_RETRY_S, RETRY_S_MAX, Turn, keep_going

DAY_S = 86_400.0
CONNECT_S = 10.0  # what a camera that does not answer costs before that is known


@dataclass
class Until:
    """Stops at `end_s` on `clock`; waits as long as it is told, and not an instant longer."""

    clock: SimulatedClock
    end_s: float

    def is_set(self) -> bool:
        return self.clock.monotonic_s() >= self.end_s

    def wait(self, timeout: float) -> bool:
        left_s = max(0.0, self.end_s - self.clock.monotonic_s())
        self.clock.sleep(min(timeout, left_s))
        return self.is_set()


@dataclass
class Street:
    """A camera with outages from seconds to days, and a node that watches it."""

    seed: int
    days: float

    def run(self) -> None:
        dice, clock = random.Random(self.seed), SimulatedClock()
        stop = Until(clock, self.days * DAY_S)
        self.late_s: list[float] = []
        self.turns: list[Turn] = []
        back_s, was_away = 0.0, False

        def session() -> None:
            nonlocal back_s, was_away
            opened_s = clock.monotonic_s()
            if opened_s < back_s:
                was_away = True
                refused = dice.random() < 0.5
                clock.sleep(dice.uniform(0, 0.01) if refused else CONNECT_S)
                raise Unavailable("still away")
            clock.sleep(dice.uniform(0.1, 3.0))  # to the first frame
            if was_away:
                self.late_s.append(clock.monotonic_s() - back_s)
            was_away = False
            # Frames flow; now and then a camera gives up again at once.
            flaps = dice.random() < 0.2
            clock.sleep(dice.uniform(0, 5) if flaps else dice.expovariate(1 / 1800))
            away_s = dice.choice([2, 120, 3600]) * dice.expovariate(1)
            clock.sleep(dice.choice([0.0, CONNECT_S]))  # a silent loss is noticed after 10 s
            back_s = clock.monotonic_s() + away_s
            raise Unavailable("gone")

        keep_going(session, clock, stop, random.Random(self.seed + 1), self.turns.append)


def assert_watched_within_a_minute(seed: int, days: float) -> None:
    street = Street(seed, days)
    street.run()
    assert street.late_s, f"seed {seed}: the camera never went away"
    assert max(street.late_s) <= 60.0, f"seed {seed}: {max(street.late_s)} s late"
    assert street.turns[-1].state == "stopped", f"seed {seed}"


@pytest.mark.parametrize("seed", random.Random(2026).sample(range(50), 3))
def test_a_camera_that_is_back_is_watched_within_a_minute(seed: int) -> None:
    assert_watched_within_a_minute(seed, days=50)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(50))
def test_a_camera_that_is_back_is_watched_within_a_minute_on_every_seed(seed: int) -> None:
    assert_watched_within_a_minute(seed, days=50)


def test_a_thousand_cameras_behind_one_switch_do_not_come_back_at_once() -> None:
    """The switch is away for ten minutes; no second sees more than a tenth of all tries."""
    tries = [0] * 600
    for camera in range(1000):
        clock = SimulatedClock()

        def session(clock: SimulatedClock = clock) -> None:
            tries[int(clock.monotonic_s())] += 1
            raise Unavailable("the switch is off")

        keep_going(session, clock, Until(clock, 600), random.Random(camera))
    assert max(tries[60:]) < 100
    assert 1000 * 600 / RETRY_S_MAX <= sum(tries) <= 1000 * 600 / RETRY_S_MAX * 2


def test_what_a_person_must_change_ends_it_and_says_so() -> None:
    clock = SimulatedClock()
    turns: list[Turn] = []

    def session() -> None:
        raise Misconfigured("the login is refused", hint="check the password")

    keep_going(session, clock, Until(clock, DAY_S), random.Random(1), turns.append)
    assert [turn.state for turn in turns] == ["starting", "failed"]
    assert turns[-1].reason == "the login is refused"
    assert turns[-1].hint == "check the password"


def test_a_camera_that_refuses_a_login_that_was_right_is_tried_again_and_slowly() -> None:
    clock = SimulatedClock()
    starts_s: list[float] = []

    def session() -> None:
        starts_s.append(clock.monotonic_s())
        if len(starts_s) == 1:
            clock.sleep(3600)
            raise Unavailable("it restarts")
        raise Misconfigured("it has not loaded its users yet")

    keep_going(session, clock, Until(clock, 2 * 3600), random.Random(1))
    waits_s = [after - before for before, after in itertools.pairwise(starts_s[1:])]
    assert len(starts_s) > 50
    assert min(waits_s) >= REFUSED_RETRY_S / 2


def test_a_file_that_ends_is_not_started_again() -> None:
    clock = SimulatedClock()
    turns: list[Turn] = []
    keep_going(lambda: None, clock, Until(clock, DAY_S), random.Random(1), turns.append)
    assert [turn.state for turn in turns] == ["starting", "ended"]


def test_a_loss_says_why_and_when_it_is_tried_again() -> None:
    clock = SimulatedClock()
    turns: list[Turn] = []

    def session() -> None:
        raise Unavailable("camera kista-03 sent no frame for 10 s", hint="does it answer a ping?")

    keep_going(session, clock, Until(clock, 300), random.Random(1), turns.append)
    lost = [turn for turn in turns if turn.state == "lost"]
    assert lost[0].reason == "camera kista-03 sent no frame for 10 s"
    assert all(0.5 <= turn.retry_in_s <= RETRY_S_MAX for turn in lost)
    assert lost[0].retry_in_s <= 1.0
    assert turns[-1].state == "stopped"


def test_a_stop_during_a_wait_ends_it_without_another_try() -> None:
    clock = SimulatedClock()
    starts_s: list[float] = []

    def session() -> None:
        starts_s.append(clock.monotonic_s())
        raise Unavailable("away")

    keep_going(session, clock, Until(clock, 0.25), random.Random(1))
    assert starts_s == [0.0]
    assert clock.monotonic_s() == 0.25
