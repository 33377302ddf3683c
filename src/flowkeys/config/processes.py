"""The settings of processes, of what is counted and waited for, and of how large things may be."""

import os
from typing import Final, Literal

from pydantic import Field
from pydantic_settings import BaseSettings

from flowkeys.config.values import Names, Servers

_MIB: Final = 1024 * 1024


class BoundSettings(BaseSettings):
    """A part of the server's settings."""

    reserved_tokens: int = Field(
        default=4096,
        ge=1,
        le=10_000_000,
        description="How many tokens a run reserves of [quotas](quotas.md#runs-reserve) for each "
        "model whose node sets no `maxTokens`, until it has run.",
    )
    run_steps: int = Field(
        default=1000,
        ge=1,
        le=1_000_000,
        description="How many nodes of a chatflow one run may run, each time that one runs counted, and "
        "those of chatflows that it calls; beyond that it ends with 422 (`run_limit_exceeded`).",
    )
    run_depth: int = Field(
        default=5,
        ge=0,
        le=20,
        description="How many chatflows may run inside each other, below the one that was called "
        "([Execute Flow](chatflows.md#chatflows-that-call-others)); a run that goes deeper ends with 422 "
        "(`run_limit_exceeded`).",
    )
    run_seconds: int = Field(
        default=1800,
        ge=1,
        le=604_800,
        description="How long one run may take, in seconds. What it [waits for a "
        "person](chatflows.md#runs-that-wait-for-a-person) is not counted.",
    )
    run_bytes: int = Field(
        default=64 * _MIB,
        ge=10_000,
        le=4096 * _MIB,
        description="How much one run may come to: the texts that its variables make, the answers of models, "
        "services and tools, and its steps as they are shown, which is what is kept of it. A character of a "
        "text counts as one.",
    )
    run_calls: int = Field(
        default=1000,
        ge=0,
        le=1_000_000,
        description="How often one run may call out: to models, each attempt counted, by HTTP nodes, tools, "
        "and `fetch` of code. All [limits of a run](chatflows.md#limits-of-a-run) end it with 422 "
        "(`run_limit_exceeded`).",
    )
    waiting_run_days: int = Field(
        default=7,
        ge=1,
        le=365,
        description="How many days a run that [waits for a person](chatflows.md#runs-that-wait-for-a-person) "
        "can be answered.",
    )
    model_silence_seconds: int = Field(
        default=120,
        ge=1,
        le=86_400,
        description="How long a model may be silent within an answer that comes piece by piece; "
        "comments of its server count as words. A node's `timeout` goes before this and the next.",
    )
    model_answer_seconds: int = Field(
        default=600,
        ge=1,
        le=86_400,
        description="How long a model may take for an answer that is asked for whole, of which "
        "nothing is heard until it is complete.",
    )
    python_threads: int = Field(
        default=32,
        ge=1,
        le=1000,
        description="How many Python functions that are not async run at a time in each process, and as "
        "many again of what others start by `asyncio.to_thread` or LangChain. Further ones wait for one to "
        "end: raise it when flows wait long for other machines.",
    )
    usage_flush_seconds: int = Field(
        default=2,
        ge=1,
        le=300,
        description="How often what was counted in memory is stored: calls, tokens, last uses, what"
        " [quotas](quotas.md) count. A clean stop loses none of it, a crash at most so many seconds.",
    )
    failures_per_second: int = Field(
        default=10,
        ge=0,
        le=1_000_000,
        description="How many failed credentials an address may send each second; further ones are "
        "answered with 429. `0` is no limit. A good key is never refused for it.",
    )
    failures_burst: int = Field(
        default=100,
        ge=1,
        le=1_000_000,
        description="How many failed credentials an address may send at once.",
    )
    valkey: Servers | None = Field(
        default=None,
        validate_default=True,
        description="Where [rate limits and quotas](shared-limits.md) are counted for all processes"
        " together, in Valkey or Redis: `valkey://host:6379/0`, `redis://…`, "
        "`rediss://user:password@host` with TLS, or `unix:///run/valkey/valkey.sock?db=0`; several, "
        "separated by commas, are a primary and its replicas. Unless set each process counts alone. "
        "Needs `pip install 'flowkeys[valkey]'`.",
    )
    valkey_timeout_ms: int = Field(
        default=50,
        ge=1,
        le=10_000,
        description="So long a call waits for Valkey. One that takes longer is taken for away.",
    )
    limits_without_valkey: Literal["per-process", "refuse"] = Field(
        default="per-process",
        description="What becomes of calls with limits while Valkey is away: `per-process` has each"
        " process count alone, `refuse` answers 503.",
    )
    refused_without_valkey: Names = Field(
        default=(),
        description="Names of limits (`day`, or their own) and quotas (`calls-month`), separated by"
        " commas, that refuse then all the same.",
    )
    max_body_bytes: int = Field(
        default=10 * _MIB, ge=1024, description="The largest request body; larger ones are 413."
    )
    max_upload_bytes: int = Field(default=50 * _MIB, ge=1024, description="The largest upload of documents.")
    max_document_bytes: int = Field(default=20 * _MIB, ge=1024, description="The largest single document.")
    max_document_pages: int = Field(default=2000, ge=1, description="The most pages of a PDF.")
    max_documents: int = Field(
        default=10_000,
        ge=1,
        description="The most documents in one collection, and in one import of a folder.",
    )


class ProcessSettings(BaseSettings):
    """How many there are, and how they end; a part of the server's settings."""

    workers: int = Field(
        default=1,
        ge=1,
        le=256,
        description="How many processes serve. With more than one, SIGHUP replaces them one after "
        "the other, without the loss of a call: [deployment.md](deployment.md).",
    )
    limits: Literal["shared", "per-process"] | None = Field(
        default=None,
        description="How limits and quotas are counted where several processes serve one database: "
        "`shared`, in Valkey, or `per-process`, each by itself, so that each may admit all of them. "
        "Without it, and without Valkey, several processes store and enforce none: "
        "[deployment.md](deployment.md#limits-and-quotas).",
    )
    keep_alive_seconds: int = Field(
        default=75,
        ge=1,
        le=86_400,
        description="How long a connection without a call is kept open. A proxy or client that "
        "keeps its connections longer than this sends calls into connections that are just being "
        "closed: tell it less, or say more here. See "
        "[operations.md](operations.md#connections-that-are-kept).",
    )
    shutdown_seconds: int = Field(
        default=5,
        ge=0,
        le=300,
        description="How long requests and streams that run may take to end when the server stops. "
        "A second signal ends them at once. See [deployment.md](deployment.md#stopping).",
    )
    drain_seconds: int = Field(
        default=300,
        ge=0,
        le=86_400,
        description="How long they may take in a process that was replaced by a new one, at SIGHUP.",
    )
    stop_delay_seconds: int = Field(
        default=0,
        ge=0,
        le=300,
        description="How long a server that is to stop goes on as before, with `/health/ready` at "
        "503, until it closes its port: as long as a load balancer takes to notice.",
    )


class CodeSettings(BaseSettings):
    """What code and variables of chatflows may do; a part of the server's settings."""

    runtime_variables: Names = Field(
        default=(),
        description="Which variables of the server's own environment chatflows may read, separated by "
        "commas: a [variable of a workspace](chatflows.md#variables-of-a-workspace) of the type runtime with "
        "one of these names has the value that is there at the start. No others are ever read.",
    )
    mcp_servers: Names = Field(
        default=(),
        description="URLs of the MCP servers whose tools chatflows may use, separated by commas; they may be "
        "on this machine or in private networks. [No others are called](chatflows.md#tools-of-mcp-servers).",
    )
    code_nodes: bool = Field(
        default=False,
        description="Whether chatflows may run [code](chatflows.md#code) that somebody who holds `*` "
        "approved. "
        "Needs `pip install 'flowkeys[code]'`.",
    )
    code_seconds: float = Field(
        default=5.0,
        gt=0,
        le=3600,
        description="Processor time, in seconds, that one run of code may take.",
    )
    code_timeout_seconds: float = Field(
        default=60.0,
        gt=0,
        le=86_400,
        description="How long one run of code may take in all, what it waits for counted.",
    )
    code_memory_mb: int = Field(default=64, ge=8, le=4096, description="Memory of one run of code, in MB.")
    code_output_bytes: int = Field(
        default=1_000_000, ge=100, le=50_000_000, description="The most that one run of code returns."
    )
    code_calls: int = Field(
        default=20,
        ge=0,
        le=10_000,
        description="How often one run of code may call out, with `fetch` or `axios`; redirects are part "
        "of a call.",
    )
    code_processes: int = Field(
        default=4,
        ge=1,
        le=256,
        description="How many processes run code at a time, for each process that serves; each runs one "
        "piece at a time, and further ones wait. They are started when they are needed, and end after a "
        "minute without work.",
    )

    def environment(self) -> dict[str, str]:
        """Return what `runtime_variables` names and the environment has."""
        return {name: os.environ[name] for name in self.runtime_variables if name in os.environ}
