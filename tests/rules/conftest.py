"""What the rules' tests share: the sample alliance, and Hypothesis without deadlines."""

from hypothesis import HealthCheck, settings

from tests.house.samples import world  # noqa: F401

# The database is shared by the examples of a test, and the machine may be busy: no deadlines.
PATIENT = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
    "print_blob": True,
    "database": None,
}
settings.register_profile("caia", **PATIENT)
settings.load_profile("caia")
