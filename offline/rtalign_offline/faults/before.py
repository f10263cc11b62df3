"""What the program did before the matrix was written, and the cell or the test that shows what it does now."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Before:
    """One finding of the attack that the matrix was made after.

    Attributes
    ----------
    fault : str
        What was done.
    then : str
        What came of it.
    now : str
        Key of the cell that does it again; a path of a test where there is no cell.
    """

    fault: str
    then: str
    now: str


BEFORE = (
    Before("one sample of 1e30", "the engine ended, 7,509 of 10,595 samples unrecorded", "value 1e30"),
    Before("a stream that comes back too slow", "the engine ended", "other rate"),
    Before("one stamp 100 s ahead", "104 s and 312 words without a score", "stamp +100 s"),
    Before("one stamp of 1e300", "no score any more", "stamp 1e300"),
    Before("a clock set back 10 s", "3,000 samples dropped as repeated", "clock back"),
    Before("a word clock 60 s off", "scored against the wrong signal without notice", "words +60 s"),
    Before("markers before the MEG", "not recorded", "early markers"),
    Before("a marker of more than 65,536 characters", "cut without a word", "long marker"),
    Before("a marker that is no UTF-8", "replacement characters", "not UTF-8"),
    Before("kill -9 of the engine, without a window", "over, exit status 1", "engine killed"),
    Before("the same again", "over, exit status 1", "engine killed twice"),
    Before("an end with a bank that is refused", "the engine aborted in C++", "fewer sensors"),
    Before(
        "a language model too slow, 1 s a word", "frozen at 766 words for 8 min; an end of over 60 s, no report",
        "tests/engine/test_engine.py::test_a_model_that_is_too_slow_never_stops_scoring",
    ),
    Before("10,000 markers within a second", "not all recorded, none counted", "flood"),
    Before("a quarter of the kept activations zeroed", "another R, silently", "activations zeroed"),
    Before(
        "a kill after the last lag", "all fits lost",
        "tests/training/test_kept_work.py::test_a_kill_after_the_last_lag_loses_no_fit",
    ),
    Before(
        "two trainings with one cache", "the slower failed",
        "tests/training/test_kept_work.py::test_two_trainings_with_one_cache_both_finish",
    ),
    Before(
        "sweep on one folder twice", "failed, or computed twice",
        "tests/sweep/test_run.py::test_a_second_sweep_in_one_folder_waits_for_the_first",
    ),
    Before(
        "two sweeps on one scheduler", "the second took the first's numbers",
        "tests/sweep/test_run.py::test_two_sweeps_on_one_scheduler_share_no_result",
    ),
    Before("a FIF whose tags link backwards", "hung for ever, and grew", "FIF circle"),
    Before("a model folder with auto_map", "asked to run its code", "model code"),
    Before("deep JSON", "unexpected RecursionError", "bank deep JSON"),
    Before("deep TOML", "unexpected RecursionError", "plan deep"),
    Before("a bank whose weights are no numbers", "loaded", "bank NaN"),
    Before(
        "1e400, and lists where tables belong", "unexpected ...",
        "tests/integration/test_hostile_settings.py::test_harmful_toml_is_one_line",
    ),
    Before(
        "a FIF 1e15 times too large", "trained silently",
        "tests/training/test_prepare.py::test_a_recording_in_a_wrong_unit_trains_nothing",
    ),
    Before(
        "a bad value in a recording", "refused as a whole, without a place",
        "tests/training/test_prepare.py::"
        "test_bad_values_are_told_with_channel_and_second_and_cost_the_words_around_them",
    ),
    Before(
        "an engine that is lost while pictures are taken", "killed with SIGKILL, exit status 0",
        "tests/monitor/test_app.py::test_a_window_whose_engine_was_lost_returns_a_failure",
    ),
    Before(
        "a recorder that hangs", "its lamp stayed green",
        "tests/engine/process/test_recorder_process.py::test_a_recorder_that_hangs_does_not_count_as_recording",
    ),
    Before(
        "a line break in a field of SLURM", "became a line of shell",
        "tests/sweep/test_plan.py::test_no_field_of_the_cluster_becomes_a_line_of_shell",
    ),
    Before(
        "another user who finds a sweep's scheduler", "ran code as the sweep's user",
        "tests/sweep/test_clusters.py::test_a_client_without_the_keys_of_the_sweep_is_refused",
    ),
    Before(
        "a recorder, in an hour with a fault every 30 s", "grew by 0.39 MB a minute",
        "tests/streams/live/test_raw_source.py::"
        "test_a_stream_whose_health_nobody_asks_for_keeps_nothing_of_what_passed",
    ),
)  # fmt: skip
