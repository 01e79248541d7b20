"""What hosts have room for: their slots, free or all, and how many of them something that is asked for takes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import QuerySet

from apps.jobs.asked import Wish
from apps.jobs.models import Host, Job, Slot


@dataclass(frozen=True)
class Room:
    """Slots of a host: those that are free, or all that it has."""

    host: Host
    cpus: int
    gpus: int

    def holds(self, asked: Job | Wish) -> bool:
        """Whether what is asked for fits into it."""
        return cpu_slots(asked, self.host) <= self.cpus and asked.gpus <= self.gpus


def cpu_slots(asked: Job | Wish, host: Host) -> int:
    """How many of the host's processors go with what is asked for, its memory included."""
    return max(asked.cpus, -(-asked.memory // host.slot_memory))


def can_mount(host: Host, centers: Collection[str]) -> bool:
    """Whether it can mount the data of all these centers, by their short addresses."""
    return not host.centers or set(centers) <= set(host.centers)


def centers_of(job: Job) -> set[str]:
    """The home centers of the data that a job works on."""
    return set(job.data.values_list("version__dataset__center__slug", flat=True))


def free_on(host: Host) -> Room:
    """Its free slots."""
    return _room(host, Slot.objects.filter(host=host, attempt=None, is_gone=False))


def all_of(host: Host) -> Room:
    """All its slots."""
    return _room(host, Slot.objects.filter(host=host, is_gone=False))


def open_hosts() -> list[Room]:
    """All that each host has which takes jobs."""
    return [all_of(host) for host in Host.objects.filter(is_open=True)]


def _room(host: Host, slots: QuerySet[Slot]) -> Room:
    kinds = list(slots.values_list("kind", flat=True))
    return Room(host, kinds.count(Slot.Kind.CPU), kinds.count(Slot.Kind.GPU))
