"""Standing: sends those on who stood long enough, and lets people board a train that is there."""

import math
import random
from typing import Any

from placewatch.simulate.crowd import AWAY, Crowd, Stand, Trains

_LOOK_EVERY_S = 1.0
_BOARD_AFTER_S = 7.0  # whoever waits lets others out first


class Standing:
    """The stands of a crowd, as an actor. Remembers who came when. The same seed is the same day.

    Times are SUMO's, which begin `warm_s` before ours.
    """

    def __init__(self, crowd: Crowd, warm_s: float, seed: int) -> None:
        self._crowd, self._warm_s = crowd, warm_s
        self._dice = random.Random(f"{seed}/standing")
        self._next_s = _LOOK_EVERY_S
        self._until_s: dict[str, float] = {}
        self._late: dict[str, Stand] = {}

    def next_s(self) -> float:
        return self._next_s if self._crowd.stands else math.inf

    def act(self, sumo: Any, at_s: float) -> None:
        self._next_s = at_s + _LOOK_EVERY_S
        trains = self._crowd.trains
        board = trains is not None and boards(trains, at_s - self._warm_s)
        there: set[str] = set()
        for stand in self._crowd.stands:
            for who in sumo.edge.getLastStepPersonIDs(stand.way):
                there.add(who)
                if stand.door:
                    if board:
                        send(sumo, who, (stand.door,))
                        self._late[who] = stand
                    continue
                if who not in self._until_s:
                    stays_s = self._dice.uniform(0.4, 1.6) * stand.stays_s
                    self._until_s[who] = at_s + stays_s
                elif at_s >= self._until_s[who]:
                    send(sumo, who, self._dice.choice(stand.onwards))
        self._until_s = {who: until for who, until in self._until_s.items() if who in there}
        if self._late and not board:
            self._turn_back(sumo)

    def _turn_back(self, sumo: Any) -> None:
        """Doors have closed: who has not boarded goes away."""
        present = set(sumo.person.getIDList())
        for who, stand in self._late.items():
            if who in present and sumo.person.getPosition(who)[1] < self._crowd.seen[3]:
                send(sumo, who, self._dice.choice(stand.onwards))
        self._late.clear()


def boards(trains: Trains, at_s: float) -> bool:
    """Whether people board at that time."""
    since_s = (at_s - trains.first_s) % trains.every_s
    return _BOARD_AFTER_S <= since_s <= trains.stop_s - trains.doors_s


def send(sumo: Any, who: str, ways: tuple[str, ...]) -> None:
    """Lets somebody go another way from now on, at its own pace."""
    sumo.person.appendWalkingStage(who, [AWAY, *ways], -0.1)
    for _ in range(sumo.person.getRemainingStages(who) - 1):
        sumo.person.removeStage(who, 0)
