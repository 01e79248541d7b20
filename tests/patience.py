"""How Hypothesis behaves in all tests, whichever of them a run begins with."""

from hypothesis import HealthCheck, settings

# The database is shared by the examples of a test, and the machine may be busy: no deadlines.
settings.register_profile(
    "caia",
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
    print_blob=True,
    database=None,
)
settings.load_profile("caia")
