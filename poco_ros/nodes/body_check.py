"""Makes sure that meshes are made with the very body model that the received betas belong to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from poco_ros.body.model import BodyModel


class BodyModelCheck:
    """Gives the body model to those bodies only whose model-info message names it by hash.

    Betas mean nothing to another body model: the mesh would be a wrong person, and look plausible.

    :param body: what is loaded here.
    :param warn: called with a text when the bodies belong to another body model; once for each model.
    """

    def __init__(self, body: BodyModel, warn: Callable[[str], None]) -> None:
        self._body = body
        self._warn = warn
        self._verified: set[str] = set()
        self._refused: set[str] = set()

    def take(self, info: Any) -> None:
        """Read a ``BodyModelInfo`` message."""
        if info.body_model_hash == self._body.sha256:
            self._verified.add(info.model_id)
        elif info.model_id not in self._refused:
            self._refused.add(info.model_id)
            self._verified.discard(info.model_id)
            self._warn(
                f'the bodies are of the body model {info.body_model!r} (sha256 {info.body_model_hash[:12]}), the one '
                f'loaded here is {self._body.name!r} ({self._body.sha256[:12]}): no mesh is drawn; give view_node the '
                'same body_model as poco_node')

    def body_for(self, model_id: str) -> BodyModel | None:
        """Return the body model for a message of this ``model_id``; None while it is unverified or another one."""
        return self._body if model_id in self._verified else None
