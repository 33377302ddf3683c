"""``/chatflows/new/jobs``: how far an import is, and what became of it."""

from typing import Final
from urllib.parse import quote

from fastapi import Response

from flowkeys.domain.chatflows.import_job import State
from flowkeys.domain.errors import NotFound
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.chatflows.new import NEEDS, made_words
from flowkeys.web.pages.router import PageRouter

router = PageRouter()

SHOWN: Final = 200
"""How many reasons a page lists."""


@router.page("GET", "/chatflows/new/jobs/{job_id}", needs=NEEDS)
async def progress(job_id: str, call: PageCall) -> Response:
    """Show how far it is; at the end go to the chatflow, unless there is something to say about its files."""
    try:
        job = await call.services.imports.get(call.caller, job_id)
    except NotFound:
        return _here_again(call, job_id) if call.is_part else call.render("jobs/unknown.html", 404)
    if job.state is State.RUNNING:
        return call.render("jobs/running.html", job=job)
    if call.is_part:
        return _here_again(call, job_id)
    if job.state is State.MADE and not job.errors:
        return call.done(f"/chatflows/{job.chatflow_id}", made_words(job.name))
    return call.render("jobs/ended.html", job=job, shown=SHOWN)


@router.page("POST", "/chatflows/new/jobs/{job_id}/stop", needs=NEEDS)
async def stop(job_id: str, call: PageCall) -> Response:
    """Stop an import; nothing of it is kept."""
    try:
        job = await call.services.imports.stop(call.caller, job_id)
    except NotFound:
        return call.render("jobs/unknown.html", 404)
    return call.done(f"/chatflows/new/jobs/{job.id}")


def _here_again(call: PageCall, job_id: str) -> Response:
    """Have the whole page loaded: what is to be said is more than its moving part."""
    return call.done(f"/chatflows/new/jobs/{quote(job_id, safe='')}")
