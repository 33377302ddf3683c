"""What of the settings chatflows need."""

from flowkeys.config.settings import Settings
from flowkeys.flows.settings import FlowSettings, ModelCredential


def flow_settings(settings: Settings) -> FlowSettings:
    """Return what the operator allows chatflows to do."""
    credentials = tuple(
        ModelCredential(name, item.base_url, item.key()) for name, item in settings.credentials.items()
    )
    return FlowSettings(
        credentials=credentials,
        allowed_endpoints=settings.allowed_endpoints,
        python_targets=settings.python_flows,
        variables=settings.variables,
        model_timeout_seconds=settings.model_silence_seconds,
        whole_answer_timeout_seconds=settings.model_answer_seconds,
    )
