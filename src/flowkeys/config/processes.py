"""The settings of processes: how many there are, and how they end."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings


class ProcessSettings(BaseSettings):
    """A part of `Settings`."""

    workers: int = Field(
        default=1,
        ge=1,
        le=256,
        description="How many processes serve. SIGHUP replaces them one after the other.",
    )
    limits: Literal["shared", "per-process"] | None = Field(
        default=None,
        description="How limits and quotas are counted where several processes serve: shared, in Valkey, or "
        "each by itself, so that each may admit all of them. Without it limits need one process, or Valkey.",
    )
    keep_alive_seconds: int = Field(
        default=75,
        ge=1,
        le=86_400,
        description="How long a connection without a call is kept; a proxy has to close its own sooner.",
    )
    shutdown_seconds: int = Field(
        default=5,
        ge=0,
        le=300,
        description="How long requests and streams that run may take to end when the server stops.",
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
        description="How long a server that is to stop goes on, with /health/ready at 503, until it "
        "closes its port: as long as a load balancer takes to notice.",
    )
