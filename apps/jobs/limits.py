"""What a job may ask for, how long its host may be silent, and what is tried again. Bytes and seconds."""

from datetime import timedelta

GB, MB = 10**9, 10**6

ENVIRONMENT = "python-cancer"
MOST_CPUS, MOST_MEMORY, MOST_GPUS = 64, 512 * GB, 8
LEAST_MEMORY = 500 * MB
LONGEST = 7 * 86_400  # of one attempt
LONGEST_GRACE = 600
MOST_WAITING = 500  # jobs of one project that wait or run
MOST_DATA = 20  # datasets of one job

MOST_CODE, MOST_CODE_FILES = 20 * MB, 2_000  # of an archive, unpacked
MOST_WORDS, LONGEST_WORD = 100, 1_000  # of a command
WORK, LOG = 50 * GB, 20 * MB  # of a job's own folder; of what it prints
LOG_KEPT = LOG + 1_000  # and that the rest was cut off
PROCESSES = 512
MOST_RESULTS = 5_000  # files

LEASE = timedelta(seconds=60)  # an attempt of which its host is silent for longer is lost
HANDED = timedelta(seconds=60)  # one that no host has taken by then is lost, too
ALONE = 30  # a sandbox without its host ends itself: before its lease is over, so that none runs twice
HEARD = timedelta(seconds=15)  # a host that is silent for longer is given nothing new
MOST_FAILURES = 3  # of the system in a row, after which a job has failed
GOOD_WHILE = timedelta(minutes=10)  # after so much work a loss is the first one again
AGAIN = 99  # the exit code by which a program asks for another turn
MOST_ATTEMPTS = 100  # of one job, however they end
PAUSE = timedelta(seconds=10)  # before a job is tried again, doubled with each failure

HALF_LIFE = 7 * 86_400  # in which what a project used counts half
AHEAD = 600  # what runs counts so much longer than it does
PASSED_OVER = timedelta(minutes=30)  # a job that was first in turn and did not fit gets what becomes free after this
LINK_SECONDS = 90

MOST_HOURS = 100_000_000  # of a center's budget for a month
LEAST_SHARE, MOST_SHARE = 0.01, 1_000
