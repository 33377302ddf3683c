"""Mistakes that other key systems made when keys go away and calls are counted, and the test of each.

What concerns one process, that is; what concerns several is tested where there are several.
"""

import ast
from pathlib import Path
from typing import Final

from tests.architecture.tree import ROOT

AWAY: Final = "tests/conformance/going_away"
COUNTING: Final = "tests/conformance/test_counting.py"
TOLD: Final = "tests/conformance/test_every_write_is_told.py"
ELSEWHERE: Final = f"{AWAY}/test_changes_elsewhere.py"
LIMITS: Final = "tests/limits/test_memory.py"

GOING_AWAY: Final[dict[str, tuple[str, ...]]] = {
    "a touch wrote a stale row back, and a disabled key came alive again (keyshield)": (
        f"{AWAY}/test_at_once.py::test_recording_a_use_never_brings_a_key_back",
        f"{AWAY}/test_at_once.py::test_disabling_wins_against_use_in_parallel",
        "tests/service/keys/test_rotation.py::test_a_buffered_use_undoes_nothing",
    ),
    "evicted before the commit: a call in between cached the deleted key (Dify)": (
        f"{AWAY}/test_at_once.py::test_a_call_that_begins_after_revocation_was_acknowledged_is_refused",
        f"{AWAY}/test_side_by_side.py::test_a_customer_is_disabled_while_its_keys_call",
        f"{AWAY}/test_side_by_side.py::test_a_rotation_beside_a_revocation_leaves_no_token_that_works",
    ),
    "a fill that is older than the last change filled the cache again (e2b, Unkey)": (
        "tests/cache/test_keys.py::test_a_record_that_was_on_its_way_while_its_key_changed_is_not_kept",
        "tests/cache/test_keys.py::test_a_call_after_a_change_does_not_wait_for_what_was_read_before",
    ),
    "eviction was written in nine handlers and forgotten in the tenth (Unkey)": (
        f"{AWAY}/test_at_once.py::test_every_way_of_taking_access_away_holds_for_the_next_call",
        f"{AWAY}/test_at_once.py::test_a_permission_that_was_taken_away_is_gone",
        f"{AWAY}/test_by_rotation.py::test_every_way_refuses_an_ended_token",
        f"{AWAY}/test_life.py::test_a_life_at_random_is_what_the_model_says",
        f"{TOLD}::test_every_write_is_in_the_audit_log_and_reaches_caches",
        "tests/storage/sqlite/test_changes_by_hand.py::test_a_row_that_an_update_replaces_is_told_of",
    ),
    "revocation elsewhere took seconds to minutes (Unkey, LiteLLM, keyshield)": (
        f"{ELSEWHERE}::test_a_change_by_another_server_the_command_line_or_sql_holds_in_time",
        f"{AWAY}/test_by_time_and_restart.py::test_what_another_process_revokes_is_refused_at_once",
    ),
    "deletes that cascade left keys valid (LiteLLM#34217)": (
        f"{AWAY}/test_at_once.py::test_deleting_the_parent_revokes",
        f"{AWAY}/test_at_once.py::test_every_way_of_taking_access_away_holds_for_the_next_call",
    ),
    "expired keys were deleted on sight (better-auth)": (
        f"{AWAY}/test_at_once.py::test_expired_and_revoked_keys_keep_their_row_name_and_history",
    ),
    "a rotation reset the budget (LiteLLM#31079)": (
        f"{AWAY}/test_by_rotation.py::test_old_and_new_token_are_one_key",
        f"{AWAY}/test_side_by_side.py::test_limits_that_change_while_calls_come_let_in_no_more",
        "tests/http/limits/test_quotas.py::test_rotation_resets_nothing",
    ),
    "a month from January 31 (LiteLLM#15142)": (
        f"{AWAY}/test_by_time_and_restart.py::test_durations_are_exact",
        "tests/domain/test_times.py::test_durations_are_exact",
        "tests/limits/test_quotas.py::test_months_end_where_the_calendar_says",
    ),
    "keys vanished or changed at restart (Flowise#4198, #4210)": (
        f"{AWAY}/test_by_time_and_restart.py::test_a_restart_keeps_every_key_that_was_acknowledged",
    ),
}
COUNTED: Final[dict[str, tuple[str, ...]]] = {
    "the window restarted with each call: a slow client was locked out (better-auth)": (
        f"{LIMITS}::test_a_window_never_restarts",
        f"{LIMITS}::test_nobody_is_refused_below_the_limit_in_a_day",
        f"{LIMITS}::test_whoever_calls_more_gets_the_limit_in_a_day",
        "tests/limits/test_day.py::test_of_several_windows_the_slowest_is_held_for_a_day",
        "tests/limits/test_day.py::test_keys_of_a_customer_share_a_day_and_keep_their_own",
    ),
    "checked first, counted later (Kong, Dify, LiteLLM#26672)": (
        "tests/http/limits/test_rate_limits.py::test_as_many_as_the_limit_says_are_let_in",
        "tests/verification/test_counted_uses.py::test_pipelined_calls_over_several_connections",
        "tests/http/limits/test_token_quotas.py::test_nobody_exceeds_a_quota_by_running_in_parallel",
        "tests/limits/shared/test_shared.py::test_four_processes_admit_exactly_the_limit",
        "tests/limits/shared/test_quotas.py::test_all_processes_together_use_what_the_quota_says",
        f"{AWAY}/test_side_by_side.py::test_limits_that_change_while_calls_come_let_in_no_more",
    ),
    "wrong keys used up the limit (Flowise)": (
        f"{COUNTING}::test_refused_calls_cost_the_keys_owner_nothing",
        "tests/http/limits/test_rate_limits.py::test_only_accepted_calls_count",
        f"{COUNTING}::test_a_good_key_is_not_refused_because_its_address_sent_garbage",
        "tests/http/limits/test_visitors.py::test_a_refused_visitor_costs_nothing",
    ),
    "one was added through an ORM (Langflow)": (
        f"{COUNTING}::test_parallel_counts_add_up",
        "tests/conformance/test_usage_agrees.py::test_usage_is_what_was_answered_logged_and_stored",
    ),
    "a write for each verification (crates.io, datasette-auth-tokens, better-auth)": (
        f"{COUNTING}::test_verification_issues_no_write",
    ),
    "a limit that was switched off stayed on elsewhere (Flowise)": (
        "tests/http/limits/test_rate_limits.py::test_a_change_holds_at_the_next_call_and_forgives_nothing",
        f"{ELSEWHERE}::test_limits_that_others_set_and_lift_hold_in_time",
        "tests/http/limits/test_customers.py::test_they_are_written_shown_put_back_and_taken_away",
        f"{AWAY}/test_life.py::test_a_life_at_random_is_what_the_model_says",
    ),
    "the leftmost X-Forwarded-For was believed (Flowise, Unkey)": (
        f"{COUNTING}::test_an_address_that_a_client_claims_is_not_believed",
        "tests/http/limits/test_visitors.py::test_an_address_that_a_caller_claims_is_no_way_round_the_limit",
        "tests/http/limits/test_visitors.py::test_a_network_of_its_own_has_one_limit",
        "tests/conformance/who_gets_in/test_by_network.py::*",
        "tests/web/requests/test_address.py::*",
    ),
}


def test_each_has_its_tests() -> None:
    """Each test that is named is there."""
    missing = []
    for tests in (*GOING_AWAY.values(), *COUNTED.values()):
        for test in tests:
            path, _, name = test.partition("::")
            if name != "*" and name not in _functions(ROOT / path):
                missing.append(test)
            assert (ROOT / path).is_file(), path
    assert missing == []


def _functions(path: Path) -> set[str]:
    if not path.is_file():
        return set()
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, kinds)}
