"""What every source of pictures has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import TracebackType
from typing import TypeVar

import numpy as np
import numpy.typing as npt

ImageArray = npt.NDArray[np.uint8]

_Source = TypeVar('_Source', bound='VideoSource')


class VideoSource(ABC):
    """Pictures of one size, in order.

    :ivar name: what it is, for log lines and errors.
    :ivar width: picture width in pixels.
    :ivar height: picture height in pixels.
    :ivar fps: nominal pictures a second, > 0.
    :ivar live: True where pictures come when they come (a camera): pacing them would only make them old.
    :ivar length: pictures in one pass; None where there is no end, or it is not known beforehand.
    """

    name: str
    width: int
    height: int
    fps: float
    live: bool = False
    length: int | None = None

    @abstractmethod
    def one_pass(self) -> Iterator[ImageArray]:
        """Yield the pictures from the first to the last; calling it again begins again.

        :returns: (height, width, 3) uint8, RGB, C-contiguous; the receiver may keep and change them.
        :raises VideoError: when a picture cannot be read or has another size.
        """

    def frames(self, loop: bool = False) -> Iterator[tuple[ImageArray, int]]:
        """Yield the pictures with their number from 0, which goes on counting when the source begins again.

        :param loop: begin again at the end.
        :raises VideoError: as :meth:`one_pass`.
        """
        index = 0
        while True:
            for image in self.one_pass():
                yield image, index
                index += 1
            if not loop:
                return

    def close(self) -> None:  # noqa: B027
        """Give back what the source holds; it is then not to be read again."""

    def __enter__(self: _Source) -> _Source:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.close()
