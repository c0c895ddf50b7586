"""What routes share: the service of the application, ids in paths, and answers as bytes."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import Depends, Path, Query, Request, Response
from starlette.convertors import Convertor, register_url_convertor

from tastemap.service.answers.asked import TextId
from tastemap.service.answers.cursors import CURSOR, LARGEST_PAGE
from tastemap.service.live.service import Service


class IdConvertor(Convertor[str]):
    """``{user_id:id}`` in a path: any text, with slashes and line breaks."""

    # Starlette's own `path` stops before a line break, and there the $ of its patterns lets a path end: the
    # user "a\n" would be taken for the user "a".
    regex = r"[\s\S]*"

    def convert(self, value: str) -> str:
        """The id of a path."""
        return value

    def to_string(self, value: str) -> str:
        """The path of an id."""
        return value


register_url_convertor("id", IdConvertor())


def answered(content: Any, status: int = 200) -> Response:
    """A dict as JSON: written once, without another look at every field."""
    return Response(orjson.dumps(content), status, media_type="application/json")


async def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


Shared = Annotated[Service, Depends(_service)]
PathId = Annotated[TextId, Path()]
Limit = Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="rows of a page")]
Cursor = Annotated[str | None, Query(pattern=CURSOR, description="next_cursor of the page before")]
