"""What routes about uploads ask for."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Request

from api.deps import ServicesDep, VisitorDep
from api.uploads.desk import Desk
from api.uploads.running import Runner


def desk(request: Request, services: ServicesDep, visitor: VisitorDep) -> Desk:
    """Everything about uploads for who asks."""
    runner: Runner = request.app.state.imports
    return Desk(services, runner, visitor)


DeskDep = Annotated[Desk, Depends(desk)]
UploadId = Annotated[int, Path(ge=1, le=2**63 - 1)]
