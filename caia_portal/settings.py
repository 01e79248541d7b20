"""Django's settings: safe by default, everything that differs between places comes from the environment once."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from celery.schedules import crontab

from caia_portal.environment import Environment
from caia_portal.logs import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent
ENV = Environment()

DEBUG = False
DEMO = ENV.demo
SECRET_KEY = ENV["CAIA_SECRET_KEY"]
BASE_URL = ENV["CAIA_BASE_URL"].rstrip("/")
HOME = (BASE_DIR / ENV["CAIA_HOME"]).resolve()
ALLOWED_HOSTS = [ENV.host]
CSRF_TRUSTED_ORIGINS = [BASE_URL]
VERSION = "0.1.0"

INSTALLED_APPS = [
    "apps.audit",
    "apps.core",
    "apps.alliance",
    "apps.catalog",
    "apps.agreements",
    "apps.projects",
    "apps.workspaces",
    "apps.jobs",
    "apps.home",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.forms",
    "guardian",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.mfa",
    "allauth.usersessions",
    "oauth2_provider",
    "django_htmx",
    # Both rewrite the template loaders at start-up; installed plainly together one of them stops working.
    "django_cotton.apps.SimpleAppConfig",
    "template_partials.apps.SimpleAppConfig",
]

MIDDLEWARE = [
    "apps.core.middleware.RequestContext",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "apps.core.middleware.SecurityHeaders",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "apps.core.middleware.Outage",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "apps.alliance.signin.middleware.SessionLimits",
    "apps.alliance.signin.middleware.SecondFactor",
    "django_htmx.middleware.HtmxMiddleware",
    "apps.core.middleware.PortalErrors",
    "apps.alliance.signin.middleware.Actor",  # last: its process_exception is asked before PortalErrors
]

ROOT_URLCONF = "caia_portal.urls"
ASGI_APPLICATION = "caia_portal.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "template_partials.loader.Loader",
                    [
                        (
                            "django.template.loaders.cached.Loader",
                            [
                                "django_cotton.cotton_loader.Loader",
                                "django.template.loaders.filesystem.Loader",
                                "django.template.loaders.app_directories.Loader",
                            ],
                        )
                    ],
                )
            ],
            "builtins": [
                "django_cotton.templatetags.cotton",
                "template_partials.templatetags.partials",
                "apps.core.templatetags.words",
                "apps.core.templatetags.look",
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "apps.home.frame.frame",
            ],
        },
    }
]
COTTON_DIR = "components"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# ── Data ────────────────────────────────────────────────────────────────────────────────────────────────────────────
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        **ENV.database(),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "pool": {"min_size": 1, "max_size": 16, "timeout": 5, "max_lifetime": 1800},
            "connect_timeout": 5,
            "prepare_threshold": 0,  # at once, but only what apps/core/planned.py executes
            "options": "-c statement_timeout=30000 -c lock_timeout=10000 -c idle_in_transaction_session_timeout=60000",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": ENV["REDIS_URL"],
        "OPTIONS": {
            "socket_timeout": 2,
            "socket_connect_timeout": 2,
            "serializer": "apps.core.cache.JSONSerializer",
        },
        "KEY_PREFIX": "portal",
    }
}
S3 = {
    "endpoint_url": ENV["S3_ENDPOINT_URL"] or None,
    "aws_access_key_id": ENV["S3_ACCESS_KEY_ID"],
    "aws_secret_access_key": ENV["S3_SECRET_ACCESS_KEY"],
    "region_name": ENV["S3_REGION"],
}
S3_BUCKET = ENV["S3_BUCKET"]
UPLOAD_LARGEST = int(ENV["CAIA_UPLOAD_MB"]) * 1024 * 1024  # bytes of a dataset in one request
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 300

# ── Workspaces ──────────────────────────────────────────────────────────────────────────────────────────────────────
HAS_WORKSPACES = ENV.has_workspaces
HOST_SECRET = ENV["CAIA_HOST_SECRET"]
HUB_API_URL = ENV["CAIA_HUB_API_URL"].rstrip("/")
HUB_TOKEN = ENV["CAIA_HUB_TOKEN"]
HUB_CLIENT_SECRET = ENV["CAIA_HUB_CLIENT_SECRET"]
WORKSPACES_URL = ENV["CAIA_WORKSPACES_URL"].rstrip("/")
OIDC_KEY = HOME / "oidc" / "key.pem"  # signs what the Hub is told of who signed in; made by manage.py register_hub
OAUTH2_PROVIDER = {
    "OIDC_ENABLED": True,
    "OIDC_ISS_ENDPOINT": f"{BASE_URL}/oidc",
    "OIDC_RSA_PRIVATE_KEY": OIDC_KEY.read_text(encoding="ascii") if OIDC_KEY.exists() else "",
    "OAUTH2_SERVER_CLASS": "apps.workspaces.oidc.CodeOnly",
    "OIDC_SERVER_CLASS": "apps.workspaces.oidc.CodeOnly",
    "OAUTH2_VALIDATOR_CLASS": "apps.workspaces.oidc.HubValidator",
    "PKCE_REQUIRED": True,
    "SCOPES": {"openid": "Who you are, by a name that tells nothing"},
    "DEFAULT_SCOPES": ["openid"],
    "AUTHORIZATION_CODE_EXPIRE_SECONDS": 60,
    "ID_TOKEN_EXPIRE_SECONDS": 300,
    "ACCESS_TOKEN_EXPIRE_SECONDS": 12 * 3600,  # good for one question alone, which asks anew who may enter
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    # RFC 9700: no token in an address, none stored as it is, no plain challenge, the issuer in each answer.
    **{
        f"COMPLIANT_BCP_RFC9700_{part}": True
        for part in (
            *("PASSWORD_GRANT", "IMPLICIT_GRANT", "PKCE_METHOD", "ACCESS_TOKEN_TRANSPORT"),
            *("AUTHZ_RESPONSE_ISS", "TOKEN_STORAGE", "REFRESH_TOKEN"),
        )
    },
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https"] if ENV.is_encrypted else ["http", "https"],
}

# ── People ──────────────────────────────────────────────────────────────────────────────────────────────────────────
AUTH_USER_MODEL = "alliance.Member"
AUTHENTICATION_BACKENDS = ["apps.alliance.signin.backends.MemberBackend"]
GUARDIAN_USER_OBJ_PERMS_MODEL = "alliance.Grant"
GUARDIAN_MONKEY_PATCH_USER = False
GUARDIAN_MONKEY_PATCH_GROUP = False
ANONYMOUS_USER_NAME = None

PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "apps.alliance.signin.passwords.NotSoonGuessed"},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "name")},
    },
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home:home"

ACCOUNT_ADAPTER = "apps.alliance.signin.adapters.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # an invitation reaches the address itself; nobody can add another one
ACCOUNT_PREVENT_ENUMERATION = "strict"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "apps.alliance.signin.links.LinkTokens"
PASSWORD_RESET_TIMEOUT = 3600
ACCOUNT_RATE_LIMITS = {
    "login": "60/m/ip",  # a whole hospital may share one address
    "login_failed": "20/m/ip",  # per account and address: apps/alliance/signin/throttle.py
    "reset_password": "10/h/ip,3/h/key",
    "reset_password_from_key": "20/m/ip",
    "change_password": "5/m/user",
    "reauthenticate": "10/m/user",
}
SOCIALACCOUNT_ADAPTER = "apps.alliance.signin.identity.CenterIdentityAdapter"
SOCIALACCOUNT_AUTO_SIGNUP = False
SOCIALACCOUNT_LOGIN_ON_GET = False
SOCIALACCOUNT_REQUESTS_TIMEOUT = 5
MFA_ADAPTER = "apps.alliance.signin.adapters.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "CAIA portal"
MFA_RECOVERY_CODE_DIGITS = 10
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_RATE_LIMITS = {"webauthn_login": "60/m/ip"}
MFA_WEBAUTHN_USER_VERIFICATION = "required"
USERSESSIONS_TRACK_ACTIVITY = False  # SessionLimits notes it, and not at each request
ALLAUTH_TRUSTED_PROXY_COUNT = int(ENV["CAIA_TRUSTED_PROXIES"])
ALLAUTH_USER_CODE_FORMAT = {"numeric": True, "dashed": False, "length": 8}

SESSION_IDLE = timedelta(minutes=15)
SESSION_LIFETIME = timedelta(hours=12)
FRESH_FACTOR = timedelta(seconds=ACCOUNT_REAUTHENTICATION_TIMEOUT)
SESSION_ENGINE = "django.contrib.sessions.backends.db"  # a lost Redis signs nobody out
SESSION_COOKIE_AGE = int(SESSION_LIFETIME.total_seconds())
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = ENV.is_encrypted
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
_prefix = "__Host-" if ENV.is_encrypted else ""
SESSION_COOKIE_NAME = f"{_prefix}caia_session"
CSRF_COOKIE_NAME = f"{_prefix}caia_csrf"
CSRF_FAILURE_VIEW = "apps.core.error_pages.csrf_failed"

# ── The wire ────────────────────────────────────────────────────────────────────────────────────────────────────────
SECURE_SSL_REDIRECT = ENV.is_encrypted
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ALLAUTH_TRUSTED_PROXY_COUNT else None
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^internal/"]  # asked on this machine, by hosts
SECURE_HSTS_SECONDS = 63072000 if ENV.is_encrypted else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = ENV.is_encrypted
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "manifest-src": ["'self'"],
        "base-uri": ["'none'"],
        "object-src": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

RECORD_TILES = (BASE_DIR / (ENV["CAIA_RECORD_TILES"] or HOME / "notary" / "tiles")).resolve()

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = HOME / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},  # files go through core.gateways.Objects
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# ── Words and time ──────────────────────────────────────────────────────────────────────────────────────────────────
LANGUAGE_CODE = "en-us"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

# ── Mail ────────────────────────────────────────────────────────────────────────────────────────────────────────────
DEFAULT_FROM_EMAIL = SERVER_EMAIL = ENV["MAIL_FROM"]
EMAIL_TIMEOUT = 10
if ENV["SMTP_URL"]:
    _smtp = urlsplit(ENV["SMTP_URL"])
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST, EMAIL_PORT = _smtp.hostname or "", _smtp.port or 587
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = unquote(_smtp.username or ""), unquote(_smtp.password or "")
    EMAIL_USE_TLS, EMAIL_USE_SSL = _smtp.scheme == "smtp", _smtp.scheme == "smtps"
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = HOME / "mail"

# ── Background work ─────────────────────────────────────────────────────────────────────────────────────────────────
CELERY_BROKER_URL = ENV["REDIS_URL"]
CELERY_TASK_DEFAULT_QUEUE = "control"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SOFT_TIME_LIMIT = 50
CELERY_TASK_TIME_LIMIT = 60
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 500
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 300,
    "socket_timeout": 5,
    "socket_connect_timeout": 5,
    "health_check_interval": 10,
    "max_retries": 0,  # no command waits for a broker that is down; the sweep sends what it missed
    "global_keyprefix": "celery:",
}
CELERY_BEAT_SCHEDULE = {
    "outbox-sweep": {"task": "core.sweep_outbox", "schedule": 10.0},
    "alliance-lapses": {"task": "alliance.close_what_lapsed", "schedule": 30.0},
    "alliance-sessions": {"task": "alliance.forget_ended_sessions", "schedule": 3600.0},
    "alliance-reminders": {"task": "alliance.remind_of_endings", "schedule": 3600.0},
    "agreements-dates": {"task": "agreements.keep_dates", "schedule": 30.0},
    "agreements-reminders": {"task": "agreements.remind_of_endings", "schedule": 3600.0},
    "projects-access": {"task": "projects.keep_access", "schedule": 30.0, "options": {"expires": 30}},
    "projects-reminders": {"task": "projects.remind_of_endings", "schedule": 3600.0},
    "jobs-reconcile": {"task": "jobs.reconcile", "schedule": 5.0, "options": {"expires": 5}},
    "jobs-budgets": {"task": "jobs.warn_of_budgets", "schedule": 60.0, "options": {"expires": 60}},
    "jobs-books": {"task": "jobs.check_books", "schedule": crontab(hour=2, minute=13)},
    "workspaces-runs": {"task": "workspaces.keep_runs", "schedule": 10.0, "options": {"expires": 10}},
    "workspaces-tokens": {"task": "workspaces.forget_tokens", "schedule": 3600.0},
    "record-watch": {"task": "home.watch_record", "schedule": 30.0},
    "record-newest": {"task": "home.verify_newest", "schedule": 60.0},
    "record-whole": {"task": "home.verify_whole", "schedule": crontab(hour=3, minute=7)},
    "beat-heartbeat": {"task": "core.note_beat", "schedule": 10.0},
}

SILENCED_SYSTEM_CHECKS = [
    "guardian.W001",  # apps/alliance/signin/backends.py answers for grants
    "auth.W004",  # e-mail is unique by a constraint that ignores case
]

LOGGING_CONFIG = None
logging_config(ENV["CAIA_LOG_LEVEL"])
