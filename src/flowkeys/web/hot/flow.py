"""Whether a connection is read and written to."""

from uvicorn.protocols.http.flow_control import FlowControl


class Flow(FlowControl):
    """Whether reading and writing go on; an application that wants its body does not undo `hold`."""

    _is_held = False

    def hold(self) -> None:
        """Read nothing more, whoever asks for it."""
        self._is_held = True
        self.pause_reading()

    def let_go(self) -> None:
        """Read again, if it was held."""
        if self._is_held:
            self._is_held = False
            self.resume_reading()

    def resume_reading(self) -> None:
        """Read again, unless it is held."""
        if not self._is_held:
            super().resume_reading()
