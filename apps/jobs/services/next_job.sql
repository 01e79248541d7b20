-- The job whose turn it is on a host: of the center that used least for its share, of its project that used least,
-- by priority and age. What runs counts some minutes ahead, else all that is free at once would go to one of them.
-- without_cpu, without_gpu: centers whose budget is used up, of whose jobs only those go on that ran before.
-- centers: those whose data the host can mount, by short address; none: everybody's.
-- is_to_fit: of those alone that fit into what is free. An index leads to the first of each project.
with running as materialized (
  select job.project_id, sum((extract(epoch from %(now)s - attempt.started_at) + %(ahead)s) * held.slots) as seconds
  from jobs_attempt attempt
  join jobs_job job on job.id = attempt.job_id
  cross join lateral (select count(*) as slots from jobs_slot where attempt_id = attempt.id) held
  where attempt.ended_at is null
  group by job.project_id
), spent as materialized (
  select account.project_id, account.center_id,
    account.used * power(0.5, extract(epoch from %(now)s - account.used_at) / %(half_life)s)
      + coalesce(running.seconds, 0) as seconds
  from jobs_account account left join running using (project_id)
), turn as (
  select spent.project_id, spent.seconds,
    sum(spent.seconds) over (partition by spent.center_id) / coalesce(share.weight, 1) as of_center, spent.center_id
  from spent left join jobs_share share on share.center_id = spent.center_id
)
select job.*
from turn
cross join lateral (
  select * from jobs_job waiting
  where waiting.project_id = turn.project_id and waiting.status = 'queued' and waiting.not_before <= %(now)s
    and (waiting.fence > 0 or turn.center_id <> all (%(without_cpu)s::uuid[])
      and (waiting.gpus = 0 or turn.center_id <> all (%(without_gpu)s::uuid[])))
    and (cardinality(%(centers)s::text[]) = 0 or not exists (
      select from jobs_jobdata data
      join catalog_datasetversion version on version.id = data.version_id
      join catalog_dataset dataset on dataset.id = version.dataset_id
      join alliance_center home on home.id = dataset.center_id
      where data.job_id = waiting.id and home.slug <> all (%(centers)s::text[])))
    and (not %(is_to_fit)s or waiting.gpus <= %(gpus)s
      and greatest(waiting.cpus, ceil(waiting.memory::numeric / %(slot_memory)s)) <= %(cpus)s)
  order by waiting.priority desc, waiting.queued_at, waiting.id
  limit 1
) job
order by turn.of_center, turn.center_id, turn.seconds, turn.project_id
limit 1
