"""The application: what is made at start, which routes there are, and what surrounds them."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version

from fastapi import Depends, FastAPI
from starlette.routing import Route

from tastemap.errors import TastemapError
from tastemap.linalg.threads import single_threaded_blas
from tastemap.service import pages
from tastemap.service.database.store import Store
from tastemap.service.database.writer import Writer
from tastemap.service.guard import add_guards
from tastemap.service.live.beside import in_thread, threads_end
from tastemap.service.live.service import Service
from tastemap.service.routes import events, items, model, operations, recommendations, users
from tastemap.service.routes.description import describe
from tastemap.service.routes.errors import add_handlers, documented
from tastemap.service.routes.kept import SentLists
from tastemap.service.routes.queries import only_known
from tastemap.service.settings import ServiceSettings
from tastemap.service.telemetry.metrics import Telemetry

LOG = logging.getLogger("tastemap.service")
FOLLOWED_EVERY_S = 1.0
COLLECTED_AFTER = 20_000
"""New objects before the collector looks at the young ones: some dozens of lists."""
API = "/v1"
ANYWHERE = (400, 401, 403, 408, 413, 415, 421, 429, 431, 503)
"""How any request may be refused before it reaches its route."""


def create_app(settings: ServiceSettings, *, unnamed: str | None = None) -> FastAPI:
    """The service over one artifact, as an ASGI application; loading happens when it starts.

    *Stability: caller-stable.*

    Parameters
    ----------
    settings : ServiceSettings
    unnamed : str, optional
        Digest of the version to serve where the database names none; default: the current one.
    """
    app = FastAPI(
        title="Tastemap",
        version=version("tastemap"),
        description="Recommendations with reasons from one artifact, with live events.",
        lifespan=_lifespan(settings, unnamed),
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{API}/openapi.json",
        telemetry={"tracing": False, "metrics": False, "logs": False},  # the guards tell more, and sooner
    )
    for module in (recommendations, items, users, events, model):
        app.include_router(
            module.router, prefix=API, responses=documented(*ANYWHERE), dependencies=[Depends(only_known)]
        )
    # Before the routes that FastAPI describes, which come to the same function by a longer way.
    app.router.routes.insert(0, Route(API + recommendations.LISTS, recommendations.ForUser(), methods=["GET"]))
    app.include_router(operations.router)
    add_guards(app, settings)  # before the pages, which answer to any other name with a page for people
    pages.add_pages(app)
    add_handlers(app)
    describe(app)
    return app


def _lifespan(
    settings: ServiceSettings, unnamed: str | None
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        store = await in_thread(Store.open, settings.database_url)
        try:
            await in_thread(store.claim, settings.folder.absolute().name)
            service = await in_thread(Service, settings.folder, store, unnamed)
            writer = Writer(store, limit=settings.queue_limit)
            app.state.settings, app.state.service, app.state.writer = settings, service, writer
            app.state.telemetry, app.state.sent_lists = Telemetry(service, writer), SentLists()
            app.state.probe = operations.Probe(store)
            store.writes.heard = app.state.telemetry.observe_write
            following = asyncio.create_task(_follow(service))
            _spare_collections()
            try:
                with single_threaded_blas():  # each list asks for it, and then finds it so
                    yield
            finally:
                following.cancel()
                await asyncio.wait([following])
                await in_thread(writer.close)  # what was acknowledged is on disk, what waits is written
        finally:
            await threads_end()  # what loads a version, or works for a request that was cut off, uses the store
            store.close()

    return lifespan


def _spare_collections() -> None:
    """Let the collector of garbage pass over what stays: looking at all of it would hold requests for long."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECTED_AFTER)


async def _follow(service: Service) -> None:
    """Hide who was erased, serve what others name, and take in new items: none of them waits for another."""
    tasks = (service.hide_erased, service.follow, service.take_in_items)
    await asyncio.gather(*(_repeat(service, task) for task in tasks))


async def _repeat(service: Service, task: Callable[[], bool | None]) -> None:
    """Do a task every second, and tell if it changed what is served; what fails is told, and tried again."""
    said = ""
    while True:
        await asyncio.sleep(FOLLOWED_EVERY_S)
        try:
            if await in_thread(task):
                n_items = len(service.serving.item_ids)
                LOG.info("serving version %d, %d items", service.serving.version, n_items)
            told = ""
        except TastemapError as error:
            told = str(error)
        except Exception as error:  # whatever it is, the next second may be better
            told = repr(error)
            LOG.exception("a defect of Tastemap while following")
        if told and told != said:  # once, not every second
            LOG.warning("what is served stays: %s", told)
        said = told
