"""Logs as JSON lines on standard error, each with the id of the request or message that caused it."""

import logging
import logging.config

import structlog

QUIET = ["django.request", "django.security", "httpx", "botocore", "urllib3", "kombu", "celery.utils.functional"]


class Routes(logging.Filter):
    """Put the address's pattern where Django logs a path: some paths hold a one-time token."""

    def filter(self, record: logging.LogRecord) -> bool:
        request = getattr(record, "request", None)
        if request is not None and isinstance(record.args, tuple):
            match = getattr(request, "resolver_match", None)
            route = match.route if match else "unmatched"
            record.args = tuple(route if str(part).startswith("/") else part for part in record.args)
        return True


def logging_config(level: str) -> None:
    """Send every logger through structlog; `level` is debug, info, warning or error."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "json": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "processors": [
                        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                        structlog.processors.JSONRenderer(),
                    ],
                    "foreign_pre_chain": shared,
                }
            },
            "filters": {"routes": {"()": Routes}},
            "handlers": {"lines": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["routes"]}},
            "root": {"handlers": ["lines"], "level": level.upper()},
            "loggers": {name: {"level": "WARNING"} for name in QUIET},
        }
    )
