"""`stickyNoteAgentflow`: a note beside the flow, which does nothing."""

from flowkeys.flows.registry import Kind

KIND = Kind("stickyNoteAgentflow", None)
