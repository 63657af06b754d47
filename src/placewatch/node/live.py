"""Live: what happens now, handed to everybody who watches, and to nobody who does not keep up."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from placewatch.core.ids import CameraId
from placewatch.core.time import UtcMicros
from placewatch.node.views import CrossingView, SceneView, SetupView, to_json

SCENE_STEP_US = 1_000_000 // 12
"""At most 12 scenes a second: the browser moves the shapes in between."""

SCENES_MAX = 6  # half a second; who is later than that wants the present, not the past
CROSSINGS_MAX = 256  # the totals, which come each second, are right also when ticks are lost


@dataclass(frozen=True, slots=True)
class Message:
    """One event for the browser: its name, and its data as JSON."""

    event: str
    data: str


class Subscription:
    """What one watcher has not been given yet: bounded, oldest dropped first.

    `wake` is called, from any thread, when there is something to take.
    """

    def __init__(self, camera: CameraId | None, wake: Callable[[], None]) -> None:
        self.camera = camera
        self.crossings_lost = 0
        self._wake = wake
        self._lock = threading.Lock()
        self._scenes: deque[Message] = deque(maxlen=SCENES_MAX)
        self._crossings: deque[Message] = deque(maxlen=CROSSINGS_MAX)
        self._setups: dict[CameraId, Message] = {}

    def take(self) -> list[Message]:
        """All that has come since the last call: changes first, then ticks, then scenes."""
        with self._lock:
            messages = [*self._setups.values(), *self._crossings, *self._scenes]
            self._setups.clear()
            self._crossings.clear()
            self._scenes.clear()
        return messages

    def put(self, message: Message, camera: CameraId) -> None:
        """Adds `message`; drops the oldest of its sort where there are too many."""
        with self._lock:
            if message.event == "scene":
                self._scenes.append(message)
            elif message.event == "crossing":
                self.crossings_lost += len(self._crossings) == CROSSINGS_MAX
                self._crossings.append(message)
            else:
                self._setups[camera] = message
        self._wake()


class Live:
    """Hands scenes, crossings and changes to those who watch. Any thread may call; none waits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watchers: list[Subscription] = []
        self._scene_at: dict[CameraId, UtcMicros] = {}

    def subscribe(self, camera: CameraId | None, wake: Callable[[], None]) -> Subscription:
        """A watcher of `camera`'s scene and of every camera's crossings. End it by `leave`."""
        subscription = Subscription(camera, wake)
        with self._lock:
            self._watchers = [*self._watchers, subscription]
        return subscription

    def leave(self, subscription: Subscription) -> None:
        """Ends a subscription; twice is once."""
        with self._lock:
            self._watchers = [item for item in self._watchers if item is not subscription]

    def wants_scene(self, camera: CameraId, at: UtcMicros) -> bool:
        """Whether a scene of `camera` at `at` would be shown: somebody looks, and it is time."""
        if not any(watcher.camera == camera for watcher in self._watchers):
            return False
        last = self._scene_at.get(camera)
        return last is None or not 0 <= at - last < SCENE_STEP_US

    def scene(self, camera: CameraId, scene: SceneView) -> None:
        """Shows who is where; a scene that comes too soon after the last is left out."""
        if self.wants_scene(camera, scene.at):
            self._scene_at[camera] = scene.at
            self._tell("scene", camera, scene)

    def crossing(self, crossing: CrossingView) -> None:
        """Ticks a counter."""
        self._tell("crossing", crossing.camera, crossing)

    def setup(self, camera: CameraId) -> None:
        """Says that `camera` was set up anew."""
        self._tell("setup", camera, SetupView(camera))

    def _tell(self, event: str, camera: CameraId, view: object) -> None:
        watchers = self._watchers
        if event == "scene":
            watchers = [watcher for watcher in watchers if watcher.camera == camera]
        if watchers:
            message = Message(event, to_json(view))
            for watcher in watchers:
                watcher.put(message, camera)
